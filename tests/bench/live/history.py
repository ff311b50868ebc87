"""A history as CRMs would send it: leads of 5 to 13 events, mostly in order, some late, one in ten sent twice.

A new lead comes every five seconds, so that the thousand records of a batch are about hundreds of leads. That is how
it is where many companies share a topic; of a single one they would be about far fewer, and be cheaper to judge.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from services.domain.events import Event, EventType
from services.domain.instants import SECOND, Instant, parse_instant

START = parse_instant("2025-10-06T05:00:00Z")
"""A Monday that is over wherever this runs: nothing of the history lies ahead."""
_MINUTE = 60 * SECOND
_BETWEEN_LEADS = 5 * SECOND
_TWICE = 0.10
_LATE = 0.03
_MERGED = 0.005
_SPARE = 1.3
"""How many more records are made than are asked for, so that the last leads' lives are cut as the last hour's are."""
_SOURCES = ("webinar", "trade_fair", "paid_search", "referral", "organic")
_REASONS = ("wrong_fit", "no_budget", "no_contact", "duplicate")

_Step = tuple[EventType, tuple[int, int], dict[str, object]]
"""A type, the fewest and most minutes since the step before, and the data."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, and when it comes into the log."""

    at: Instant
    event: Event


@dataclass(frozen=True, slots=True)
class History:
    """What comes into the log, in the order in which it does, and the leads whose events come last."""

    arrivals: Sequence[Arrival]
    last_leads: Sequence[str]
    """One in each partition: once it is judged, all else of the partition is."""

    @property
    def events(self) -> list[Event]:
        """Every event, those that come twice too."""
        return [arrival.event for arrival in self.arrivals]

    def describe(self) -> str:
        """What it is made of."""
        distinct = {(event.source, event.id) for event in self.events}
        leads = {event.lead for event in self.events}
        late = sum(arrival.at - arrival.event.time > _MINUTE for arrival in self.arrivals)
        kinds = [event.type for event in self.events]
        return (
            f"{len(self.arrivals):,} records of {len(leads):,} leads: {len(distinct):,} events, "
            f"{len(self.arrivals) - len(distinct):,} of them twice, {late:,} records late, "
            f"{kinds.count(EventType.DEAL_OPENED):,} deals opened, {kinds.count(EventType.LEAD_MERGED):,} merges"
        )


def make_history(records: int, partition_of: Callable[[str], int], partitions: int, seed: int = 1) -> History:
    """A history of so many records, always the same for a seed; `partition_of` a lead's key, of `partitions`."""
    rng = random.Random(seed)
    arrivals: list[Arrival] = []
    for number in count():
        if len(arrivals) > records * _SPARE:
            break
        arrivals += _arrivals(rng, _life(rng, number))
    arrivals.sort(key=lambda arrival: (arrival.at, arrival.event.order))
    arrivals = arrivals[: records - partitions]
    last = _last_leads(partition_of, partitions)
    after = arrivals[-1].at + _MINUTE
    arrivals += [Arrival(after, Event(after, EventType.LEAD_HANDED_OFF, _SOURCE, f"{key}/1", key, {})) for key in last]
    return History(arrivals, last)


_SOURCE = "hubspot/4711"


def _last_leads(partition_of: Callable[[str], int], partitions: int) -> list[str]:
    found: dict[int, str] = {}
    for number in count():
        key = f"hubspot:contact:last-{number}"
        found.setdefault(partition_of(key), key)
        if len(found) == partitions:
            return [found[partition] for partition in range(partitions)]
    raise AssertionError("unreachable")


def _arrivals(rng: random.Random, life: Sequence[Event]) -> Iterator[Arrival]:
    """Seconds after each event, or minutes; and some once more within the hour."""
    for event in life:
        late = rng.randrange(10, 90) * _MINUTE if rng.random() < _LATE else 0
        at = event.time + late + rng.randrange(1, 20) * SECOND
        yield Arrival(at, event)
        if rng.random() < _TWICE:
            yield Arrival(at + rng.randrange(30, 3600) * SECOND, event)


def _life(rng: random.Random, number: int) -> list[Event]:
    key = f"hubspot:contact:{100_000 + number}"
    at = START + number * _BETWEEN_LEADS
    events = []
    for index, (kind, (fewest, most), data) in enumerate(_steps(rng, number)):
        at += rng.randrange(fewest * 60, most * 60) * SECOND
        events.append(Event(at, kind, _SOURCE, f"{100_000 + number}-{index}", key, data))
    return events


def _steps(rng: random.Random, number: int) -> Iterator[_Step]:
    owner = f"owner-{rng.randrange(40)}"
    said = {
        "source": rng.choice(_SOURCES),
        "campaign": f"spring-{rng.randrange(30)}",
        "priority": rng.choice(("hot", "warm", "warm", "cold")),
        "account": f"company-{number % 3000}",
    }
    yield EventType.LEAD_CAPTURED, (0, 1), {"attributes": said}
    yield EventType.LEAD_UPDATED, (1, 10), {"attributes": {"score": rng.randrange(100)}}
    yield EventType.LEAD_HANDED_OFF, (1, 15), {"attributes": {}, "owner": owner, "team": "inbound"}
    if rng.random() < 0.4:
        yield EventType.LEAD_ASSIGNED, (1, 20), {"owner": f"owner-{rng.randrange(40)}", "team": "inbound"}
    if number > 200 and rng.random() < _MERGED:
        yield EventType.LEAD_ACCEPTED, (3, 60), {"by": owner}
        yield EventType.LEAD_MERGED, (3, 60), {"into": f"hubspot:contact:{100_000 + number - rng.randrange(1, 200)}"}
        return
    fate = rng.choices((_worked, _rejected, _paused, _won, _lost), (40, 20, 10, 20, 10))[0]
    yield from fate(rng, number, owner)


def _worked(rng: random.Random, _number: int, owner: str) -> Iterator[_Step]:
    yield EventType.LEAD_ACCEPTED, (3, 120), {"by": owner}
    for _ in range(rng.randint(2, 5)):
        yield _touch(rng, owner)
    yield EventType.FEEDBACK_GIVEN, (5, 60), {"verdict": rng.choice(("good", "good", "poor")), "by": owner}


def _rejected(rng: random.Random, _number: int, owner: str) -> Iterator[_Step]:
    yield _touch(rng, owner)
    yield EventType.LEAD_REJECTED, (3, 120), {"reason": rng.choice(_REASONS), "by": owner}
    yield EventType.FEEDBACK_ANSWERED, (20, 180), {"answer": "agreed", "action": "Tighten the audience", "by": "desk-1"}


def _paused(rng: random.Random, _number: int, owner: str) -> Iterator[_Step]:
    yield EventType.LEAD_PAUSED, (3, 60), {"reason": "on holiday"}
    yield EventType.LEAD_RESUMED, (60, 240), {}
    yield EventType.LEAD_ACCEPTED, (3, 60), {"by": owner}
    yield _touch(rng, owner)


def _won(rng: random.Random, number: int, owner: str) -> Iterator[_Step]:
    yield from _deal(rng, number, owner)
    yield EventType.DEAL_WON, (30, 120), {"deal": _deal_key(number), "amount": rng.randrange(2_000, 60_000, 500)}


def _lost(rng: random.Random, number: int, owner: str) -> Iterator[_Step]:
    yield from _deal(rng, number, owner)
    yield EventType.DEAL_LOST, (30, 120), {"deal": _deal_key(number), "reason": rng.choice(_REASONS)}


def _deal(rng: random.Random, number: int, owner: str) -> Iterator[_Step]:
    yield EventType.LEAD_ACCEPTED, (3, 60), {"by": owner}
    for _ in range(rng.randint(1, 3)):
        yield _touch(rng, owner)
    yield EventType.LEAD_QUALIFIED, (5, 60), {}
    yield EventType.DEAL_OPENED, (10, 60), {"deal": _deal_key(number), "amount": 9_000, "currency": "PLN"}
    yield EventType.DEAL_MOVED, (10, 120), {"deal": _deal_key(number), "stage": "offer"}


def _deal_key(number: int) -> str:
    return f"hubspot:deal:{900_000 + number}"


def _touch(rng: random.Random, owner: str) -> _Step:
    kind = rng.choice(("call", "email", "meeting"))
    data = {"kind": kind, "direction": "outbound", "connected": rng.random() < 0.6, "by": owner}
    return EventType.LEAD_TOUCHED, (5, 180), data

"""A history of some hundred leads with all that reaches over partitions: merges, deals that come without their lead,
late events, duplicates, poison; and what it must come to, to the one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from services.domain.charter import Charters
from services.domain.deals import deal_of
from services.domain.events import TYPES_BY_WIRE_NAME, Event
from services.domain.instants import DAY, SECOND, Instant, parse_instant
from services.ports import DEALS, EVENTS, Record
from services.storage import ClockRow
from services.tracker.intake import identity_of
from services.translate import to_json
from tests.tracker.support import CHARTER, charters_of, expected_clocks

START = parse_instant("2026-03-02T08:00:00Z")
"""So long ago that every clock of the history has run out by now: its verdicts no longer hang on the time of day."""
NOW = START + 60 * DAY
POISON = (b"{", b"\xff\xfe", b"null", b'{"specversion": "1.0", "type": "lead.touched"}', b"")


@dataclass
class History:
    """Records in the order in which they are sent."""

    records: list[Record] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    """What they hold, without the poison; some twice."""
    poison: int = 0

    @property
    def charters(self) -> Charters:
        """Those that judge it."""
        return charters_of(CHARTER)

    @property
    def used(self) -> int:
        """How many different events there are."""
        return len({identity_of(each) for each in self.events})

    @property
    def duplicates(self) -> int:
        """How many come again."""
        return len(self.events) - self.used

    def sent(self) -> Counter[str]:
        """How many records each topic gets."""
        return Counter(record.topic for record in self.records)

    def clocks(self) -> dict[str, list[ClockRow]]:
        """What judging everything at once comes to."""
        return {lead: rows for lead, rows in expected_clocks(self.events, self.charters, NOW).items() if rows}


def some_history(leads: int, seed: int) -> History:
    """So many leads with about seven events each, one in ten twice, one record in a hundred poison."""
    random = Random(seed)
    events = [event for number in range(leads) for event in _of_lead(number, leads, random)]
    events += random.sample(events, len(events) // 10)
    # As CRMs deliver: by time on the whole, with neighbours in any order and some that come much later.
    events.sort(key=lambda each: each.time + (random.expovariate(1 / 40) * 60 * SECOND))
    history = History(events=events)
    for each in events:
        topic, key = (EVENTS, each.lead) if each.lead else (DEALS, deal_of(each) or "")
        history.records.append(Record(topic, key, to_json(each), {"crm": "hubspot"}))
        if random.random() < 0.01:
            history.poison += 1
            history.records.append(Record(topic, key, random.choice(POISON), {"crm": "hubspot"}))
    return history


def _of_lead(number: int, leads: int, random: Random) -> Sequence[Event]:
    key, start = f"hubspot:contact:{number}", START + random.randrange(20 * 3600) * SECOND
    events: list[Event] = []

    def happens(name: str, minutes: float, lead: str = key, **data: object) -> None:
        instant: Instant = start + int(minutes * 60) * SECOND
        kind = TYPES_BY_WIRE_NAME[name]
        events.append(Event(instant, kind, "hubspot/1", f"{number}-{len(events)}", lead, data))

    happens("lead.captured", -30, attributes={"source": random.choice(["webinar", "fair"])})
    happens("lead.handed_off", 0, attributes={"priority": random.choice(["hot", "warm"]), "team": "inbound"})
    if random.random() < 0.3:
        happens("lead.assigned", random.uniform(1, 60), owner=f"owner-{number % 7}")
    if random.random() < 0.2:
        happens("lead.paused", 5, reason="holiday")
        happens("lead.resumed", random.uniform(10, 90))
    if random.random() < 0.8:
        happens("lead.touched", random.uniform(1, 120), kind="call", direction="outbound", connected=True)
    if random.random() < 0.2:
        happens("lead.rejected", random.uniform(30, 240), reason="wrong_fit")
        happens("feedback.answered", random.uniform(250, 500), answer="agreed")
    elif random.random() < 0.6:
        deal = f"hubspot:deal:{number}"
        happens("deal.opened", random.uniform(60, 180), deal=deal)
        happens("deal.moved", random.uniform(200, 900), "", deal=deal, stage="offer")
        happens(random.choice(["deal.won", "deal.lost"]), random.uniform(1000, 3000), "", deal=deal)
    if random.random() < 0.1:
        happens("lead.merged", random.uniform(20, 400), into=f"hubspot:contact:{random.randrange(leads)}")
    return events

"""What must hold of every case; each check gives the disagreements in words, none where it holds."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from random import Random

import orjson

from services.domain.charter import Charters, StalledAfter
from services.domain.clocks import passages, wake_at
from services.domain.events import Event, EventType
from services.domain.fold import Lead, apply, fold, fold_together, in_order
from services.domain.instants import SECOND
from services.domain.snapshot import ToldByInstance, freeze, thaw
from services.domain.stalls import stalls_at, stalls_of
from services.domain.telling import Told, tell
from tests.domain import build, oracle
from tests.domain.oracle import Row
from tests.domain.strategies import Case


def _used(case: Case) -> list[Event]:
    return [event for event in case.events if event.time <= case.as_of]


def differences(what: str, expected: Sequence[Row], given: Sequence[Row]) -> Iterator[str]:
    """The rows that only one side has."""
    yield from (f"{what}: lacks {row}" for row in expected if row not in given)
    yield from (f"{what}: has {row}" for row in given if row not in expected)
    if expected != given and set(expected) == set(given):
        yield f"{what}: the same rows in another order or number"


def oracle_agrees(case: Case, charters: Charters) -> Iterator[str]:
    """The domain's rows are the oracle's."""
    expected = oracle.judge(case.events, case.charters, case.as_of)
    yield from differences("oracle", expected, build.judge(case.events, charters, case.as_of))


def arrival_changes_nothing(case: Case, charters: Charters, random: Random) -> Iterator[str]:
    """Shuffled, and with some events twice, the rows are the same."""
    events = list(case.events) + random.choices(case.events, k=3)
    random.shuffle(events)
    expected = build.judge(case.events, charters, case.as_of)
    yield from differences("arrival", expected, build.judge(events, charters, case.as_of))


def one_by_one_is_the_fold(case: Case, charters: Charters) -> Iterator[str]:
    """Each event applied to the state of those before it gives what the fold gives, after every event."""
    lead = Lead(build.LEAD)
    events = in_order(_used(case))
    for number, event in enumerate(events, start=1):
        apply(lead, event, charters)
        expected = build.rows(fold(build.LEAD, events[:number], charters), event.time)
        yield from differences(f"after {number}", expected, build.rows(lead, event.time))


def cuts_change_nothing(case: Case, charters: Charters, random: Random) -> Iterator[str]:
    """A state that goes through JSON, at any events, goes on as one that does not."""
    lead, told = Lead(build.LEAD), ToldByInstance()
    kept: dict[tuple[str, int], Row] = {}
    for event in in_order(_used(case)):
        apply(lead, event, charters)
        kept.update(_by_instance(build.rows(lead, case.as_of)))
        if random.random() < 0.5:
            state = orjson.loads(orjson.dumps(freeze(lead, told)))
            lead, told = thaw(build.LEAD, state, charters)
            again = orjson.loads(orjson.dumps(freeze(lead, told)))
            if again != state:
                yield f"cut: froze {state} and then {again}"
    whole = fold(build.LEAD, _used(case), charters)
    yield from differences("cut", build.rows(whole, case.as_of), sorted(kept.values()))
    for name in ("attributes", "paused_at", "erased_at", "merged_into", "last", "handoffs_opened", "started"):
        if getattr(lead, name) != getattr(whole, name):
            yield f"cut: {name} is {getattr(lead, name)}, not {getattr(whole, name)}"


def _by_instance(rows: Sequence[Row]) -> dict[tuple[str, int], Row]:
    return {(row.clock, row.instance): row for row in rows}


def merged_leads_do_not_depend_on_arrival(case: Case, charters: Charters, random: Random) -> Iterator[str]:
    """The events dealt to three leads, merged into one another: their rows are the same in any arrival."""
    keys = [build.LEAD, "hubspot:contact:2", "hubspot:contact:3"]
    dealt: dict[str, list[Event]] = {key: [] for key in keys}
    for event in in_order(_used(case)):
        merge = random.random() < 0.1
        data = {"into": random.choice(keys)}
        dealt[random.choice(keys)].append(event._replace(type=EventType.LEAD_MERGED, data=data) if merge else event)
    leads = fold_together(dealt, charters)
    shuffled = {key: random.sample(dealt[key] * 2, 2 * len(dealt[key])) for key in random.sample(keys, 3)}
    again = fold_together(shuffled, charters)
    for key in keys:
        yield from differences(f"merged {key}", build.rows(leads[key], case.as_of), build.rows(again[key], case.as_of))
        if len({(each.clock.name, each.number) for each in leads[key].instances}) < len(leads[key].instances):
            yield f"merged {key}: two instances of a number"
    if not any(event.type == EventType.LEAD_MERGED for events in dealt.values() for event in events):
        for key in keys:
            alone = build.rows(fold(key, dealt[key], charters), case.as_of)
            yield from differences(f"alone {key}", alone, build.rows(leads[key], case.as_of))


class _Teller:
    """Follows a lead as a tracker does: events as they come, and waking when an instance asks for it."""

    def __init__(self) -> None:
        self.lead = Lead(build.LEAD)
        self.said: dict[tuple[str, int], list[str]] = {}
        self._told: dict[tuple[str, int], Told] = {}
        self._now = 0

    def tell_all(self, at: int) -> None:
        """Note what each instance tells at an instant."""
        self._now = at
        for instance in self.lead.instances:
            key = instance.clock.name, instance.number
            for telling in tell(instance, self._told.setdefault(key, Told()), at):
                self.said.setdefault(key, []).append(telling.passage.name)

    def tick_until(self, until: int) -> None:
        """Let time pass: woken at every instant that is asked for before `until`."""
        while True:
            asked = [wake_at(instance, self._now) for instance in self.lead.open.values()]
            wake = min((each for each in asked if each is not None), default=until)
            if wake >= until:
                return
            self.tell_all(wake)


def told_once_as_time_goes(case: Case, charters: Charters, random: Random) -> Iterator[str]:
    """With events in order, and woken when it asks to be, an instance tells its passages, each once.

    Events of one instant are told of together: a state between them is no state of any instant.
    """
    teller = _Teller()
    for instant, together in groupby(in_order(_used(case)), key=lambda event: event.time):
        if random.random() < 0.7:
            teller.tick_until(instant)
        for event in together:
            apply(teller.lead, event, charters)
        teller.tell_all(instant)
    teller.tick_until(case.as_of + 1)
    teller.tell_all(case.as_of)
    for instance in teller.lead.instances:
        key = instance.clock.name, instance.number
        expected = sorted(passage.name for passage in passages(instance, case.as_of))
        if sorted(teller.said[key]) != expected:
            yield f"told: {key} said {sorted(teller.said[key])}, went through {expected}"


def silences_come_to_their_stalls(case: Case, charters: Charters, random: Random) -> Iterator[str]:
    """The stalls of the handoffs are those that the states between the events give, whatever the arrival and cuts."""
    hours = random.choice((1, 4, 30))
    calendar = build.calendar(random.choice(case.charters).clocks[0].targets[0].calendar)
    after = StalledAfter(hours * 3600 * SECOND, calendar, f"{hours}h")
    charters = Charters(replace(each, stalled_after=after) for each in charters.versions)
    used = in_order(_used(case))
    expected = []
    for number, event in enumerate(used, start=1):
        following = used[number].time if number < len(used) else case.as_of + 1
        lead = fold(build.LEAD, used[:number], charters)
        stalled_at = stalls_at(lead, charters)
        silent_until = after.calendar.add(event.time, after.time)
        if lead.handoff is not None and charters.in_force(event.time) and stalled_at == silent_until < following:
            expected.append((lead.handoff.number, event.time, silent_until))
    arrived = random.sample(used * 2, 2 * len(used))
    lead = Lead(build.LEAD)
    given: dict[int, list[tuple[int, int, int]]] = {}
    for event in in_order(arrived):
        apply(lead, event, charters)
        given |= _stalls(lead, charters, case.as_of)
        if random.random() < 0.5:
            lead, _ = thaw(build.LEAD, orjson.loads(orjson.dumps(freeze(lead, {}))), charters)
    given |= _stalls(lead, charters, case.as_of)
    for what, stalls in (("fold", _stalls(fold(build.LEAD, arrived, charters), charters, case.as_of)), ("cut", given)):
        found = [stall for number in sorted(stalls) for stall in stalls[number]]
        if found != expected:
            yield f"stalls ({what}): {found}, not {expected}"


def _stalls(lead: Lead, charters: Charters, as_of: int) -> dict[int, list[tuple[int, int, int]]]:
    return {
        each.number: [(each.number, stall.level, stall.at) for stall in stalls_of(lead, each, charters, as_of)]
        for each in lead.handoffs
    }


def everything(case: Case, charters: Charters, random: Random) -> list[str]:
    """All of the above."""
    return [
        *oracle_agrees(case, charters),
        *arrival_changes_nothing(case, charters, random),
        *one_by_one_is_the_fold(case, charters),
        *cuts_change_nothing(case, charters, random),
        *told_once_as_time_goes(case, charters, random),
        *merged_leads_do_not_depend_on_arrival(case, charters, random),
        *silences_come_to_their_stalls(case, charters, random),
    ]

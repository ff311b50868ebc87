"""A tracker through anything that can come: whatever was fed, told, restarted or agreed anew on the way, it holds
what judging all events at once gives.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from services import metric_table as metrics
from services.adapters.sql import tables
from services.charters.files import parse_charter
from services.domain.charter import Charters
from services.domain.clocks import Instance, Kind, Status, passages
from services.domain.deals import owners
from services.domain.events import IS_DEAL, Event, EventType
from services.domain.fold import Lead, fold_together
from services.domain.instants import DAY, SECOND, Instant, format_instant
from services.domain.silences import HANDOFF
from services.domain.stalls import stalls_of
from services.errors import PositionLost
from services.metric_table import Metric
from services.ports import EVENTS, LogRecord
from services.storage import ClockRow, HandoffRow, TransitionRow
from services.tracker.rows import clock_row, handoff_row
from services.tracker.tracker import CLOCKS_MAY_DIFFER, Tracker
from services.translate import to_json
from services.views import ClockQuery, LeadQuery, status_at
from tests.databases import empty
from tests.shared_data import DEEP
from tests.tracker.counted import COUNTING_CHARTER, facts_hold, tallies_hold
from tests.tracker.support import Bench, at, charters_of

LEADS = [f"crm:lead:{number}" for number in range(1, 5)]
DEALS = ["d1", "d2", "d3"]
MINUTE = 60 * SECOND
LATEST = at("09:00") + 100 * DAY
ALL = 100_000

SILENT = COUNTING_CHARTER.replace("stalled_after: {time: 2h", "stalled_after: {time: 10m")
"""Under which leads lie still before their promises are overdue."""
# An agreement that changes everything: a shorter target, other stops, a new clock, and none for marketing's answer.
LATER_CHARTER = """
charter: 1
version: later-{number}
effective_from: {since}
agreed: [{{side: marketing, by: A, on: 2019-12-01}}, {{side: sales, by: B, on: 2019-12-01}}]
calendars:
  always: {{timezone: UTC, hours: {{mon-sun: "00:00-24:00"}}, day: 24h}}
  office: {{timezone: Europe/Warsaw, hours: {{mon-fri: "09:00-13:00"}}, day: 4h}}
stalled_after: {{time: 25m, calendar: office}}
clocks:
  touch:
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.touched, lead.accepted]
    cancelled_by: [lead.recycled, lead.merged]
    calendar: always
    targets: [{{within: 20m}}]
  accept:
    promised_by: sales
    starts_on: [lead.handed_off, lead.captured]
    stops_on: [lead.accepted, {{type: lead.touched, when: {{direction: inbound}}}}]
    cancelled_by: [lead.withdrawn, lead.merged]
    restarts_on: [lead.assigned]
    pausable: true
    calendar: office
    targets: [{{within: 2h}}]
    escalate: [{{at: 120%, to: sales}}]
goals:
  - {{name: new, measure: won_amount, where: {{new_customer: true}}, currency: PLN, per: year, target: 1000}}
  - {{name: big, measure: won, where: {{amount: {{gte: 100}}}}, per: month, target: 3}}
"""


@dataclass(frozen=True)
class Draft:
    """An event that may happen; times are relative to the machine's."""

    type: EventType
    lead: str
    deal: str
    into: str
    ago: int
    """Seconds before now; negative ones are still to come."""
    like: int | None
    """Of the same time as an earlier event."""
    word: str
    named: bool
    """Whether an event of a deal names its lead."""


@dataclass(frozen=True)
class Again:
    """An event that came before: the same, or under the same id with another content."""

    which: int
    changed: Draft | None


COMMON = [EventType.LEAD_HANDED_OFF] * 8 + [EventType.LEAD_TOUCHED, EventType.LEAD_ASSIGNED, EventType.DEAL_OPENED] * 3
TYPES = [*EventType, *COMMON, EventType.LEAD_MERGED]
AGO = [0, 0, 1, 60, 600, 1800, 3600, 4500, 7200, 7200, 86_400, -1, -60, -300]
POISON = [b"{", b"\xff", b"null", b'{"specversion": "1.0"}']
TOO_FAR_AHEAD = Draft(EventType.LEAD_HANDED_OFF, LEADS[0], "d1", LEADS[1], -301, None, "hot", True)


def some_draft(random: Random) -> Draft:
    """Any event."""
    return Draft(
        type=random.choice(TYPES),
        lead=random.choice(LEADS[:3]),
        deal=random.choice(DEALS),
        into=random.choice(LEADS),
        ago=random.choice(AGO),
        like=random.randrange(50) if random.random() < 0.3 else None,
        word=random.choice(["hot", "cold"]),
        named=random.random() < 0.5,
    )


def some_record(seed: int) -> Draft | Again | bytes:
    """What may come: mostly a new event. Made of one drawn number: eight draws each would be slow."""
    random = Random(seed)
    dice = random.random()
    if dice < 0.8:
        return some_draft(random)
    if dice < 0.95:
        return Again(random.randrange(50), some_draft(random) if random.random() < 0.5 else None)
    return TOO_FAR_AHEAD if dice < 0.96 else random.choice(POISON)


batches = st.lists(st.integers(0, 2**32 - 1).map(some_record), min_size=1, max_size=12)


def data_of(draft: Draft, kind: EventType) -> dict[str, Any]:
    """What an event of the type says, by the words of the draft."""
    hot = draft.word == "hot"
    if IS_DEAL[kind]:
        worth = {"amount": abs(draft.ago) * 1.1, "currency": "PLN" if hot else "EUR"} if draft.ago % 60 == 0 else {}
        return {"deal": draft.deal, "stage": draft.word, "new_customer": hot, **worth}
    said: dict[EventType, dict[str, Any]] = {
        EventType.LEAD_CAPTURED: {"attributes": {"priority": draft.word}},
        EventType.LEAD_UPDATED: {"attributes": {"priority": draft.word, "source": None if hot else "webinar"}},
        EventType.LEAD_HANDED_OFF: {"attributes": {"priority": draft.word, "account": draft.into}},
        EventType.LEAD_ASSIGNED: {"owner": draft.word, "team": "inbound" if hot else "outbound"},
        EventType.LEAD_PAUSED: {"reason": draft.word},
        EventType.LEAD_TOUCHED: {"kind": "call", "direction": "outbound" if hot else "inbound", "connected": hot},
        EventType.FEEDBACK_GIVEN: {"verdict": "good" if hot else "poor"},
        EventType.LEAD_REJECTED: {"reason": "wrong_fit" if hot else "no_budget"},
        EventType.FEEDBACK_ANSWERED: {"answer": "agreed" if hot else "disputed"},
        EventType.FEEDBACK_SETTLED: {"outcome": "upheld" if hot else "withdrawn"},
        EventType.LEAD_MERGED: {"into": draft.into},
        EventType.CEREMONY_HELD: {"ceremony": "review", "attendees": {"marketing": 3, "sales": 4}},
    }
    return said.get(kind, {})


def judged_at_once(events: Sequence[Event], charters: Charters, now: Instant) -> Mapping[str, Lead]:
    """Every lead, folded from all events that are known and whose time has come."""
    whose = owners(events)
    histories: dict[str, list[Event]] = {lead: [] for lead in LEADS}
    for event in events:
        lead = whose.get(str(event.data["deal"]), "") if IS_DEAL[event.type] else event.lead
        if lead in histories and event.time <= now:
            histories[lead].append(event)
    return fold_together(histories, charters)


def without_labels(row: HandoffRow) -> HandoffRow:
    """A handoff without what depends on more than its events: the label, and the order of JSON's keys."""
    return replace(row, source_label="", attributes=b"")


def contents(bench: Bench) -> list[list[tuple[Any, ...]]]:
    """Every row of the database."""
    with bench.database.reading() as connection:
        return [
            sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in tables.METADATA.sorted_tables
        ]


class TrackerMachine(RuleBasedStateMachine):
    """A tracker that is fed, woken, restarted, and given other charters in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = self.new_bench()
        self.now = at("09:00")
        self.fed = 0
        self.events: list[Event] = []
        """Every event that could be used, as it came."""
        self.is_settled = True
        """Whether all was judged at this time by these charters."""
        self.told: dict[str, TransitionRow] = {}
        self.counted: Mapping[Any, int] = {}

    def new_bench(self) -> Bench:
        """What the tracker works on, empty."""
        return Bench(charters_of(SILENT))

    @rule(batch=batches)
    def feed(self, batch: Sequence[Draft | Again | bytes]) -> None:
        """Records arrive: new events, old ones, poison."""
        values = []
        for item in batch:
            if isinstance(item, bytes):
                values.append(item)
                continue
            event = self._event(item)
            if event.time <= self.now + CLOCKS_MAY_DIFFER:
                self.events.append(event)
            values.append(to_json(event))
        self.fed += len(values)
        self.bench.feed_raw(values, self.now)

    @rule()
    def tick(self) -> None:
        """Whoever is due is woken, and then nobody is due."""
        self.bench.tick(self.now)
        assert self.bench.tick(self.now) == 0
        self.is_settled = True
        self.pages_show_what_judging_at_once_gives()

    @rule(seconds=st.sampled_from([1, 60, 299, 900, 1200, 2700, 3600, 5400, 90_000]))
    def let_time_pass(self, seconds: int) -> None:
        """It is later, and nobody has been woken yet."""
        self.now += seconds * SECOND
        self.is_settled = False

    @rule()
    def restart(self) -> None:
        """The process ends, and a new one goes on from the store."""
        self.bench.restart()

    @precondition(lambda self: self.fed)
    @rule(seed=st.integers(0, 100), back=st.integers(1, 5), ahead=st.integers(1, 5))
    def a_second_worker_is_refused(self, seed: int, back: int, ahead: int) -> None:
        """A worker that is not where the store is, behind it or ahead, leaves everything as it was."""
        before = contents(self.bench)
        other = Tracker(store=self.bench.store, charters=self.bench.charters)
        for offset in (max(self.fed - back, 0), self.fed + ahead):
            record = LogRecord(EVENTS, 0, offset, "key", to_json(self._new(some_draft(Random(seed)))), {}, self.now)
            with pytest.raises(PositionLost):
                other.apply([record], self.now)
        assert contents(self.bench) == before

    @precondition(lambda self: len(self.bench.charters.versions) < 3)
    @rule(minutes=st.integers(-30, 180))
    def agree_anew(self, minutes: int) -> None:
        """Another version of the charter is put in force, from some time ago or soon."""
        versions = self.bench.charters.versions
        text = LATER_CHARTER.format(number=len(versions), since=format_instant(self.now - minutes * MINUTE))
        charter = parse_charter(text, "later").charter
        if charter.effective_from in {each.effective_from for each in versions}:
            return
        self.bench.charters = Charters([*versions, charter])
        generation = self.bench.store.charter_generation()
        self.bench.store.put_in_force([(charter.version, text)], self.now, generation=generation, reaching_back=True)
        self.bench.tracker.judge_by(self.bench.charters, generation + 1)
        self.is_settled = False

    @invariant()
    def every_record_is_accounted_for(self) -> None:
        """A record was used, is a duplicate, or is a dead letter; and the position is behind the last."""
        assert self.bench.store.position(EVENTS, 0) == self.fed
        dead = self._totals(metrics.DEAD_LETTERS_TOTAL, "reason")
        assert self._totals(metrics.EVENTS_TOTAL, "outcome").total() + dead.total() == self.fed
        assert Counter(letter.reason for letter in self.bench.views.dead_letters(None, ALL)) == dead

    @invariant()
    def counters_never_go_down(self) -> None:
        """Every counter is at least what it was."""
        now = self.bench.store_counters()
        assert [key for key, amount in self.counted.items() if now.get(key, 0) < amount] == []
        self.counted = now

    @invariant()
    def each_transition_is_told_once(self) -> None:
        """What was told stays as it was told, and is counted once."""
        told = {row.id: row for row in self._transitions()}
        assert {identity: replace(told[identity], standing=row.standing) for identity, row in self.told.items()} == (
            self.told
        )
        self.told = told
        for of_handoffs, metric in (
            (False, metrics.CLOCK_TRANSITIONS_TOTAL),
            (True, metrics.HANDOFF_TRANSITIONS_TOTAL),
        ):
            rows = [row for row in told.values() if (row.clock == HANDOFF) is of_handoffs]
            kinds = Counter(row.name.partition("/")[0] for row in rows)
            assert self._totals(metric, "transition") == kinds

    @invariant()
    def alerts_are_of_what_was_told(self) -> None:
        """An alert names a transition that was told, once; it holds while that stands and its instance is open, or the
        lead lies still by that silence.
        """
        waiting = self.bench.outbox().due(LATEST, ALL)
        assert len({each.row.transition for each in waiting}) == len(waiting)
        told = {row.id: row for row in self._transitions()}
        is_open = {(row.lead, row.clock, row.number) for row in self._clocks() if row.status is None}
        leads = [view.row for view in self.bench.views.leads(LeadQuery(limit=ALL), self.now)]
        silences = {f"{row.key}/{HANDOFF}/{row.handoff}/stalled/{row.last_event_at}" for row in leads}
        for each in waiting:
            row = each.row
            lasts = (row.lead, row.clock, row.number) in is_open or row.transition in silences
            assert each.holds == ((told[row.transition].standing and lasts) or row.kind == Kind.CORRECTED)

    @invariant()
    def tallies_are_of_the_facts(self) -> None:
        """What measures are made of is exact after every commit."""
        tallies_hold(self.bench.database, LEADS)

    @invariant()
    def the_store_is_what_judging_at_once_gives(self) -> None:
        """Facts, clocks, and what stands of the told."""
        if not self.is_settled:
            return
        facts_hold(self.bench.database, self._leads(), self.bench.charters)
        instances = self._instances()
        assert self._clocks() == [clock_row(key, instance) for key, instance in instances]
        assert {row.id for row in self._transitions() if row.standing and not row.name.startswith("corrected")} == {
            f"{key}/{instance.clock.name}/{instance.number}/{passage.name}"
            for key, instance in instances
            for passage in passages(instance, self.now)
        } | {
            f"{lead.key}/{HANDOFF}/{handoff.number}/{stall.name}"
            for lead in self._leads().values()
            for handoff in lead.handoffs
            for stall in stalls_of(lead, handoff, self.bench.charters, self.now)
        }

    def pages_show_what_judging_at_once_gives(self) -> None:
        """Statuses, lists of clocks by status, and handoffs."""
        statuses = [(clock_row(key, instance), instance.status(self.now)) for key, instance in self._instances()]
        for status in Status:
            listed = self.bench.views.clocks(ClockQuery(status=status, limit=ALL), self.now)
            assert list(listed) == [row for row, other in statuses if other is status]
            assert all(status_at(row, self.now) is status for row in listed)
        first = self.bench.charters.versions[0]
        for lead in self._leads().values():
            file = self.bench.views.lead(lead.key)
            assert [without_labels(row) for row in (file.handoffs if file else [])] == [
                without_labels(handoff_row(lead.key, handoff, first)) for handoff in lead.handoffs
            ]

    def teardown(self) -> None:
        """In the end it holds and has told what a tracker holds and tells that learned everything at once."""
        self.tick()
        self.the_store_is_what_judging_at_once_gives()
        calm = Bench(self.bench.charters)
        calm.feed(self.events, self.now)
        calm.tick(self.now)
        for lead in LEADS:
            assert self.bench.clocks(lead) == calm.clocks(lead)
            assert [name for name in self.bench.told(lead) if "/corrected" not in name] == calm.told(lead)
        calm.database.close()
        self.bench.database.close()

    def _event(self, item: Draft | Again) -> Event:
        if isinstance(item, Draft):
            return self._new(item)
        if not self.events:
            return self._new(TOO_FAR_AHEAD)
        known = self.events[item.which % len(self.events)]
        return known if item.changed is None else self._changed(known, item.changed)

    def _new(self, draft: Draft) -> Event:
        lead = "ceremony:review" if draft.type == EventType.CEREMONY_HELD else draft.lead
        if IS_DEAL[draft.type] and not draft.named:
            lead = ""
        return Event(
            self._time(draft), draft.type, "/crm", f"e{self.fed}-{len(self.events)}", lead, data_of(draft, draft.type)
        )

    def _changed(self, known: Event, draft: Draft) -> Event:
        """Another event of the same stream under the same id."""
        kind = draft.type if IS_DEAL[draft.type] == IS_DEAL[known.type] else known.type
        if EventType.CEREMONY_HELD in (kind, known.type):
            kind = known.type
        lead = known.lead
        data = data_of(draft, kind)
        if IS_DEAL[kind]:
            data["deal"] = known.data["deal"]
            lead = draft.lead if draft.named else ""
        return Event(self._time(draft), kind, known.source, known.id, lead, data)

    def _time(self, draft: Draft) -> Instant:
        if draft.like is not None and self.events:
            return self.events[draft.like % len(self.events)].time
        return self.now - draft.ago * SECOND

    def _leads(self) -> Mapping[str, Lead]:
        return judged_at_once(self.events, self.bench.charters, self.now)

    def _instances(self) -> list[tuple[str, Instance]]:
        """Every instance with its lead, in the order in which they are listed."""
        found = [(lead.key, instance) for lead in self._leads().values() for instance in lead.instances]
        return sorted(found, key=lambda pair: (pair[0], pair[1].clock.name, pair[1].number))

    def _clocks(self) -> list[ClockRow]:
        return list(self.bench.views.clocks(ClockQuery(limit=ALL), self.now))

    def _transitions(self) -> Sequence[TransitionRow]:
        return self.bench.store.transitions([*LEADS, "ceremony:review"])

    def _totals(self, metric: Metric, label: str) -> Counter[str]:
        """What a counter comes to for each value of a label."""
        totals: Counter[str] = Counter()
        for (name, sample), amount in self.bench.store_counters().items():
            if name == metric.name:
                totals[dict(sample)[label]] += amount
        return totals


TestTracker = TrackerMachine.TestCase
TestTracker.settings = settings(
    max_examples=1_800 if DEEP else 60,
    stateful_step_count=25,
    deadline=None,
    derandomize=not DEEP,  # the same cases in every run: a change breaks its own tests
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def test_the_tracker_on_postgres(postgres_tables: str) -> None:
    """The same on PostgreSQL: fewer cases, for the rules are the same and every statement crosses a network."""

    class OnPostgres(TrackerMachine):
        def new_bench(self) -> Bench:
            empty(postgres_tables)
            return Bench(charters_of(SILENT), postgres_tables)

    examples = 300 if DEEP else 8
    run_state_machine_as_test(OnPostgres, settings=settings(TestTracker.settings, max_examples=examples))

"""What the tracker's tests share: a charter, events, and a store in memory that is fed by a tracker."""

import random
from collections.abc import Iterable, Mapping, Sequence

from services.adapters.sql.database import open_database
from services.adapters.sql.live_views import SqlLiveViews
from services.adapters.sql.outbox import SqlOutbox
from services.adapters.sql.store import SqlStore
from services.charters.files import parse_charter
from services.domain.charter import Charters
from services.domain.deals import owners
from services.domain.events import IS_DEAL, TYPES_BY_WIRE_NAME, Event, EventType
from services.domain.fold import fold_together
from services.domain.instants import Instant, parse_instant
from services.ports import EVENTS, READ_TOPICS, LogRecord
from services.storage import ClockRow, CounterKey
from services.tracker.rows import clock_row
from services.tracker.tracker import Tracker
from services.translate import to_json

CHARTER = """
charter: 1
version: test
effective_from: 2020-01-01T00:00:00Z
agreed: [{side: marketing, by: A, on: 2019-12-01}, {side: sales, by: B, on: 2019-12-01}]
calendars:
  always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}, day: 24h}
stalled_after: {time: 2h, calendar: always}
labels: {team: [inbound], priority: [hot], source: [webinar], reason: [wrong_fit]}
reasons: {wrong_fit: {means: Not ours, action: Aim better}}
clocks:
  touch:
    says: Sales touches every lead
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.touched]
    cancelled_by: [lead.rejected, lead.withdrawn, lead.merged]
    restarts_on: [lead.assigned]
    pausable: true
    calendar: always
    targets: [{when: {priority: hot}, within: 15m}, {within: 1h}]
    at_risk: 75%
    escalate: [{at: 100%, to: sales}, {at: 150%, to: sales-leads}]
    objective: 90%
  answer:
    promised_by: marketing
    starts_on: [lead.rejected]
    stops_on: [feedback.answered]
    calendar: always
    targets: [{within: 2h}]
  close:
    promised_by: sales
    starts_on: [deal.opened]
    stops_on: [deal.won, deal.lost]
    calendar: always
    targets: [{within: 1d}]
"""


def charters_of(text: str = CHARTER) -> Charters:
    """The charters of one text, in force by date."""
    return Charters([parse_charter(text, "test").charter])


def at(clock_time: str) -> Instant:
    """An instant of 5 October 2026: `09:30`, `09:30:15`."""
    return parse_instant(f"2026-10-05T{clock_time + ':00' if clock_time.count(':') == 1 else clock_time}Z")


def event(name: str, when: str | Instant, lead: str = "crm:lead:1", *, id: str | None = None, **data: object) -> Event:  # noqa: A002 - the field's name
    """An event of the CRM; its id is made from what it says unless one is given."""
    instant = at(when) if isinstance(when, str) else when
    return Event(instant, TYPES_BY_WIRE_NAME[name], "/crm", id or f"{name}@{instant}/{lead}", lead, data)


class Bench:
    """A tracker on a store in memory, fed with events as a driver would."""

    def __init__(self, charters: Charters | None = None, url: str = "sqlite://", *, relays: bool = False) -> None:
        self.charters = charters or charters_of()
        self.database = open_database(url)
        self.store = SqlStore(self.database, relays=relays)
        for topic in READ_TOPICS:
            self.store.open_partitions(topic, 1)
        self.views = SqlLiveViews(self.database)
        self.tracker = self._new_tracker()
        self.offset = 0

    def judge_by(self, charters: Charters) -> None:
        """Judge by charters that were put in force."""
        self.charters = charters
        self.tracker = self._new_tracker()

    def _new_tracker(self) -> Tracker:
        return Tracker(store=self.store, charters=self.charters, generation=self.store.charter_generation())

    def restart(self) -> None:
        """A new process on the same store."""
        self.tracker = self._new_tracker()

    def feed(self, events: Iterable[Event], now: Instant | str) -> None:
        """Apply events as one batch that arrives at `now`."""
        self.feed_raw([to_json(each) for each in events], now)

    def feed_raw(self, values: Sequence[bytes], now: Instant | str) -> None:
        """Apply records as one batch that arrives at `now`."""
        instant = at(now) if isinstance(now, str) else now
        records = [
            LogRecord(EVENTS, 0, self.offset + number, "key", value, {"crm": "hubspot"}, instant)
            for number, value in enumerate(values)
        ]
        self.offset += len(records)
        if records:
            self.tracker.apply(records, instant)

    def tick(self, now: Instant | str) -> int:
        """Wake what is due at `now`."""
        return self.tracker.tick(EVENTS, 0, at(now) if isinstance(now, str) else now, 1000)

    def told(self, lead: str = "crm:lead:1") -> list[str]:
        """What was told of a lead and stands, as `clock/number/name`."""
        rows = self.store.transitions([lead])
        return sorted(f"{row.clock}/{row.number}/{row.name}" for row in rows if row.standing)

    def store_counters(self) -> Mapping[CounterKey, int]:
        """The exact counters."""
        return self.views.counters()

    def outbox(self) -> SqlOutbox:
        """The alerts that wait."""
        return SqlOutbox(self.database)

    def clocks(self, lead: str = "crm:lead:1") -> list[ClockRow]:
        """The clocks of a lead as stored."""
        file = self.views.lead(lead)
        return sorted(file.clocks, key=lambda row: (row.clock, row.number)) if file is not None else []


def expected_clocks(events: Sequence[Event], charters: Charters, now: Instant) -> dict[str, list[ClockRow]]:
    """The rows of every lead that judging all events at once gives."""
    whose = owners(events)
    histories: dict[str, list[Event]] = {}
    for each in events:
        lead = whose.get(str(each.data["deal"]), "") if IS_DEAL[each.type] else each.lead
        if lead and each.time <= now:
            histories.setdefault(lead, []).append(each)
        if each.type == EventType.LEAD_MERGED:
            histories.setdefault(str(each.data["into"]), [])
    leads = fold_together(histories, charters)
    rows = {key: [clock_row(key, instance) for instance in lead.instances] for key, lead in leads.items()}
    return {key: sorted(mine, key=lambda row: (row.clock, row.number)) for key, mine in rows.items()}


def shuffled_with_duplicates(events: Sequence[Event], rng: random.Random, share: float) -> list[Event]:
    """All events in random order, a share of them twice."""
    twice = [each for each in events if rng.random() < share]
    mixed = [*events, *twice]
    rng.shuffle(mixed)
    return mixed

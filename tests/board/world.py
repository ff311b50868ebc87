"""A small world for the board's tests: a charter, a clock that stands still, and views of a handful of leads.

The leads are folded from their events by the domain, so that what the views hold is what a tracker would store.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from services.domain.calendar import Calendar, Hours
from services.domain.charter import Charter, Charters, Clock, Escalation, Side, StalledAfter, Target, Trigger
from services.domain.clocks import Instance, Status, passages
from services.domain.conditions import AnyOf, Compared, When
from services.domain.events import Event, EventType, Order
from services.domain.fold import Lead, fold
from services.domain.handoffs import Handoff
from services.domain.instants import SECOND, Instant, from_datetime
from services.domain.stalls import stalls_at
from services.errors import Unavailable
from services.storage import ClockRow, CounterKey, DeadLetterRow, HandoffRow, LeadRow, TransitionRow
from services.views import (
    AccountSummary,
    ClockQuery,
    Funnel,
    LeadFile,
    LeadQuery,
    LeadView,
    OpenClocks,
    OpenHandoffs,
    Scope,
    Verdicts,
    is_stalled,
    status_at,
)

WARSAW = ZoneInfo("Europe/Warsaw")
HOUR = 3600 * SECOND
MINUTE = 60 * SECOND
HOSTILE = '"><script>alert(1)</script>'
ODD_KEYS = ("crm:a/b", "crm:50%25 off", "crm: a b ", "crm:żółć/✓", "a//b?c=d&e#f", "/lead", "crm:contact:1;x=,+", "%2F")


def at(text: str) -> Instant:
    """The instant of a wall-clock time in Warsaw: `2026-10-12 10:42`, or `10-12 10:42` of 2026."""
    full = text if text.count("-") == 2 else f"2026-{text}"
    return from_datetime(datetime.fromisoformat(full).replace(tzinfo=WARSAW))


NOW = at("10-12 12:00")
"""A Monday."""

OFFICE = Calendar(
    name="office", zone=WARSAW, week={day: [Hours(9 * 60, 17 * 60)] for day in range(5)}, day_seconds=8 * 3600
)
ALWAYS = Calendar(name="always", zone=UTC, week={day: [Hours(0, 24 * 60)] for day in range(7)}, day_seconds=24 * 3600)


def _triggers(*kinds: EventType) -> tuple[Trigger, ...]:
    return tuple(Trigger(kind) for kind in kinds)


ACCEPT = Clock(
    name="accept",
    promised_by=Side.SALES,
    says="Sales accepts or rejects every lead it is handed",
    starts_on=_triggers(EventType.LEAD_HANDED_OFF),
    stops_on=_triggers(EventType.LEAD_ACCEPTED, EventType.LEAD_REJECTED),
    restarts_on=_triggers(EventType.LEAD_ASSIGNED),
    cancelled_by=_triggers(EventType.LEAD_RECYCLED, EventType.LEAD_WITHDRAWN, EventType.LEAD_MERGED),
    pausable=True,
    targets=(
        Target(When((("priority", AnyOf(("hot",))),)), 15 * MINUTE, ALWAYS, "15m"),
        Target(When((("score", Compared("gte", 80)),)), HOUR, OFFICE, "1h"),
        Target(When(), 4 * HOUR, OFFICE, "4h"),
    ),
    escalate=(Escalation(1, Fraction(1), "sales"), Escalation(2, Fraction(3, 2), "sales-leads")),
    objective=Fraction(95, 100),
)
FIRST_CALL = Clock(
    name="first_call",
    promised_by=Side.SALES,
    says="Sales calls every accepted lead within a working day",
    starts_on=_triggers(EventType.LEAD_ACCEPTED),
    stops_on=(Trigger(EventType.LEAD_TOUCHED, When((("kind", AnyOf(("call", "meeting"))),))),),
    targets=(Target(When(), 8 * HOUR, OFFICE, "1d"),),
    objective=Fraction(9, 10),
)
ANSWER = Clock(
    name="answer",
    promised_by=Side.MARKETING,
    says="Marketing answers every rejection",
    starts_on=_triggers(EventType.LEAD_REJECTED),
    stops_on=_triggers(EventType.FEEDBACK_ANSWERED),
    targets=(Target(When(), 16 * HOUR, OFFICE, "2d"),),
    objective=Fraction(9, 10),
)
PASS_ON = Clock(
    name="pass_on",
    promised_by=Side.MARKETING,
    says="Marketing hands over every captured lead within half a day",
    starts_on=_triggers(EventType.LEAD_CAPTURED),
    stops_on=_triggers(EventType.LEAD_HANDED_OFF),
    targets=(Target(When(), 4 * HOUR, OFFICE, "4h"),),
    objective=Fraction(85, 100),
)
CHARTER = Charter(
    version="2026-Q4",
    effective_from=at("10-01 00:00"),
    calendars={"office": OFFICE, "always": ALWAYS},
    clocks={clock.name: clock for clock in (PASS_ON, ANSWER, ACCEPT, FIRST_CALL)},
    stalled_after=StalledAfter(24 * HOUR, OFFICE, "3d"),
    labels={
        "team": frozenset({"inbound", "enterprise"}),
        "priority": frozenset({"hot", "warm", "cold"}),
        "source": frozenset({"webinar", "referral"}),
    },
    agreed=frozenset(Side),
    client_teams={"key-accounts": frozenset({"ACME", "Globex"})},
)
WRITTEN = """\
charter: 1
version: 2026-Q4
effective_from: 2026-10-01T00:00:00+02:00
agreed: [{side: marketing, by: Anna Lis, on: 2026-09-21}, {side: sales, by: Head of Sales, on: 2026-09-22}]
calendars:
  office:
    timezone: Europe/Warsaw
    hours: {mon-fri: "09:00-17:00"}
    holidays: {country: PL, closed: [2026-12-24]}
    day: 8h
  always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}, day: 24h}
stalled_after: {time: 3d, calendar: office}
clocks:
  accept:
    says: Sales accepts or rejects every lead it is handed
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.accepted, lead.rejected]
    calendar: office
    targets: [{when: {priority: hot}, within: 15m, calendar: always}, {within: 4h}]
    objective: 95%
commitments: {volume: {promised_by: marketing, measure: handoffs, per: month, at_least: 400}}
goals:
  - {name: revenue, measure: won_amount, currency: PLN, per: quarter, target: 1200000, contributes: {sales: 90 won}}
reasons: {wrong_fit: {means: Not our kind of customer, action: Tighten the audience}}
client_teams:
  key-accounts:
    accounts: [ACME, Globex]
    members: {marketing: [campaign-lead], sales: [account-manager], service: [onboarding]}
    alerts: key-accounts-channel
strategy: Fewer leads, better ones.
glossary: {MQL: A lead that marketing hands over under this charter}
"""
"""The charter as a file has it, in short."""


@dataclass(slots=True)
class StillClock:
    """A clock that stands still until it is moved."""

    instant: Instant = NOW
    speed: float = 1.0

    def now(self) -> Instant:
        """Where it stands."""
        return self.instant

    def real_seconds(self, duration: int) -> float:
        """As long as its speed says."""
        return duration / SECOND / self.speed


class Story:
    """Writes the events of leads, with an id for each."""

    def __init__(self) -> None:
        self.events: dict[str, list[Event]] = {}

    def tell(self, lead: str, when: str, event_type: EventType, /, **data: object) -> None:
        """Add an event; `when` as `at` reads it."""
        events = self.events.setdefault(lead, [])
        number = sum(len(each) for each in self.events.values())
        events.append(Event(at(when), event_type, "//crm/1", f"e{number}", lead, data))


@dataclass(slots=True)
class FakeViews:
    """Views in memory. `asked` keeps the queries; `is_away` makes every read fail."""

    files: dict[str, LeadFile] = field(default_factory=dict)
    number: int = 1
    is_away: bool = False
    asked: list[LeadQuery | ClockQuery] = field(default_factory=list)

    def version(self) -> int:
        """As set."""
        self._check()
        return self.number

    def leads(self, query: LeadQuery, now: Instant) -> Sequence[LeadView]:
        """The leads asked for, ordered by key."""
        self._check()
        self.asked.append(query)
        found = [_view(self.files[key]) for key in sorted(self.files) if query.after is None or key > query.after]
        return [view for view in found if _is_asked(view, self.files[view.row.key], query, now)][: query.limit]

    def lead(self, key: str) -> LeadFile | None:
        """One lead."""
        self._check()
        return self.files.get(key)

    def stalled(self, now: Instant, limit: int) -> Sequence[LeadView]:
        """Stalled leads, the longest stalled first."""
        self._check()
        found = [_view(file) for file in self.files.values() if is_stalled(file.row, now)]
        return sorted(found, key=lambda view: view.row.stalls_at or 0)[:limit]

    def clocks(self, query: ClockQuery, now: Instant) -> Sequence[ClockRow]:
        """The instances asked for."""
        self._check()
        self.asked.append(query)
        rows = sorted(self._rows(), key=lambda row: (row.lead, row.clock, row.number))
        return [
            row
            for row in rows
            if (query.after is None or (row.lead, row.clock, row.number) > query.after)
            and query.clock in (None, row.clock)
            and query.status in (None, status_at(row, now))
            and query.team_label in (None, row.team_label)
        ][: query.limit]

    def pressing(self, now: Instant, limit: int) -> Sequence[ClockRow]:
        """Overdue and at risk, the earliest due first."""
        self._check()
        found = [row for row in self._rows() if status_at(row, now) in (Status.OVERDUE, Status.AT_RISK)]
        return sorted(found, key=lambda row: row.due_at or 0)[:limit]

    def open_clocks(self, now: Instant) -> Sequence[OpenClocks]:
        """All open instances, each counted by itself."""
        self._check()
        return [
            OpenClocks(row.clock, row.promised_by, row.team_label, row.priority_label, status_at(row, now), 1)
            for row in self._rows()
            if row.status is None
        ]

    def verdicts(self, since: Instant, until: Instant, now: Instant) -> Sequence[Verdicts]:
        """The instances that fell due in the period."""
        self._check()
        due = [row for row in self._rows() if row.due_at is not None and since <= row.due_at < until]
        counted = []
        for clock, side in sorted({(row.clock, row.promised_by) for row in due}):
            told = [status_at(row, now) for row in due if row.clock == clock]
            counts = (told.count(each) for each in (Status.MET, Status.MISSED, Status.OVERDUE))
            counted.append(Verdicts(clock, side, *counts))
        return counted

    def within(self, scope: Scope) -> "FakeViews":
        """The leads of the scope; of one clock, those with an open instance of it."""
        self._check()
        files = {key: _within(file, scope) for key, file in self.files.items() if _is_within(file, scope)}
        return FakeViews(files, self.number, self.is_away, self.asked)

    def verdicts_between(self, bounds: Sequence[Instant], now: Instant) -> Sequence[Sequence[Verdicts]]:
        """Each stretch by itself."""
        return [self.verdicts(since, until, now) for since, until in pairwise(bounds)]

    def funnel(self, since: Instant, until: Instant) -> Funnel:
        """The handoffs opened in the period."""
        self._check()
        opened = [row for file in self.files.values() for row in file.handoffs if since <= row.opened_at < until]
        ended = Counter(row.outcome for row in opened)
        return Funnel(
            opened=len(opened),
            accepted=sum(row.accepted_at is not None for row in opened),
            touched=sum(row.touched_at is not None for row in opened),
            qualified=sum(row.qualified_at is not None for row in opened),
            opportunities=sum(row.opportunity_at is not None for row in opened),
            won=ended["deal.won"],
            lost=ended["deal.lost"],
            rejected=ended["lead.rejected"],
            recycled=ended["lead.recycled"],
            withdrawn=ended["lead.withdrawn"] + ended["lead.merged"],
        )

    def accounts(self, after: str | None, limit: int, now: Instant) -> Sequence[AccountSummary]:
        """The accounts of the leads, by name."""
        self._check()
        rows = [file.row for file in self.files.values()]
        names = sorted({row.account for row in rows if row.account is not None and row.account > (after or "")})
        of_account = {name: [row for row in rows if row.account == name] for name in names[:limit]}
        return [
            AccountSummary(
                name,
                len(found),
                sum(row.handoff is not None for row in found),
                sum(is_stalled(row, now) for row in found),
            )
            for name, found in of_account.items()
        ]

    def histories(self, keys: Sequence[str]) -> Mapping[str, Sequence[Event]]:
        """The events of leads."""
        self._check()
        return {key: self.files[key].events for key in keys}

    def alarms(self, keys: Sequence[str], limit: int) -> Sequence[TransitionRow]:
        """What people are alerted of, the last first."""
        self._check()
        told = [row for key in keys for row in self.files[key].transitions]
        alarms = [row for row in told if row.name.partition("/")[0] in ("at_risk", "overdue", "escalated", "corrected")]
        return sorted(alarms, key=lambda row: -row.told_at)[:limit]

    def rows(self, keys: Collection[str]) -> Mapping[str, LeadRow]:
        """Leads by their keys."""
        self._check()
        return {key: self.files[key].row for key in keys if key in self.files}

    def open_handoffs(self, now: Instant) -> Sequence[OpenHandoffs]:
        """All leads with an open handoff."""
        self._check()
        return [
            OpenHandoffs(file.row.team_label, file.row.priority_label, 1, int(is_stalled(file.row, now)))
            for file in self.files.values()
            if file.row.handoff is not None
        ]

    def counters(self) -> Mapping[CounterKey, int]:
        """None."""
        return {}

    def heard(self) -> Mapping[str, Instant]:
        """None."""
        return {}

    def dead_letters(self, after: str | None, limit: int) -> Sequence[DeadLetterRow]:
        """None."""
        del after, limit
        return []

    def _rows(self) -> Iterable[ClockRow]:
        return (row for file in self.files.values() for row in file.clocks)

    def _check(self) -> None:
        if self.is_away:
            raise Unavailable("the database is away")


def file_of(key: str, events: Sequence[Event], now: Instant, charters: Charters) -> LeadFile:
    """What a tracker would have stored of the events by `now`."""
    lead = fold(key, (event for event in events if event.time <= now), charters)
    return LeadFile(
        row=_lead_row(lead, charters),
        events=sorted(events, key=lambda event: event.order),
        handoffs=[_handoff_row(key, handoff) for handoff in lead.handoffs],
        clocks=[clock_row(key, instance) for instance in lead.instances],
        transitions=[
            TransitionRow(key, each.clock.name, each.number, passage.name, passage.at, passage.at, True)
            for each in lead.instances
            for passage in passages(each, now)
        ],
    )


def forgotten(file: LeadFile) -> LeadFile:
    """The lead after its person was forgotten: the verdicts stay, what was said of the person is gone."""
    events = [event._replace(data={}) for event in file.events if event.type is EventType.LEAD_ERASED]
    row = replace(file.row, owner=None, account=None, source=None)
    return replace(file, row=row, events=events)


def corrected(file: LeadFile, clock: str, told_at: Instant) -> LeadFile:
    """The lead after a late event has turned `overdue`, already told, into `met`."""
    row = next(row for row in file.clocks if row.clock == clock)
    due = row.due_at or 0
    taken_back = TransitionRow(row.lead, clock, row.number, "overdue", due + 1, due + 1, False)
    told = TransitionRow(row.lead, clock, row.number, "corrected", told_at, told_at, True, "overdue", "met")
    return replace(file, transitions=[*file.transitions, taken_back, told])


def story() -> Story:
    """A handful of leads on a Monday at noon."""
    book = Story()
    tell = book.tell
    handed = EventType.LEAD_HANDED_OFF
    hot = {"priority": "hot", "source": "webinar", "account": "ACME", "campaign": HOSTILE}
    tell("hubspot:contact:151", "10-12 09:00", EventType.LEAD_CAPTURED, attributes=hot)
    tell("hubspot:contact:151", "10-12 09:30", handed, attributes={}, owner="jan.nowak", team="inbound")
    tell("hubspot:contact:152", "10-12 11:10", handed, attributes={"score": 91, "account": "Globex"}, team="enterprise")
    tell("hubspot:contact:153", "10-12 09:00", handed, attributes={"priority": "warm"}, team="inbound")
    tell("hubspot:contact:153", "10-12 10:00", EventType.LEAD_PAUSED, reason="on holiday")
    tell("hubspot:contact:154", "10-12 09:30", handed, attributes={"source": "referral", "priority": "cold"})
    tell("hubspot:contact:154", "10-12 10:42", EventType.LEAD_ACCEPTED, by="jan.nowak")
    tell("hubspot:contact:155", "10-08 09:00", handed, attributes={"source": "webinar"}, team="inbound")
    tell("hubspot:contact:155", "10-08 15:30", EventType.LEAD_REJECTED, reason="wrong_fit", comment="too small")
    tell("hubspot:contact:156", "10-12 09:00", handed, attributes={})
    tell("hubspot:contact:156", "10-12 09:40", EventType.LEAD_WITHDRAWN, reason="spam")
    tell("hubspot:contact:157", "10-09 09:00", handed, attributes={})
    tell("hubspot:contact:157", "10-09 12:30", EventType.LEAD_ACCEPTED)
    tell(
        "hubspot:contact:157", "10-09 14:00", EventType.LEAD_TOUCHED, kind="call", direction="outbound", connected=True
    )
    tell("hubspot:contact:158", "10-12 09:00", handed, attributes={"name": "Anna Kowalska", "account": "Initech"})
    tell("hubspot:contact:158", "10-12 09:20", EventType.LEAD_ERASED)
    tell("hubspot:contact:159", "10-06 09:00", handed, attributes={"account": "Umbrella"}, owner="ewa", team="inbound")
    tell("hubspot:contact:159", "10-06 10:00", EventType.LEAD_ACCEPTED)
    tell(
        "hubspot:contact:159", "10-06 11:00", EventType.LEAD_TOUCHED, kind="call", direction="outbound", connected=True
    )
    tell(f"crm:{HOSTILE}", "10-12 11:30", handed, attributes={"campaign": HOSTILE, "account": HOSTILE}, team=HOSTILE)
    for key in ODD_KEYS:
        tell(key, "10-12 11:45", handed, attributes={"priority": "cold"})
    return book


def views_of(book: Story, charters: Charters, now: Instant = NOW) -> FakeViews:
    """The views of what is told in the book."""
    return FakeViews({key: file_of(key, events, now, charters) for key, events in book.events.items()})


def world() -> FakeViews:
    """The views of the handful of leads, one of them corrected and one forgotten."""
    views = views_of(story(), Charters([CHARTER]))
    files = views.files
    files["hubspot:contact:157"] = corrected(files["hubspot:contact:157"], "accept", at("10-09 13:30"))
    files["hubspot:contact:158"] = forgotten(files["hubspot:contact:158"])
    return views


def clock_row(lead: str, instance: Instance) -> ClockRow:
    """An instance as a tracker stores it."""
    verdict = instance.verdict
    return ClockRow(
        lead=lead,
        clock=instance.clock.name,
        number=instance.number,
        charter=instance.charter.version,
        promised_by=instance.clock.promised_by.value,
        team_label=instance.team,
        priority_label=instance.priority,
        target=instance.target_number,
        within=instance.target.within,
        calendar=instance.target.calendar.name,
        started_at=instance.started_at,
        started_by=_name(instance.started_by),
        due_at=instance.due_at,
        at_risk_at=instance.reaches_share(instance.clock.at_risk),
        paused=instance.is_paused,
        ended_at=instance.ended_at,
        ended_by=_name(instance.ended_by) if instance.ended_by is not None else None,
        status=verdict.value if verdict is not None else None,
        counted=instance.counted_at(instance.ended_at) if instance.ended_at is not None else None,
    )


def _name(order: Order) -> str:
    return f"{order.type.wire} {order.source} {order.id}"


def _lead_row(lead: Lead, charters: Charters) -> LeadRow:
    known: Callable[[str], str | None] = lambda name: (  # noqa: E731 - a name for six lookups
        str(lead.attributes[name]) if lead.attributes.get(name) is not None else None
    )
    charter = charters.latest
    return LeadRow(
        key=lead.key,
        revision=1,
        partition=0,
        state=b"{}",
        wake_at=None,
        last_event_at=lead.last.time if lead.last is not None else 0,
        handoff=lead.handoff.number if lead.handoff is not None else None,
        handed_off_at=lead.handoff.opened_at if lead.handoff is not None else None,
        stalls_at=stalls_at(lead, charters),
        owner=known("owner"),
        team=known("team"),
        priority=known("priority"),
        source=known("source"),
        account=known("account"),
        team_label=charter.label("team", lead.attributes.get("team")),
        priority_label=charter.label("priority", lead.attributes.get("priority")),
    )


def _handoff_row(lead: str, handoff: Handoff) -> HandoffRow:
    return HandoffRow(
        lead=lead,
        number=handoff.number,
        opened_at=handoff.opened_at,
        closed_at=handoff.closed_at,
        outcome=handoff.outcome.wire if handoff.outcome is not None else None,
        accepted_at=handoff.accepted_at,
        touched_at=handoff.touched_at,
        qualified_at=handoff.qualified_at,
        opportunity_at=handoff.opportunity_at,
        reason=handoff.reason,
        verdict=handoff.verdict,
        source_label="other",
        attributes=json.dumps(dict(handoff.attributes)).encode(),
    )


def _view(file: LeadFile) -> LeadView:
    return LeadView(file.row, [row for row in file.clocks if row.status is None])


def _is_within(file: LeadFile, scope: Scope) -> bool:
    row = file.row
    return all(
        getattr(scope, name) in (None, getattr(row, name)) for name in ("team", "priority", "source", "account")
    ) and (scope.clock is None or any(each.clock == scope.clock for each in file.clocks))


def _within(file: LeadFile, scope: Scope) -> LeadFile:
    return replace(file, clocks=[each for each in file.clocks if scope.clock in (None, each.clock)])


def _is_asked(view: LeadView, file: LeadFile, query: LeadQuery, now: Instant) -> bool:
    row = view.row
    instances = [each for each in file.clocks if query.clock in (None, each.clock)]
    return (
        query.stalled in (None, is_stalled(row, now))
        and query.handed_off in (None, row.handoff is not None)
        and (query.clock is None or bool(instances))
        and (query.status is None or any(status_at(each, now) is query.status for each in instances))
        and all(
            getattr(query, name) in (None, getattr(row, name))
            for name in ("team", "priority", "source", "account", "owner")
        )
    )

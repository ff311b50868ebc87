"""What pages, the API, metrics, reviews and the relay to other topics read of the store: shapes and Protocols.

Instants and durations are microseconds. What depends on the time of day is judged at the `now` that is handed
in, so that an answer is right at that instant whether or not the tracker has woken up since.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.domain.clocks import Status
from services.domain.events import Event
from services.domain.facts import Fact, FactKind
from services.domain.instants import Instant
from services.storage import ClockRow, CounterKey, DeadLetterRow, HandoffRow, LeadRow, TransitionRow


@dataclass(frozen=True, slots=True)
class LeadQuery:
    """Which leads to list, by key: those after the key `after`, at most `limit`. None asks nothing."""

    stalled: bool | None = None
    handed_off: bool | None = None
    """Whether a handoff is open."""
    clock: str | None = None
    """Leads with an instance of this clock (in `status`, where that is asked too)."""
    status: Status | None = None
    team: str | None = None
    priority: str | None = None
    source: str | None = None
    account: str | None = None
    owner: str | None = None
    after: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ClockQuery:
    """Which instances of clocks to list, by lead, clock and number: after `after`, at most `limit`."""

    clock: str | None = None
    status: Status | None = None
    team_label: str | None = None
    after: tuple[str, str, int] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Scope:
    """Which leads a page is about, by what is known of them now, and which clock. None asks nothing."""

    team: str | None = None
    priority: str | None = None
    source: str | None = None
    account: str | None = None
    clock: str | None = None


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Funnel:
    """Of the handoffs opened in a period, how many came how far; the last four are how those that closed did."""

    opened: int = 0
    accepted: int = 0
    touched: int = 0
    qualified: int = 0
    opportunities: int = 0
    won: int = 0
    lost: int = 0
    rejected: int = 0
    recycled: int = 0
    withdrawn: int = 0
    """Those that were merged into another lead too."""


@dataclass(frozen=True, slots=True)
class LeadView:
    """A lead and its open clocks."""

    row: LeadRow
    clocks: Sequence[ClockRow]


@dataclass(frozen=True, slots=True)
class LeadFile:
    """Everything about one lead: its events in the canonical order, and all that was judged and told."""

    row: LeadRow
    events: Sequence[Event]
    handoffs: Sequence[HandoffRow]
    clocks: Sequence[ClockRow]
    transitions: Sequence[TransitionRow]
    foreign_deals: Sequence[tuple[Event, str]] = ()
    """Deal events that name this lead although their deal belongs to another one, whose key stands beside."""
    received: Mapping[tuple[str, str], Instant] = field(default_factory=dict)
    """By source and id of an event, when it reached the log."""


@dataclass(frozen=True, slots=True)
class OpenClocks:
    """How many open instances there are, by labels and status."""

    clock: str
    promised_by: str
    team_label: str
    priority_label: str
    status: Status
    count: int


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How many instances of a clock that fell due in a period were met, missed, or are overdue still."""

    clock: str
    promised_by: str
    met: int
    missed: int
    overdue: int

    @property
    def attainment(self) -> float | None:
        """met / (met + missed + overdue); None where there are none."""
        total = self.met + self.missed + self.overdue
        return self.met / total if total else None


@dataclass(frozen=True, slots=True)
class OpenHandoffs:
    """How many leads have an open handoff, and how many of these are stalled, by labels."""

    team_label: str
    priority_label: str
    open: int
    stalled: int


@dataclass(frozen=True, slots=True)
class ToRelay:
    """Something that a topic has to get: the present view of a lead, or a transition that was told."""

    id: int
    lead: str
    view: LeadView | None = None
    """None where it is a transition, or nothing is left of the lead."""
    transition: TransitionRow | None = None
    promised_by: str | None = None
    """Of the transition's clock; None where late events have taken the instance away."""


class TopicOutbox(Protocol):
    """What the topics of leads and transitions still have to get. Every method raises Unavailable when it is away."""

    def waiting(self, limit: int) -> Sequence[ToRelay]:
        """What waits, the oldest first."""

    def sent(self, ids: Collection[int]) -> None:
        """The topics have these."""

    def unsent(self) -> int:
        """How many wait."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many facts of a kind lie on a day, and the sum of their amounts."""

    kind: FactKind
    filter: str
    """Only those that meet it (see `Charter.filters`); empty: all."""
    source: str
    """A label of the charter."""
    currency: str
    """Of won deals; else empty."""
    day: int
    """Days since 1970-01-01."""
    count: int
    amount: int
    """In millionths of the currency."""


@dataclass(frozen=True, slots=True)
class FactQuery:
    """Facts of these days, in the order of their instants, then of their leads and numbers."""

    kind: FactKind
    since: int
    """The first day."""
    until: int
    """The day after the last."""
    filter: str = ""
    source: str | None = None
    after: tuple[Instant, str, str] | None = None
    """Instant, lead and number of the last one seen."""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class FactView:
    """A fact and whose it is."""

    lead: str
    fact: Fact


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """An account, and how its leads stand."""

    name: str
    leads: int
    open_handoffs: int
    stalled: int


@dataclass(frozen=True, slots=True)
class CeremonyHeld:
    """A ceremony of the charter that took place, and how many came of each side."""

    ceremony: str
    at: Instant
    marketing: int
    sales: int
    notes: str | None


class Views(Protocol):
    """Reads of one database. Every method raises Unavailable when it is away."""

    def version(self) -> int:
        """A number that grows with every change; pages look again when it has."""

    def leads(self, query: LeadQuery, now: Instant) -> Sequence[LeadView]:
        """The leads asked for, ordered by key."""

    def lead(self, key: str) -> LeadFile | None:
        """One lead, or None where it is not known."""

    def stalled(self, now: Instant, limit: int) -> Sequence[LeadView]:
        """Stalled leads, the longest stalled first."""

    def clocks(self, query: ClockQuery, now: Instant) -> Sequence[ClockRow]:
        """The instances asked for, ordered by lead, clock and number."""

    def pressing(self, now: Instant, limit: int) -> Sequence[ClockRow]:
        """Open instances that are overdue or at risk, the earliest due first."""

    def open_clocks(self, now: Instant) -> Sequence[OpenClocks]:
        """All open instances, counted."""

    def verdicts(self, since: Instant, until: Instant, now: Instant) -> Sequence[Verdicts]:
        """The instances whose due_at lies in `[since, until)`, counted by clock."""

    def open_handoffs(self, now: Instant) -> Sequence[OpenHandoffs]:
        """All leads with an open handoff, counted."""

    def counters(self) -> Mapping[CounterKey, int]:
        """The exact counters."""

    def heard(self) -> Mapping[str, Instant]:
        """By CRM, when the last of its events was appended to the log; without those of which none ever was."""

    def dead_letters(self, after: str | None, limit: int) -> Sequence[DeadLetterRow]:
        """What could not be used, by id: those after the id `after`."""


class LiveViews(Views, Protocol):
    """What the live page reads beside."""

    def within(self, scope: Scope) -> "LiveViews":
        """The same views of fewer leads and clocks; lists and counts are of those alone."""

    def verdicts_between(self, bounds: Sequence[Instant], now: Instant) -> Sequence[Sequence[Verdicts]]:
        """`verdicts` of each stretch between neighbours among the `bounds`, which are in order, in one reading."""

    def funnel(self, since: Instant, until: Instant) -> Funnel:
        """The handoffs that were opened in `[since, until)`."""

    def rows(self, keys: Collection[str]) -> Mapping[str, LeadRow]:
        """Leads by their keys; without those that are not known."""


class AccountViews(Protocol):
    """What the pages of accounts read beside. Methods raise Unavailable when the database is away."""

    def accounts(self, after: str | None, limit: int, now: Instant) -> Sequence[AccountSummary]:
        """The accounts of leads, by name: those after the name `after`."""

    def histories(self, keys: Sequence[str]) -> Mapping[str, Sequence[Event]]:
        """The events of leads, their deals' among them, in the canonical order."""

    def alarms(self, keys: Sequence[str], limit: int) -> Sequence[TransitionRow]:
        """What was told that people are alerted of (of stalls and pressing clocks), the last first."""


class FactViews(Protocol):
    """What measures are made of. Methods raise Unavailable when the database is away."""

    def tallies(self, since: int, until: int) -> Sequence[Tally]:
        """The facts of the days `[since, until)`, counted; exact, corrections included."""

    def facts(self, query: FactQuery) -> Sequence[FactView]:
        """The facts asked for: what a number is made of."""

    def ceremonies(self, since: Instant, until: Instant) -> Sequence[CeremonyHeld]:
        """The ceremonies that were held at an instant of `[since, until)`, the first one first."""


@dataclass(frozen=True, slots=True)
class VerdictQuery:
    """Handoffs that were accepted or rejected on the days `[since, until)`; None asks nothing."""

    since: int
    until: int
    source: str | None = None
    """As a label of the charter."""
    campaign: str | None = None
    segment: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True)
class VerdictCount:
    """How many handoffs with these attributes were accepted, or rejected for a reason; None where it is not known."""

    kind: FactKind
    source: str
    campaign: str | None
    segment: str | None
    reason: str | None
    count: int


@dataclass(frozen=True, slots=True)
class VerdictDay:
    """How many handoffs of a source were accepted and rejected on a day."""

    day: int
    source: str
    accepted: int
    rejected: int


Place = tuple[Instant, str, str]
"""Where a list of facts goes on: after the instant, lead and number of the last one seen."""


class FeedbackViews(Protocol):
    """What the page about feedback is made of. Methods raise Unavailable when the database is away."""

    def verdicts(self, query: VerdictQuery) -> Sequence[VerdictCount]:
        """The handoffs asked for, counted by what is known of them."""

    def verdict_days(self, query: VerdictQuery) -> Sequence[VerdictDay]:
        """The same, counted by day and source, in the order of these."""

    def rejections(
        self, query: VerdictQuery, reason: str | None, after: Place | None, limit: int
    ) -> Sequence[FactView]:
        """Those that were rejected (for this reason), the first one first: what a number is made of."""

    def open_disputes(self, after: Place | None, limit: int) -> Sequence[FactView]:
        """Disputes that nobody has settled, the oldest first."""

    def has_carried_dispute(self, lead: str) -> bool:
        """Whether a dispute is open of a lead that was merged into this one, directly or over others."""

    def agreements(self, query: VerdictQuery, after: Place | None, limit: int) -> Sequence[FactView]:
        """Answers by which marketing agreed on these days, the first one first."""

    def open_clocks(self, leads: Collection[str]) -> Sequence[ClockRow]:
        """The open instances of these leads, by lead, clock and number."""


def status_at(row: ClockRow, now: Instant) -> Status:
    """The verdict on an instance at `now`."""
    if row.status is not None:
        return Status(row.status)
    if row.due_at is not None and now > row.due_at:
        return Status.OVERDUE
    if row.paused:
        return Status.PAUSED
    return Status.AT_RISK if row.at_risk_at is not None and now >= row.at_risk_at else Status.RUNNING


def is_stalled(row: LeadRow, now: Instant) -> bool:
    """Whether the lead is stalled at `now`."""
    return row.stalls_at is not None and now >= row.stalls_at

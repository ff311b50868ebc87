"""What the store holds, as plain rows; the changes of one transaction; and the Protocols to write and to read.

Instants and durations are microseconds. The trackers alone write; board, metrics and notifier read, and the
notifier marks what it has delivered.

Several trackers may write to one store, each to partitions of its own. What a record says can reach a lead of another
partition (through a deal, or a merge), so leads and deals bear a revision: a commit is refused with Conflict when one
that it writes is no longer at the revision that was read of it. For that to notice everything, a batch reads the
revisions of what it touches first, and all else that it judges by afterwards.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.domain.deals import deal_of
from services.domain.events import IS_DEAL, Event
from services.domain.facts import Fact, FactKind
from services.domain.instants import Instant


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event, once per stream, source and id."""

    event: Event
    crm: str
    received_at: Instant

    @property
    def stream(self) -> str:
        """Where it belongs: to its deal, where it is of one, else to its lead."""
        return stream_of(self.event)


@dataclass(frozen=True, slots=True)
class LeadState:
    """The snapshot of a lead, and the revision at which it stands."""

    state: bytes
    revision: int = field(compare=False)


ABSENT = 0
"""The revision of what is not stored."""


@dataclass(frozen=True, slots=True)
class LeadRow:
    """A lead as it is known now. `state` is the domain's snapshot; the rest is what lists ask for."""

    key: str
    revision: int = field(compare=False)
    """In changes, the one that was read (ABSENT for a new lead); the store gives it another."""
    partition: int
    """Of the topic of events, where the lead's own events come in; who holds it wakes the lead."""
    state: bytes
    wake_at: Instant | None
    """When the tracker has to look at it again by time alone."""
    last_event_at: Instant
    handoff: int | None
    """The number of the open handoff."""
    handed_off_at: Instant | None
    stalls_at: Instant | None
    """The first instant at which it is stalled unless an event comes before."""
    owner: str | None
    team: str | None
    priority: str | None
    source: str | None
    account: str | None
    team_label: str
    priority_label: str


@dataclass(frozen=True, slots=True)
class HandoffRow:
    """A handoff of a lead; see `services.domain.handoffs`."""

    lead: str
    number: int
    opened_at: Instant
    closed_at: Instant | None
    outcome: str | None
    accepted_at: Instant | None
    touched_at: Instant | None
    qualified_at: Instant | None
    opportunity_at: Instant | None
    reason: str | None
    verdict: str | None
    source_label: str
    attributes: bytes
    """JSON of what was known at the handoff."""


@dataclass(frozen=True, slots=True)
class ClockRow:
    """An instance of a clock. `status` is None while it is open: then it follows from the instants and `now`."""

    lead: str
    clock: str
    number: int
    charter: str
    promised_by: str
    team_label: str
    priority_label: str
    target: int
    """The number of the target in the charter, from 0."""
    within: int
    calendar: str
    started_at: Instant
    started_by: str
    """`type source id` of the event."""
    due_at: Instant | None
    at_risk_at: Instant | None
    paused: bool
    ended_at: Instant | None
    ended_by: str | None
    status: str | None
    counted: int | None
    """Counted time up to the end; None while it is open."""


@dataclass(frozen=True, slots=True)
class TransitionRow:
    """A transition that was told of an instance of a clock, or of a handoff (`handoff` and its number then stand for
    these). `standing` is False once late events took it back."""

    lead: str
    clock: str
    number: int
    name: str
    """`overdue`, `escalated/2`, `stalled/1759655400000000` (when the silence began)."""
    at: Instant
    told_at: Instant
    standing: bool
    before: str | None = None
    after: str | None = None
    because: str | None = None
    """Of a correction: what arrived that showed it, as `type source id` of the events, or which charter."""

    @property
    def id(self) -> str:
        """LEAD/CLOCK/INSTANCE/TRANSITION[/LEVEL]; of a handoff LEAD/handoff/NUMBER/stalled/LEVEL."""
        return f"{self.lead}/{self.clock}/{self.number}/{self.name}"


@dataclass(frozen=True, slots=True)
class AlertRow:
    """Something to tell people, not before `not_before`. `transition` is the id of what it tells."""

    transition: str
    kind: str
    """at_risk, overdue, escalated, stalled or corrected."""
    lead: str
    clock: str
    number: int
    not_before: Instant
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """Something that could not be used. `body` is what came, byte for byte."""

    id: str
    crm: str
    reason: str
    detail: str
    received_at: Instant
    body: bytes


@dataclass(frozen=True, slots=True)
class DealRow:
    """A deal that any event was about: its lead, and the event that says so (the first in the canonical order)."""

    deal: str
    revision: int = field(default=ABSENT, compare=False)
    """In changes, the one that was read; the store gives it another."""
    lead: str | None = None
    """None while no event has named one."""
    named_by: Event | None = None


def lead_stream(lead: str) -> str:
    """The stream of a lead's events."""
    return f"lead:{lead}"


def deal_stream(deal: str) -> str:
    """The stream of a deal's events, whichever lead they name or none."""
    return f"deal:{deal}"


def stream_of(event: Event) -> str:
    """The stream that the event belongs to: its deal's, where it is of one, else its lead's."""
    return deal_stream(deal_of(event) or "") if IS_DEAL[event.type] else lead_stream(event.lead)


CounterKey = tuple[str, tuple[tuple[str, str], ...]]
"""The name of a sample and its labels, as `services.metric_table` has them."""


class TallyKey(NamedTuple):
    """Which facts one tally counts; see `services.views.Tally`."""

    day: int
    kind: FactKind
    filter: str
    source: str
    currency: str


@dataclass(slots=True)
class Changes:
    """All that one batch changes; it is committed whole or not at all."""

    topic: str
    partition: int
    position: int
    """Where the stored position must be for the changes to be written."""
    next_position: int
    read_at: Instant = 0
    """The instant up to which the partition is read; kept beside the position."""
    charters: int = 0
    """The generation of the charters that judged; see `Store.charter_generation`."""
    events: list[EventRow] = field(default_factory=list)
    """New ones, and those that take the place of another with the same stream, source and id."""
    leads: list[LeadRow] = field(default_factory=list)
    refolded: list[str] = field(default_factory=list)
    """Leads whose clocks and handoffs are written whole: rows not among those below are removed. Transitions stay."""
    gone: list[tuple[str, int]] = field(default_factory=list)
    """Refolded leads of which nothing is left, because their deal turned out to be another lead's; and the revision
    that was read of each."""
    handoffs: list[HandoffRow] = field(default_factory=list)
    clocks: list[ClockRow] = field(default_factory=list)
    transitions: list[TransitionRow] = field(default_factory=list)
    alerts: list[AlertRow] = field(default_factory=list)
    deals: list[DealRow] = field(default_factory=list)
    """Every deal that an event is about, whether or not its row says something new."""
    merges: list[tuple[str, str]] = field(default_factory=list)
    """Leads that were merged, each with the one into which."""
    facts: list[tuple[str, Fact]] = field(default_factory=list)
    """Each with its lead: new ones, and those that take the place of another of the same kind and number."""
    facts_removed: list[tuple[str, FactKind, str]] = field(default_factory=list)
    """Lead, kind and number of facts that turn out not to be."""
    tallies: dict[TallyKey, tuple[int, int]] = field(default_factory=dict)
    """By how many facts, and by how much of their amounts, the two above move each tally."""
    dead_letters: list[DeadLetterRow] = field(default_factory=list)
    counters: dict[CounterKey, int] = field(default_factory=dict)
    heard: dict[str, Instant] = field(default_factory=dict)
    """By CRM, when the last of its events was appended to the log, new ones and duplicates alike."""


class Store(Protocol):
    """What the tracker reads and writes. Every method raises Unavailable when the database is away."""

    def open_partitions(self, topic: str, count: int) -> None:
        """Note that the topic has so many partitions; those that are not known yet stand at their beginning."""

    def position(self, topic: str, partition: int) -> int:
        """The offset of the first record that is not yet applied."""

    def read_until(self) -> Mapping[tuple[str, int], Instant]:
        """Of every partition, by topic and number, the instant up to which it is read (0: not at all)."""

    def note_read(self, topic: str, partition: int, position: int, read_at: Instant) -> None:
        """Note that a partition at `position` is read up to `read_at`. Raises PositionLost when it is not there."""

    def charter_generation(self) -> int:
        """A number that grows with each charter that is put in force."""

    def states(self, leads: Collection[str]) -> Mapping[str, LeadState]:
        """The snapshots of those leads that are known."""

    def known_events(self, identities: Collection[tuple[str, str, str]]) -> Mapping[tuple[str, str, str], Event]:
        """Of (stream, source, id), those that are stored, with what is stored."""

    def events(self, streams: Collection[str]) -> Mapping[str, Sequence[Event]]:
        """All events of the streams."""

    def transitions(self, leads: Collection[str]) -> Sequence[TransitionRow]:
        """All that was told of the leads."""

    def facts(self, leads: Collection[str]) -> Mapping[str, Sequence[Fact]]:
        """The facts of those leads that have any."""

    def deals(self, deals: Collection[str]) -> Mapping[str, DealRow]:
        """Those of the deals that any event was about."""

    def deals_of(self, leads: Collection[str]) -> Mapping[str, Sequence[str]]:
        """The deals that belong to each of the leads."""

    def merged_with(self, leads: Collection[str]) -> Mapping[str, frozenset[str]]:
        """Of the leads, those that were merged with others: all that belong together, each lead itself among them."""

    def due(self, partition: int, now: Instant, limit: int) -> Sequence[str]:
        """Leads of the partition whose `wake_at` has come, the longest due first."""

    def next_due(self, partition: int) -> Instant | None:
        """The earliest `wake_at` of the partition's leads; None where none is to be woken."""

    def commit(self, changes: Changes) -> None:
        """Write all changes in one transaction.

        Raises PositionLost when the position is another one, and Conflict when a lead, a deal or the charters are
        no longer what was read of them.
        """


class Seen(Protocol):
    """What a repair reads of the store, and how far it has come. Methods raise Unavailable."""

    def events(self, streams: Collection[str]) -> Mapping[str, Sequence[Event]]:
        """All events of the streams."""

    def reconciled_until(self, crm: str) -> Instant | None:
        """The instant up to which the CRM's API was read for what was missed; None: it never was."""

    def note_reconciled(self, crm: str, until: Instant) -> None:
        """It was read up to `until`. Noting an earlier instant than before changes nothing."""

    def last_event_of(self, crm: str) -> Instant | None:
        """The time of the last event of any of the CRM's leads; None where it has none. Reads all of them."""

"""Judges a history lead by lead and sums it up."""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from services.domain.charter import Charters
from services.domain.clocks import Instance, Role, Status
from services.domain.events import EventType
from services.domain.fold import Lead
from services.domain.handoffs import Handoff
from services.domain.instants import SECOND, Instant
from services.replay.history import History
from services.replay.lives import lives


@dataclass(slots=True)
class ClockTally:
    """How the instances of one clock stand."""

    promised_by: str
    by_status: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    seconds: "array[int]" = field(default_factory=lambda: array("q"))
    """Counted seconds of the instances that a stop ended."""

    @property
    def started(self) -> int:
        """How many instances there are."""
        return sum(self.by_status.values())

    @property
    def attainment(self) -> float | None:
        """met / (met + missed + overdue); None where there are none."""
        met = self.by_status[Status.MET]
        total = met + self.by_status[Status.MISSED] + self.by_status[Status.OVERDUE]
        return met / total if total else None

    def add(self, instance: Instance, as_of: Instant) -> None:
        """Count an instance."""
        self.by_status[instance.status(as_of)] += 1
        if instance.role is Role.STOP:
            self.seconds.append(instance.counted_at(as_of) // SECOND)


@dataclass(slots=True)
class HandoffTally:
    """Numbers of handoffs; see section 5 of the contract for what each means."""

    opened: int = 0
    open: int = 0
    accepted: int = 0
    rejected: int = 0
    touched: int = 0
    qualified: int = 0
    opportunities: int = 0
    won: int = 0
    lost: int = 0
    recycled: int = 0

    def add(self, handoff: Handoff) -> None:
        """Count a handoff."""
        self.opened += 1
        self.open += handoff.closed_at is None
        self.accepted += handoff.accepted_at is not None
        self.touched += handoff.touched_at is not None
        self.qualified += handoff.qualified_at is not None
        self.opportunities += handoff.opportunity_at is not None
        self.rejected += handoff.outcome == EventType.LEAD_REJECTED
        self.won += handoff.outcome == EventType.DEAL_WON
        self.lost += handoff.outcome == EventType.DEAL_LOST
        self.recycled += handoff.outcome == EventType.LEAD_RECYCLED


@dataclass(slots=True)
class Summary:
    """What a history comes to."""

    as_of: Instant
    clocks: dict[str, ClockTally]
    handoffs: HandoffTally = field(default_factory=HandoffTally)
    handoffs_by_source: dict[str, HandoffTally] = field(default_factory=dict)
    """By the source attribute at the handoff; `unknown` where there was none."""
    leads: int = 0
    used: int = 0
    duplicate: int = 0


def judge(
    history: History,
    charters: Charters,
    *,
    as_of: Instant,
    each: Callable[[Lead], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Summary:
    """Judge every lead at `as_of`, in the order of their keys; `each` is handed the folded lead.

    The history is used up: a lead's events are let go once it is judged.
    """
    summary = Summary(as_of, _tallies(charters))
    summary.used = history.others + len(history.deals)
    for life in lives(history, charters):
        (lead,) = life.states
        summary.used += life.used
        summary.duplicate += life.duplicate
        summary.leads += 1
        _count(lead, summary)
        if each is not None:
            each(lead)
        if progress is not None:
            progress(1)
    return summary


def percentile(ordered: "array[int] | list[int]", share: float) -> int | None:
    """The smallest value that at least `share` of the sorted values do not exceed (nearest rank)."""
    if not ordered:
        return None
    rank = -(-len(ordered) * share // 1)
    return ordered[max(int(rank), 1) - 1]


def _tallies(charters: Charters) -> dict[str, ClockTally]:
    tallies: dict[str, ClockTally] = {}
    for charter in charters.versions:
        for clock in charter.clocks.values():
            tallies[clock.name] = ClockTally(str(clock.promised_by))
    return tallies


def _count(lead: Lead, summary: Summary) -> None:
    for instance in lead.instances:
        summary.clocks[instance.clock.name].add(instance, summary.as_of)
    _count_handoffs(lead.handoffs, summary)


def _count_handoffs(handoffs: Iterable[Handoff], summary: Summary) -> None:
    for handoff in handoffs:
        summary.handoffs.add(handoff)
        source = handoff.attributes.get("source")
        name = "unknown" if source is None else str(source)
        summary.handoffs_by_source.setdefault(name, HandoffTally()).add(handoff)

"""Judges a history lead by lead under two charters; keeps sums, and hands on the instances that come out otherwise."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from fractions import Fraction
from typing import NamedTuple

from services.domain.charter import Charters, Clock
from services.domain.clocks import Instance, Status
from services.domain.fold import Lead
from services.domain.instants import Instant
from services.replay.history import History
from services.replay.judge import ClockTally
from services.replay.lives import lives
from services.whatif.alerts import AlertTally
from services.whatif.breakeven import Needs, break_even, reaches_objective


@dataclass(slots=True)
class ClockOutcome:
    """What one clock comes to under one charter. Of several versions of it, the newest says what is promised."""

    clock: Clock
    tally: ClockTally
    needs: Needs = field(default_factory=Needs)

    @property
    def objective(self) -> Fraction | None:
        """The share of the promises that is to be kept."""
        return self.clock.objective

    @property
    def is_reached(self) -> bool | None:
        """Whether the objective was reached; None where there is none, or nothing to judge by it."""
        counts = self.tally.by_status
        judged = counts[Status.MET] + counts[Status.MISSED] + counts[Status.OVERDUE]
        if self.objective is None or not judged:
            return None
        return reaches_objective(counts[Status.MET], judged, self.objective)

    def break_even(self) -> int | None:
        """The shortest target, in counted seconds, at which the objective would have been reached."""
        return break_even(self.needs, self.objective)

    def add(self, instance: Instance, as_of: Instant) -> None:
        """Count an instance."""
        self.tally.add(instance, as_of)
        if self.clock.objective is not None:
            self.needs.add(instance, as_of)


@dataclass(slots=True)
class Outcome:
    """What the history comes to under one charter."""

    charters: Charters
    clocks: dict[str, ClockOutcome]
    alerts: AlertTally

    @property
    def version(self) -> str:
        """The charter's version; of several, all of them."""
        return " ".join(charter.version for charter in self.charters.versions)

    def add(self, lead: Lead, as_of: Instant) -> None:
        """Count the instances of a lead."""
        for instance in lead.instances:
            self.clocks[instance.clock.name].add(instance, as_of)
            self.alerts.add(instance, as_of)


class Verdict(NamedTuple):
    """How an instance stands under one charter; `due_at` is None while it is paused before that."""

    status: Status
    due_at: Instant | None


class Change(NamedTuple):
    """An instance that stands otherwise under B than under A; None where that charter does not start it."""

    lead: str
    clock: str
    number: int
    a: Verdict | None
    b: Verdict | None


@dataclass(slots=True)
class Comparison:
    """The same history under A and B."""

    as_of: Instant
    zone: tzinfo
    """That of the first calendar of A (its newest version), for both."""
    a: Outcome
    b: Outcome
    leads: int = 0
    used: int = 0
    duplicate: int = 0

    @property
    def clocks(self) -> list[str]:
        """The clocks of both: those of A in its order, then those that only B has."""
        return list({**self.a.clocks, **self.b.clocks})

    @property
    def shared(self) -> frozenset[str]:
        """The clocks that both have."""
        return frozenset(self.a.clocks.keys() & self.b.clocks.keys())


def compare(
    history: History,
    a: Charters,
    b: Charters,
    *,
    as_of: Instant,
    changed: Callable[[Change], None],
    progress: Callable[[int], None] | None = None,
) -> Comparison:
    """Judge every lead at `as_of` under both, in the order of their keys.

    `changed` is handed each instance, of the clocks that both have, that stands otherwise: by lead, clock and number.
    The history is used up: a lead's events are let go once it is judged.
    """
    zone = zone_of(a)
    comparison = Comparison(as_of, zone, _outcome(a, zone), _outcome(b, zone))
    comparison.used = history.others + len(history.deals)
    shared = comparison.shared
    for life in lives(history, a, b):
        under_a, under_b = life.states
        comparison.leads += 1
        comparison.used += life.used
        comparison.duplicate += life.duplicate
        comparison.a.add(under_a, as_of)
        comparison.b.add(under_b, as_of)
        for change in _changes(under_a.key, _of(under_a, shared), _of(under_b, shared), as_of):
            changed(change)
        if progress is not None:
            progress(1)
    return comparison


def zone_of(charters: Charters) -> tzinfo:
    """The zone of the first calendar of the newest version."""
    return next((calendar.zone for calendar in charters.latest.calendars.values()), UTC)


def _outcome(charters: Charters, zone: tzinfo) -> Outcome:
    clocks: dict[str, ClockOutcome] = {}
    for charter in charters.versions:
        for clock in charter.clocks.values():
            clocks[clock.name] = ClockOutcome(clock, ClockTally(str(clock.promised_by)))
    return Outcome(charters, clocks, AlertTally(zone))


Numbered = dict[tuple[str, int], Instance]


def _of(lead: Lead, clocks: frozenset[str]) -> Numbered:
    return {(each.clock.name, each.number): each for each in lead.instances if each.clock.name in clocks}


def _changes(key: str, a: Numbered, b: Numbered, as_of: Instant) -> Iterator[Change]:
    for identity in sorted(a.keys() | b.keys()):
        before, after = _verdict(a.get(identity), as_of), _verdict(b.get(identity), as_of)
        if before is None or after is None or before.status is not after.status:
            yield Change(key, *identity, before, after)


def _verdict(instance: Instance | None, as_of: Instant) -> Verdict | None:
    return None if instance is None else Verdict(instance.status(as_of), instance.due_at)

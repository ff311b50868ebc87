"""An instance of a clock: what ends it and how, its verdict at an instant, and what is told about it.

`ENDINGS` is the whole of the rules by which an event ends an instance.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from services.domain.charter import Charter, Clock, Target
from services.domain.events import Order
from services.domain.instants import Instant


class Status(StrEnum):
    """What an instance is at an instant. The first four are of open instances, the rest are final."""

    RUNNING = "running"
    AT_RISK = "at_risk"
    OVERDUE = "overdue"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"
    CANCELLED = "cancelled"


class Role(StrEnum):
    """What an event is to an open instance."""

    STOP = "stop"
    CANCEL = "cancel"
    RESTART = "restart"


class Ending(NamedTuple):
    """How an instance ends: its verdict in time and past due, and whether the next one opens at once."""

    in_time: Status
    past_due: Status
    opens_next: bool


# In the order of precedence: an event that is several of these is the first of them.
ENDINGS: Mapping[Role, Ending] = {
    Role.STOP: Ending(Status.MET, Status.MISSED, opens_next=False),
    Role.CANCEL: Ending(Status.CANCELLED, Status.MISSED, opens_next=False),
    Role.RESTART: Ending(Status.CANCELLED, Status.MISSED, opens_next=True),
}


class Kind(StrEnum):
    """A transition that is told."""

    STARTED = "started"
    AT_RISK = "at_risk"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    MET = "met"
    MISSED = "missed"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    RESUMED = "resumed"
    CORRECTED = "corrected"
    STALLED = "stalled"


CLOCK_KINDS = tuple(kind for kind in Kind if kind is not Kind.STALLED)
"""What an instance of a clock goes through; the rest is told of handoffs."""


class Passage(NamedTuple):
    """A transition of an instance and when it happened. `level` is 0 where there is only one of the kind."""

    kind: Kind
    level: int
    at: Instant

    @property
    def name(self) -> str:
        """The end of its id: `overdue`, `escalated/2`."""
        return f"{self.kind}/{self.level}" if self.level else str(self.kind)


@dataclass(slots=True)
class Pause:
    """A stretch in which a pausable instance counts nothing; `until` is None while it lasts."""

    since: Instant
    until: Instant | None = None


@dataclass(slots=True, eq=False)
class Instance:
    """One instance of a clock on one lead, numbered from 1 by start."""

    charter: Charter
    clock: Clock
    number: int
    started_at: Instant
    started_by: Order
    target_number: int
    team: str
    """The lead's team and priority at the start, as labels of the charter."""
    priority: str
    due_at: Instant | None
    """The instant at which the target is reached; None while paused before that."""
    pauses: list[Pause]
    ended_at: Instant | None = None
    ended_by: Order | None = None
    verdict: Status | None = None
    role: Role | None = None
    """What ended it."""
    carried_at: Instant | None = None
    """When it was carried on from a lead that was merged; what happened before is told of that lead."""
    _thresholds: "tuple[Passage, ...] | None" = field(default=None, init=False, repr=False)

    @property
    def target(self) -> Target:
        """The target that was chosen at the start."""
        return self.clock.targets[self.target_number]

    @property
    def is_paused(self) -> bool:
        """Whether it counts nothing now."""
        return bool(self.pauses) and self.pauses[-1].until is None

    def is_past_due(self, at: Instant) -> bool:
        """Whether `at` is after due_at."""
        return self.due_at is not None and at > self.due_at

    def counted(self, until: Instant) -> int:
        """Counted microseconds from the start to `until`, less the pauses."""
        calendar = self.target.calendar
        total = calendar.counted(self.started_at, until)
        for pause in self.pauses:
            end = until if pause.until is None else min(pause.until, until)
            total -= calendar.counted(pause.since, end)
        return total

    def counted_at(self, as_of: Instant) -> int:
        """Counted microseconds up to its end, or to `as_of` while it is open."""
        return self.counted(as_of if self.ended_at is None else self.ended_at)

    def reaches(self, amount: int) -> Instant | None:
        """The earliest instant at which `amount` microseconds are counted; None when a lasting pause comes first."""
        calendar = self.target.calendar
        since: Instant | None = self.started_at
        left = amount
        for pause in self.pauses:
            if since is None:
                break
            stretch = calendar.counted(since, pause.since)
            if left <= stretch:
                return calendar.add(since, left)
            left -= stretch
            since = pause.until
        return None if since is None else calendar.add(since, left)

    def reaches_share(self, share: Fraction) -> Instant | None:
        """The earliest instant at which `share` of the target is counted (rounded up to a microsecond)."""
        whole = self.target.within * share.numerator
        return self.reaches(-(-whole // share.denominator))

    @property
    def thresholds(self) -> "tuple[Passage, ...]":
        """The transitions by time, at the first instant at which each holds (at risk: reached; the others: passed).

        Kept until the pauses change: they are asked for several times whenever a lead is judged.
        """
        if self._thresholds is None:
            self._thresholds = tuple(_thresholds(self))
        return self._thresholds

    @property
    def at_risk_at(self) -> Instant | None:
        """The instant at which it is at risk; None when a lasting pause comes first."""
        return next((passage.at for passage in self.thresholds if passage.kind is Kind.AT_RISK), None)

    def pause(self, at: Instant) -> None:
        """Stop counting at `at`."""
        if not self.is_paused:
            self.pauses.append(Pause(at))
            self._count_anew()

    def resume(self, at: Instant) -> None:
        """Count again from `at`."""
        if self.is_paused:
            self.pauses[-1].until = at
            self._count_anew()

    def _count_anew(self) -> None:
        self.due_at = self.reaches(self.target.within)
        self._thresholds = None

    def end(self, role: Role, by: Order) -> None:
        """End it by the event at `by`, with the verdict of `ENDINGS`."""
        ending = ENDINGS[role]
        self.verdict = ending.past_due if self.is_past_due(by.time) else ending.in_time
        self.ended_at = by.time
        self.ended_by = by
        self.role = role

    def carried_on(self, number: int, at: Instant, *, is_paused: bool) -> "Instance":
        """The same instance, open again as it stood at `at`, as the `number`th of the survivor of a merge."""
        carried = replace(
            self,
            number=number,
            pauses=[replace(pause) for pause in self.pauses],
            ended_at=None,
            ended_by=None,
            verdict=None,
            role=None,
            carried_at=at,
        )
        if self.clock.pausable and is_paused:
            carried.pause(at)
        else:
            carried.resume(at)
        return carried

    def status(self, as_of: Instant) -> Status:
        """The verdict at `as_of`, by the events folded so far."""
        if self.verdict is not None:
            return self.verdict
        if self.is_past_due(as_of):
            return Status.OVERDUE
        if self.is_paused:
            return Status.PAUSED
        at_risk = self.at_risk_at
        return Status.AT_RISK if at_risk is not None and at_risk <= as_of else Status.RUNNING


def passages(instance: Instance, as_of: Instant) -> list[Passage]:
    """Every transition that the instance has gone through by `as_of`, in the order of their instants.

    A threshold that falls on the very instant of the end was not passed: at that instant the end decides.
    """
    end = instance.ended_at
    told = [Passage(Kind.STARTED, 0, instance.started_at)]
    bound = as_of + 1 if end is None else end
    told += [threshold for threshold in instance.thresholds if threshold.at < bound]
    told += _pauses_told(instance)
    if end is not None and instance.verdict is not None:
        told.append(Passage(Kind(instance.verdict), 0, end))
    since = instance.carried_at
    return sorted((passage for passage in told if since is None or passage.at >= since), key=lambda passage: passage.at)


def wake_at(instance: Instance, after: Instant) -> Instant | None:
    """The next instant after `after` at which an open instance goes through a transition by time alone."""
    if instance.verdict is not None:
        return None
    return min((threshold.at for threshold in instance.thresholds if threshold.at > after), default=None)


def _thresholds(instance: Instance) -> Iterator[Passage]:
    at_risk = instance.reaches_share(instance.clock.at_risk)
    if at_risk is not None:
        yield Passage(Kind.AT_RISK, 0, at_risk)
    if instance.due_at is not None:
        yield Passage(Kind.OVERDUE, 0, instance.due_at + 1)
    for escalation in instance.clock.escalate:
        reached = instance.reaches_share(escalation.share)
        if reached is not None:
            yield Passage(Kind.ESCALATED, escalation.level, reached + 1)


def _pauses_told(instance: Instance) -> Iterator[Passage]:
    # The second pause of an instance is told as paused/2. An instance past due stays overdue: nothing to tell.
    for number, pause in enumerate(instance.pauses, start=1):
        if instance.is_past_due(pause.since):
            return
        level = number if number > 1 else 0
        yield Passage(Kind.PAUSED, level, pause.since)
        if pause.until is not None:
            yield Passage(Kind.RESUMED, level, pause.until)

"""The shortest target at which a clock's objective would have been reached, from one pass over its instances."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from services.domain.clocks import Instance, Role
from services.domain.instants import SECOND, Instant


@dataclass(slots=True)
class Needs:
    """For each instance of a clock, the shortest target in seconds that it would have kept; see `needed`."""

    stops: "array[int]" = field(default_factory=lambda: array("q"))
    """Of the instances that a stop ended: met at that target, missed at a shorter one."""
    others: "array[int]" = field(default_factory=lambda: array("q"))
    """Of those that are open, cancelled or restarted: late at a shorter target, else left out of attainment."""

    def add(self, instance: Instance, as_of: Instant) -> None:
        """Take in an instance."""
        kept_by = needed(instance, as_of if instance.ended_at is None else instance.ended_at)
        (self.stops if instance.role is Role.STOP else self.others).append(kept_by)


def needed(instance: Instance, at: Instant) -> int:
    """The shortest target (whole seconds of the instance's own calendar, at least 1) that is not past due at `at`.

    That is its counted time rounded up; and a second more where the last of that time was counted before `at`, as
    with a stop after hours: a target reached at closing time is past due in the evening.
    """
    counted = instance.counted(at)
    seconds, rest = divmod(counted, SECOND)
    in_time = bool(rest) or instance.reaches(counted) != at
    return max(seconds + in_time, 1)


def break_even(needs: Needs, objective: Fraction | None) -> int | None:
    """The smallest target t, in whole seconds, at which the clock would have reached its objective.

    If every instance had had the target t on its own calendar, those ended by a stop would be met where they need
    at most t and else missed; all others would be late (overdue, or missed by their cancel or restart) where they
    need more than t, and would not count where they need at most t. t is the smallest with
    met / (met + late) >= objective. Both can only grow better with t, so t is found among the needs themselves.
    None where no target helps (nothing was ever stopped), or there is no objective.

    Which instances there are is taken from the charter that judged them. It depends on a target in one case alone:
    what is past due when its lead is merged into another is not carried on by that one.
    """
    if objective is None or not needs.stops:
        return None
    stops, others = sorted(needs.stops), sorted(needs.others)

    def is_reached(target: int) -> bool:
        met = bisect_right(stops, target)
        late = len(others) - bisect_right(others, target)
        return reaches_objective(met, len(stops) + late, objective)

    targets = _candidates(stops, others)
    index = bisect_left(targets, True, key=is_reached)
    return targets[index] if index < len(targets) else None


def reaches_objective(met: int, judged: int, objective: Fraction) -> bool:
    """Whether met / judged >= objective, exactly."""
    return met * objective.denominator >= objective.numerator * judged


def _candidates(stops: Sequence[int], others: Sequence[int]) -> list[int]:
    # 1 is there too: an objective may be so low that any target would do.
    return sorted({1, *stops, *others})

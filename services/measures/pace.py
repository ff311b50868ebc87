"""Whether a promise is ahead or behind: what is reached, against what was to be reached by now."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from services.domain.calendar import Calendar
from services.domain.charter import Per
from services.domain.instants import Instant
from services.domain.periods import Period, within

_AHEAD = Fraction(105, 100)
_ON_PACE = Fraction(95, 100)


class Pace(StrEnum):
    """A pace in a word."""

    AHEAD = "ahead"
    ON_PACE = "on_pace"
    BEHIND = "behind"


def in_a_word(pace: Fraction | None) -> Pace | None:
    """`ahead` from 1.05 on, `on_pace` from 0.95 on, else `behind`; None where there is no pace."""
    if pace is None:
        return None
    if pace >= _AHEAD:
        return Pace.AHEAD
    return Pace.ON_PACE if pace >= _ON_PACE else Pace.BEHIND


@dataclass(frozen=True, slots=True)
class Course:
    """How a target is to be reached within its period."""

    passed: Fraction | None
    """The share of the period's counted time that has passed; None where the period counts none."""
    due: Fraction | None
    """The share of the target that is to be reached by now: the same, unless months have targets of their own."""

    def expected(self, target: Fraction) -> Fraction | None:
        """What is to be reached by now of a target."""
        return None if self.due is None else target * self.due

    def pace(self, value: Fraction | None, target: Fraction) -> Fraction | None:
        """What is reached over what is to be reached by now; None before anything is."""
        expected = self.expected(target)
        return None if value is None or not expected else value / expected


def course(
    calendar: Calendar, period: Period, now: Instant, target: Fraction, months: Mapping[str, Fraction] | None = None
) -> Course:
    """The course of a target at `now`. `months` are targets by the keys of months, which add up to `target`.

    They stand for the period whose months they are; in every other one the target is reached evenly.
    """
    passed = share_passed(calendar, period, now)
    named = within(Per.MONTH, period.first, period.end, calendar.zone) if months else []
    if not months or {month.key for month in named} != set(months):
        return Course(passed, passed)
    due = Fraction(0)
    for month in named:
        share = share_passed(calendar, month, now)
        # A month without any counted time is due when it is over.
        due += months[month.key] * (share if share is not None else Fraction(now >= month.until))
    return Course(passed, due / target)


def share_passed(calendar: Calendar, period: Period, now: Instant) -> Fraction | None:
    """The share of a period's counted time that has passed at `now`; None where it counts none."""
    whole = calendar.counted(period.since, period.until)
    if not whole:
        return None
    return Fraction(calendar.counted(period.since, min(now, period.until)), whole)

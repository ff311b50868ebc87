"""Where a goal will stand at its period's end, were it to go on as in the past weeks: an interval, not a number.

What is reached stays; what is still to come is drawn from the working days before today. It comes at their rate per
counted hour, scattered as they were, and a rate that few days tell is itself uncertain. Four of five times the end
lies within the interval, as long as the days to come are like those.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from services.domain.calendar import Calendar
from services.domain.instants import SECOND, Instant
from services.domain.periods import day_of, midnight
from services.measures.distributions import amount_quantile, count_quantile
from services.measures.ledger import Days

LOOKBACK_DAYS = 91
"""A quarter: long enough to tell a rate, short enough to follow how the teams work now."""
FEWEST_DAYS = 10
"""Two weeks of working days. With fewer, how much days differ cannot be told, and a quiet week looks like a trend."""
FEWEST_DEALS = 5
"""Of amounts: with fewer deals nobody can tell how much they differ."""
LOW, HIGH = 0.1, 0.9
_HOUR = 3600 * SECOND


@dataclass(frozen=True, slots=True)
class Forecast:
    """The figure at the period's end: four of five times from `low` to `high`."""

    low: Fraction
    middle: Fraction
    high: Fraction


@dataclass(frozen=True, slots=True)
class TooEarly:
    """Why there is no forecast yet."""

    days: int
    """Working days that are still missing."""
    deals: int = 0
    """Won deals that are still missing."""


@dataclass(frozen=True, slots=True)
class PastDays:
    """Working days that are over, each with its counted hours; `hours_left` are those to come in the period."""

    first: int
    """Nothing was counted before this day, as nothing was watched."""
    days: Sequence[Days]
    """Each with the uncounted days before it: what happens on a Sunday comes with Monday."""
    hours: Sequence[float]
    hours_left: float


def past_days(calendar: Calendar, watched_since: int | None, now: Instant, until: Instant) -> PastDays:
    """The working days before today, up to a quarter of them, from the first on which anything was counted."""
    today = day_of(now, calendar.zone)
    first = today if watched_since is None else max(watched_since, today - LOOKBACK_DAYS)
    days, hours, since = [], [], first
    for day in range(first, today):
        counted = calendar.counted(midnight(day, calendar.zone), midnight(day + 1, calendar.zone))
        if counted:
            days.append(Days(since, day + 1))
            hours.append(counted / _HOUR)
            since = day + 1
    return PastDays(first, days, hours, calendar.counted(now, until) / _HOUR)


def forecast_count(reached: int, past: PastDays, count: Callable[[Days], int]) -> Forecast | TooEarly:
    """Of something that is counted: a negative binomial, which is a Poisson whose rate is known from the past alone.

    Where days differ more than Poisson has them, its variance is that much larger.
    """
    if len(past.days) < FEWEST_DAYS:
        return TooEarly(FEWEST_DAYS - len(past.days))
    seen = [count(days) for days in past.days]
    hours = sum(past.hours)
    # Half an event more, by Jeffreys' prior: none in the past does not mean that none can come.
    rate = (sum(seen) + 0.5) / hours
    mean = rate * past.hours_left
    if not mean:
        return Forecast(Fraction(reached), Fraction(reached), Fraction(reached))
    scatter = sum((each - rate * length) ** 2 / (rate * length) for each, length in zip(seen, past.hours, strict=True))
    variance = mean * max(1.0, scatter / (len(seen) - 1)) * (1 + past.hours_left / hours)
    low, middle, high = (Fraction(reached + count_quantile(share, mean, variance)) for share in (LOW, 0.5, HIGH))
    return Forecast(low, middle, high)


def forecast_amount(
    reached: Fraction, past: PastDays, amount: Callable[[Days], Fraction], deals: int
) -> Forecast | TooEarly:
    """Of an amount: a gamma distribution, skewed as sums of few deals are, with the variance that the days had.

    `deals` is how many were won on those days.
    """
    if len(past.days) < FEWEST_DAYS or deals < FEWEST_DEALS:
        return TooEarly(max(FEWEST_DAYS - len(past.days), 0), max(FEWEST_DEALS - deals, 0))
    seen = [float(amount(days)) for days in past.days]
    hours = sum(past.hours)
    rate = sum(seen) / hours
    mean = rate * past.hours_left
    if not mean:
        return Forecast(reached, reached, reached)
    scatter = sum((each - rate * length) ** 2 / length for each, length in zip(seen, past.hours, strict=True))
    variance = scatter / (len(seen) - 1) * past.hours_left * (1 + past.hours_left / hours)
    low, middle, high = (
        reached + Fraction(round(amount_quantile(share, mean, variance))) for share in (LOW, 0.5, HIGH)
    )
    return Forecast(low, middle, high)

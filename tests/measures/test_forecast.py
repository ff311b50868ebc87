"""Forecasts: honest about what they do not know, and the same each time they are asked."""

import math
import random
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.domain.periods import day_of, midnight
from services.measures.distributions import amount_quantile, count_quantile
from services.measures.forecast import (
    FEWEST_DAYS,
    FEWEST_DEALS,
    Forecast,
    TooEarly,
    forecast_amount,
    forecast_count,
    past_days,
)
from services.measures.ledger import Days
from tests.measures.made import WARSAW, at, charter

CALENDAR = charter().calendars["office"]
NOW = at("2026-11-16 09:00")
"""A Monday before work: ten weeks of working days since the seventh of September, and 34 days to come until 2027."""
FIRST = day_of(at("2026-09-07"), WARSAW)
END = at("2027-01-01")
PAST = past_days(CALENDAR, FIRST, NOW, END)


def test_working_days_are_those_that_count_time() -> None:
    """Ten weeks are fifty working days of eight hours; what is left counts the same way."""
    assert len(PAST.days) == 50
    assert set(PAST.hours) == {8.0}
    assert PAST.hours_left == 34 * 8


def test_what_happens_on_a_weekend_comes_with_monday() -> None:
    """No day is lost: each working day has the uncounted days before it, back to the first."""
    assert PAST.days[0] == Days(FIRST, FIRST + 1)
    assert PAST.days[5] == Days(FIRST + 5, FIRST + 8)
    assert [day.first for day in PAST.days[1:]] == [day.end for day in PAST.days[:-1]]


def test_days_before_anything_was_counted_are_no_quiet_days() -> None:
    """Baton was not there yet, and says nothing of them; and not more than a quarter is looked back on."""
    assert past_days(CALENDAR, FIRST - 1000, NOW, END).first == day_of(NOW, WARSAW) - 91
    assert past_days(CALENDAR, None, NOW, END).days == []


def test_with_few_days_it_is_too_early() -> None:
    """Two weeks must be over, of working days; and five deals won, where amounts are asked."""
    young = past_days(CALENDAR, day_of(at("2026-11-09"), WARSAW), NOW, END)
    assert len(young.days) == 5
    assert forecast_count(3, young, lambda _: 1) == TooEarly(FEWEST_DAYS - 5)
    assert forecast_amount(Fraction(0), young, lambda _: Fraction(1), 9) == TooEarly(5, 0)
    assert forecast_amount(Fraction(0), PAST, lambda _: Fraction(1), 2) == TooEarly(0, FEWEST_DEALS - 2)


def test_a_steady_team_by_hand() -> None:
    """Two a day for fifty days, 34 to come: near 68 more, give or take what a Poisson of a rate so known has.

    Its mean is 34 / 50 of 100.5, its variance that times 1 + 34 / 50: a deviation of 10.7.
    """
    found = forecast_count(30, PAST, lambda _: 2)
    assert isinstance(found, Forecast)
    assert found.middle == 30 + 68
    assert found.low == 30 + 55
    assert found.high == 30 + 82


def test_days_that_differ_more_make_a_wider_interval() -> None:
    """Ten leads every Monday tell less of a week than two every day."""
    mondays = {days for place, days in enumerate(PAST.days) if place % 5 == 0}
    uneven = forecast_count(0, PAST, lambda days: 10 if days in mondays else 0)
    even = forecast_count(0, PAST, lambda _: 2)
    assert isinstance(uneven, Forecast)
    assert isinstance(even, Forecast)
    assert uneven.high - uneven.low > 2 * (even.high - even.low)


def test_none_so_far_does_not_mean_none_to_come() -> None:
    """The likeliest is still none; one may come."""
    found = forecast_count(0, PAST, lambda _: 0)
    assert isinstance(found, Forecast)
    assert found.low == 0
    assert found.middle == 0
    assert found.high == 1


def test_at_the_end_what_is_reached_is_the_forecast() -> None:
    """No counted time is left in which anything could come."""
    over = past_days(CALENDAR, FIRST, NOW, at("2026-11-16 09:00"))
    assert forecast_count(7, over, lambda _: 2) == Forecast(Fraction(7), Fraction(7), Fraction(7))
    assert forecast_amount(Fraction(7), over, lambda _: Fraction(2), 50) == Forecast(*[Fraction(7)] * 3)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 50), min_size=50, max_size=50))
def test_an_interval_is_one_of_what_can_be(reached: int, seen: list[int]) -> None:
    """Never below what is reached, its ends in order, and the same whenever it is asked."""
    by_day = dict(zip(PAST.days, seen, strict=True))
    found = forecast_count(reached, PAST, by_day.__getitem__)
    assert isinstance(found, Forecast)
    assert reached <= found.low <= found.middle <= found.high
    assert found == forecast_count(reached, PAST, by_day.__getitem__)


def _poisson(chance: random.Random, mean: float) -> int:
    bound, number, product = math.exp(-mean), 0, chance.random()
    while product > bound:
        number += 1
        product *= chance.random()
    return number


def _bursts(chance: random.Random) -> int:
    return _poisson(chance, 1.5) * chance.choice([0, 0, 3])


def _revenue(chance: random.Random) -> int:
    return sum(round(chance.lognormvariate(10, 0.8)) for _ in range(_poisson(chance, 0.6)))


@pytest.mark.parametrize(
    "day",
    [lambda chance: _poisson(chance, 0.3), lambda chance: _poisson(chance, 4), _bursts],
    ids=["few", "many", "in bursts"],
)
def test_four_of_five_ends_lie_in_the_interval(day: Callable[[random.Random], int]) -> None:
    """Counts of 600 made-up quarters, whose next 34 days are drawn as the 50 before: 80 %, within what luck allows."""
    chance = random.Random(20261116)
    inside = 0
    for _ in range(600):
        by_day = {days: day(chance) for days in PAST.days}
        found = forecast_count(0, PAST, by_day.__getitem__)
        assert isinstance(found, Forecast)
        inside += found.low <= sum(day(chance) for _ in range(34)) <= found.high
    # Steps between whole numbers make it more than four of five where they are few.
    assert 0.74 <= inside / 600 <= 0.93


def test_four_of_five_revenues_lie_in_the_interval() -> None:
    """Amounts with a few large deals among them."""
    chance = random.Random(20261116)
    inside = 0
    for _ in range(600):
        by_day = {days: Fraction(_revenue(chance)) for days in PAST.days}
        found = forecast_amount(Fraction(0), PAST, by_day.__getitem__, 30)
        assert isinstance(found, Forecast)
        inside += found.low <= sum(_revenue(chance) for _ in range(34)) <= found.high
    assert 0.74 <= inside / 600 <= 0.88


@pytest.mark.parametrize(
    ("share", "mean", "variance", "quantile"),
    [
        (0.5, 1.0, 1.0, math.log(2)),  # exponential
        (0.9, 1.0, 1.0, math.log(10)),
        (0.95, 10.0, 20.0, 18.307038),  # chi-squared of 10 degrees
        (0.05, 10.0, 20.0, 3.940299),
        (0.95, 1.0, 2.0, 3.841459),  # of 1 degree
        (0.5, 10_000.0, 10_000.0, 9_999.666669),  # nearly symmetrical
    ],
)
def test_quantiles_of_amounts(share: float, mean: float, variance: float, quantile: float) -> None:
    """As tables have them."""
    assert amount_quantile(share, mean, variance) == pytest.approx(quantile, rel=1e-6)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(("mean", "variance"), [(0.5, 0.8), (3.0, 6.0), (40.0, 41.0), (500.0, 4000.0)])
def test_quantiles_of_counts(share: float, mean: float, variance: float) -> None:
    """The least number whose sum of chances reaches the share; chances by their recurrence, not by gamma functions."""
    odds = mean / variance
    shape = mean * odds / (1 - odds)
    each, below, number = odds**shape, 0.0, 0
    while True:
        below += each
        if below >= share:
            break
        each *= (shape + number) / (number + 1) * (1 - odds)
        number += 1
    assert count_quantile(share, mean, variance) == number


def test_a_large_count_is_as_good_as_an_amount() -> None:
    """There the two distributions agree to a thousandth, and no sum of thousands of chances is needed."""
    assert count_quantile(0.9, 1_999.0, 2_600.0) == pytest.approx(count_quantile(0.9, 2_001.0, 2_600.0), rel=2e-3)


def test_midnight_is_the_calendar_s() -> None:
    """The day on which clocks change has its hours, and is one day."""
    changed = past_days(CALENDAR, day_of(at("2026-10-24"), WARSAW), at("2026-10-27"), END)
    assert changed.days == [Days(day_of(at("2026-10-24"), WARSAW), day_of(at("2026-10-27"), WARSAW))]
    assert midnight(changed.days[0].end, WARSAW) == at("2026-10-27")

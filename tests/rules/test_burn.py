"""The arithmetic of alerts: factors that can happen, and how many promises make them believable."""

import math
import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rules.burn import (
    CHANCE,
    FEWEST,
    LEAST_OF_SHARE,
    STEPS,
    WORST,
    Condition,
    Step,
    condition,
    fewest_for_verdict,
    highest_burn,
)
from tests.deploy.shipped import ROOT
from tests.rules.factors import table

HOUR_STEP, SIX_HOURS_STEP, DAY_STEP, THREE_DAYS_STEP, WEEK_STEP = STEPS

objectives = st.one_of(
    st.integers(1, 9999).map(lambda each: Fraction(each, 10_000)),
    st.integers(1, 10**6).map(lambda each: 1 - Fraction(each, 10**12)),
)
steps = st.sampled_from(STEPS)


def told(step: Step, objective: str) -> Condition:
    """What an objective makes of a step, where it makes something of it."""
    found = condition(step, Fraction(objective))
    assert found is not None
    return found


def test_the_factors_of_the_textbook_are_those_of_its_shares() -> None:
    """2 % of a month in an hour is 14.4, 5 % in six hours 6, 10 % in a day 3."""
    assert [float(step.factor) for step in STEPS[:3]] == [14.4, 6, 3]


@pytest.mark.parametrize(("objective", "highest"), [("0.5", 2), ("0.8", 5), ("0.9", 10), ("0.95", 20), ("0.99", 100)])
def test_a_burn_rate_is_highest_where_all_are_late(objective: str, highest: int) -> None:
    """1 / (1 - objective)."""
    assert highest_burn(Fraction(objective)) == highest


def test_a_factor_that_can_happen_stays() -> None:
    """At 95 % an hour with 72 % late is possible, and is what 14.4 asks for."""
    found = told(HOUR_STEP, "0.95")
    assert (float(found.factor), float(found.late), found.is_lowered) == (14.4, 0.72, False)
    assert found.share == Fraction(2, 100)


def test_a_factor_that_cannot_happen_is_lowered_to_three_of_four() -> None:
    """At 80 % six hours cannot have 120 % late; with 75 % late 3.1 % of the budget is gone instead of 5 %."""
    found = told(SIX_HOURS_STEP, "0.8")
    assert (float(found.factor), float(found.late), found.is_lowered) == (3.75, 0.75, True)
    assert found.share == Fraction(3125, 100_000)


def test_a_factor_that_would_have_to_be_lowered_too_far_is_left_out() -> None:
    """At 80 % an hour in which all are late uses 0.7 % of the month's budget: that is no reason to call somebody."""
    assert condition(HOUR_STEP, Fraction("0.8")) is None
    assert condition(SIX_HOURS_STEP, Fraction("0.7")) is None
    assert [condition(step, Fraction("0.2")) for step in STEPS] == [None] * len(STEPS)


@settings(deadline=None)
@given(steps, objectives)
def test_every_factor_can_happen_and_breaks_the_objective(step: Step, objective: Fraction) -> None:
    """It is above 1, below what all late would be, and uses at least half of the share that it is for."""
    found = condition(step, objective)
    if found is None:
        assert WORST / (1 - objective) < max(LEAST_OF_SHARE * step.factor + Fraction(1, 1000), 1 + Fraction(1, 1000))
        return
    assert 1 < found.factor < highest_burn(objective)
    assert found.late == found.factor * (1 - objective) <= WORST
    assert step.share * LEAST_OF_SHARE <= found.share <= step.share


@settings(deadline=None)
@given(steps, objectives)
def test_a_single_late_promise_never_suffices(step: Step, objective: Fraction) -> None:
    """With the least number of promises one late one is below the factor, and so is it with more."""
    found = condition(step, objective)
    if found is not None:
        assert found.fewest >= FEWEST
        assert Fraction(1, found.fewest) <= found.late
    least = fewest_for_verdict(objective)
    assert least >= FEWEST
    assert Fraction(1, least) <= 1 - objective


@settings(deadline=None)
@given(steps, st.integers(20, 98), st.integers(0, 60))
def test_bad_luck_seldom_suffices(step: Step, percent: int, more: int) -> None:
    """A team that keeps exactly its objective trips an alert in one of a hundred windows at most, by exact sums."""
    budget = 1 - Fraction(percent, 100)
    found = condition(step, 1 - budget)
    if found is None:
        return
    number = found.fewest + more
    first = math.ceil(found.late * number)
    chance = sum(
        math.comb(number, late) * budget**late * (1 - budget) ** (number - late) for late in range(first, number + 1)
    )
    assert float(chance) <= CHANCE * (1 + 1e-6)


@pytest.mark.parametrize("objective", ["0.8", "0.9", "0.95", "0.98"])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.long)
def test_no_more_promises_are_asked_for_than_needed(step: Step, objective: str) -> None:
    """With one fewer, luck would suffice more often, unless five are the reason."""
    found = condition(step, Fraction(objective))
    if found is None or found.fewest == FEWEST:
        return
    number, budget = found.fewest - 1, 1 - Fraction(objective)
    first = math.ceil(found.late * number)
    chance = sum(
        math.comb(number, late) * budget**late * (1 - budget) ** (number - late) for late in range(first, number + 1)
    )
    assert float(chance) > CHANCE


def test_very_high_objectives_are_quick_to_work_out() -> None:
    """A budget of one in a million million has bounds as well."""
    found = told(WEEK_STEP, "0.999999999999")
    assert found.fewest > 10**12


def test_the_table_in_the_documents_is_the_arithmetic() -> None:
    """docs/alerts.md has the table of `python -m tests.rules.factors`."""
    text = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    written = re.findall(r"^\| Objective .*?(?=\n\n)", text, re.MULTILINE | re.DOTALL)
    assert written == [table()]

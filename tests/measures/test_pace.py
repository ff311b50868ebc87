"""Pace: what is reached against what was to be reached by now, in counted time."""

from fractions import Fraction

import pytest

from services.domain.periods import parse_period
from services.measures.pace import Pace, course, in_a_word, share_passed
from tests.measures.made import WARSAW, at, charter

CALENDAR = charter().calendars["office"]
QUARTER = parse_period("2026-Q4", WARSAW)
OCTOBER = parse_period("2026-10", WARSAW)
MONTHS = {"2026-10": Fraction(300), "2026-11": Fraction(400), "2026-12": Fraction(500)}


@pytest.mark.parametrize(
    ("pace", "word"),
    [
        (Fraction(2), Pace.AHEAD),
        (Fraction(105, 100), Pace.AHEAD),
        (Fraction(105, 100) - Fraction(1, 10**9), Pace.ON_PACE),
        (Fraction(95, 100), Pace.ON_PACE),
        (Fraction(95, 100) - Fraction(1, 10**9), Pace.BEHIND),
        (Fraction(0), Pace.BEHIND),
        (None, None),
    ],
)
def test_the_words_begin_where_the_contract_has_them(pace: Fraction | None, word: Pace | None) -> None:
    """Ahead from 1.05 on, on pace from 0.95 on, behind below; no word where there is no pace."""
    assert in_a_word(pace) is word


def test_time_passes_in_the_calendar() -> None:
    """October 2026 has 22 working days of 8 hours; nights and weekends pass no time."""
    assert share_passed(CALENDAR, OCTOBER, at("2026-10-01 09:00")) == 0
    assert share_passed(CALENDAR, OCTOBER, at("2026-10-01 13:00")) == Fraction(4, 22 * 8)
    assert share_passed(CALENDAR, OCTOBER, at("2026-10-03 12:00")) == Fraction(2, 22)
    assert share_passed(CALENDAR, OCTOBER, at("2026-10-30 17:00")) == 1
    assert share_passed(CALENDAR, OCTOBER, at("2026-12-01")) == 1


def test_pace_is_the_share_reached_over_the_share_passed() -> None:
    """100 of 400 in a tenth of the time is two and a half times as fast as promised."""
    passed = share_passed(CALENDAR, OCTOBER, at("2026-10-02 17:00"))
    way = course(CALENDAR, OCTOBER, at("2026-10-02 17:00"), Fraction(400))
    assert passed is not None
    assert way.pace(Fraction(100), Fraction(400)) == Fraction(100, 400) / passed
    assert way.expected(Fraction(400)) == 400 * passed


def test_before_any_counted_time_there_is_no_pace() -> None:
    """On the first morning nothing is expected, so that nothing is behind."""
    way = course(CALENDAR, OCTOBER, at("2026-10-01 08:00"), Fraction(400))
    assert way.expected(Fraction(400)) == 0
    assert way.pace(Fraction(0), Fraction(400)) is None
    assert way.pace(Fraction(5), Fraction(400)) is None


def test_a_period_without_counted_time_has_no_pace() -> None:
    """A week in which the office is closed has no share that has passed."""
    closed = ", ".join(f"2026-12-{day}" for day in range(21, 26))
    text = 'hours: {mon-fri: "09:00-17:00"}'
    calendar = charter((text, f"{text}\n    holidays: {{closed: [{closed}]}}")).calendars["office"]
    week = parse_period("2026-W52", WARSAW)
    way = course(calendar, week, at("2026-12-23"), Fraction(10))
    assert (way.passed, way.expected(Fraction(10)), way.pace(Fraction(3), Fraction(10))) == (None, None, None)


def test_months_of_their_own_say_what_is_expected() -> None:
    """At the end of October its 300 are expected, though October is a third of the quarter's time."""
    way = course(CALENDAR, QUARTER, at("2026-11-01"), Fraction(1200), MONTHS)
    assert way.expected(Fraction(1200)) == 300
    assert way.pace(Fraction(330), Fraction(1200)) == Fraction(11, 10)
    assert way.passed == share_passed(CALENDAR, QUARTER, at("2026-11-01"))


def test_within_a_month_its_own_time_counts() -> None:
    """Half-way through November: October's and half of November's."""
    november = parse_period("2026-11", WARSAW)
    now = at("2026-11-13 13:00")
    share = share_passed(CALENDAR, november, now)
    assert share is not None
    assert course(CALENDAR, QUARTER, now, Fraction(1200), MONTHS).expected(Fraction(1200)) == 300 + 400 * share


def test_months_of_another_quarter_say_nothing() -> None:
    """When the charter goes on to be in force in the next quarter, its target is reached evenly again."""
    later = parse_period("2027-Q1", WARSAW)
    now = at("2027-02-10 12:00")
    assert course(CALENDAR, later, now, Fraction(1200), MONTHS) == course(CALENDAR, later, now, Fraction(1200))


def test_a_month_with_nothing_to_reach_has_no_pace() -> None:
    """Where the first month's own target is 0, nobody is behind in it."""
    months = {"2026-10": Fraction(0), "2026-11": Fraction(600), "2026-12": Fraction(600)}
    way = course(CALENDAR, QUARTER, at("2026-10-20"), Fraction(1200), months)
    assert way.pace(Fraction(0), Fraction(1200)) is None

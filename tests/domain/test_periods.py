"""Weeks, months, quarters and years of a zone."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.domain.charter import Per
from services.domain.instants import DAY, format_instant, parse_instant
from services.domain.periods import (
    before,
    day_of,
    midnight,
    month_of,
    parse_period,
    period_of,
    quarter_of,
    within,
)

WARSAW = ZoneInfo("Europe/Warsaw")


@pytest.mark.parametrize(
    ("now", "name", "since", "until"),
    [
        ("2026-10-15T12:00:00Z", "October 2026", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
        ("2026-09-30T22:00:00Z", "October 2026", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
        ("2026-09-30T21:59:59.999999Z", "September 2026", "2026-08-31T22:00:00Z", "2026-09-30T22:00:00Z"),
        ("2026-12-31T22:59:59Z", "December 2026", "2026-11-30T23:00:00Z", "2026-12-31T23:00:00Z"),
        ("2026-12-31T23:00:00Z", "January 2027", "2026-12-31T23:00:00Z", "2027-01-31T23:00:00Z"),
    ],
)
def test_a_month_is_one_of_the_zone(now: str, name: str, since: str, until: str) -> None:
    """It begins and ends at local midnight, its first instant is its own, its end the next month's."""
    month = month_of(parse_instant(now), WARSAW)
    assert (month.name, format_instant(month.since), format_instant(month.until)) == (name, since, until)


@pytest.mark.parametrize(
    ("now", "name", "since", "until"),
    [
        ("2026-02-10T12:00:00Z", "2026-Q1", "2025-12-31T23:00:00Z", "2026-03-31T22:00:00Z"),
        ("2026-06-30T21:59:59Z", "2026-Q2", "2026-03-31T22:00:00Z", "2026-06-30T22:00:00Z"),
        ("2026-06-30T22:00:00Z", "2026-Q3", "2026-06-30T22:00:00Z", "2026-09-30T22:00:00Z"),
        ("2026-12-31T22:59:59Z", "2026-Q4", "2026-09-30T22:00:00Z", "2026-12-31T23:00:00Z"),
    ],
)
def test_a_quarter_is_one_of_the_zone(now: str, name: str, since: str, until: str) -> None:
    """Quarters begin in January, April, July and October."""
    quarter = quarter_of(parse_instant(now), WARSAW)
    assert (quarter.name, format_instant(quarter.since), format_instant(quarter.until)) == (name, since, until)


@pytest.mark.parametrize(
    ("key", "name", "since", "until"),
    [
        ("2026-W01", "2026-W01", "2025-12-28T23:00:00Z", "2026-01-04T23:00:00Z"),
        ("2026-W43", "2026-W43", "2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"),
        ("2026-W53", "2026-W53", "2026-12-27T23:00:00Z", "2027-01-03T23:00:00Z"),
        ("2026-10", "October 2026", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
        ("2026-Q4", "2026-Q4", "2026-09-30T22:00:00Z", "2026-12-31T23:00:00Z"),
        ("2026", "2026", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z"),
    ],
)
def test_a_period_is_found_by_its_key(key: str, name: str, since: str, until: str) -> None:
    """Weeks are those of ISO 8601, which may begin in the year before; each has the instants and days of the zone."""
    period = parse_period(key, WARSAW)
    assert (period.name, period.key) == (name, key)
    assert (format_instant(period.since), format_instant(period.until)) == (since, until)
    assert midnight(period.first, WARSAW) == period.since
    assert midnight(period.end, WARSAW) == period.until
    assert period_of(period.per, period.since, WARSAW) == period_of(period.per, period.until - 1, WARSAW) == period


@pytest.mark.parametrize("key", ["", "26-10", "2026-13", "2026-00", "2026-Q5", "2027-W53", "2026-W00", "2026-10-01"])
def test_what_is_no_period_is_refused(key: str) -> None:
    """A month, quarter or week that there is not, or another text, is told with what to write."""
    with pytest.raises(ValueError, match="write a week 2026-W41, a month 2026-10, a quarter 2026-Q4 or a year"):
        parse_period(key, WARSAW)


@pytest.mark.parametrize("key", ["1969", "1969-12", "2200-Q1"])
def test_a_period_lies_where_instants_lie(key: str) -> None:
    """No event is older than 1970 or newer than 2199, and no period either."""
    with pytest.raises(ValueError, match="no period"):
        parse_period(key, WARSAW)


@settings(deadline=None)
@given(
    per=st.sampled_from(Per),
    now=st.integers(DAY * 400, DAY * 60_000),
    zone=st.sampled_from([WARSAW, ZoneInfo("America/Sao_Paulo"), ZoneInfo("Pacific/Apia"), ZoneInfo("UTC")]),
)
def test_periods_follow_each_other_without_a_gap(per: Per, now: int, zone: ZoneInfo) -> None:
    """The instant lies in its period, the one before ends where it begins, and its key leads back to it."""
    period = period_of(per, now, zone)
    assert period.since <= now < period.until
    assert period.first <= day_of(now, zone) < period.end
    earlier = before(period, zone)
    assert (earlier.per, earlier.end, earlier.until) == (per, period.first, period.since)
    assert parse_period(period.key, zone) == period


def test_the_periods_within_days_cover_them() -> None:
    """A quarter has three months, and every week that has a day of it."""
    quarter = parse_period("2026-Q4", WARSAW)
    months = within(Per.MONTH, quarter.first, quarter.end, WARSAW)
    assert [month.key for month in months] == ["2026-10", "2026-11", "2026-12"]
    weeks = within(Per.WEEK, quarter.first, quarter.end, WARSAW)
    assert [weeks[0].key, weeks[-1].key, len(weeks)] == ["2026-W40", "2026-W53", 14]
    assert [year.key for year in within(Per.YEAR, quarter.first, quarter.end, WARSAW)] == ["2026"]

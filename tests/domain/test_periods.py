"""The month and the quarter in which an instant lies."""

from zoneinfo import ZoneInfo

import pytest

from services.domain.instants import format_instant, parse_instant
from services.domain.periods import month_of, quarter_of

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

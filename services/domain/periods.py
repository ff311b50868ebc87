"""The month and the quarter in which an instant lies, in a zone."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from services.domain.instants import Instant, from_datetime, to_datetime

MONTHS_A_QUARTER = 3


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch `[since, until)` with its name: `October 2026`, `2026-Q4`."""

    name: str
    since: Instant
    until: Instant


def month_of(now: Instant, zone: tzinfo) -> Period:
    """The calendar month."""
    local = to_datetime(now).astimezone(zone)
    return Period(f"{local:%B %Y}", *_months(local.year, local.month, 1, zone))


def quarter_of(now: Instant, zone: tzinfo) -> Period:
    """The calendar quarter."""
    local = to_datetime(now).astimezone(zone)
    quarter = (local.month - 1) // MONTHS_A_QUARTER
    first = quarter * MONTHS_A_QUARTER + 1
    return Period(f"{local.year}-Q{quarter + 1}", *_months(local.year, first, MONTHS_A_QUARTER, zone))


def weeks_until(now: Instant, zone: tzinfo, count: int) -> list[Instant]:
    """The Mondays at which the last `count` weeks began, that of `now` the last, and the one at which it ends."""
    local = to_datetime(now).astimezone(zone)
    monday = datetime(local.year, local.month, local.day, tzinfo=zone) - timedelta(days=local.weekday())
    return [from_datetime(monday + timedelta(weeks=each)) for each in range(1 - count, 2)]


def _months(year: int, first: int, count: int, zone: tzinfo) -> tuple[Instant, Instant]:
    years, month = divmod(first - 1 + count, 12)
    start = datetime(year, first, 1, tzinfo=zone)
    end = datetime(year + years, month + 1, 1, tzinfo=zone)
    return from_datetime(start), from_datetime(end)

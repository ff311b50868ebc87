"""Weeks, months, quarters and years of a zone: the one in which an instant lies, and the one that a name means."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from services.domain.charter import Per
from services.domain.instants import EPOCH, Instant, from_datetime, to_datetime

MONTHS_A_QUARTER = 3
_MONTHS = {Per.MONTH: 1, Per.QUARTER: MONTHS_A_QUARTER, Per.YEAR: 12}
_WEEK = timedelta(days=7)
_EPOCH_ORDINAL = EPOCH.date().toordinal()
_KEY = re.compile(r"(?P<year>\d{4})(?:-(?:W(?P<week>\d\d)|Q(?P<quarter>[1-4])|(?P<month>\d\d)))?", re.ASCII)
_EARLIEST, _LATEST = 1970, 2199
"""The years in which an instant may lie."""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch `[since, until)` of whole days `[first, end)` with its name: `October 2026`, `2026-Q4`."""

    name: str
    since: Instant
    until: Instant
    per: Per
    key: str
    """As addresses and commands write it: `2026-W41`, `2026-10`, `2026-Q4`, `2026`."""
    first: int
    """The first day, as days since 1970-01-01."""
    end: int
    """The day after the last."""


def period_of(per: Per, now: Instant, zone: tzinfo) -> Period:
    """The period in which `now` lies. Weeks are those of ISO 8601: they begin on Mondays."""
    return period_with(per, to_datetime(now).astimezone(zone).date(), zone)


def period_with(per: Per, day: date, zone: tzinfo) -> Period:
    """The period with this day."""
    if per is Per.WEEK:
        first = day - timedelta(days=day.weekday())
        year, week, _ = first.isocalendar()
        key = f"{year}-W{week:02}"
        return _period(per, key, key, first, first + _WEEK, zone)
    count = _MONTHS[per]
    month = (day.month - 1) // count * count + 1
    first = date(day.year, month, 1)
    years, after = divmod(month - 1 + count, 12)
    end = date(day.year + years, after + 1, 1)
    match per:
        case Per.MONTH:
            return _period(per, f"{first:%B} {day.year}", f"{day.year}-{month:02}", first, end, zone)
        case Per.QUARTER:
            key = f"{day.year}-Q{month // MONTHS_A_QUARTER + 1}"
            return _period(per, key, key, first, end, zone)
        case _:
            return _period(per, str(day.year), str(day.year), first, end, zone)


def month_of(now: Instant, zone: tzinfo) -> Period:
    """The calendar month."""
    return period_of(Per.MONTH, now, zone)


def quarter_of(now: Instant, zone: tzinfo) -> Period:
    """The calendar quarter."""
    return period_of(Per.QUARTER, now, zone)


def weeks_until(now: Instant, zone: tzinfo, count: int) -> list[Instant]:
    """The Mondays at which the last `count` weeks began, that of `now` the last, and the one at which it ends."""
    local = to_datetime(now).astimezone(zone)
    monday = datetime(local.year, local.month, local.day, tzinfo=zone) - timedelta(days=local.weekday())
    return [from_datetime(monday + timedelta(weeks=each)) for each in range(1 - count, 2)]


def before(period: Period, zone: tzinfo) -> Period:
    """The period of the same length that ends where this one begins."""
    return period_with(period.per, day_at(period.first - 1), zone)


def within(per: Per, first: int, end: int, zone: tzinfo) -> list[Period]:
    """The periods that have a day of `[first, end)`, in order."""
    found = []
    while first < end:
        found.append(period_with(per, day_at(first), zone))
        first = found[-1].end
    return found


def parse_period(text: str, zone: tzinfo) -> Period:
    """The period that `2026-W41`, `2026-10`, `2026-Q4` or `2026` names. ValueError with a text for who wrote it."""
    found = _KEY.fullmatch(text)
    wrong = ValueError(
        f"{text!r:.40} is no period; write a week 2026-W41, a month 2026-10, a quarter 2026-Q4 or a year"
    )
    if found is None or not _EARLIEST <= (year := int(found["year"])) <= _LATEST:
        raise wrong
    try:
        if found["week"]:
            return period_with(Per.WEEK, date.fromisocalendar(year, int(found["week"]), 1), zone)
        if found["month"]:
            return period_with(Per.MONTH, date(year, int(found["month"]), 1), zone)
    except ValueError:
        raise wrong from None
    if found["quarter"]:
        return period_with(Per.QUARTER, date(year, int(found["quarter"]) * MONTHS_A_QUARTER, 1), zone)
    return period_with(Per.YEAR, date(year, 1, 1), zone)


def day_of(instant: Instant, zone: tzinfo) -> int:
    """The zone's date at an instant, as days since 1970-01-01."""
    return to_datetime(instant).astimezone(zone).date().toordinal() - _EPOCH_ORDINAL


def day_at(day: int) -> date:
    """The date of a day that is counted since 1970-01-01."""
    return date.fromordinal(day + _EPOCH_ORDINAL)


def midnight(day: int, zone: tzinfo) -> Instant:
    """The instant at which a day begins."""
    return _starts(day_at(day), zone)


def _period(per: Per, name: str, key: str, first: date, end: date, zone: tzinfo) -> Period:
    return Period(
        name=name,
        since=_starts(first, zone),
        until=_starts(end, zone),
        per=per,
        key=key,
        first=first.toordinal() - _EPOCH_ORDINAL,
        end=end.toordinal() - _EPOCH_ORDINAL,
    )


def _starts(day: date, zone: tzinfo) -> Instant:
    return from_datetime(datetime(day.year, day.month, day.day, tzinfo=zone))

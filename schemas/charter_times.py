"""How times are written in a charter: durations, hours, weekdays, dates, moments, zones."""

import re
import zoneinfo
from datetime import date, datetime

from schemas.charter_values import did_you_mean, read_text, said, written
from services.domain.calendar import MINUTES_A_DAY, Hours
from services.domain.durations import Duration, parse_duration
from services.domain.instants import parse_instant

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_LOOSE_TIME = r"(\d{1,2})(?:[:.h](\d\d))?"
_LOOSE_HOURS = re.compile(rf"\s*{_LOOSE_TIME}\s*(?:-|–|—|to)\s*{_LOOSE_TIME}\s*", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MONTH = re.compile(r"(?:19[7-9]\d|2[01]\d\d)-(?:0[1-9]|1[0-2])", re.ASCII)
_ONE_DAY = 86_400


def read_duration(value: object) -> str:
    """A duration longer than nothing, as text."""
    text = _duration_text(value)
    if parse_duration(text) == Duration(days=0, seconds=0):
        raise ValueError(f"{said(value)} is no time at all; write how long, such as 15m, 4h or 2d")
    return text


def read_wait(value: object) -> str:
    """A duration that may be nothing."""
    return "0s" if written(value) == "0" else _duration_text(value)


def read_day(value: object) -> str:
    """How long a day is: hours and minutes, at most 24 hours."""
    text = read_duration(value)
    duration = parse_duration(text)
    if duration.days:
        raise ValueError(f'a day cannot be measured in days or weeks: {said(value)}; write hours, such as "8h"')
    if duration.seconds > _ONE_DAY:
        raise ValueError(f'{said(value)} is longer than a day; write the working hours of one day, such as "8h"')
    return text


def read_zone(value: object) -> str:
    """The name of a time zone."""
    text = read_text(value)
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'there is no time zone "{text:.60}"{_nearest_zone(text)}') from None
    return text


def read_month(value: object) -> str:
    """A month, `YYYY-MM`."""
    text = written(value)
    if not _MONTH.fullmatch(text):
        raise ValueError(f"{said(value)} is no month; write it as year-month, such as 2026-10")
    return text


def read_date(value: object) -> date:
    """A date, `YYYY-MM-DD`."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f'there is no day "{value}" in the calendar; write a date such as 2026-12-24') from None
    raise ValueError(f"{said(value)} is not a date; write it as year-month-day, such as 2026-12-24")


def read_moment(value: object) -> datetime:
    """A time with its offset."""
    if isinstance(value, datetime) and value.tzinfo:
        return value
    if isinstance(value, str) and _DATE.fullmatch(value):
        raise ValueError(f'"{value}" lacks the time and its offset; write {value}T00:00:00+02:00 with your offset')
    if not isinstance(value, str):
        raise ValueError(f"{said(value)} is not a time; write one such as 2026-10-01T00:00:00+02:00")
    try:
        parse_instant(value)
    except ValueError as error:
        raise ValueError(f"{error}; write one such as 2026-10-01T00:00:00+02:00") from None
    return datetime.fromisoformat(value.upper())


def read_weekdays(value: object) -> str:
    """A weekday, a range or a comma list of them, as text."""
    weekdays(read_text(value))
    return read_text(value)


def weekdays(text: str) -> list[int]:
    """The weekdays (Monday is 0) that `mon-thu`, `fri`, `sat-mon` or `mon,wed` name."""
    days: list[int] = []
    for part in text.split(","):
        first, dash, last = (each.strip() for each in part.partition("-"))
        start = _weekday(first)
        end = _weekday(last) if dash else start
        days += [(start + offset) % 7 for offset in range((end - start) % 7 + 1)]
    return days


def read_window(value: object) -> str:
    """A stretch of a day, `HH:MM-HH:MM`, as text."""
    window(value)
    return written(value)


def window(value: object) -> Hours:
    """The stretch that `HH:MM-HH:MM` names; an end not after its start lies on the next day."""
    text = written(value) if isinstance(value, str) else ""
    match = _HOURS.fullmatch(text)
    if match is None:
        instead = _likely_hours(value) or 'text such as "09:00-17:00"'
        raise ValueError(f"{said(value)} is not hours; write {instead}")
    start = _minutes(match[1], match[2], text)
    end = _minutes(match[3], match[4], text)
    if start == MINUTES_A_DAY:
        raise ValueError(f'"{text}" begins at 24:00, which can only be an end; write 00:00 of the next day')
    return Hours(start, end if end > start else end + MINUTES_A_DAY)


def one_or_list(value: object) -> object:
    """The hours of a day, one or a list, as a list."""
    if value is None:
        raise ValueError('has no hours; write some, such as "09:00-17:00", or leave the day out')
    return value if isinstance(value, list | tuple) else [value]


def _duration_text(value: object) -> str:
    if not isinstance(value, str):
        hint = f"; a bare number has no unit, write {written(value)}m or {written(value)}h" if _is_number(value) else ""
        raise ValueError(f"{said(value)} is not a duration{hint or '; write it like 90s, 15m, 4h, 2d, 1w or 1d4h'}")
    parse_duration(value)
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _nearest_zone(text: str) -> str:
    zones = zoneinfo.available_timezones()
    by_city = {zone.rpartition("/")[2].lower(): zone for zone in sorted(zones)}
    city = text.strip().rpartition("/")[2].replace(" ", "_").lower()
    if city in by_city:
        return f'; did you mean "{by_city[city]}"?'
    return did_you_mean(text, sorted(zones)) or "; write one such as Europe/Warsaw"


def _weekday(word: str) -> int:
    if word not in WEEKDAYS:
        near = word[:3].lower()
        hint = (
            f'write "{near}"'
            if near in WEEKDAYS
            else "write mon, tue, wed, thu, fri, sat, sun or a range such as mon-fri"
        )
        raise ValueError(f'"{word:.40}" is not a weekday; {hint}')
    return WEEKDAYS.index(word)


def _minutes(hour: str, minute: str, text: str) -> int:
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > MINUTES_A_DAY:
        raise ValueError(f'"{text}" has no such time of day: {hour}:{minute}; write 00:00 to 24:00')
    return minutes


def _likely_hours(value: object) -> str:
    """The hours that were probably meant, as they should be written; empty where that cannot be told."""
    match = _LOOSE_HOURS.fullmatch(written(value)) if isinstance(value, str) else None
    if match is None:
        return ""
    hours, minutes = (match[1], match[3]), (match[2] or "00", match[4] or "00")
    if any(int(hour) > 24 for hour in hours) or any(int(minute) > 59 for minute in minutes):
        return ""
    return f'"{hours[0].zfill(2)}:{minutes[0]}-{hours[1].zfill(2)}:{minutes[1]}"'

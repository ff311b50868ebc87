"""How single values of a charter are written: text, shares, durations, hours, weekdays, dates, tests.

Each reader takes what stands in the file and returns the value, or raises ValueError with a text for its
author: what is wrong and what to write instead.
"""

import re
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, TypeVar

from services.domain.calendar import MINUTES_A_DAY, Hours
from services.domain.conditions import COMPARISONS, AnyOf, Compared, Known, NoneOf, Test
from services.domain.durations import Duration, parse_duration
from services.domain.events import TYPES_BY_WIRE_NAME, EventType, Scalar
from services.domain.instants import parse_instant

T = TypeVar("T")

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_TEXT = 10_000
MAX_NAME = 100
# Nobody escalates at ten times the target; a bare number above that is a percentage without its sign.
_MOST_BARE_ESCALATION = 10

_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_LOOSE_TIME = r"(\d{1,2})(?:[:.h](\d\d))?"
_LOOSE_HOURS = re.compile(rf"\s*{_LOOSE_TIME}\s*(?:-|–|—|to)\s*{_LOOSE_TIME}\s*", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBER = re.compile(r"[-+]?\d{1,18}(?:\.\d{1,12})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_ONE_DAY = 86_400


def said(value: object) -> str:
    """How a message names what stands in the file."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a block of keys"
    if isinstance(value, list | tuple):
        return "a list"
    return f'"{_written(value):.60}"'


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for the nearest known word, else the known words where they are few, else nothing."""
    words = list(known)
    by_lower = {each.lower(): each for each in words}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if near:
        return f'; did you mean "{by_lower[near[0]]}"?'
    return f"; write one of: {', '.join(words)}" if 0 < len(words) <= 30 else ""


def or_none(read: Callable[[Any], T], value: object) -> T | None:
    """What a reader reads, or None where it refuses."""
    try:
        return read(value)
    except ValueError:
        return None


def read_text(value: object) -> str:
    """Any text; a number or true/false stands as it was written."""
    if value is None or isinstance(value, Mapping | list | tuple):
        raise ValueError(f"must be text, not {said(value)}")
    text = _written(value)
    if not text.strip():
        raise ValueError("is empty; write a text")
    if len(text) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters; shorten it")
    return text


def read_name(value: object) -> str:
    """The name of something in the charter."""
    text = read_text(value)
    if len(text) > MAX_NAME or not text.isprintable():
        raise ValueError(f'"{text[:40]!s}" cannot be a name; write at most {MAX_NAME} characters on one line')
    return text


def read_clock_name(value: object) -> str:
    """The name of a clock, which is a part of ids such as `LEAD/CLOCK/1/overdue`."""
    text = read_name(value)
    if "/" in text:
        raise ValueError(f'"{text}" cannot name a clock, because it has a "/"; write "{text.replace("/", "-")}"')
    return text


def read_event_type(value: object) -> str:
    """The wire name of one of the 22 types."""
    text = read_text(value)
    if text not in TYPES_BY_WIRE_NAME:
        raise ValueError(f'there is no event "{text:.60}"{did_you_mean(text, TYPES_BY_WIRE_NAME)}')
    return text


def event_type(text: str) -> EventType:
    """The type that a checked wire name stands for."""
    return TYPES_BY_WIRE_NAME[text]


def read_share(value: object) -> Decimal:
    """A share of a whole: `75%` or 0.75."""
    amount, percent = _amount(value, 'a share such as "75%" or 0.75')
    if not percent and amount > 1:
        raise ValueError(f"{_plain(amount)} is more than the whole; write {_plain(amount)}%")
    if not 0 <= amount <= 1:
        raise ValueError(f"{said(value)} is no share of a whole; write between 0% and 100%")
    return amount


def read_at_risk(value: object) -> Decimal:
    """The share of the target from which a clock is at risk: above 0, at most 1."""
    share = read_share(value)
    if not share:
        raise ValueError("0% would put every clock at risk at once; write between 1% and 100%, such as 75%")
    return share


def read_objective(value: object) -> Decimal:
    """How often a promise is to be kept: between 0 and 1, neither included."""
    share = read_share(value)
    if not 0 < share < 1:
        raise ValueError(
            f"{said(value)} cannot be an objective, which lies between 0% and 100%; "
            + ("100% leaves no room for a single miss, write 99%" if share else "write one such as 95%")
        )
    return share


def read_escalation(value: object) -> Decimal:
    """The share of the target at which somebody else is told: above 0, and it may pass 100 %."""
    amount, percent = _amount(value, 'a share of the target such as "150%"')
    if amount <= 0:
        raise ValueError(f"{said(value)} is before the clock starts; write a share above 0%, such as 100%")
    if not percent and amount > _MOST_BARE_ESCALATION:
        raise ValueError(f"{_plain(amount)} times the target is surely not meant; write {_plain(amount)}%")
    return amount


def read_quantity(value: object) -> Decimal:
    """A number above 0, or a share of a whole: what of the two fits, the measure says."""
    amount, _ = _amount(value, "a number such as 400, or a share such as 70%")
    if amount <= 0:
        raise ValueError(f"{said(value)} is always reached; write a number above 0")
    return amount


def is_percentage(value: object) -> bool:
    """Whether the author wrote a percent sign."""
    return isinstance(value, str) and value.rstrip().endswith("%")


def read_duration(value: object) -> str:
    """A duration longer than nothing, as text."""
    text = _duration_text(value)
    if parse_duration(text) == Duration(days=0, seconds=0):
        raise ValueError(f"{said(value)} is no time at all; write how long, such as 15m, 4h or 2d")
    return text


def read_wait(value: object) -> str:
    """A duration that may be nothing."""
    return "0s" if _written(value) == "0" else _duration_text(value)


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


def read_currency(value: object) -> str:
    """A currency's three letters."""
    text = read_text(value)
    if not _CURRENCY.fullmatch(text):
        upper = text.strip().upper()
        hint = upper if _CURRENCY.fullmatch(upper) else "three capital letters, such as PLN"
        raise ValueError(f'"{text:.40}" is not a currency; write {hint}')
    return text


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
    return _written(value)


def window(value: object) -> Hours:
    """The stretch that `HH:MM-HH:MM` names; an end not after its start lies on the next day."""
    text = _written(value) if isinstance(value, str) else ""
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
    """What is one thing or a list of them, as a list."""
    return value if isinstance(value, list | tuple) or value is None else [value]


def read_test(value: object) -> Any:
    """What an attribute must be, as plain data."""
    tests_of(value)
    if isinstance(value, Mapping):
        return {name: _scalars(each) for name, each in value.items()}
    return _scalars(value)


def tests_of(value: object) -> tuple[Test, ...]:
    """The tests that a value of a `when` stands for."""
    if not isinstance(value, Mapping):
        return (AnyOf(_values(value)),)
    if not value:
        raise ValueError("an empty test; write a value, a list, or one such as {gte: 80}")
    return tuple(_test(name, wanted) for name, wanted in value.items())


def _test(name: str, wanted: object) -> Test:
    if name in COMPARISONS:
        if isinstance(wanted, bool) or not isinstance(wanted, int | float):
            raise ValueError(f"{name} compares numbers, and {said(wanted)} is none; write {{{name}: 80}}")
        return Compared(name, wanted + 0)
    if name == "not":
        return NoneOf(_values(wanted))
    if name == "known":
        if not isinstance(wanted, bool):
            raise ValueError(f"known is true or false, not {said(wanted)}; write {{known: true}}")
        return Known(wanted)
    raise ValueError(f'there is no test "{name:.40}"{did_you_mean(name, (*COMPARISONS, "not", "known"))}')


def _values(value: object) -> tuple[Scalar, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise ValueError("an empty list holds for nothing; write the values it may be")
    for each in values:
        if each is None:
            raise ValueError("nothing is no value; to ask for an unknown attribute write {known: false}")
        if not isinstance(each, str | int | float):
            raise ValueError(f"a value must be text, a number, true or false, not {said(each)}")
    return tuple(_scalar(each) for each in values)


def _scalars(value: object) -> object:
    return [_scalar(each) for each in value] if isinstance(value, list | tuple) else _scalar(value)


def _scalar(value: Any) -> Scalar:
    """The plain value, without the memory of how it was written."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None


def _written(value: object) -> str:
    """The value as its author wrote it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(getattr(value, "written", value))


def _amount(value: object, wanted: str) -> tuple[Decimal, bool]:
    """A number, exactly as written, and whether it had a percent sign (then it is divided by 100)."""
    if isinstance(value, Decimal):
        return value, False
    text = "" if isinstance(value, bool) or value is None else _written(value).strip()
    percent = text.endswith("%")
    digits = text.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(digits):
        tidy = re.sub(r"(?<=\d)[ _,'](?=\d{3})", "", digits)
        instead = tidy + "%" * percent if _NUMBER.fullmatch(tidy) else ""
        raise ValueError(f"{said(value)} is not a number; write {instead or wanted}")
    try:
        return Decimal(digits).scaleb(-2 if percent else 0), percent
    except InvalidOperation:
        raise ValueError(f"{said(value)} is not a number; write {wanted}") from None


def _plain(amount: Decimal) -> str:
    return f"{amount:f}"


def _duration_text(value: object) -> str:
    if not isinstance(value, str):
        hint = (
            f"; a bare number has no unit, write {_written(value)}m or {_written(value)}h" if _is_number(value) else ""
        )
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
    match = _LOOSE_HOURS.fullmatch(_written(value)) if isinstance(value, str) else None
    if match is None:
        return ""
    hours, minutes = (match[1], match[3]), (match[2] or "00", match[4] or "00")
    if any(int(hour) > 24 for hour in hours) or any(int(minute) > 59 for minute in minutes):
        return ""
    return f'"{hours[0].zfill(2)}:{minutes[0]}-{hours[1].zfill(2)}:{minutes[1]}"'

"""Calendars held against the oracle's minutes around the clock changes of real zones."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo, available_timezones

from services.domain.calendar import Calendar
from tests.domain import build
from tests.domain.oracle import MINUTE, CalendarSpec, minutes_of

FIRST = datetime(2015, 1, 1, tzinfo=UTC)
LAST = datetime(2038, 1, 1, tzinfo=UTC)
AROUND = 2 * 1440
"""Minutes that are looked at on each side of a clock change."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """Every zone, those that only say what this machine's is left out."""
    return tuple(sorted(name for name in available_timezones() if name not in ("localtime", "Factory")))


@lru_cache(maxsize=1_000)
def changes_of(zone: str) -> tuple[int, ...]:
    """The UTC minutes at which a zone's clocks change, found day by day and then minute by minute."""
    place = ZoneInfo(zone)
    found = []
    day = FIRST
    before = day.astimezone(place).utcoffset()
    while day < LAST:
        after = (day + timedelta(days=1)).astimezone(place).utcoffset()
        if after != before:
            offsets = [(day + timedelta(minutes=minute)).astimezone(place).utcoffset() for minute in range(1441)]
            first = (day - EPOCH) // timedelta(minutes=1)
            found += [first + minute for minute in range(1, 1441) if offsets[minute] != offsets[minute - 1]]
        day, before = day + timedelta(days=1), after
    return tuple(found)


def zones_that_differ() -> dict[str, int]:
    """Of the zones that agree at every change from 2015 to 2037 only the first, with how many agree with it."""
    first: dict[tuple[object, ...], str] = {}
    agreeing: dict[str, int] = {}
    for zone in zones():
        place = ZoneInfo(zone)
        changes = changes_of(zone)
        offsets = [datetime.fromtimestamp(minute * 60, place).utcoffset() for minute in changes]
        known = first.setdefault((FIRST.astimezone(place).utcoffset(), changes, tuple(offsets)), zone)
        agreeing[known] = agreeing.get(known, 0) + 1
    return agreeing


WEEKS: tuple[tuple[str, ...], ...] = (
    ("00:00-24:00",),
    ("02:30-10:00", "12:00-12:01", "23:59-24:00"),
    ("22:00-06:00",),
    ("00:00-00:30", "01:30-02:15", "03:00-04:00", "23:00-23:30"),
)
"""The same hours on every day: always, windows that changes cut, night shifts, windows between changes."""


def around(zone: str, changes: Sequence[int], random: Random) -> list[str]:
    """What is wrong within two days of some clock changes of a zone, on calendars that these cut, double, swallow."""
    made = []
    for hours in WEEKS:
        spec = CalendarSpec(zone, (hours,) * 7)
        calendar = build.new_calendar(spec)
        calendar.counted((min(changes) - AROUND) * MINUTE, (max(changes) + AROUND) * MINUTE)  # its table at once
        made.append((spec, calendar))
    return [
        f"{zone}, {change}, {spec.hours[0]}: {each}"
        for change in changes  # the outer loop: the oracle's minutes of these days serve all calendars
        for spec, calendar in made
        for each in disagreements(spec, calendar, change - AROUND, change + AROUND, random)
    ]


def disagreements(spec: CalendarSpec, calendar: Calendar, first: int, last: int, random: Random) -> list[str]:
    """How `windows`, `counted` and `add` differ from counting the minutes from `first` to before `last`."""
    counted = [
        minute
        for day in range(first // 1440, last // 1440 + 1)
        for minute in minutes_of(spec, day)
        if first <= minute < last
    ]
    given = [
        minute
        for begin, end in calendar.windows(first * MINUTE, last * MINUTE)
        for minute in range(begin // MINUTE, end // MINUTE)
    ]
    wrong = [] if given == counted else [f"windows: {set(given) ^ set(counted)}"]
    for _ in range(12):
        start = random.randrange(first, last)
        end = random.randrange(start, last)
        expected = bisect_left(counted, end) - bisect_left(counted, start)
        if calendar.counted(start * MINUTE, end * MINUTE) != expected * MINUTE:
            wrong.append(f"counted({start}, {end}) is not {expected} minutes")
        wrong += _wrong_add(calendar, counted, start, random)
    return wrong


def _wrong_add(calendar: Calendar, counted: Sequence[int], start: int, random: Random) -> list[str]:
    left = counted[bisect_left(counted, start) :]
    if not left:
        return []
    amount = random.randint(1, len(left))
    expected = left[amount - 1] + 1  # the end of the minute that is the last to be counted
    if calendar.add(start * MINUTE, amount * MINUTE) != expected * MINUTE:
        return [f"add({start}, {amount}) is not {expected}"]
    return []

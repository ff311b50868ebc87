"""Counted time: which stretches of real time a calendar counts, and arithmetic on them."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import accumulate

from services.domain.instants import DAY, EPOCH, SECOND, Instant, from_datetime

MINUTES_A_DAY = 1440
_EPOCH_ORDINAL = EPOCH.date().toordinal()
_HORIZON = date(2400, 1, 1).toordinal()
# A window may begin on the day before and run into this one, and a zone may be 14 hours ahead of UTC or
# 12 behind: instants nearer than this to the table's ends may lack a window.
_MARGIN_DAYS = 3
_STEP_DAYS = 366


class NeverCounted(ValueError):
    """The calendar has no counted time left before the year 2400."""


@dataclass(frozen=True, slots=True, order=True)
class Hours:
    """A window of one day, in minutes of wall-clock time since that day's midnight.

    `end` is after `start`; past 1440 it lies on the next day (a night shift).
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not (0 <= self.start < MINUTES_A_DAY and self.start < self.end <= self.start + MINUTES_A_DAY):
            raise ValueError(f"no window of a day: {self.start} to {self.end} minutes")


class _Table:
    """The windows from one day to another, and how much they count up to the end of each. Never changed."""

    def __init__(
        self, first_day: int, end_day: int, starts: list[Instant], ends: list[Instant], through: list[int]
    ) -> None:
        self.first_day = first_day
        self.end_day = end_day
        self.starts = starts
        self.ends = ends
        self.through = through
        # Nearer to its ends it may lack a window of the day before or after.
        self.since: Instant = (first_day + _MARGIN_DAYS - _EPOCH_ORDINAL) * DAY
        self.until: Instant = (end_day - _MARGIN_DAYS - _EPOCH_ORDINAL) * DAY

    def elapsed(self, instant: Instant) -> int:
        """Counted microseconds from the table's start to `instant`."""
        index = bisect_right(self.ends, instant)  # the first window that is not wholly before the instant
        if index == len(self.ends):
            return self.through[-1] if index else 0
        start = self.starts[index]
        return self.through[index] - (self.ends[index] - (instant if instant > start else start))


_NO_TABLE = _Table(1, 1, [], [], [])


class Calendar:
    """The windows of a week in one zone, with closed and opened dates.

    `add` and `counted` are binary searches on a table of windows with their cumulative length; the table is
    made for the years that are asked for, and grows. A calendar is never changed otherwise.
    """

    def __init__(
        self,
        *,
        name: str,
        zone: tzinfo,
        week: Mapping[int, Sequence[Hours]],
        closed: Collection[date] = frozenset(),
        opened: Mapping[date, Sequence[Hours]] | None = None,
        day_seconds: int | None = None,
    ) -> None:
        """`week` maps a weekday (Monday is 0) to its windows; `opened` replaces the windows of a date and is
        stronger than `closed`; `day_seconds` is what "1d" means. ValueError when no weekday has a window.
        """
        if not any(week.values()):
            raise ValueError(f"calendar {name!r} counts no time: give it hours")
        self.name = name
        self.zone = zone
        self.day_seconds = day_seconds
        self._week = tuple(tuple(sorted(week.get(weekday, ()))) for weekday in range(7))
        self._closed = frozenset(closed)
        self._opened = {day: tuple(sorted(windows)) for day, windows in (opened or {}).items()}
        self._table = _NO_TABLE

    def counted(self, start: Instant, end: Instant) -> int:
        """Counted microseconds in `[start, end)`; 0 when `end` is not after `start`."""
        if end <= start:
            return 0
        table = self._table
        if start < table.since or end >= table.until:
            table = self._cover(start, end)
        return table.elapsed(end) - table.elapsed(start)

    def add(self, start: Instant, amount: int) -> Instant:
        """The earliest instant at which `amount` microseconds have been counted since `start`.

        Raises NeverCounted when that is not before the year 2400.
        """
        if amount <= 0:
            return start
        table = self._table
        if start < table.since or start >= table.until:
            table = self._cover(start, start)
        while True:
            wanted = table.elapsed(start) + amount
            index = bisect_left(table.through, wanted)
            if index < len(table.through):
                return table.ends[index] - (table.through[index] - wanted)
            if table.end_day >= _HORIZON:
                raise NeverCounted(f"calendar {self.name!r} has no counted time left after its last open day")
            table = self._cover(start, table.until + _STEP_DAYS * DAY)

    def windows(self, start: Instant, end: Instant) -> Iterator[tuple[Instant, Instant]]:
        """The counted stretches that lie in `[start, end)`, cut to it, in order."""
        if end <= start:
            return
        table = self._table
        if start < table.since or end >= table.until:
            table = self._cover(start, end)
        index = bisect_right(table.ends, start)
        while index < len(table.starts) and table.starts[index] < end:
            yield max(start, table.starts[index]), min(end, table.ends[index])
            index += 1

    def _cover(self, start: Instant, end: Instant) -> "_Table":
        """A table that holds from `start` to `end`; one that grows does so by at least half of what it has."""
        table = self._table
        first = start // DAY + _EPOCH_ORDINAL - _MARGIN_DAYS
        last = end // DAY + _EPOCH_ORDINAL + _MARGIN_DAYS + 1
        if table.ends:
            growth = max(_STEP_DAYS, (table.end_day - table.first_day) // 2)
            first = min(table.first_day, first if first >= table.first_day else first - growth)
            last = max(table.end_day, last if last <= table.end_day else last + growth)
        else:
            last += _STEP_DAYS
        # One assignment: other threads see the old table or the new one, never a part of it.
        self._table = self._built(max(first, 1), min(last, _HORIZON + _STEP_DAYS))
        return self._table

    def _built(self, first_day: int, end_day: int) -> "_Table":
        starts: list[Instant] = []
        ends: list[Instant] = []
        for ordinal in range(first_day, end_day):
            day = date.fromordinal(ordinal)
            for hours in self._hours_of(day):
                start = self._instant(day, hours.start)
                end = self._instant(day, hours.end)
                if start >= end:
                    continue  # a clock change swallowed the window
                if ends and start <= ends[-1]:
                    # It touches the last one, or a night shift runs into an opened date: counted once.
                    ends[-1] = max(ends[-1], end)
                else:
                    starts.append(start)
                    ends.append(end)
        lengths = (end - start for start, end in zip(starts, ends, strict=True))
        return _Table(first_day, end_day, starts, ends, list(accumulate(lengths)))

    def _hours_of(self, day: date) -> Sequence[Hours]:
        opened = self._opened.get(day)
        if opened is not None:
            return opened
        return () if day in self._closed else self._week[day.weekday()]

    def _instant(self, day: date, minutes: int) -> Instant:
        """The instant of a wall-clock time: the first one where it occurs twice, and where a clock change
        skips it the first instant after the gap.
        """
        wall = datetime.combine(day, time.min) + timedelta(minutes=minutes)
        first = _offset(wall.replace(tzinfo=self.zone))
        second = _offset(wall.replace(tzinfo=self.zone, fold=1))
        naive = from_datetime(wall.replace(tzinfo=EPOCH.tzinfo))
        if first >= second:
            return naive - first
        low, high = (naive - second) // SECOND, (naive - first) // SECOND
        while high - low > 1:  # the change lies in (low, high]
            middle = (low + high) // 2
            changed = _offset(datetime.fromtimestamp(middle, self.zone)) == second
            low, high = (low, middle) if changed else (middle, high)
        return high * SECOND


def _offset(moment: datetime) -> int:
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("a calendar's zone must know its offset from UTC")
    return offset // timedelta(microseconds=1)

"""A time axis: where an instant stands on it, which of its time a calendar counts, and what is written below."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from services.board.times import HOUR, MINUTE, Times
from services.domain.calendar import MINUTES_A_DAY, Calendar
from services.domain.instants import DAY, Instant, from_datetime

MOST_TICKS = 6
MOST_WINDOWS = 90
"""With more windows, some three months of working days, shading is a grey blur that says nothing."""
_HOUR_OF_CHANGE = timedelta(hours=2)
"""Around a clock change the wall clock is off by as much at most."""
_STEPS = (
    *(each * MINUTE for each in (1, 2, 5, 10, 15, 30)),
    *(each * HOUR for each in (1, 2, 3, 6, 12)),
    *(each * DAY for each in (1, 2, 7, 14, 28, 91, 182, 364, 1820)),
)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the axis, in hundredths of its length."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark below the axis."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The time from `since` to `until`, which is later."""

    since: Instant
    until: Instant

    @classmethod
    def around(cls, since: Instant, until: Instant) -> "Axis":
        """An axis with a little room at both ends, at least a minute long."""
        length = max(until - since, MINUTE)
        room = length // 25
        return cls(since - room, since + length + room)

    def at(self, instant: Instant) -> float:
        """Where the instant stands, in hundredths of the axis; at its nearer end where it is outside."""
        inside = min(max(instant, self.since), self.until)
        return 100 * (inside - self.since) / (self.until - self.since)

    def span(self, since: Instant, until: Instant) -> Span:
        """The stretch from one instant to another."""
        x = self.at(since)
        return Span(x, max(self.at(until) - x, 0.0))

    def counted(self, calendar: Calendar) -> list[Span]:
        """The windows of the calendar; none where they would be too many to tell apart."""
        windows = []
        for since, until in calendar.windows(self.since, self.until):
            windows.append(self.span(since, until))
            if len(windows) > MOST_WINDOWS:
                return []
        return windows

    def ticks(self, times: Times) -> Sequence[Tick]:
        """At most `MOST_TICKS` marks at round times of the zone."""
        length = self.until - self.since
        step = next((each for each in _STEPS if length / each < MOST_TICKS), _STEPS[-1])
        walls = _round_walls(times.local(self.since), times.local(self.until), step)
        # A time that a clock change skips is another one by the clock: each mark once.
        marks = sorted({from_datetime(wall) for wall in walls})
        return [Tick(self.at(mark), _text(mark, step, times)) for mark in marks if self.since < mark < self.until]


def _round_walls(first: datetime, last: datetime, step: int) -> Iterator[datetime]:
    """The wall-clock times at which marks stand: midnights of every so many days, or every `step` from midnight on."""
    every = max(step // DAY, 1)
    day = first.date() - timedelta(days=first.toordinal() % every)
    while day <= last.date():
        midnight = datetime.combine(day, time(), tzinfo=first.tzinfo)
        for minutes in range(0, MINUTES_A_DAY, min(step // MINUTE, MINUTES_A_DAY)):
            # Arithmetic within one zone is that of its wall clock.
            wall = midnight + timedelta(minutes=minutes)
            if first - _HOUR_OF_CHANGE <= wall <= last + _HOUR_OF_CHANGE:
                yield wall
        day += timedelta(days=every)


def _text(mark: Instant, step: int, times: Times) -> str:
    if step >= DAY:
        return times.short_date(mark)
    local = times.local(mark)
    return times.short_day(mark) if (local.hour, local.minute) == (0, 0) else times.hour(mark)

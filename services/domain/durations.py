"""Durations as the charter writes them: `90s`, `15m`, `4h`, `2d`, `1w` and sums such as `1d4h`."""

import re
from dataclasses import dataclass

_PART = re.compile(r"(\d{1,6})([wdhms])", re.ASCII)
_SECONDS = {"h": 3600, "m": 60, "s": 1}
_DAYS = {"w": 5, "d": 1}


@dataclass(frozen=True, slots=True)
class Duration:
    """`days` of a calendar (how long one is, the calendar says) and `seconds`."""

    days: int
    seconds: int

    def total(self, day_seconds: int | None) -> int:
        """Whole seconds, with a day of `day_seconds`; ValueError where a day is used and has no length."""
        if self.days and day_seconds is None:
            raise ValueError("the calendar does not say how long a day is; give it `day: 8h`")
        return self.seconds + self.days * (day_seconds or 0)


def parse_duration(text: str) -> Duration:
    """Read a duration; ValueError says what is accepted."""
    days = seconds = 0
    position = 0
    for part in _PART.finditer(text):
        if part.start() != position:
            break
        amount, unit = int(part[1]), part[2]
        days += amount * _DAYS.get(unit, 0)
        seconds += amount * _SECONDS.get(unit, 0)
        position = part.end()
    if position != len(text) or not text:
        raise ValueError(f"{text!r:.40} is not a duration; write it like 90s, 15m, 4h, 2d, 1w or 1d4h")
    return Duration(days=days, seconds=seconds)

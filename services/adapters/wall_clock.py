"""The time of day: as it is, or in a time-lapse."""

import time

from services.domain.instants import SECOND, Instant

_NANOSECONDS = 1_000
"""In a microsecond."""


class SystemClock:
    """The clock of this machine."""

    speed = 1.0

    def now(self) -> Instant:
        """The present instant."""
        return time.time_ns() // _NANOSECONDS

    def real_seconds(self, duration: int) -> float:
        """How many seconds `duration` microseconds take."""
        return duration / SECOND


class LapsedClock:
    """A clock that shows `start` when it is made and runs `speed` times as fast as the real one, never back."""

    def __init__(self, start: Instant, speed: float) -> None:
        if not speed > 0:
            raise ValueError(f"a clock runs forward: the speed must be above 0, not {speed}")
        self.speed = speed
        self._start = start
        self._made_at = time.monotonic_ns()

    def now(self) -> Instant:
        """The present instant of the time-lapse."""
        return self._start + int((time.monotonic_ns() - self._made_at) * self.speed) // _NANOSECONDS

    def real_seconds(self, duration: int) -> float:
        """How many real seconds pass while `duration` microseconds pass on it."""
        return duration / SECOND / self.speed

"""Whether the store has what the log has: by offsets where both are at hand, else by what the trackers note."""

from collections.abc import Callable, Mapping

from services.domain.instants import SECOND, Instant
from services.ports import DEALS, EVENTS, WallClock

_TOPICS = (EVENTS, DEALS)
_CLOCKS_DIFFER = 2 * SECOND
"""Between the machines of gateways, brokers and trackers."""


class AppliedByOffset:
    """Implements `services.ports.Applied` for the embedded log."""

    def __init__(self, *, end: Callable[[str], int], position: Callable[[str], int]) -> None:
        """Of a topic, `end` is the offset of the record to come, `position` that of the first not yet applied."""
        self._end = end
        self._position = position

    def mark(self) -> Callable[[], bool]:
        """By the present ends of the topics."""
        ends = {topic: self._end(topic) for topic in _TOPICS}
        return lambda: all(self._position(topic) >= end for topic, end in ends.items())


class AppliedByTime:
    """Implements `services.ports.Applied` where trackers note up to when they have read each partition."""

    def __init__(
        self,
        *,
        read_until: Callable[[], Mapping[tuple[str, int], Instant]],
        clock: WallClock,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        """`waiting`: how many records of this process have not got to the log yet."""
        self._read_until = read_until
        self._clock = clock
        self._waiting = waiting

    def mark(self) -> Callable[[], bool]:
        """By the present time, once nothing waits here any more."""
        marked: Instant | None = None

        def is_applied() -> bool:
            nonlocal marked
            if self._waiting():
                marked = None
                return False
            if marked is None:
                marked = self._clock.now() + _CLOCKS_DIFFER
            read = [at for (topic, _), at in self._read_until().items() if topic in _TOPICS]
            return bool(read) and min(read) >= marked

        return is_applied

"""Wakes a part that waits for work before its time is over, so that nobody has to look all the time."""

import asyncio
import time
from contextlib import suppress

REST = 0.1
"""Real seconds between two looks, whoever rings: under load this is what one look has to do."""


class Bell:
    """For one waiter, in one event loop. Rung while nobody waits, the next wait is over at once."""

    def __init__(self, *, rest: float = REST) -> None:
        """`rest`: seconds that lie between two waits' ends at least."""
        self._rest = rest
        self._rung = asyncio.Event()
        self._woken_at = -rest

    def ring(self) -> None:
        """There is something to look at. Call it in the event loop."""
        self._rung.set()

    async def wait(self, stop: asyncio.Event, seconds: float) -> None:
        """Return when it was rung (and the rest is over), when the time is over, or when `stop` is set."""
        await _first(stop, self._rung, seconds)
        left = self._woken_at + self._rest - time.monotonic()
        if left > 0 and not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), left)
        self._rung.clear()
        self._woken_at = time.monotonic()


async def _first(one: asyncio.Event, other: asyncio.Event, seconds: float) -> None:
    """Return when one of two events is set, or the time is over."""
    if one.is_set() or other.is_set():
        return
    waiting = [asyncio.ensure_future(one.wait()), asyncio.ensure_future(other.wait())]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()

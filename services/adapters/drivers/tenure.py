"""The time for which a partition is ours, and waits that end with it."""

import asyncio
import random
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class TenureOver(Exception):
    """The partition was taken away: what was under way is dropped."""


class Tenure:
    """Begins when it is made."""

    def __init__(self) -> None:
        self._over = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether the partition was taken away."""
        return self._over.is_set()

    def end(self) -> None:
        """The partition is no longer ours."""
        self._over.set()

    async def wait_for_end(self, seconds: float | None = None) -> None:
        """Return when it is over, or the time is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    async def within(self, answer: Awaitable[T]) -> T:
        """The answer, for which nobody waits any more when it is over: TenureOver is raised then."""
        work, over = asyncio.ensure_future(answer), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({work, over}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise TenureOver
            return work.result()
        finally:
            work.cancel()
            over.cancel()

    def tries(self, shortest: float, longest: float) -> Iterator[float]:
        """For try after try until it is over, the seconds to wait when it fails: rising, and never quite the same."""
        at_most = shortest
        while not self.is_over:
            yield random.uniform(shortest, at_most)  # noqa: S311 - so that not all come back at once
            at_most = min(at_most * 2, longest)

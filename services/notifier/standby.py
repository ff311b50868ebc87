"""Work that one process of many does at a time: the others stand by, and one of them goes on when it ends."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from services.errors import Unavailable
from services.ports import Turn

LOOK_EVERY = 2.0
"""Seconds between two looks at whose turn it is."""

Part = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Works until the event is set."""

log = structlog.get_logger()


class Standby:
    """Runs its parts while it is this process's turn."""

    def __init__(self, *, turn: Turn, parts: Sequence[Part], look_every: float = LOOK_EVERY) -> None:
        self._turn = turn
        self._parts = parts
        self._look_every = look_every
        self.is_active = False
        """Whether the parts run."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work whenever it is our turn, until `stop` is set. An error of a part ends it, and is raised."""
        try:
            while not stop.is_set():
                if await self._holds():
                    await self._work(stop)
                else:
                    await self._pause(stop)
        finally:
            await asyncio.to_thread(self._turn.give_up)

    async def _work(self, stop: asyncio.Event) -> None:
        """Run the parts until `stop` is set or the turn is lost; then let them finish what they are at."""
        log.info("turn_taken")
        self.is_active = True
        ended = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                for part in self._parts:
                    tasks.create_task(part(ended))
                try:
                    while not stop.is_set() and await self._holds():
                        await self._pause(stop)
                finally:
                    ended.set()
        finally:
            self.is_active = False
            log.info("turn_ended")

    async def _holds(self) -> bool:
        try:
            return await asyncio.to_thread(self._turn.holds)
        except Unavailable as error:
            log.warning("turn_unknown", error=str(error))
            return False

    async def _pause(self, stop: asyncio.Event) -> None:
        try:
            await asyncio.wait_for(stop.wait(), self._look_every)
        except TimeoutError:
            return

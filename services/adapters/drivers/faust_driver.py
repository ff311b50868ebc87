"""The driver on Faust: its consumer, its flow control and its agents, embedded in our event loop."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from services.adapters.drivers.consumer import Membership, consumer_options
from services.adapters.drivers.faust_app import TrackerApp, build_app
from services.adapters.drivers.faust_consumer import BatchConsumer
from services.adapters.drivers.group_driver import GroupDriver
from services.adapters.drivers.pace import Pace
from services.adapters.drivers.partitions import Partitions
from services.adapters.drivers.reader import GroupState, Place
from services.adapters.drivers.watchdog import Limits, end_process
from services.adapters.kafka.client import KafkaConnection
from services.ports import Processor

_LOOK_SECONDS = 0.1
"""Between two looks whether Faust has failed."""


def faust_driver(
    *,
    connection: KafkaConnection,
    membership: Membership,
    processor: Processor,
    pace: Pace | None = None,
    limits: Limits | None = None,
    end: Callable[[str], None] = end_process,
) -> GroupDriver:
    """A `Driver` on Faust; `end` is what the watchdog calls when it hangs."""
    pace = pace or Pace()
    options = consumer_options(connection, membership)
    return GroupDriver(
        new_member=lambda: _FaustMember(membership, options, pace),
        processor=processor,
        pace=pace,
        limits=limits or Limits(),
        end=end,
    )


class _FaustMember:
    def __init__(self, membership: Membership, options: dict[str, Any], pace: Pace) -> None:
        self._membership = membership
        self._options = options
        self._pace = pace
        self._app: TrackerApp | None = None

    async def run(self, partitions: Partitions) -> None:
        self._app = app = build_app(
            membership=self._membership,
            options=self._options,
            partitions=partitions,
            pace=self._pace,
        )
        starting = asyncio.create_task(app.start())
        try:
            # It may be its other thread that fails, which does not wake this loop.
            while not app.should_stop:
                await asyncio.sleep(_LOOK_SECONDS)
                if starting.done():
                    starting.result()
        finally:
            starting.cancel()
        raise app.crash_reason or RuntimeError("Faust has stopped by itself")

    async def leave(self) -> None:
        if self._app is not None:
            await self._app.stop()

    async def inspect(self) -> GroupState:
        if self._app is None:
            return GroupState()
        state = await self._consumer().inspect()
        return replace(state, is_joined=state.is_joined and not self._app.rebalancing)

    async def seek(self, place: Place, offset: int) -> int | None:
        return await self._consumer().seek_to(place, offset)

    async def bounds(self, place: Place) -> tuple[int, int]:
        return await self._consumer().bounds_of(place)

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        await self._consumer().tell(offsets)

    def _consumer(self) -> BatchConsumer:
        consumer = self._app.consumer if self._app is not None else None
        if not isinstance(consumer, BatchConsumer):
            raise TypeError("the app has a consumer of another transport")
        return consumer

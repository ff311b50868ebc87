"""The driver on a plain consumer of aiokafka, in our own event loop: a way out, and the measure of what Faust costs."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from services.adapters.drivers.consumer import Membership, consumer_options, start_consumer, stop_consumer
from services.adapters.drivers.group_driver import GroupDriver
from services.adapters.drivers.pace import Pace
from services.adapters.drivers.partitions import Partitions
from services.adapters.drivers.reader import GroupState, KafkaReader, Place
from services.adapters.drivers.watchdog import Limits, end_process
from services.adapters.kafka.client import KafkaConnection
from services.ports import Processor

_PAUSE_SECONDS = 0.5
"""Between two looks for partitions that want records, when none does."""


def kafka_driver(
    *,
    connection: KafkaConnection,
    membership: Membership,
    processor: Processor,
    pace: Pace | None = None,
    limits: Limits | None = None,
    end: Callable[[str], None] = end_process,
) -> GroupDriver:
    """A `Driver` on aiokafka; `end` is what the watchdog calls when it hangs."""
    pace = pace or Pace()
    options = consumer_options(connection, membership)
    return GroupDriver(
        new_member=lambda: _PlainMember(options, membership.topics, pace),
        processor=processor,
        pace=pace,
        limits=limits or Limits(),
        end=end,
    )


class _PlainMember:
    def __init__(self, options: dict[str, Any], topics: Iterable[str], pace: Pace) -> None:
        self._options = options
        self._topics = list(topics)
        self._pace = pace
        self._consumer: AIOKafkaConsumer | None = None
        self._reader: KafkaReader | None = None
        self._error: str | None = None

    async def run(self, partitions: Partitions) -> None:
        self._consumer = await start_consumer(self._options, on_trouble=self._note)
        self._reader = KafkaReader(self._consumer)
        self._consumer.subscribe(self._topics, listener=_Listener(partitions, self._pace))
        while True:
            if places := partitions.with_room():
                for fetched in await self._reader.fetch(places, seconds=partitions.patience, limit=self._pace.batch):
                    partitions.feed(fetched)
                await asyncio.sleep(0)  # records that lie ready are handed out without a turn of the loop
            else:
                await partitions.wait_for_room(_PAUSE_SECONDS)

    async def leave(self) -> None:
        if self._consumer is not None:
            await stop_consumer(self._consumer, self._pace.leave)

    async def inspect(self) -> GroupState:
        return self._reader.inspect() if self._reader is not None else GroupState(error=self._error)

    async def seek(self, place: Place, offset: int) -> int | None:
        return self._started().seek(place, offset)

    async def bounds(self, place: Place) -> tuple[int, int]:
        return await self._started().bounds(place)

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        await self._started().commit(offsets)

    def _started(self) -> KafkaReader:
        if self._reader is None:
            raise RuntimeError("partitions are assigned by a consumer that has started")
        return self._reader

    def _note(self, error: str | None) -> None:
        self._error = error


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    def __init__(self, partitions: Partitions, pace: Pace) -> None:
        self._partitions = partitions
        self._pace = pace

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        del revoked  # it is all of them: this protocol takes away everything before it assigns anew
        await self._partitions.release(self._pace.revoke)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._partitions.assign((each.topic, each.partition) for each in assigned)

"""Faust's transport, with two things of its own: positions are ours, and an event is a batch of one partition.

Faust books acknowledged offsets and seeks to them; that loses records (a test shows how), so none of it is used.
What is fetched goes its usual way through Faust, one event for all records of a partition that came together: its
cost for each event is spread over them. Every override says what it replaces, and why.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar, cast

from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode.threads import ServiceThread, WorkerThread
from yarl import URL

from services.adapters.drivers.consumer import start_consumer, stop_consumer
from services.adapters.drivers.pace import Pace
from services.adapters.drivers.partitions import Partitions
from services.adapters.drivers.reader import Fetched, GroupState, KafkaReader, Place

T = TypeVar("T")

SCHEME = "baton"
"""Of the transport's URL; what is behind it is said by the consumer's options."""
_PAUSE_SECONDS = 0.1
"""Between two looks for partitions that want records, when none does."""
_LOOK_SECONDS = 0.1
"""Between two looks whether we are still wanted while no broker can be reached."""


class _DaemonThread(WorkerThread):
    """One that does not keep the process from ending."""

    def __init__(self, service: ServiceThread, **options: Any) -> None:
        super().__init__(service, **options)
        self.daemon = True

    def run(self) -> None:
        """Run the service. What it raises crashes the app as well, which the driver raises: printing it is too much."""
        with suppress(Exception):
            super().run()


class BatchThread(driver.AIOKafkaConsumerThread):
    """The thread with the consumer's event loop, in which heartbeats go on whatever the rest does."""

    Worker = _DaemonThread
    logger = driver.logger
    consumer: "BatchConsumer"
    _consumer: AIOKafkaConsumer | None
    reader: KafkaReader | None = None
    error: str | None = None

    async def on_start(self) -> None:
        """Start the consumer with the options that both drivers have; while no broker can be reached, go on trying.

        Faust's own gives up at the first try, fetches with a wait of 1.5 s that is written into it, and skips what
        the log lacks (`auto_offset_reset`).
        """
        self.time_started = monotonic()
        starting = asyncio.create_task(start_consumer(self.consumer.transport.options, on_trouble=self._note))
        while not starting.done() and not self.should_stop:
            await asyncio.wait({starting}, timeout=_LOOK_SECONDS)
        if not starting.done():
            starting.cancel()
            return
        self._consumer = starting.result()
        self.reader = KafkaReader(self._consumer)

    async def on_thread_stop(self) -> None:
        """End the consumer, also where its own end fails half-way."""
        consumer, self._consumer = self._consumer, None
        await super().on_thread_stop()
        if consumer is not None:
            await stop_consumer(consumer, self.consumer.transport.pace.leave)

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        """Print nothing, for the same reason."""

    async def inside(self, work: Coroutine[Any, Any, T]) -> T:
        """Have something done in the thread's loop.

        Faust would queue it for two workers there, one of them taken by fetches: whoever waits for the other waits
        for a commit that cannot reach its broker.
        """
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.thread_loop))

    def _note(self, error: str | None) -> None:
        self.error = error


class BatchConsumer(driver.Consumer):
    """Faust's side of the consumer, in the main loop."""

    logger = driver.logger
    transport: "BatchTransport"
    _thread: BatchThread

    def _new_consumer_thread(self) -> BatchThread:
        return BatchThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 - Faust's
        """Fetch for the partitions that want records, and give one event for all that came of a partition.

        Faust's own gives an event for each record, drops what came while the flow was stopped, and seeks to
        committed offsets then.
        """
        partitions, reader = self.transport.partitions, self._thread.reader
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        if self.should_stop or reader is None:
            return
        places = partitions.with_room() & {(each.topic, each.partition) for each in self._get_active_partitions()}
        if not places:
            await partitions.wait_for_room(min(timeout, _PAUSE_SECONDS))
            return
        found = await self._thread.inside(
            reader.fetch(places, seconds=partitions.patience, limit=self.transport.pace.batch)
        )
        for fetched in found:
            if fetched.records:
                # Whether an offset counts is for the runner to say: without this, Faust drops what is read again.
                self._read_offset[TP(*fetched.place)] = None
                yield TP(*fetched.place), self._event(fetched)
            else:
                partitions.feed(fetched)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek nowhere: the runner of each partition seeks to its stored position.

        The broker's committed offset is behind it, or ahead of it, as it may be; it is committed for tools that show
        lag, and never read.
        """
        return {}

    async def force_commit(self, *_: Any, **__: Any) -> bool:
        """Commit nothing: Faust would what its streams have acknowledged. Positions are committed by the driver."""
        return False

    async def on_task_error(self, exc: BaseException) -> None:
        """Fail for good when an agent does. Faust would commit, past what failed, and start the agent again."""
        self.transport.partitions.fail(exc)

    async def verify_all_partitions_active(self) -> None:
        """Look after nothing: Faust would log, and read the thread's state amid a rebalance. The watchdog does."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let Faust stop the flow and forget what is under way, then wait for the batches in work.

        Once it is stopping, Faust would close the client here, in the wrong loop.
        """
        if not self.app.should_stop:
            await super().on_partitions_revoked(revoked)
        await self.transport.partitions.release(self.transport.pace.revoke)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin to work on them; Faust lets the flow go on when it has set itself up for them."""
        if not self.app.should_stop:
            self.transport.partitions.assign((each.topic, each.partition) for each in assigned)
            await super().on_partitions_assigned(assigned, generation_id)

    async def seek_to(self, place: Place, offset: int) -> int | None:
        """As `Source.seek`."""

        async def seek(reader: KafkaReader) -> int | None:
            return reader.seek(place, offset)

        return await self._thread.inside(seek(self._reader()))

    async def bounds_of(self, place: Place) -> tuple[int, int]:
        """As `Source.bounds`."""
        return await self._thread.inside(self._reader().bounds(place))

    async def tell(self, offsets: Mapping[Place, int]) -> None:
        """Commit to the broker."""
        await self._thread.inside(self._reader().commit(offsets))

    async def inspect(self) -> GroupState:
        """How the member stands in its group."""

        async def inspect(reader: KafkaReader) -> GroupState:
            return reader.inspect()

        if self._thread.reader is None:
            return GroupState(error=self._thread.error)
        return await self._thread.inside(inspect(self._thread.reader))

    def _reader(self) -> KafkaReader:
        if self._thread.reader is None:
            raise RuntimeError("partitions are assigned by a consumer that has started")
        return self._thread.reader

    def _event(self, fetched: Fetched) -> ConsumerMessage:
        first, batch = fetched.records[0], cast(Any, fetched)
        return ConsumerMessage(
            first.topic,
            first.partition,
            first.offset,
            first.timestamp / 1000,
            first.timestamp_type,
            headers=None,
            key=None,
            value=batch,
            checksum=None,
            tp=TP(*fetched.place),
            generation_id=self.app.consumer_generation_id,
        )


class BatchTransport(driver.Transport):
    """The transport that Faust makes its consumer by."""

    Consumer = BatchConsumer

    def __init__(self, app: Any, *, options: dict[str, Any], partitions: Partitions, pace: Pace) -> None:
        super().__init__([URL(f"{SCHEME}://")], app)
        self.options = options
        self.partitions = partitions
        self.pace = pace

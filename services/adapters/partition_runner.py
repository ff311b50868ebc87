"""One partition in this process: from the stored position on, its records are applied in order, batch by batch.

It decides what of that which is fetched counts: what lies below the position is dropped, what lies above it is read
anew. One call of the processor at a time, each in a thread, so that the loop and the heartbeats go on meanwhile.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError

from services.adapters.kafka_reader import Fetched, Place, to_log_record
from services.domain.instants import SECOND, Instant
from services.errors import LogGap, PositionLost, Unavailable
from services.ports import Processor

T = TypeVar("T")

ON_THEIR_WAY = SECOND
"""How long before a response its end is trusted: a record may have its time before others can read it."""
_MILLISECOND = 1_000
"""In microseconds."""
_TRIES = 3
"""How often a hole is read again before records count as missing: a new leader may need a moment."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a driver goes about it; seconds are real ones."""

    batch: int = 1000
    """Records in a transaction, at most: at this size the cost of a commit is spread thin."""
    held_bytes: int = 4 * 1024 * 1024
    """What one partition holds ready beside the batch in work, before it is read no further."""
    idle: float = 1.0
    """Between two looks at what is due in a partition that is read to its end."""
    back_off: tuple[float, float] = (0.5, 30.0)
    """The first and the longest wait while something is away."""
    threads: int = 4
    """Partitions in work at a time; each holds a connection to the database meanwhile."""
    beat: float = 0.5
    """Between two looks at how the consumer stands."""
    commit: float = 3.0
    """Between two commits to the broker. Nothing is read from there: they are for tools that show lag."""
    revoke: float = 25.0
    """For batches in work when partitions are taken away: less than the group waits (`Membership.rebalance`)."""
    finish: float = 12.0
    """For batches in work when the driver is stopped."""
    leave: float = 5.0
    """For leaving the group after that."""


class Source(Protocol):
    """What a runner asks of the consumer that feeds it. Both raise KafkaError."""

    async def seek(self, place: Place, offset: int) -> int | None:
        """Have the partition read from an offset; the ticket that what is read then bears, None if it is not ours."""

    async def bounds(self, place: Place) -> tuple[int, int]:
        """The offset of the first record that there is, and of the next one to come."""


class _LetGo(Exception):
    """The partition was taken away: what was under way is dropped."""


class PartitionRunner:
    """Applies one partition from `run` until `let_go`."""

    def __init__(
        self,
        place: Place,
        *,
        processor: Processor,
        source: Source,
        executor: Executor,
        slots: asyncio.Semaphore,
        pace: Pace,
        on_room: Callable[[], None],
    ) -> None:
        """`slots`: the threads of the executor that are free. `on_room` is called when more records may come."""
        self.place = place
        self.position: int | None = None
        """Where to read on: all below it is applied."""
        self.end: int | None = None
        """The offset of the next record to come, as far as is known."""
        self.trouble: str | None = None
        """Why nothing can be applied, and has not been since the last try."""
        self.is_away = False
        """Whether that is because the database is away."""
        self._processor = processor
        self._source = source
        self._executor = executor
        self._slots = slots
        self._pace = pace
        self._on_room = on_room
        self._held: deque[ConsumerRecord[bytes, bytes]] = deque()
        self._held_bytes = 0
        self._next = 0
        self._ticket: int | None = None
        self._has_hole = False
        self._holes = 0
        self._ended_at: Instant = 0
        self._read_at: Instant = 0
        self._idle_at = 0.0
        self._is_let_go = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def is_placed(self) -> bool:
        """Whether the consumer reads for it from the position."""
        return self._ticket is not None

    @property
    def has_room(self) -> bool:
        """Whether more records may be fetched for it."""
        return (
            self._ticket is not None
            and not self._has_hole
            and len(self._held) < self._pace.batch
            and self._held_bytes < self._pace.held_bytes
        )

    @property
    def lag(self) -> int | None:
        """How many records are not yet applied; None while it is not known."""
        return max(0, self.end - self.position) if self.end is not None and self.position is not None else None

    def feed(self, fetched: Fetched) -> None:
        """Take what was fetched; what a seek has made stale, and what is applied already, is dropped."""
        if fetched.ticket != self._ticket or self._has_hole:
            return
        if not fetched.records:
            self._has_hole = True
        for record in fetched.records:
            if record.offset > self._next:
                self._has_hole = True
                break
            if record.offset == self._next:
                self._held.append(record)
                self._held_bytes += max(record.serialized_value_size, 0)
                self._next += 1
                self._holes = 0
        if fetched.records:
            self.note(fetched.end, fetched.at)
        self._news.set()

    def note(self, end: int | None, at: Instant) -> None:
        """Take note of where the partition ended at an instant."""
        if end is not None and at >= self._ended_at:
            self.end, self._ended_at = end, at
            self._news.set()

    def let_go(self) -> None:
        """Begin nothing any more; `run` returns when the call that is under way has ended."""
        self._is_let_go.set()
        self._news.set()

    async def run(self) -> None:
        """Work until it is let go. Raises what the processor raises for good, and LogGap."""
        try:
            self.position = await self._ask(self._processor.position, *self.place)
            await self._read_on(self.position)
            while not self._is_let_go.is_set():
                await self._step()
        except _LetGo:
            return

    async def _step(self) -> None:
        self._news.clear()
        if self._has_hole and not self._held:
            await self._look_into_hole()
        elif self._held:
            await self._apply()
        elif self._is_at_end() and (left := self._idle_at - time.monotonic()) <= 0:
            await self._idle()
        else:
            await self._wait(self._news, left if self._is_at_end() else None)

    async def _apply(self) -> None:
        batch = self._take()
        after = batch[-1].offset + 1
        # A producer's own time, where a topic is set so, must not run ahead of what is read.
        self._advance(min(batch[-1].timestamp * _MILLISECOND, self._ended_at), after)
        records, read_at = batch, self._read_at
        for wait in self._waits():
            try:
                await self._call(lambda: self._processor.apply([to_log_record(each) for each in records], read_at))
            except Unavailable as error:
                await self._away(error, wait)
                # It may have gone away when all was written but the answer: then there is nothing left to do.
                if await self._ask(self._processor.position, *self.place) == after:
                    break
            else:
                break
        else:
            raise _LetGo
        self.position = after

    def _take(self) -> list[ConsumerRecord[bytes, bytes]]:
        had_room = self.has_room
        batch = [self._held.popleft() for _ in range(min(len(self._held), self._pace.batch))]
        self._held_bytes -= sum(max(record.serialized_value_size, 0) for record in batch)
        if self.has_room and not had_room:
            self._on_room()
        return batch

    async def _idle(self) -> None:
        self._advance(0, self._next)
        has_more = await self._ask(self._processor.idle, *self.place, self._read_at)
        self._idle_at = time.monotonic() + (0 if has_more else self._pace.idle)

    def _is_at_end(self) -> bool:
        return self.end is not None and not self._has_hole and self._next >= self.end

    def _advance(self, appended_at: Instant, after: int) -> None:
        """Move on the instant up to which all is read once what lies below `after` is applied. It never goes back."""
        is_all = self.end is not None and after >= self.end
        self._read_at = max(self._read_at, appended_at, self._ended_at - ON_THEIR_WAY if is_all else 0)

    async def _look_into_hole(self) -> None:
        """Read again at the position, where something else came. Raises LogGap when the record is not there."""
        position = self._next
        beginning, end = await self._patiently(lambda: self._source.bounds(self.place))
        if beginning > position or self._holes == _TRIES:
            topic, partition = self.place
            raise LogGap(
                f"{topic}, partition {partition}: applied up to offset {position}, but the log begins at {beginning} "
                f"and ends at {end}, without the record that follows: it was cut, or is not the log that the database "
                "belongs to; to go on without what is lost: baton topics accept-gap"
            )
        if self._holes:
            await self._wait(self._is_let_go, self._pace.back_off[0])
        self._holes += 1
        log.warning("hole in what was read", topic=self.place[0], partition=self.place[1], offset=position)
        await self._read_on(position)

    async def _read_on(self, position: int) -> None:
        """Have the consumer read from the position."""
        self._ticket = None
        ticket = await self._patiently(lambda: self._source.seek(self.place, position))
        if ticket is None:  # taken away; we are about to be told
            await self._is_let_go.wait()
            raise _LetGo
        self._next, self._has_hole, self._ticket = position, False, ticket
        self._on_room()

    async def _ask(self, call: Callable[..., T], *arguments: object) -> T:
        """The processor's answer; while the database is away it is asked again."""
        for wait in self._waits():
            try:
                return await self._call(call, *arguments)
            except Unavailable as error:
                await self._away(error, wait)
        raise _LetGo

    async def _call(self, call: Callable[..., T], *arguments: object) -> T:
        """What a call of the processor returns or raises, from a thread of its own."""
        async with self._slots:
            if self._is_let_go.is_set():
                raise _LetGo
            try:
                answer = await asyncio.get_running_loop().run_in_executor(self._executor, call, *arguments)
            except PositionLost:
                if self._is_let_go.is_set():
                    raise _LetGo from None
                raise
        self.trouble, self.is_away = None, False
        return answer

    async def _away(self, error: Unavailable, seconds: float) -> None:
        self.trouble, self.is_away = str(error), True
        log.warning(
            "storage away",
            error=str(error),
            topic=self.place[0],
            partition=self.place[1],
            retry_in_seconds=round(seconds, 1),
        )
        await self._wait(self._is_let_go, seconds)

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """What the consumer answers; while Kafka is away it is asked again."""
        for wait in self._waits():
            try:
                answer = await self._unless_let_go(call())
            except KafkaError as error:
                self.trouble = f"Kafka: {error}"
                log.warning("kafka away", error=str(error), topic=self.place[0], partition=self.place[1])
                await self._wait(self._is_let_go, wait)
            else:
                self.trouble = None
                return answer
        raise _LetGo

    async def _unless_let_go(self, answer: Awaitable[T]) -> T:
        work, gone = asyncio.ensure_future(answer), asyncio.ensure_future(self._is_let_go.wait())
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise _LetGo
            return work.result()
        finally:
            work.cancel()
            gone.cancel()

    def _waits(self) -> Iterator[float]:
        """Seconds to wait after each try, rising and never quite the same; they end when it is let go."""
        shortest, longest = self._pace.back_off
        at_most = shortest
        while not self._is_let_go.is_set():
            yield random.uniform(shortest, at_most)  # noqa: S311 - so that not all come back at once
            at_most = min(at_most * 2, longest)

    @staticmethod
    async def _wait(event: asyncio.Event, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return

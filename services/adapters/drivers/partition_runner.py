"""One partition in this process: from the stored position on, its records are applied in order, batch by batch.

One call of the processor at a time, each in a thread, so that the loop and the heartbeats go on meanwhile. What was
lost on the way is read again; where the log does not have it, that is the end.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError

from services.adapters.drivers.daemon_thread import call_in_thread
from services.adapters.drivers.pace import Pace
from services.adapters.drivers.read_ahead import ReadAhead
from services.adapters.drivers.reader import Fetched, Place, to_log_record
from services.adapters.drivers.tenure import Tenure, TenureOver
from services.domain.instants import SECOND, Instant
from services.errors import LogGap, PositionLost, Unavailable
from services.ports import Processor

T = TypeVar("T")

_MILLISECOND = 1_000
"""In microseconds."""
_TRIES = 3
"""How often a hole is read again before records count as missing: a new leader may need a moment."""

log = structlog.get_logger()


class Source(Protocol):
    """What a runner asks of the consumer that feeds it. Both raise KafkaError."""

    async def seek(self, place: Place, offset: int) -> int | None:
        """Have the partition read from an offset; the ticket that what is read then bears, None if it is not ours."""

    async def bounds(self, place: Place) -> tuple[int, int]:
        """The offset of the first record that there is, and of the next one to come."""


class PartitionRunner:
    """Applies one partition from `run` until `let_go`."""

    def __init__(
        self,
        place: Place,
        *,
        processor: Processor,
        source: Source,
        slots: asyncio.Semaphore,
        pace: Pace,
        on_room: Callable[[], None],
    ) -> None:
        """`slots`: how many may be in work at a time. `on_room` is called when more records may come."""
        self.place = place
        self.name = f"{place[0]}/{place[1]}"
        self.position: int | None = None
        """Where to read on: all below it is applied."""
        self.end: int | None = None
        """The offset of the next record to come, as far as is known."""
        self.read_at: Instant = 0
        """Up to when it was last said to be read. It never goes back."""
        self.trouble: str | None = None
        """Why nothing can be applied, and has not been since the last try."""
        self.is_away = False
        """Whether that is because the database is away."""
        self._tenure = Tenure()
        self._processor = processor
        self._source = source
        self._slots = slots
        self._pace = pace
        self._on_room = on_room
        self._ahead = ReadAhead(records=pace.batch, size=pace.held_bytes)
        self._holes = 0
        self._ended_at: Instant = 0
        self._idle_at = 0.0
        self._news = asyncio.Event()

    @property
    def is_placed(self) -> bool:
        """Whether the consumer reads for it from the position."""
        return self._ahead.is_begun

    @property
    def has_room(self) -> bool:
        """Whether more records may be fetched for it."""
        return self._ahead.has_room

    @property
    def lag(self) -> int | None:
        """How many records are not yet applied; None while it is not known."""
        return max(0, self.end - self.position) if self.end is not None and self.position is not None else None

    def feed(self, fetched: Fetched) -> None:
        """Take what was fetched, as far as it counts."""
        if self._ahead.add(fetched):
            self._holes = 0
            self.note(fetched.end, fetched.at)
        self._news.set()

    def note(self, end: int | None, at: Instant) -> None:
        """Take note of where the partition ended at an instant."""
        if end is not None and end >= (self.end or 0):  # an older one may come late, from another loop
            self.end, self._ended_at = end, at
            self._news.set()

    def let_go(self) -> None:
        """Begin nothing any more; `run` returns when the call that is under way has ended."""
        self._tenure.end()
        self._news.set()

    async def run(self) -> None:
        """Work until it is let go. Raises what the processor raises for good, and LogGap."""
        with suppress(TenureOver):
            self.position = await self._ask(self._processor.position, *self.place)
            self._is_well()
            await self._read_on(self.position)
            while not self._tenure.is_over:
                await self._step()

    async def _step(self) -> None:
        self._news.clear()
        idle_in = self._idle_in()
        if self._ahead:
            await self._apply()
        elif self._ahead.has_hole:
            await self._look_into_hole()
        elif idle_in is not None and idle_in <= 0:
            await self._idle()
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(idle_in):
                    await self._news.wait()

    async def _apply(self) -> None:
        batch = self._take()
        after = batch[-1].offset + 1
        # A producer's own time, where a topic is set so, must not run ahead of what is read.
        read_at = self._read_with(after, min(batch[-1].timestamp * _MILLISECOND, self._ended_at))
        for wait in self._tenure.tries(*self._pace.back_off):
            try:
                await self._call(lambda: self._processor.apply([to_log_record(each) for each in batch], read_at))
            except Unavailable as error:
                await self._away(error, wait)
                # It may have gone away when all was written but the answer: then there is nothing left to do.
                if await self._ask(self._processor.position, *self.place) == after:
                    break
            else:
                break
        else:
            raise TenureOver
        self.position, self.read_at = after, read_at
        self._is_well()

    def _take(self) -> "list[ConsumerRecord[bytes, bytes]]":
        had_room = self.has_room
        batch = self._ahead.take()
        if self.has_room and not had_room:
            self._on_room()
        return batch

    async def _idle(self) -> None:
        read_at = self._read_with(self._ahead.next, 0)
        has_more = await self._ask(self._processor.idle, *self.place, read_at)
        self._idle_at = time.monotonic() + (0 if has_more else self._pace.idle)
        self.read_at = read_at
        self._is_well()

    def _idle_in(self) -> float | None:
        """Seconds until it is to look at what is due; None while it is not read to its end."""
        is_at_end = self.end is not None and not self._ahead.has_hole and self._ahead.next >= self.end
        return self._idle_at - time.monotonic() if is_at_end else None

    def _read_with(self, after: int, appended_at: Instant) -> Instant:
        """Up to when all is read once what lies below `after` is applied, the last of it appended at an instant."""
        is_all = self.end is not None and after >= self.end
        on_their_way = int(self._pace.on_their_way * SECOND)
        return max(self.read_at, appended_at, self._ended_at - on_their_way if is_all else 0)

    async def _look_into_hole(self) -> None:
        """Read again at the position, where something else came. Raises LogGap when the record is not there."""
        position = self._ahead.next
        beginning, end = await self._patiently(lambda: self._source.bounds(self.place))
        if beginning > position or self._holes == _TRIES:
            raise LogGap(
                f"{self.name}: the record at offset {position} is the next to apply, but the log, which begins at "
                f"{beginning} and ends at {end}, does not have it: it was cut, or is not the log that the database "
                "belongs to; to go on without what is lost: baton topics accept-gap"
            )
        if self._holes:
            await self._tenure.wait_for_end(self._pace.back_off[0])
        self._holes += 1
        log.warning("hole in what was read", partition=self.name, offset=position)
        await self._read_on(position)

    async def _read_on(self, position: int) -> None:
        """Have the consumer read from the position."""
        self._ahead.end()
        ticket = await self._patiently(lambda: self._source.seek(self.place, position))
        if ticket is None:  # taken away; we are about to be told
            await self._tenure.wait_for_end()
            raise TenureOver
        if self._ahead.begin(position, ticket):
            self._holes = 0
        self._on_room()

    async def _ask(self, call: Callable[..., T], *arguments: object) -> T:
        """The processor's answer; while the database is away it is asked again."""
        for wait in self._tenure.tries(*self._pace.back_off):
            try:
                return await self._call(call, *arguments)
            except Unavailable as error:
                await self._away(error, wait)
        raise TenureOver

    async def _call(self, call: Callable[..., T], *arguments: object) -> T:
        """What a call of the processor returns or raises, from a thread of its own."""
        await self._tenure.within(self._slots.acquire())
        try:
            if self._tenure.is_over:
                raise TenureOver
            return await call_in_thread(f"partition {self.name}", call, *arguments)
        except PositionLost:
            if self._tenure.is_over:
                raise TenureOver from None
            raise
        finally:
            self._slots.release()

    async def _away(self, error: Unavailable, seconds: float) -> None:
        self.trouble, self.is_away = str(error), True
        log.warning("storage away", error=str(error), partition=self.name, retry_in_seconds=round(seconds, 1))
        await self._tenure.wait_for_end(seconds)

    def _is_well(self) -> None:
        self.trouble, self.is_away = None, False

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """What the consumer answers; while Kafka is away it is asked again."""
        for wait in self._tenure.tries(*self._pace.back_off):
            try:
                answer = await self._tenure.within(call())
            except KafkaError as error:
                self.trouble = f"Kafka: {error}"
                log.warning("kafka away", error=str(error), partition=self.name)
                await self._tenure.wait_for_end(wait)
            else:
                self._is_well()
                return answer
        raise TenureOver

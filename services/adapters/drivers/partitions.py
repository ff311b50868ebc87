"""All partitions that are assigned to this process: a runner for each, and what they come to together."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress

from services.adapters.drivers.pace import Pace
from services.adapters.drivers.partition_runner import PartitionRunner, Source
from services.adapters.drivers.reader import Fetched, GroupState, Place
from services.domain.instants import Instant
from services.ports import Processor

_PATIENCE = 0.5
_HASTE = 0.02


class Partitions:
    """Keeps to it that one partition is never in work twice, whatever is assigned and taken away meanwhile."""

    def __init__(self, *, processor: Processor, source: Source, pace: Pace) -> None:
        self._processor = processor
        self._source = source
        self._pace = pace
        self._slots = asyncio.Semaphore(pace.threads)
        self._room = asyncio.Event()
        self._is_finished = False
        self._is_failed = asyncio.Event()
        self._failures: list[BaseException] = []
        self._runners: dict[Place, PartitionRunner] = {}
        self._tasks: dict[Place, asyncio.Task[None]] = {}
        """Of the runners, and of those before them that have not ended yet."""
        self._read_at: dict[Place, Instant] = {}
        """Up to when each was said to be read when it was let go. It stays so, whoever has read it meanwhile."""

    def __iter__(self) -> Iterator[PartitionRunner]:
        return iter(self._runners.values())

    def assign(self, places: Iterable[Place]) -> None:
        """Work on these from now on, and on no others. After `finish` it comes to nothing."""
        self._let_go()
        if self._is_finished:
            return
        for place in places:
            runner = PartitionRunner(
                place,
                processor=self._processor,
                source=self._source,
                slots=self._slots,
                pace=self._pace,
                on_room=self._room.set,
            )
            self._runners[place] = runner
            task = asyncio.create_task(self._work(runner, self._tasks.get(place)))
            task.add_done_callback(self._on_end)
            self._tasks[place] = task

    async def release(self, seconds: float) -> list[Place]:
        """Begin nothing any more, and wait for what is in work; what has not ended in time."""
        self._let_go()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)
        self._tasks = {place: task for place, task in self._tasks.items() if not task.done()}
        return sorted(self._tasks)

    async def finish(self, seconds: float) -> list[Place]:
        """As `release`, for good: what a rebalance may still assign is not begun."""
        self._is_finished = True
        return await self.release(seconds)

    def fail(self, error: BaseException) -> None:
        """Have `failed` raise this, unless there was something before it."""
        self._failures.append(error)
        self._is_failed.set()

    async def failed(self) -> None:
        """Raise what has ended a partition, once that happens."""
        await self._is_failed.wait()
        self.check()

    def check(self) -> None:
        """Raise what has ended a partition, if anything has."""
        if self._failures:
            raise self._failures[0]

    def feed(self, fetched: Fetched) -> None:
        """Hand on what was fetched."""
        if (runner := self._runners.get(fetched.place)) is not None:
            runner.feed(fetched)

    def note(self, state: GroupState) -> None:
        """Take note of where the partitions end."""
        for place, runner in self._runners.items():
            if (partition := state.partitions.get(place)) is not None:
                runner.note(partition.end, partition.at)

    def with_room(self) -> set[Place]:
        """Those of which more records may be fetched."""
        return {place for place, runner in self._runners.items() if runner.has_room}

    async def wait_for_room(self, seconds: float) -> None:
        """Return when one has room again, or the time is over."""
        self._room.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._room.wait()

    @property
    def patience(self) -> float:
        """Seconds that a fetch may wait for records.

        Not long while a partition is held back: it wants records any moment, and this fetch would not bring them.
        """
        return _PATIENCE if all(runner.has_room for runner in self._runners.values()) else _HASTE

    def _let_go(self) -> None:
        for runner in self._runners.values():
            runner.let_go()
        self._runners = {}

    async def _work(self, runner: PartitionRunner, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait({before})
        runner.read_at = self._read_at.get(runner.place, 0)
        try:
            await runner.run()
        finally:
            self._read_at[runner.place] = runner.read_at

    def _on_end(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.fail(error)

"""All partitions that are assigned to this process: a runner for each, and what they come to together."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from services.adapters.kafka_reader import Fetched, GroupState, Place
from services.adapters.partition_runner import Pace, PartitionRunner, Source
from services.ports import Processor

_PATIENCE = 0.5
_HASTE = 0.02


class Partitions:
    """Keeps to it that one partition is never in work twice, whatever is assigned and taken away meanwhile."""

    def __init__(self, *, processor: Processor, source: Source, pace: Pace) -> None:
        """To be made within the event loop in which it is used."""
        self._processor = processor
        self._source = source
        self._pace = pace
        self._executor = ThreadPoolExecutor(pace.threads, thread_name_prefix="partition")
        self._slots = asyncio.Semaphore(pace.threads)
        self._room = asyncio.Event()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._runners: dict[Place, PartitionRunner] = {}
        self._tasks: dict[Place, asyncio.Task[None]] = {}
        """Of the runners, and of those before them that have not ended yet."""

    def __iter__(self) -> Iterator[PartitionRunner]:
        return iter(self._runners.values())

    def assign(self, places: Iterable[Place]) -> None:
        """Work on these from now on, and on no others."""
        self._let_go()
        for place in places:
            runner = PartitionRunner(
                place,
                processor=self._processor,
                source=self._source,
                executor=self._executor,
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

    def close(self) -> None:
        """Give the threads back; one that still works ends when it is done."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._failure.cancel()

    def fail(self, error: BaseException) -> None:
        """Have `failed` raise this, unless there is something before it."""
        if not self._failure.done():
            self._failure.set_exception(error)

    async def failed(self) -> None:
        """Raise what has ended a partition, once that happens."""
        await asyncio.shield(self._failure)

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
        try:
            await asyncio.wait_for(self._room.wait(), seconds)
        except TimeoutError:
            return

    @property
    def patience(self) -> float:
        """Seconds that a fetch may wait for records.

        Not long while a partition is held back: it wants records any moment, and this fetch would not bring them.
        """
        return _PATIENCE if all(runner.has_room for runner in self._runners.values()) else _HASTE

    def positions(self) -> Mapping[Place, int]:
        """How far each is applied, where that is known."""
        return {place: runner.position for place, runner in self._runners.items() if runner.position is not None}

    def _let_go(self) -> None:
        for runner in self._runners.values():
            runner.let_go()
        self._runners = {}

    @staticmethod
    async def _work(runner: PartitionRunner, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait({before})
        await runner.run()

    def _on_end(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.fail(error)

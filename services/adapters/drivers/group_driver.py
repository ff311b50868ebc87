"""What both drivers of Kafka share: from the start of a member of the group to its end, watched over all the time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Protocol

import structlog
from aiokafka.errors import KafkaError

from services.adapters.drivers.pace import Pace
from services.adapters.drivers.partition_runner import PartitionRunner, Source
from services.adapters.drivers.partitions import Partitions
from services.adapters.drivers.reader import GroupState, Place
from services.adapters.drivers.watchdog import Kind, Limits, Symptom, Watchdog, end_process
from services.ports import Processor

_CANCEL_SECONDS = 1.0
"""Before a task that still runs is cancelled once more."""
_GRACE_SECONDS = 2.0
"""For a member that gives up telling the group, to end all the same."""

log = structlog.get_logger()


class Member(Source, Protocol):
    """A member of the consumer group, however it is made."""

    async def run(self, partitions: Partitions) -> None:
        """Join, and feed the partitions until cancelled. Raises what ends it otherwise."""

    async def leave(self) -> None:
        """End it, and tell the group, if it listens (`Pace.leave`)."""

    async def inspect(self) -> GroupState:
        """How it stands; raises what it cannot get over."""

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        """Tell the broker how far we are. Raises KafkaError."""


class GroupDriver:
    """A `Driver` around a member of a consumer group."""

    def __init__(
        self,
        *,
        new_member: Callable[[], Member],
        processor: Processor,
        pace: Pace,
        limits: Limits,
        end: Callable[[str], None] = end_process,
    ) -> None:
        """`end` is called by the watchdog, in its thread, when the process hangs."""
        self._new_member = new_member
        self._processor = processor
        self._pace = pace
        self._limits = limits
        self._end = end
        self._partitions: Partitions | None = None
        self._state = GroupState()

    async def run(self, stop: asyncio.Event) -> None:
        """As `Driver` has it. Raises TimeoutError when a batch in work does not end in time."""
        member = self._new_member()
        partitions = Partitions(processor=self._processor, source=member, pace=self._pace)
        self._partitions, self._state = partitions, GroupState()
        try:
            with Watchdog(limits=self._limits, end=self._end) as watchdog:
                await self._drive(member, partitions, watchdog, stop)
        finally:
            self._partitions = None

    @property
    def trouble(self) -> str | None:
        """As `Driver` has it."""
        if self._partitions is None:
            return "the driver is not running"
        troubles = [runner.trouble for runner in self._partitions if runner.trouble is not None]
        if troubles:
            return troubles[0]
        if not self._state.is_reachable:
            return f"Kafka cannot be reached: {self._state.error or 'no broker is connected'}"
        if self._state.error is not None:
            return f"Kafka: {self._state.error}"
        if self._state.missing:
            return f"Kafka has no topic {', '.join(self._state.missing)}"
        # One that has joined and got no partition is a spare: well, and ready to take over.
        return None if self._state.is_joined else "joining the consumer group"

    def lag(self) -> Mapping[Place, int]:
        """Of each assigned partition whose end is known, how many of its records are not yet applied."""
        return {runner.place: runner.lag for runner in self._partitions or () if runner.lag is not None}

    async def _drive(self, member: Member, partitions: Partitions, watchdog: Watchdog, stop: asyncio.Event) -> None:
        running = asyncio.create_task(member.run(partitions))
        others = [
            asyncio.create_task(each)
            for each in (
                self._beat(member, partitions, watchdog),
                self._commit_now_and_then(member, partitions),
                partitions.failed(),
                _set(stop),
            )
        ]
        try:
            ended, _ = await asyncio.wait({running, *others}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving = asyncio.create_task(self._beat_to_the_end(watchdog))
            await _cancel(others)
            left = await self._finish(member, partitions, running)
            await _cancel([leaving])
        for task in ended:
            task.result()
        partitions.check()
        if left:
            names = ", ".join(f"{topic}/{partition}" for topic, partition in left)
            raise TimeoutError(f"still in work {self._pace.finish:g} s after the stop: {names}")

    async def _finish(self, member: Member, partitions: Partitions, running: "asyncio.Task[None]") -> list[Place]:
        """Finish what is in work, and leave the group; what did not end in time."""
        runners = list(partitions)
        left = await partitions.finish(self._pace.finish)
        if self._state.is_reachable:
            await _at_the_end(self._commit(member, _positions(runners)))
        await _cancel([running])
        await _at_the_end(self._leave(member))
        return left

    async def _leave(self, member: Member) -> None:
        async with asyncio.timeout(self._pace.leave + _GRACE_SECONDS):
            await member.leave()

    async def _beat(self, member: Member, partitions: Partitions, watchdog: Watchdog) -> None:
        while True:
            self._state = await member.inspect()
            partitions.note(self._state)
            watchdog.beat(list(_symptoms(self._state, partitions)))
            await asyncio.sleep(self._pace.beat)

    async def _beat_to_the_end(self, watchdog: Watchdog) -> None:
        while True:
            watchdog.beat([Symptom(Kind.STOPPING)])
            await asyncio.sleep(self._pace.beat)

    async def _commit_now_and_then(self, member: Member, partitions: Partitions) -> None:
        known: dict[Place, int] = {}
        while True:
            await asyncio.sleep(self._pace.commit)
            positions = _positions(partitions)
            await self._commit(member, {place: at for place, at in positions.items() if known.get(place) != at})
            known = positions

    async def _commit(self, member: Member, offsets: Mapping[Place, int]) -> None:
        """Tell the broker, if it listens."""
        if not offsets:
            return
        try:
            async with asyncio.timeout(self._pace.commit):
                await member.commit(offsets)
        except (KafkaError, TimeoutError) as error:
            log.warning("position not told to Kafka", error=repr(error))


def _symptoms(state: GroupState, partitions: Iterable[PartitionRunner]) -> Iterator[Symptom]:
    """What is not as it should be.

    A member that has joined and got no partition is a spare, and well. While the database is away nothing can move,
    and while Kafka is away there is nothing to read: neither is a hang.
    """
    if not state.is_reachable:
        yield Symptom(Kind.UNREACHABLE)
        return
    if not state.is_joined:
        yield Symptom(Kind.UNJOINED)
        return
    runners = {runner.place: runner for runner in partitions}
    for place, partition in state.partitions.items():
        runner = runners.get(place)
        name = f"{place[0]}/{place[1]}"
        if runner is not None and runner.is_away:
            continue
        if runner is None or not runner.is_placed or partition.position is None:
            yield Symptom(Kind.UNPLACED, name)
        elif partition.is_led:
            if runner.lag:
                yield Symptom(Kind.STUCK, f"{name} stands at {runner.position}")
            if runner.has_room:
                yield Symptom(Kind.STUCK, f"{name} was last answered for at {partition.at}")


def _positions(runners: Iterable[PartitionRunner]) -> dict[Place, int]:
    """How far each is applied, where that is known."""
    return {runner.place: runner.position for runner in runners if runner.position is not None}


async def _at_the_end(work: Awaitable[None]) -> None:
    """Do what is well-mannered, but must not hide why we end: others find out all the same, a session later."""
    try:
        await work
    except Exception as error:
        log.warning("the group was not told", error=repr(error))


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _cancel(tasks: "Iterable[asyncio.Task[None]]") -> None:
    """Cancel, and wait until they have ended; what they raise is for whoever has waited for them."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        # Again, if need be: more than one library takes a cancellation that comes at the wrong time for something else.
        _, left = await asyncio.wait(left, timeout=_CANCEL_SECONDS)

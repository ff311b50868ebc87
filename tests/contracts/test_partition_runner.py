"""What a partition's runner makes of what is fetched, in whatever order and however often it comes."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord

from services.adapters.drivers.pace import Pace
from services.adapters.drivers.partition_runner import PartitionRunner
from services.adapters.drivers.reader import Fetched, Place
from services.domain.instants import SECOND
from services.errors import LogGap, PositionLost, Unavailable
from services.ports import LogRecord
from tests.contracts.ledger import Ledger

PLACE = ("events", 3)
NOW = 1_700_000_000_000
"""Milliseconds, as Kafka has them."""
_LONG_ENOUGH = 30.0


class Log:
    """The consumer's side, by hand: notes where it is told to read from."""

    def __init__(self) -> None:
        self.seeks: list[int] = []
        self.beginning, self.end = 0, 1000
        self.is_ours = True

    async def seek(self, place: Place, offset: int) -> int | None:
        """The number of the seek is its ticket."""
        assert place == PLACE
        self.seeks.append(offset)
        return len(self.seeks) if self.is_ours else None

    async def bounds(self, place: Place) -> tuple[int, int]:
        """As they were set."""
        assert place == PLACE
        return self.beginning, self.end


class Bench:
    """A runner, its log and its ledger."""

    def __init__(self, folder: Path, **pace: float) -> None:
        self.log = Log()
        self.ledger = Ledger(folder / "ledger.db")
        given = {"idle": 3600.0, "back_off": (0.01, 0.05)} | pace
        self.runner = PartitionRunner(
            PLACE,
            processor=self.ledger,
            source=self.log,
            slots=asyncio.Semaphore(1),
            pace=Pace(**given),  # type: ignore[arg-type]
            on_room=lambda: None,
        )

    def feed(
        self, offsets: Sequence[int], *, ticket: int | None = None, end: int = 1000, at: int = NOW, since: int = NOW
    ) -> None:
        """Hand in records at these offsets, by default of the last seek; `since` is when offset 0 was appended.

        `end` and `at`: where the log ended, and when. Times are milliseconds; records come one in each.
        """
        records = [record(offset, since + offset) for offset in offsets]
        self.runner.feed(Fetched(PLACE, records, ticket or len(self.log.seeks), end, at * 1000))

    @property
    def applied(self) -> list[int]:
        """The offsets that were applied, in that order."""
        return [offset for offset, _ in self.ledger.applied(PLACE[0]).get(PLACE[1], [])]


def record(offset: int, appended_at: int) -> "ConsumerRecord[bytes, bytes]":
    """A record of eight bytes that says its offset."""
    value = b"%08d" % offset
    return ConsumerRecord(*PLACE, offset, appended_at, 1, b"k", value, None, 1, len(value), ())


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator["asyncio.Task[None]"]:
    """Have it run, from the first seek on, until it is let go."""
    task = asyncio.create_task(bench.runner.run())
    await until(lambda: bench.log.seeks or task.done())
    yield task
    bench.runner.let_go()
    await task


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + _LONG_ENOUGH
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.005)


async def test_what_is_applied_already(tmp_path: Path) -> None:
    """Records below the position are dropped, though they come with others, or again."""
    bench = Bench(tmp_path)
    bench.ledger.set_position(PLACE, 5)
    async with running(bench):
        bench.feed(range(3, 8))
        bench.feed(range(10))
        bench.feed(range(2))
        await until(lambda: len(bench.applied) == 5)
    assert bench.applied == [5, 6, 7, 8, 9]
    assert bench.log.seeks == [5]


@pytest.mark.parametrize("lost", [range(3), range(3, 6)], ids=["at the position", "amid a batch"])
async def test_what_was_lost_on_the_way(tmp_path: Path, lost: range) -> None:
    """Records that are missing are read anew from where they are missed, and what was read before that is stale."""
    bench = Bench(tmp_path)
    async with running(bench):
        bench.feed([offset for offset in range(10) if offset not in lost])
        await until(lambda: len(bench.log.seeks) == 2)
        assert bench.log.seeks == [0, lost.start]
        bench.feed(range(10, 20), ticket=1)
        bench.feed(range(lost.start, 12))
        await until(lambda: len(bench.applied) == 12)
    assert bench.applied == list(range(12))
    assert bench.log.seeks == [0, lost.start]


async def test_holes_that_heal_do_not_add_up(tmp_path: Path) -> None:
    """However often something is lost on the way: what is there when read again is no gap of the log."""
    bench = Bench(tmp_path)
    async with running(bench) as task:
        for start in range(0, 100, 10):
            bench.feed([start + 5])
            await until(lambda: len(bench.log.seeks) == start // 10 + 2 or task.done())  # noqa: B023
            bench.feed(range(start, start + 10))
        await until(lambda: len(bench.applied) == 100)
    assert bench.applied == list(range(100))


async def test_what_is_not_there_when_read_again(tmp_path: Path) -> None:
    """A hole that stays is a gap, and what lies beyond it is not applied."""
    bench = Bench(tmp_path)
    task = asyncio.create_task(bench.runner.run())
    await until(lambda: bench.log.seeks)
    bench.feed([0, 1])
    while not task.done():
        bench.feed([3, 4])
        await asyncio.sleep(0.005)
    with pytest.raises(LogGap, match=r"events/3: the record at offset 2 is .* begins at 0 and ends at 1000"):
        await task
    assert bench.applied == [0, 1]
    assert bench.log.seeks == [0, 2, 2, 2]


async def test_what_was_cut_off(tmp_path: Path) -> None:
    """Nothing at the position, and a log that begins above it, is a gap at once."""
    bench = Bench(tmp_path)
    bench.log.beginning = 7
    task = asyncio.create_task(bench.runner.run())
    await until(lambda: bench.log.seeks)
    bench.feed([])
    with pytest.raises(LogGap, match="begins at 7"):
        await task
    assert bench.log.seeks == [0]


async def test_how_far_it_is_read(tmp_path: Path) -> None:
    """Up to a second before the last response at the end of the log, else up to the last record; never back."""
    bench = Bench(tmp_path, idle=0.01)
    async with running(bench):
        bench.feed(range(10), end=20, at=NOW + 60_000)
        await until(lambda: len(bench.applied) == 10)
        assert bench.ledger.told[PLACE] == (NOW + 9) * 1000
        bench.feed(range(10, 20), end=20, at=NOW + 60_000)
        await until(lambda: len(bench.applied) == 20)
        assert bench.ledger.told[PLACE] == (NOW + 60_000) * 1000 - SECOND
        bench.runner.note(20, (NOW + 90_000) * 1000)
        await until(lambda: bench.ledger.told[PLACE] == (NOW + 90_000) * 1000 - SECOND)
        bench.runner.note(19, (NOW + 95_000) * 1000)
        bench.runner.note(None, 0)
        bench.feed([20], end=21, at=NOW + 90_500, since=NOW + 90_000)
        await until(lambda: len(bench.applied) == 21)
        assert bench.ledger.told[PLACE] == (NOW + 90_020) * 1000
        assert bench.runner.lag == 0


async def test_a_time_that_is_still_to_come(tmp_path: Path) -> None:
    """A record whose time is ahead of ours (a producer's own, or a broker's clock) is not believed to be read later."""
    bench = Bench(tmp_path)
    async with running(bench):
        bench.feed(range(10), end=20, at=NOW - 3_600_000)
        await until(lambda: len(bench.applied) == 10)
    assert bench.ledger.told[PLACE] == (NOW - 3_600_000) * 1000


async def test_room(tmp_path: Path) -> None:
    """It wants no more records while it holds a batch ready, or as many bytes as it may."""
    bench = Bench(tmp_path, batch=10, held_bytes=64)
    hold = threading.Event()

    def wait(_records: Sequence[LogRecord]) -> None:
        hold.wait(_LONG_ENOUGH)

    bench.ledger.on_apply = wait
    assert not bench.runner.has_room
    async with running(bench):
        bench.feed([0])
        await until(lambda: bench.ledger.batches)
        bench.feed(range(1, 8))
        assert bench.runner.has_room
        bench.feed([8])
        assert not bench.runner.has_room
        hold.set()
        await until(lambda: len(bench.applied) == 9)
        assert bench.runner.has_room


async def test_let_go_amid_a_batch(tmp_path: Path) -> None:
    """The batch in work is finished, and no other is begun."""
    bench = Bench(tmp_path, batch=5)
    begun, hold = threading.Event(), threading.Event()

    def wait(_records: Sequence[LogRecord]) -> None:
        begun.set()
        hold.wait(_LONG_ENOUGH)

    bench.ledger.on_apply = wait
    async with running(bench) as task:
        bench.feed(range(20))
        await until(begun.is_set)
        bench.runner.let_go()
        await asyncio.sleep(0.05)
        assert not task.done()
        hold.set()
    assert bench.applied == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("error", [PositionLost("another has it"), Unavailable("away")], ids=["lost", "away"])
async def test_let_go_and_refused(tmp_path: Path, error: Exception) -> None:
    """A batch of a partition that was taken away meanwhile comes to nothing, silently."""
    bench = Bench(tmp_path)
    begun, hold = threading.Event(), threading.Event()

    def refuse(_records: Sequence[LogRecord]) -> None:
        begun.set()
        hold.wait(_LONG_ENOUGH)
        raise error

    bench.ledger.on_apply = refuse
    async with running(bench):
        bench.feed(range(3))
        await until(begun.is_set)
        bench.runner.let_go()
        hold.set()
    assert bench.applied == []
    assert len(bench.ledger.batches) == 1
    assert bench.runner.read_at == 0


async def test_a_partition_that_is_no_longer_ours(tmp_path: Path) -> None:
    """The consumer may know that it was taken away before we are told: it is left alone until then."""
    bench = Bench(tmp_path)
    bench.log.is_ours = False
    async with running(bench) as task:
        await asyncio.sleep(0.05)
        assert not task.done()
        assert not bench.runner.is_placed
    assert bench.log.seeks == [0]


async def test_what_comes_sooner_than_the_seek_is_known(tmp_path: Path) -> None:
    """A fetch may answer with records of a seek before the runner knows its ticket: they count all the same."""
    bench = Bench(tmp_path)
    seek = bench.log.seek

    async def seek_and_fetch(place: Place, offset: int) -> int | None:
        ticket = await seek(place, offset)
        bench.feed(range(5), ticket=ticket)
        bench.feed(range(7, 9), ticket=99)
        return ticket

    bench.log.seek = seek_and_fetch  # type: ignore[method-assign]
    async with running(bench):
        await until(lambda: len(bench.applied) == 5)
        bench.feed(range(5, 10))
        await until(lambda: len(bench.applied) == 10)
    assert bench.log.seeks == [0]

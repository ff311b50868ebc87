"""The spool: in order, bounded, durable, and given back when it is empty."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.adapters.spool import NEARLY_FULL, Spool
from services.errors import Unavailable, UsageError
from services.ports import Record
from tests.contracts.event_logs import record, texts

ROOM = 1024 * 1024


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the spool is."""
    return tmp_path / "spool.db"


@pytest.fixture
async def spool(path: Path) -> AsyncIterator[Spool]:
    """An empty spool of a mebibyte."""
    spool = Spool(path, most_bytes=ROOM)
    yield spool
    spool.close()


async def waiting(spool: Spool, most_records: int = 10_000, most_bytes: int = 2**30) -> list[str]:
    """What waits, in order."""
    return texts([each.record for each in await spool.next(most_records=most_records, most_bytes=most_bytes)])


async def deliver(spool: Spool, most_records: int = 10_000) -> int:
    """Have the first records delivered; how many there were."""
    batch = await spool.next(most_records=most_records, most_bytes=2**30)
    await spool.settle(delivered=[each.turn for each in batch])
    return len(batch)


async def fill(spool: Spool, size: int = 10_000) -> int:
    """Add records until it takes no more; how many it took."""
    count = 0
    while True:
        try:
            await spool.add([record("x" * size)])
        except Unavailable:
            return count
        count += 1


def size_of(path: Path) -> int:
    """How large the file is."""
    return path.stat().st_size


async def test_records_come_back_as_they_went(spool: Spool) -> None:
    """Topic, key, bytes and headers, in the order of adding."""
    records = [
        Record("events", "ż\x00'", bytes(range(256)), {"crm": "hubspot", "where": "Łódź"}),
        Record("events", "b", b"", ordered_by="a"),
        Record("events", "c", b"", is_tombstone=True),
    ]
    await spool.add(records)
    await spool.add([record("3")])
    batch = await spool.next(most_records=10, most_bytes=10_000)
    assert [each.record for each in batch] == [*records, record("3")]
    assert spool.waiting == 4


async def test_what_is_delivered_is_gone(spool: Spool) -> None:
    """The rest keeps its order."""
    await spool.add([record(str(number)) for number in range(10)])
    batch = await spool.next(most_records=6, most_bytes=10_000)
    await spool.settle(delivered=[batch[number].turn for number in (0, 1, 3, 5)])
    assert await waiting(spool) == ["2", "4", "6", "7", "8", "9"]
    assert spool.waiting == 6


async def test_batches(spool: Spool) -> None:
    """At most so many records; and about so many bytes, but one record at least."""
    await spool.add([record(str(number) * 100) for number in range(9)])
    assert len(await waiting(spool, most_records=4)) == 4
    assert len(await waiting(spool, most_bytes=250)) == 3
    assert len(await waiting(spool, most_bytes=1)) == 1


async def test_appends_at_once(spool: Spool) -> None:
    """Each stays in one piece and in its order."""
    await asyncio.gather(*(spool.add([record(f"{number}/{part}") for part in range(3)]) for number in range(200)))
    found = await waiting(spool)
    assert len(found) == 600
    for place in range(0, 600, 3):
        number = found[place].split("/")[0]
        assert found[place : place + 3] == [f"{number}/{part}" for part in range(3)]


async def test_what_is_set_aside(spool: Spool) -> None:
    """It waits no more, and is found by topic, the smallest first."""
    await spool.add([record(value, topic=topic) for value, topic in (("aaa", "one"), ("b", "two"), ("c", "one"))])
    batch = await spool.next(most_records=3, most_bytes=1000)
    await spool.settle(delivered=[batch[1].turn], refused=[batch[0].turn])
    await spool.add([record("dd", topic="one"), record("eeee", topic="three")], aside=True)
    assert await waiting(spool) == ["c"]
    assert (spool.waiting, spool.aside) == (1, 3)
    assert await spool.aside_topics() == ["one", "three"]
    smallest = await spool.smallest_aside("one")
    assert smallest is not None
    assert smallest.record.value == b"dd"
    await spool.drop_aside(smallest.turn)
    assert spool.aside == 2
    assert await spool.smallest_aside("two") is None


async def test_reopened(path: Path, spool: Spool) -> None:
    """What waits and what is set aside are there after a restart, in order and counted."""
    await spool.add([record(str(number)) for number in range(5)])
    await spool.add([record("large")], aside=True)
    await deliver(spool, 2)
    used = spool.bytes_used
    spool.close()
    again = Spool(path, most_bytes=ROOM)
    assert (again.waiting, again.aside, again.bytes_used) == (3, 1, used)
    await again.add([record("5")])
    assert await waiting(again) == ["2", "3", "4", "5"]
    again.close()


async def test_the_bound(path: Path, spool: Spool) -> None:
    """Nearly full, it takes no more, says so, and the file is no larger than allowed; with room again, it does."""
    took = await fill(spool)
    assert took >= 70
    with pytest.raises(Unavailable, match=r"^spool: nearly full \([0-9,]+ of 1,048,576 bytes are taken\)$"):
        await spool.add([record("x" * 10_000)])
    assert NEARLY_FULL - 0.03 < spool.share_used <= 1
    assert spool.bytes_used == pytest.approx(spool.share_used * ROOM)
    assert size_of(path) <= ROOM
    assert spool.waiting == took
    await deliver(spool, 10)
    assert await fill(spool) in (9, 10, 11)


async def test_the_bound_counts_what_is_on_its_way(spool: Spool) -> None:
    """Adding much at once takes no more than adding it bit by bit."""
    results = await asyncio.gather(*(spool.add([record("x" * 10_000)]) for _ in range(200)), return_exceptions=True)
    took = results.count(None)
    assert 60 <= took <= NEARLY_FULL * ROOM / 10_000
    assert {type(result) for result in results} == {type(None), Unavailable}
    assert spool.waiting == took


async def test_a_bound_that_was_lowered(path: Path, spool: Spool) -> None:
    """What is there stays and is drained; nothing is added before there is room."""
    await spool.add([record("x" * 10_000) for _ in range(50)])
    spool.close()
    lower = Spool(path, most_bytes=100_000)
    assert lower.waiting == 50
    with pytest.raises(Unavailable, match="nearly full"):
        await lower.add([record("1")])
    await deliver(lower)
    await lower.add([record("1")])
    assert await waiting(lower) == ["1"]
    lower.close()


async def test_an_empty_spool_takes_no_room(path: Path) -> None:
    """The file shrinks, and neither it nor its journal holds anything of what was delivered."""
    spool = Spool(path, most_bytes=8 * ROOM)
    await spool.add([Record("events", "a", b"canary" * 1000, {"crm": "hubspot"}) for _ in range(500)])
    await spool.add([record("and after")])
    await deliver(spool, 250)
    await deliver(spool)
    assert spool.waiting == 0
    assert spool.share_used < 0.01
    files = [file.read_bytes() for file in path.parent.iterdir()]
    assert sum(map(len, files)) < 100_000
    assert not [content for content in files if b"canary" in content]
    await spool.add([record("one more")])
    assert await waiting(spool) == ["one more"]
    spool.close()


async def test_given_up(spool: Spool) -> None:
    """A record whose adder stopped waiting is written and counted all the same."""
    adding = asyncio.ensure_future(spool.add([record("0")]))
    await asyncio.sleep(0)
    adding.cancel()
    await spool.add([record("1")])
    assert await waiting(spool) == ["0", "1"]
    assert spool.waiting == 2


async def test_disk_full(spool: Spool) -> None:
    """An add that finds no room on the disk fails whole and is not counted; later ones succeed when there is room."""
    await spool.add([record("first")])
    pages = spool._writing.execute("PRAGMA page_count").fetchone()[0]
    spool._writing.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unavailable, match="full"):
        await spool.add([record("small"), record("large" * 10_000)])
    assert spool.waiting == 1
    spool._writing.execute("PRAGMA max_page_count = 1000000")
    await spool.add([record("second")])
    assert await waiting(spool) == ["first", "second"]
    assert spool.waiting == 2


async def test_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that somebody else locks is an outage, and over when the lock is: nothing was lost or counted twice."""
    monkeypatch.setattr("services.adapters.sqlite_file._WAIT_SECONDS", 0.05)
    spool = Spool(path, most_bytes=ROOM)
    await spool.add([record("0")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        await spool.add([record("1")])
    with pytest.raises(Unavailable, match="locked"):
        await deliver(spool)
    other.execute("ROLLBACK")
    other.close()
    await spool.add([record("2")])
    assert await waiting(spool) == ["0", "2"]
    assert spool.waiting == 2
    assert await deliver(spool) == 2
    assert spool.waiting == 0
    spool.close()


async def test_closed(spool: Spool) -> None:
    """Later adds are refused and not counted; closing twice is once."""
    spool.close()
    with pytest.raises(Unavailable, match="closed"):
        await spool.add([record("0")])
    assert spool.waiting == 0
    spool.close()


def test_unusable_file(path: Path) -> None:
    """A spool that cannot be opened says so at once."""
    path.write_text("no database" * 200)
    with pytest.raises(UsageError, match=r"spool\.db cannot be used as the spool"):
        Spool(path, most_bytes=ROOM)
    with pytest.raises(Unavailable):
        Spool(path.parent / "nowhere" / "spool.db", most_bytes=ROOM)

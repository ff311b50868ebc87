"""What the embedded log promises beyond every event log: it is read, without holes, and an append is whole or not."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.adapters.sqlite.log import SqliteLog
from services.adapters.wall_clock import LapsedClock
from services.errors import Unavailable, UsageError
from services.ports import DEALS, EVENTS, LogRecord, Record
from tests.contracts.event_logs import record, texts


class StandingClock(LapsedClock):
    """A clock that shows one instant."""

    def __init__(self) -> None:
        super().__init__(start=0, speed=1.0)

    def now(self) -> int:
        """Always the same."""
        return 77


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is."""
    return tmp_path / "log.db"


@pytest.fixture
def log(path: Path) -> Iterator[SqliteLog]:
    """A fresh log."""
    log = SqliteLog(path, StandingClock())
    yield log
    log.close()


def everything(log: SqliteLog, topic: str = EVENTS) -> list[LogRecord]:
    """The whole topic, in small pieces."""
    found: list[LogRecord] = []
    while part := log.read(topic, len(found), 7):
        found += part
    return found


async def test_nothing_yet(log: SqliteLog) -> None:
    """A fresh log is empty, and so is a topic that nobody has heard of."""
    assert log.read(EVENTS, 0, 10) == []
    assert log.read("nothing", 5, 10) == []
    assert log.end(EVENTS) == 0


async def test_what_is_appended_is_read(log: SqliteLog) -> None:
    """A record is read back as it came, with its offset and the time of the append."""
    odd = Record(EVENTS, "ż\x00'", bytes(range(256)), {})
    await log.append([record("one"), odd])
    assert log.read(EVENTS, 0, 10) == [
        LogRecord(EVENTS, 0, 0, "a", b"one", {"crm": "hubspot"}, 77),
        LogRecord(EVENTS, 0, 1, odd.key, odd.value, {}, 77),
    ]


async def test_topics_have_their_own_offsets(log: SqliteLog) -> None:
    """Each topic counts from 0 without holes, also when one append writes to several."""
    await log.append([record("e0"), record("d0", topic=DEALS), record("e1")])
    await log.append([record("d1", topic=DEALS)])
    assert [each.offset for each in everything(log)] == [0, 1]
    assert [each.offset for each in everything(log, DEALS)] == [0, 1]
    assert (log.end(EVENTS), log.end(DEALS)) == (2, 2)


async def test_read_from_an_offset(log: SqliteLog) -> None:
    """A reader gets at most `limit` records from where it stands, and nothing beyond the end."""
    await log.append([record(str(number)) for number in range(5)])
    assert texts(list(log.read(EVENTS, 2, 2))) == ["2", "3"]
    assert texts(list(log.read(EVENTS, 4, 2))) == ["4"]
    assert log.read(EVENTS, 5, 2) == []


async def test_many_at_once(log: SqliteLog) -> None:
    """Two hundred appends at once get offsets without holes, each in its order and in one piece."""

    async def append(number: int) -> None:
        for turn in range(3):
            await log.append([record(f"{number}/{turn}/{part}", key=str(number)) for part in range(4)])

    await asyncio.gather(*(append(number) for number in range(200)))
    found = everything(log)
    assert [each.offset for each in found] == list(range(200 * 3 * 4))
    for number in range(200):
        of_one = [each for each in found if each.key == str(number)]
        assert texts(of_one) == [f"{number}/{turn}/{part}" for turn in range(3) for part in range(4)]
        for turn in range(3):
            piece = of_one[turn * 4 : turn * 4 + 4]
            assert [each.offset - piece[0].offset for each in piece] == [0, 1, 2, 3]


async def test_appends_share_a_transaction(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Appends that come while the disk is busy are written together."""
    transactions: list[int] = []
    commit = log._commit

    def slow(rows: list[object]) -> None:
        transactions.append(len(rows))
        time.sleep(0.05)
        commit(rows)  # type: ignore[arg-type]  # handed on as they are

    monkeypatch.setattr(log, "_commit", slow)
    await asyncio.gather(*(log.append([record(str(number))]) for number in range(100)))
    assert sum(transactions) == 100
    assert len(transactions) <= 3


async def test_reopened(path: Path, log: SqliteLog) -> None:
    """A log that is closed and opened again goes on where it was."""
    await log.append([record("0"), record("1")])
    log.close()
    again = SqliteLog(path, StandingClock())
    assert again.end(EVENTS) == 2
    await again.append([record("2")])
    assert texts(everything(again)) == ["0", "1", "2"]
    again.close()


async def test_disk_full(log: SqliteLog) -> None:
    """An append that finds no room fails whole, and later ones succeed when there is room again."""
    await log.append([record("first")])
    pages = log._writing.execute("PRAGMA page_count").fetchone()[0]
    log._writing.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unavailable, match="full"):
        await log.append([record("small"), record("large" * 10_000)])
    assert texts(everything(log)) == ["first"]
    assert log.end(EVENTS) == 1
    log._writing.execute("PRAGMA max_page_count = 1000000")
    await log.append([record("second")])
    assert texts(everything(log)) == ["first", "second"]
    assert log.end(EVENTS) == 2


async def test_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that somebody else locks is an outage, and over when the lock is."""
    monkeypatch.setattr("services.adapters.sqlite.file._WAIT_SECONDS", 0.05)
    log = SqliteLog(path, StandingClock())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        await log.append([record("0")])
    other.execute("ROLLBACK")
    other.close()
    await log.append([record("1")])
    assert texts(everything(log)) == ["1"]
    log.close()


async def test_a_mistake_of_ours_is_told(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is no outage reaches whoever waits, and the log goes on."""

    def broken() -> int:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(log._clock, "now", broken)
        with pytest.raises(ZeroDivisionError):
            await log.append([record("0")])
    await log.append([record("1")])
    assert texts(everything(log)) == ["1"]


async def test_waiting_for_records(log: SqliteLog) -> None:
    """Whoever waits learns at once of an append, also of one that came just before, and of each once."""
    waiting = asyncio.ensure_future(log.wait_for_records(30))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await log.append([record("0")])
    await asyncio.wait_for(waiting, 5)
    await log.append([record("1")])
    started = time.monotonic()
    await log.wait_for_records(30)
    assert time.monotonic() - started < 5
    started = time.monotonic()
    await log.wait_for_records(0.05)
    assert time.monotonic() - started >= 0.04


async def test_reading_in_threads_while_appending(log: SqliteLog) -> None:
    """Readers in other threads see a growing prefix without holes."""
    stop = threading.Event()
    faults: list[list[int]] = []

    def watch() -> None:
        while not stop.is_set():
            offsets = [each.offset for each in log.read(EVENTS, 0, 1000)]
            if offsets != list(range(len(offsets))):
                faults.append(offsets)

    readers = [asyncio.create_task(asyncio.to_thread(watch)) for _ in range(3)]
    for number in range(100):
        await log.append([record(str(number))])
    stop.set()
    await asyncio.gather(*readers)
    assert faults == []


def test_unusable_file(path: Path) -> None:
    """A log that cannot be opened says so at once."""
    path.write_text("no database" * 200)
    with pytest.raises(UsageError, match=r"log\.db cannot be used as the event log"):
        SqliteLog(path, StandingClock())
    with pytest.raises(Unavailable):
        SqliteLog(path.parent / "nowhere" / "log.db", StandingClock())

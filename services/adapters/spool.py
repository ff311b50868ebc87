"""Records that wait on this machine's disk until Kafka takes them, in one SQLite file.

The caller sees to it that one process uses the file. What the brokers refuse for its size is set aside in it.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog

from services.adapters.outages import outages
from services.adapters.sqlite_file import connect, transaction
from services.adapters.sqlite_writer import GroupWriter
from services.errors import Unavailable
from services.ports import Record

NEARLY_FULL = 0.9
"""The share of the room beyond which no more is taken. The rest is for what SQLite needs besides the records."""

_NAME = "spool"
_TABLE = """
CREATE TABLE IF NOT EXISTS records (
    turn INTEGER PRIMARY KEY AUTOINCREMENT, aside INTEGER NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL,
    ordered_by TEXT, headers TEXT NOT NULL, value BLOB
)
"""
_COUNT_WAITING = "SELECT COUNT(*) FROM records WHERE NOT aside"
_COUNT_ASIDE = "SELECT COUNT(*) FROM records WHERE aside"
_ADD = "INSERT INTO records (aside, topic, key, ordered_by, headers, value) VALUES (?, ?, ?, ?, ?, ?)"
_READ = "SELECT turn, topic, key, ordered_by, headers, value FROM records"
_WAITING = f"{_READ} WHERE NOT aside ORDER BY turn LIMIT ?"
_SMALLEST_ASIDE = f"{_READ} WHERE aside AND topic = ? ORDER BY LENGTH(value), turn LIMIT 1"
_ASIDE_TOPICS = "SELECT DISTINCT topic FROM records WHERE aside ORDER BY topic"
_DELETE = "DELETE FROM records WHERE turn = ?"
_SET_ASIDE = "UPDATE records SET aside = 1 WHERE turn = ?"
_TOGETHER = 16 * 1024 * 1024
"""Bytes in a transaction, about: they are in the journal once more before they are in the file."""
_ROW_BYTES = 32
"""What SQLite keeps of a row besides its texts, about."""
_WORTH_GIVING_BACK = 1024 * 1024
"""Free bytes in the file; with what is set aside, it is written anew to return them."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record that waits, by its turn."""

    turn: int
    record: Record


_Row = tuple[bool, str, str, str | None, str, bytes | None]
"""Whether aside, topic, key, what it is ordered by, headers as JSON, value (None: a tombstone)."""


@dataclass(frozen=True, slots=True)
class _Change:
    """What is done together, and what that does to the counts."""

    rows: Sequence[_Row] = ()
    delete: Sequence[int] = ()
    """Turns."""
    set_aside: Sequence[int] = ()
    waiting: int = 0
    aside: int = 0
    size: int = 0


class Spool:
    """A bounded queue on disk, and what was set aside. Methods raise Unavailable when the disk does not do it."""

    def __init__(self, path: Path, *, most_bytes: int) -> None:
        """`most_bytes` bounds the file, not its journal beside it (some MB). Raises UsageError, Unavailable."""
        self._most_bytes = most_bytes
        self._writing = connect(path, _NAME, _TABLE)
        self._reading = connect(path, _NAME, _TABLE)
        with outages(_NAME):
            self._writing.execute("PRAGMA secure_delete = ON")  # what Kafka has is not in the file any more
            self._page = _number(self._writing, "PRAGMA page_size")
            self._writing.execute(f"PRAGMA max_page_count = {max(1, most_bytes // self._page)}")
            self._rows = _number(self._reading, _COUNT_WAITING)
            self._aside = _number(self._reading, _COUNT_ASIDE)
            self._used = self._measure()
        self._entering_rows = 0
        self._entering_bytes = 0
        self._counting = threading.Lock()
        self._read_lock = threading.Lock()
        self._writer = GroupWriter[_Change](name=_NAME, write=self._write, together=_TOGETHER)

    @property
    def waiting(self) -> int:
        """How many records wait, those that are being written among them."""
        with self._counting:
            return self._rows + self._entering_rows

    @property
    def aside(self) -> int:
        """How many records are set aside."""
        return self._aside

    @property
    def bytes_used(self) -> int:
        """How much of the room is taken."""
        return self._used

    @property
    def share_used(self) -> float:
        """How much of the room is taken, from 0 to 1."""
        return self._used / self._most_bytes

    async def add(self, records: Sequence[Record], *, aside: bool = False) -> None:
        """Return once all records are durable, all or none of them. Raises Unavailable when it is nearly full."""
        rows = [_row(each, aside) for each in records]
        size = sum(_ROW_BYTES + sum(len(column) for column in row[1:] if column is not None) for row in rows)
        waiting, set_aside = (0, len(rows)) if aside else (len(rows), 0)
        with self._counting:
            if self._used + self._entering_bytes + size > NEARLY_FULL * self._most_bytes:
                raise Unavailable(f"{_NAME}: nearly full ({self._used:,} of {self._most_bytes:,} bytes are taken)")
            written = self._writer.put(_Change(rows=rows, waiting=waiting, aside=set_aside, size=size), size)
            self._entering_bytes += size
            self._entering_rows += waiting
        await written

    async def next(self, *, most_records: int, most_bytes: int) -> Sequence[Waiting]:
        """Those that wait longest, in order: at least one, where any waits, and about as many as asked."""
        return await asyncio.to_thread(self._next, most_records, most_bytes)

    async def settle(self, *, delivered: Sequence[int], refused: Sequence[int] = ()) -> None:
        """Forget the turns that Kafka has, and set aside those that it refuses."""
        change = _Change(
            delete=delivered, set_aside=refused, waiting=-len(delivered) - len(refused), aside=len(refused)
        )
        await self._writer.put(change, 0)

    async def aside_topics(self) -> Sequence[str]:
        """The topics of what is set aside."""
        return await asyncio.to_thread(self._aside_topics)

    async def smallest_aside(self, topic: str) -> Waiting | None:
        """The smallest record of a topic that is set aside."""
        return await asyncio.to_thread(self._smallest_aside, topic)

    async def drop_aside(self, turn: int) -> None:
        """Forget one that was set aside."""
        await self._writer.put(_Change(delete=(turn,), aside=-1), 0)

    def close(self) -> None:
        """Write what was handed in, then let go of the file."""
        if self._writer.close():
            with self._read_lock:
                self._reading.close()
            self._writing.close()

    def _next(self, most_records: int, most_bytes: int) -> Sequence[Waiting]:
        found: list[Waiting] = []
        size = 0
        with self._read_lock, outages(_NAME), closing(self._reading.execute(_WAITING, (most_records,))) as rows:
            for row in rows:
                found.append(_waiting(row))
                size += len(row[-1] or b"")
                if size >= most_bytes:
                    break
        return found

    def _aside_topics(self) -> Sequence[str]:
        with self._read_lock, outages(_NAME):
            return [topic for (topic,) in self._reading.execute(_ASIDE_TOPICS).fetchall()]

    def _smallest_aside(self, topic: str) -> Waiting | None:
        with self._read_lock, outages(_NAME):
            row = self._reading.execute(_SMALLEST_ASIDE, (topic,)).fetchone()
        return _waiting(row) if row is not None else None

    def _write(self, changes: Sequence[_Change]) -> None:
        """Do all of it in one transaction, or nothing; in the thread that writes."""
        done = False
        try:
            with outages(_NAME):
                used = self._commit(changes)
            self._used, done = used, True
        finally:
            self._count(changes, done)
        if self.waiting == 0:
            self._give_back()

    def _commit(self, changes: Sequence[_Change]) -> int:
        """How many bytes are taken then."""
        with transaction(self._writing) as connection:
            connection.executemany(_ADD, [row for change in changes for row in change.rows])
            connection.executemany(_DELETE, [(turn,) for change in changes for turn in change.delete])
            connection.executemany(_SET_ASIDE, [(turn,) for change in changes for turn in change.set_aside])
            return self._measure()

    def _count(self, changes: Sequence[_Change], done: bool) -> None:
        with self._counting:
            for change in changes:
                self._entering_bytes -= change.size
                self._entering_rows -= max(0, change.waiting)
                if done:
                    self._rows += change.waiting
                    self._aside += change.aside

    def _measure(self) -> int:
        pages = _number(self._writing, "PRAGMA page_count") - _number(self._writing, "PRAGMA freelist_count")
        return pages * self._page

    def _give_back(self) -> None:
        """Return the room to the system, and leave nothing of the records in the journal either."""
        try:
            with outages(_NAME):
                if _number(self._writing, "PRAGMA freelist_count") * self._page > _WORTH_GIVING_BACK:
                    self._writing.execute("VACUUM")
                self._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except Unavailable as error:
            # The records are gone from it all the same; next time it is tried again.
            log.warning("spool not shrunk", error=str(error))


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


def _row(record: Record, aside: bool) -> _Row:
    headers = orjson.dumps(dict(record.headers)).decode()
    value = None if record.is_tombstone else bytes(record.value)
    return aside, record.topic, record.key, record.ordered_by, headers, value


def _waiting(row: tuple[int, str, str, str | None, str, bytes | None]) -> Waiting:
    turn, topic, key, ordered_by, headers, value = row
    record = Record(topic, key, value or b"", orjson.loads(headers), ordered_by, is_tombstone=value is None)
    return Waiting(turn, record)

"""The event log of the embedded mode, in one SQLite file. The caller sees to it that one process uses the file."""

import asyncio
import contextlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import orjson

from services.adapters.sql.outages import outages
from services.adapters.sqlite.file import connect, transaction
from services.adapters.sqlite.writer import GroupWriter
from services.domain.instants import Instant
from services.ports import LogRecord, Record, WallClock

PARTITION = 0
"""The only one of every topic."""

_NAME = "event log"
_TABLE = """
CREATE TABLE IF NOT EXISTS records (
    topic TEXT NOT NULL, "offset" INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, headers TEXT NOT NULL,
    appended_at INTEGER NOT NULL, PRIMARY KEY (topic, "offset")
) WITHOUT ROWID
"""
_INSERT = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)"
_READ = """
SELECT "offset", key, value, headers, appended_at FROM records WHERE topic = ? AND "offset" >= ?
ORDER BY "offset" LIMIT ?
"""
_ENDS = 'SELECT topic, MAX("offset") + 1 FROM records GROUP BY topic'
_TOGETHER = 5_000
"""Records in a transaction, about: beyond some thousand, waiting for more gains nothing."""


_Rows = Sequence[tuple[str, str, bytes, str]]
"""What is appended together: topic, key, value, headers as JSON."""


class SqliteLog:
    """Implements `services.ports.EventLog` and `LogReader`, in partition 0 of every topic."""

    def __init__(self, path: Path, clock: WallClock) -> None:
        self._clock = clock
        self._writing = connect(path, _NAME, _TABLE)
        self._reading = connect(path, _NAME, _TABLE)
        self._ends: dict[str, int] = dict(self._reading.execute(_ENDS).fetchall())
        self._read_lock = threading.Lock()
        self._news = asyncio.Event()
        self._writer = GroupWriter[_Rows](name=_NAME, write=self._write, together=_TOGETHER, written=self._news.set)

    async def append(self, records: Sequence[Record]) -> None:
        """Return once all records are durable, all or none of them. Raises Unavailable."""
        rows = [(each.topic, each.key, bytes(each.value), _headers_text(each.headers)) for each in records]
        if rows:
            await self._writer.put(rows, len(rows))

    def read(self, topic: str, offset: int, limit: int) -> Sequence[LogRecord]:
        """At most `limit` records of the topic from `offset` on, in order; empty where there are none yet."""
        with self._read_lock, outages(_NAME):
            rows = self._reading.execute(_READ, (topic, offset, limit)).fetchall()
        return [
            LogRecord(topic, PARTITION, at, key, value, orjson.loads(headers), appended_at)
            for at, key, value, headers, appended_at in rows
        ]

    def end(self, topic: str) -> int:
        """The offset that the next record of the topic gets."""
        return self._ends.get(topic, 0)

    async def wait_for_records(self, timeout_seconds: float) -> None:
        """Return when records have been appended since the last call, or the time is over. For one waiter."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), timeout_seconds)
        self._news.clear()

    def close(self) -> None:
        """Write what was handed in, then let go of the file. Later appends are refused."""
        if self._writer.close():
            with self._read_lock:
                self._reading.close()
            self._writing.close()

    def _write(self, appends: Sequence[_Rows]) -> None:
        """Write all in one transaction, or nothing of it."""
        ends = dict(self._ends)
        with outages(_NAME):
            self._commit(_numbered(appends, ends, self._clock.now()))
        self._ends.update(ends)

    def _commit(self, rows: Sequence[tuple[str, int, str, bytes, str, Instant]]) -> None:
        with transaction(self._writing) as connection:
            connection.executemany(_INSERT, rows)


def _numbered(
    appends: Iterable[_Rows], ends: dict[str, int], now: Instant
) -> list[tuple[str, int, str, bytes, str, Instant]]:
    """The rows with their offsets; `ends` is moved on."""
    numbered = []
    for append in appends:
        for topic, key, value, headers in append:
            offset = ends.get(topic, 0)
            ends[topic] = offset + 1
            numbered.append((topic, offset, key, value, headers, now))
    return numbered


def _headers_text(headers: Mapping[str, str]) -> str:
    return orjson.dumps(dict(headers)).decode()

"""The event log of the embedded mode, in one SQLite file. The caller sees to it that one process uses the file.

One thread writes. Appends that come while it is busy are written together in its next transaction, so that they
share one sync of the disk.
"""

import asyncio
import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

import orjson

from services.adapters.outages import outages
from services.adapters.sqlite_file import connect, transaction
from services.domain.instants import Instant
from services.errors import Unavailable
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


@dataclass(frozen=True, slots=True)
class _Append:
    """Records that somebody waits for: topic, key, value, headers as JSON."""

    rows: list[tuple[str, str, bytes, str]]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class SqliteLog:
    """Implements `services.ports.EventLog` and `LogReader`, in partition 0 of every topic."""

    def __init__(self, path: Path, clock: WallClock) -> None:
        self._clock = clock
        self._writing = connect(path, _NAME, _TABLE)
        self._reading = connect(path, _NAME, _TABLE)
        self._ends: dict[str, int] = dict(self._reading.execute(_ENDS).fetchall())
        self._read_lock = threading.Lock()
        self._news = asyncio.Event()
        self._closing = threading.Lock()
        self._closed = False
        self._queue: SimpleQueue[_Append | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="event-log", daemon=True)
        self._thread.start()

    async def append(self, records: Sequence[Record]) -> None:
        """Return once all records are durable, all or none of them. Raises Unavailable."""
        rows = [(each.topic, each.key, bytes(each.value), _headers_text(each.headers)) for each in records]
        if rows:
            loop = asyncio.get_running_loop()
            done: asyncio.Future[None] = loop.create_future()
            with self._closing:
                if self._closed:
                    raise Unavailable(f"{_NAME}: it is closed")
                self._queue.put(_Append(rows, loop, done))
            await done

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
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        with self._read_lock:
            self._reading.close()
        self._writing.close()

    def _work(self) -> None:
        """The life of the thread that writes."""
        going = True
        while going:
            appends: list[_Append] = []
            going = self._gather(appends)
            if appends:
                error = self._write(appends)
                for append in appends:
                    # A loop that is closed has nobody waiting any more.
                    with contextlib.suppress(RuntimeError):
                        append.loop.call_soon_threadsafe(self._tell, append.done, error)

    def _gather(self, appends: list[_Append]) -> bool:
        """Wait for an append and take those that stand behind it; False when there will be no more."""
        count = 0
        try:
            append = self._queue.get()
            while append is not None:
                appends.append(append)
                count += len(append.rows)
                if count >= _TOGETHER:
                    return True
                append = self._queue.get_nowait()
        except Empty:
            return True
        return False

    def _write(self, appends: Sequence[_Append]) -> BaseException | None:
        """Write all in one transaction; what went wrong, if anything, and then nothing is written."""
        ends = dict(self._ends)
        try:
            with outages(_NAME):
                self._commit(_numbered(appends, ends, self._clock.now()))
        except Exception as error:  # whoever waits for the append gets it, whatever it is
            return error
        self._ends.update(ends)
        return None

    def _commit(self, rows: Sequence[tuple[str, int, str, bytes, str, Instant]]) -> None:
        with transaction(self._writing) as connection:
            connection.executemany(_INSERT, rows)

    def _tell(self, done: asyncio.Future[None], error: BaseException | None) -> None:
        """In the loop of whoever waits."""
        if error is None:
            self._news.set()
        if done.done():  # given up by whoever waited
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _numbered(
    appends: Sequence[_Append], ends: dict[str, int], now: Instant
) -> list[tuple[str, int, str, bytes, str, Instant]]:
    """The rows with their offsets; `ends` is moved on."""
    numbered = []
    for append in appends:
        for topic, key, value, headers in append.rows:
            offset = ends.get(topic, 0)
            ends[topic] = offset + 1
            numbered.append((topic, offset, key, value, headers, now))
    return numbered


def _headers_text(headers: Mapping[str, str]) -> str:
    return orjson.dumps(dict(headers)).decode()

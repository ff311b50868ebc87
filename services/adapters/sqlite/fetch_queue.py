"""What CRMs' APIs still have to be asked, in one SQLite file: it outlives outages of theirs and ends of ours.

Each reference is there once, so that it never grows beyond the number of objects that the CRMs have.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.adapters.sql.outages import outages
from services.adapters.sqlite.file import connect, transaction
from services.ports import Reference, Wanted

_NAME = "fetch queue"
# A reference that is put again gets another number: to forget the one that was asked for meanwhile is then no loss.
_TABLE = """
CREATE TABLE IF NOT EXISTS wanted (
    number INTEGER PRIMARY KEY AUTOINCREMENT, crm TEXT NOT NULL, object TEXT NOT NULL, id TEXT NOT NULL,
    since INTEGER NOT NULL, UNIQUE (crm, object, id, since)
)
"""
_NO_SINCE = -(2**63)
"""Stands for None: in a unique key, NULLs are all different."""
_PUT = "INSERT OR REPLACE INTO wanted (crm, object, id, since) VALUES (?, ?, ?, ?)"
_WAITING = "SELECT number, crm, object, id, since FROM wanted WHERE crm = ? ORDER BY number LIMIT ?"
_COUNT = "SELECT COUNT(*) FROM wanted WHERE crm = ?"
_DONE = "DELETE FROM wanted WHERE number = ?"


class SqliteFetchQueue:
    """Implements `services.ports.FetchQueue`, for all threads of one process. Methods raise Unavailable."""

    def __init__(self, path: Path) -> None:
        """Raises UsageError where the file is no database, and Unavailable."""
        self._lock = threading.Lock()
        self._connection = connect(path, _NAME, _TABLE)
        with outages(_NAME):
            self._connection.execute("PRAGMA secure_delete = ON")  # ids of people who asked to be forgotten go too

    def put(self, crm: str, references: Sequence[Reference]) -> None:
        """Return once they are durable. One that is there already goes to the end: it has changed again."""
        rows = [(crm, each.object, each.id, _NO_SINCE if each.since is None else each.since) for each in references]
        with self._transaction() as connection:
            connection.executemany(_PUT, rows)

    def waiting(self, crm: str, limit: int) -> Sequence[Wanted]:
        """The oldest, at most so many."""
        with self._lock, outages(_NAME):
            rows = self._connection.execute(_WAITING, (crm, limit)).fetchall()
        return [
            Wanted(number, named, Reference(kind, key, None if since == _NO_SINCE else since))
            for number, named, kind, key, since in rows
        ]

    def done(self, numbers: Sequence[int]) -> None:
        """Forget them. What was put again since it was read is not: it has another number."""
        with self._transaction() as connection:
            connection.executemany(_DONE, [(number,) for number in numbers])

    def count(self, crm: str) -> int:
        """How many wait."""
        with self._lock, outages(_NAME):
            return int(self._connection.execute(_COUNT, (crm,)).fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, outages(_NAME), transaction(self._connection) as connection:
            yield connection

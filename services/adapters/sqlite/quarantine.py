"""Refused requests in a SQLite file of their own: hostile bytes stay apart, and never take more than their room."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson

from services.adapters.sql.outages import outages
from services.adapters.sqlite.file import connect, transaction
from services.errors import Unavailable
from services.ports import HeldRequest

MOST_REQUESTS = 1_000
MOST_BYTES = 16 * 1024 * 1024

_NAME = "quarantine"
_TABLE = """
CREATE TABLE IF NOT EXISTS held (
    turn INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, crm TEXT NOT NULL,
    method TEXT NOT NULL, target TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,
    received_at INTEGER NOT NULL, why TEXT NOT NULL
)
"""
_KEEP = """
INSERT OR REPLACE INTO held (id, size, crm, method, target, headers, body, received_at, why)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# Counted from the newest: whatever lies beyond the bounds goes.
_MAKE_ROOM = """
DELETE FROM held WHERE turn IN (
    SELECT turn FROM (
        SELECT turn, ROW_NUMBER() OVER newest AS requests, SUM(size) OVER newest AS bytes
        FROM held WINDOW newest AS (ORDER BY turn DESC)
    ) WHERE requests > ? OR bytes > ?
)
"""
_HELD = "SELECT id, crm, method, target, headers, body, received_at, why FROM held ORDER BY turn"


class SqliteQuarantine:
    """Implements `services.ports.Quarantine`. Methods raise Unavailable, but `keep` never for lack of room."""

    def __init__(self, path: Path, *, most_requests: int = MOST_REQUESTS, most_bytes: int = MOST_BYTES) -> None:
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._connection = connect(path, _NAME, _TABLE)
        self._connection.execute("PRAGMA secure_delete = ON")  # what was forgotten is not in the file either

    def keep(self, request: HeldRequest) -> None:
        """Keep a request; one with the same id replaces it. One larger than all the room is not kept."""
        headers = orjson.dumps(dict(request.headers)).decode()
        size = len(request.body) + len(headers) + len(request.target)
        if size > self._most_bytes:
            return
        row = (
            request.id,
            size,
            request.crm,
            request.method,
            request.target,
            headers,
            request.body,
            request.received_at,
            request.why,
        )
        try:
            with self._transaction() as connection:
                connection.execute(_KEEP, row)
                connection.execute(_MAKE_ROOM, (self._most_requests, self._most_bytes))
        except Unavailable as error:
            if getattr(error.__cause__, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
                raise

    def held(self) -> Sequence[HeldRequest]:
        """All that are kept, oldest first."""
        with self._lock, outages(_NAME):
            rows = self._connection.execute(_HELD).fetchall()
        return [
            HeldRequest(key, crm, method, target, orjson.loads(headers), body, received_at, why)
            for key, crm, method, target, headers, body, received_at, why in rows
        ]

    def drop(self, request_id: str) -> None:
        """Forget one, because it was verified after all or an operator said so."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM held WHERE id = ?", (request_id,))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, outages(_NAME), transaction(self._connection) as connection:
            yield connection

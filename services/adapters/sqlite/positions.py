"""Where streams of CRMs' changes go on, in a SQLite file of the data folder."""

import threading
from pathlib import Path

from services.adapters.sql.outages import outages
from services.adapters.sqlite.file import connect, transaction
from services.ports import Position

_NAME = "file of positions"
_TABLE = """
CREATE TABLE IF NOT EXISTS positions (stream TEXT PRIMARY KEY, replay_id BLOB, seen_until INTEGER NOT NULL)
"""
_READ = "SELECT replay_id, seen_until FROM positions WHERE stream = ?"
_WRITE = "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)"


class SqlitePositions:
    """Implements `services.ports.Positions`. The caller sees to it that one process uses the file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = connect(path, _NAME, _TABLE)

    def read(self, stream: str) -> Position | None:
        """The position of a stream; None where it was never read."""
        with self._lock, outages(_NAME):
            row = self._connection.execute(_READ, (stream,)).fetchone()
        return Position(*row) if row is not None else None

    def write(self, stream: str, position: Position) -> None:
        """Return once it is durable."""
        with self._lock, outages(_NAME), transaction(self._connection) as connection:
            connection.execute(_WRITE, (stream, position.replay_id, position.seen_until))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

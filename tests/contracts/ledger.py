"""A processor that writes down what a driver hands it, and complains of what a driver must never do."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from services.domain.instants import Instant
from services.errors import PositionLost
from services.ports import LogRecord

Place = tuple[str, int]

_TABLES = """
CREATE TABLE IF NOT EXISTS position (topic TEXT, partition INTEGER, next INTEGER, PRIMARY KEY (topic, partition));
CREATE TABLE IF NOT EXISTS record (topic TEXT, partition INTEGER, offset INTEGER, key TEXT, value BLOB);
"""
"""Records have no key of their own: one that came twice would stand there twice."""


class Ledger:
    """One process's way to a database of positions and records, which several may share.

    The hooks are called before the work of the call they are named after, outside the transaction: they may wait, and
    what they raise is raised.
    """

    def __init__(self, path: Path, *, batch: int = 1000) -> None:
        self._path = path
        self._batch = batch
        self._guard = threading.Lock()
        self._in_work: set[Place] = set()
        self.told: dict[Place, Instant] = {}
        """Up to when each partition was last said to be read."""
        self.positions_asked: list[Place] = []
        self.batches: list[list[LogRecord]] = []
        """All that was handed in, whatever came of it."""
        self.idled: list[tuple[Place, Instant]] = []
        self.on_position: Callable[[Place], None] = lambda _place: None
        self.on_apply: Callable[[Sequence[LogRecord]], None] = lambda _records: None
        self.on_idle: Callable[[Place], bool | None] = lambda _place: None
        with self._open() as connection:
            connection.executescript(_TABLES)

    def position(self, topic: str, partition: int) -> int:
        """As `Processor` has it."""
        with self._alone((topic, partition)):
            self.positions_asked.append((topic, partition))
            self.on_position((topic, partition))
            return self.read_position((topic, partition))

    def apply(self, records: Sequence[LogRecord], read_at: Instant) -> None:
        """As `Processor` has it."""
        first, last = records[0], records[-1]
        place = (first.topic, first.partition)
        with self._alone(place):
            self.batches.append(list(records))
            assert len(records) <= self._batch
            assert [(each.topic, each.partition, each.offset) for each in records] == [
                (*place, first.offset + number) for number in range(len(records))
            ]
            if place in self.told:
                assert first.appended_at >= self.told[place], "said to be read before it was"
            self.on_apply(records)
            with self._open() as connection:
                connection.execute("BEGIN IMMEDIATE")
                self._move(connection, place, first.offset, last.offset + 1)
                connection.executemany(
                    "INSERT INTO record VALUES (?, ?, ?, ?, ?)",
                    [(each.topic, each.partition, each.offset, each.key, each.value) for each in records],
                )
            self._tell(place, read_at)

    def idle(self, topic: str, partition: int, read_at: Instant) -> bool:
        """As `Processor` has it."""
        place = (topic, partition)
        with self._alone(place):
            self.idled.append((place, read_at))
            has_more = self.on_idle(place)
            self._tell(place, read_at)
            return bool(has_more)

    def read_position(self, place: Place) -> int:
        """Where a partition stands."""
        with self._open() as connection:
            row = connection.execute("SELECT next FROM position WHERE topic = ? AND partition = ?", place).fetchone()
        return int(row[0]) if row is not None else 0

    def set_position(self, place: Place, position: int) -> None:
        """As somebody else would."""
        with self._open() as connection:
            connection.execute("REPLACE INTO position VALUES (?, ?, ?)", (*place, position))

    def applied(self, topic: str) -> dict[int, list[tuple[int, bytes]]]:
        """Offset and value of all that was applied of a topic, by partition, in the order in which it was."""
        found: dict[int, list[tuple[int, bytes]]] = {}
        with self._open() as connection:
            for partition, offset, value in connection.execute(
                "SELECT partition, offset, value FROM record WHERE topic = ? ORDER BY rowid", (topic,)
            ):
                found.setdefault(partition, []).append((offset, value))
        return found

    def count(self, topic: str) -> int:
        """How many records were applied of a topic."""
        with self._open() as connection:
            return int(connection.execute("SELECT count(*) FROM record WHERE topic = ?", (topic,)).fetchone()[0])

    @staticmethod
    def _move(connection: sqlite3.Connection, place: Place, before: int, after: int) -> None:
        connection.execute("INSERT OR IGNORE INTO position VALUES (?, ?, 0)", place)
        moved = connection.execute(
            "UPDATE position SET next = ? WHERE topic = ? AND partition = ? AND next = ?", (after, *place, before)
        )
        if moved.rowcount != 1:
            raise PositionLost(f"{place} does not stand at {before}")

    def _tell(self, place: Place, read_at: Instant) -> None:
        assert read_at >= self.told.get(place, 0), "went back in time"
        self.told[place] = read_at

    @contextmanager
    def _alone(self, place: Place) -> Iterator[None]:
        with self._guard:
            assert place not in self._in_work, "two calls for one partition at a time"
            self._in_work.add(place)
        try:
            yield
        finally:
            with self._guard:
                self._in_work.remove(place)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # of the test's files nothing has to outlive the machine
            with connection:
                yield connection

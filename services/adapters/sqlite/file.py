"""Connections to SQLite files that are used without SQLAlchemy."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.adapters.sql.outages import outages
from services.errors import UsageError

_WAIT_SECONDS = 10
"""For a backup that holds the file."""


def connect(path: Path, what: str, table: str) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time; `table` is made where it is missing.

    What is committed is durable. Raises Unavailable, and UsageError where the file is no database.
    """
    with outages(what):
        connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(table)
        except sqlite3.DatabaseError as error:
            connection.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                raise UsageError(f"{path} cannot be used as the {what}: {error}") from error
            raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Committed at the end of the block, or nothing of it is written."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise

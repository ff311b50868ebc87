"""Lets one process of many work: a lock of the database, which goes when the session that holds it does."""

import zlib
from contextlib import suppress

from sqlalchemy import Connection, exc

from services.adapters.sql.database import Database
from services.adapters.sql.outages import outages

# A process whose machine is gone says no goodbye: the server notices within half a minute, not in two hours.
_KEEP_ALIVE = (
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 4",
    "SET application_name = 'baton turn'",
)


class DatabaseTurn:
    """Implements `services.ports.Turn` by an advisory lock of PostgreSQL. In SQLite the data folder's lock decides."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._key = zlib.crc32(name.encode())
        self._connection: Connection | None = None

    def holds(self) -> bool:
        """Whether this process has it; takes it where nobody has. Raises Unavailable when the database is away."""
        if self._database.dialect.name != "postgresql":
            return True
        try:
            with outages("database"):
                return self._take() if self._connection is None else self._is_there(self._connection)
        except BaseException:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Let others have it, by ending the session."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(exc.DBAPIError):
                connection.invalidate()
            connection.close()

    def _take(self) -> bool:
        connection = self._connection = self._database.session()
        for statement in _KEEP_ALIVE:
            connection.exec_driver_sql(statement)
        taken = bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({self._key})").scalar_one())
        if not taken:
            self.give_up()
        return taken

    @staticmethod
    def _is_there(connection: Connection) -> bool:
        connection.exec_driver_sql("SELECT 1")
        return True

"""Engines for PostgreSQL by psycopg: how long to wait for what, and what a session may not do. It knows no table."""

from typing import Any

from psycopg import Connection
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from services.adapters.pg_arrays import PgArray

WAIT_SECONDS = 10
"""For a connection of ours to become free, or for a lock that another worker holds."""
_CONNECT_SECONDS = 5
_GONE_SECONDS = 30
"""After so long without a sign of life a connection is given up, however quietly the server went."""
_PROBES = 3
_PROBE_SECONDS = 5
_READING_SECONDS = 30
"""Pages and metrics are answered in milliseconds; what takes longer would only pile up."""
_WRITING_SECONDS = 300
"""A charter that reaches back wakes every lead in one statement."""
_IDLE_SECONDS = 15
"""A worker that hangs within a transaction keeps its locks no longer than this; ours do nothing else meanwhile."""
_LOOKUPS = "-c random_page_cost=1.1"
"""What a batch looks up was mostly used before, and is in memory; by the default of 4, made for disks that turn,
reading the whole of a table would look cheaper than some hundred lookups."""


def reading_engine(url: URL, *, pool_size: int) -> Engine:
    """An engine whose transactions see one state of the database, and cannot write."""
    return _engine(url, pool_size, "REPEATABLE READ", read_only=True, statement_seconds=_READING_SECONDS)


def writing_engine(url: URL, *, pool_size: int) -> Engine:
    """An engine whose transactions wait for each other's rows."""
    return _engine(url, pool_size, "READ COMMITTED", read_only=False, statement_seconds=_WRITING_SECONDS)


def migrating_engine(url: URL) -> Engine:
    """An engine with one connection that waits as long as a migration takes."""
    return _engine(url, 1, "READ COMMITTED", read_only=False, statement_seconds=0, lock_seconds=0)


def _engine(
    url: URL,
    pool_size: int,
    isolation_level: str,
    *,
    read_only: bool,
    statement_seconds: int,
    lock_seconds: int = WAIT_SECONDS,
) -> Engine:
    limits = {
        "statement_timeout": statement_seconds,
        "lock_timeout": lock_seconds,
        "idle_in_transaction_session_timeout": _IDLE_SECONDS,
    }
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,  # in the text of an error: they are about people
        pool_timeout=WAIT_SECONDS,
        # An empty query before each use: after a restart of the server no connection of before is handed out.
        pool_pre_ping=True,
        isolation_level=isolation_level,
        use_native_hstore=False,
        connect_args=_connect_args(url, limits),
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Connection[Any], _record: object) -> None:
        connection.read_only = read_only
        connection.adapters.register_dumper(PgArray, _PgArrayDumper)

    return engine


def _connect_args(url: URL, limits: dict[str, int]) -> dict[str, Any]:
    """What libpq is told, but for what the URL says itself."""
    ours = {
        "application_name": "baton",
        "client_encoding": "utf8",
        "connect_timeout": _CONNECT_SECONDS,
        "keepalives_idle": _GONE_SECONDS - _PROBES * _PROBE_SECONDS,
        "keepalives_interval": _PROBE_SECONDS,
        "keepalives_count": _PROBES,
        "tcp_user_timeout": _GONE_SECONDS * 1000,
    }
    given = url.query.get("options", ())
    # The last one of a name counts: the user's.
    options = [*(f"-c {name}={seconds}s" for name, seconds in limits.items()), _LOOKUPS, *_listed(given)]
    return {**{name: value for name, value in ours.items() if name not in url.query}, "options": " ".join(options)}


def _listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


class _PgArrayDumper(Dumper):
    """Hands an array to the driver as it is."""

    format = Format.BINARY

    def get_key(self, obj: PgArray, format: Any) -> Any:  # noqa: A002, ARG002 - psycopg's signature
        """Arrays of each type are dumped by a dumper of their own, which knows the type."""
        return (PgArray, obj.oid)

    def upgrade(self, obj: PgArray, format: Any) -> Dumper:  # noqa: A002, ARG002 - psycopg's signature
        """The dumper for arrays of this type."""
        dumper = _PgArrayDumper(PgArray, None)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: PgArray) -> Buffer:
        """The bytes."""
        return obj.data

"""Opens a database: connections, transactions, and the version of its tables. It knows no statement of the store."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, insert, inspect, make_url, select
from sqlalchemy.pool import QueuePool

from services.adapters.outages import outages
from services.adapters.tables import METADATA, SCHEMA_VERSION, meta
from services.errors import UsageError

_READERS = 4
_WAIT_SECONDS = 10
"""For a connection of ours to become free, or for another process to let go of the file."""
_WRITER_CACHE_KIB = 65_536
_WAL_PAGES = 8_192
"""32 MiB between checkpoints: each of them writes and syncs all changed pages once more."""


class Database:
    """Engines to read and to write with. In SQLite one connection writes; readers have their own."""

    def __init__(self, reader: Engine, writer: Engine) -> None:
        self._reader = reader
        self._writer = writer
        self.dialect = writer.dialect

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database."""
        with outages("database"), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end of the block, or leaves nothing behind."""
        with outages("database"), self._writer.begin() as connection:
            yield connection

    def session(self) -> Connection:
        """A connection outside of transactions, for what lasts as long as its session; the caller closes it."""
        return self._writer.connect().execution_options(isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        """Close all connections."""
        self._reader.dispose()
        self._writer.dispose()


def open_database(url: str) -> Database:
    """Open the database at `url`, with its tables made where they are missing.

    `sqlite:////abs/path.db` is a file, `sqlite://` is memory that lives as long as what is returned. Raises
    UsageError where the URL is none of these, or the file is no database or one of a newer version of Baton.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise UsageError(f"BATON_DATABASE: {url!r} is no database URL; write sqlite:////path/to/file.db") from None
    if parsed.get_backend_name() != "sqlite":
        raise UsageError(f"BATON_DATABASE: {parsed.drivername} is not known; write sqlite:////path/to/file.db")
    if parsed.database in (None, "", ":memory:"):
        # One connection, handed from thread to thread: memory is gone with its connection.
        engine = _sqlite(url, "BEGIN IMMEDIATE", pool_size=1)
        database = Database(engine, engine)
    else:
        database = Database(
            _sqlite(url, "BEGIN", "PRAGMA query_only = ON", pool_size=_READERS),
            _sqlite(url, "BEGIN IMMEDIATE", f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}", pool_size=1),
        )
    try:
        _prepare(database, parsed.render_as_string())
    except BaseException:
        database.close()
        raise
    return database


def _sqlite(url: str, begin: str, *pragmas: str, pool_size: int) -> Engine:
    """An engine that begins its transactions itself: the driver would begin one before the first write only."""
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_WAIT_SECONDS,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": _WAIT_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        for pragma in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}",
            *pragmas,
        ):
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _prepare(database: Database, name: str) -> None:
    """Make the tables, or see that those that are there are ours to use."""
    try:
        with database.writing() as connection:
            version = _schema_version(connection)
            if version is None:
                METADATA.create_all(connection)
                connection.execute(insert(meta), [{"name": "schema", "value": SCHEMA_VERSION}])
                connection.execute(insert(meta), [{"name": name, "value": 0} for name in ("changes", "charters")])
    except exc.DatabaseError as error:
        raise UsageError(f"{name} cannot be used as Baton's database: {error.orig}") from error
    if version is not None and version > SCHEMA_VERSION:
        raise UsageError(
            f"{name} was written by a newer version of Baton (tables of version {version}; this one knows "
            f"{SCHEMA_VERSION}): run that version or a later one"
        )


def _schema_version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(meta.name):
        return None
    return connection.execute(select(meta.c.value).where(meta.c.name == "schema")).scalar()

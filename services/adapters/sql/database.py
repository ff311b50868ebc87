"""Opens a database: connections, transactions, and tables that are ours to use. It knows no statement of the store."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, QueuePool, exc, make_url, text

from services.adapters.sql import schema, sqlite_engine
from services.adapters.sql.migrations import NEWEST
from services.adapters.sql.outages import first_line, outages
from services.errors import Conflict, PositionLost, Unavailable, UsageError

READERS = 4
WRITERS = 4
"""As many batches as one process commits at a time; a batch takes a core to judge."""
Timed = Callable[[str, str, float], None]
"""Told of each transaction: its access (read, write), how it ended (done, conflict, away, failed), and its seconds."""
_URLS = "write postgresql://USER:PASSWORD@HOST/NAME or sqlite:////path/to/file.db"


class Database:
    """Engines to read and to write with. In SQLite one connection writes; readers have their own."""

    def __init__(self, reader: Engine, writer: Engine) -> None:
        self._reader = reader
        self._writer = writer
        self._timed: Timed | None = None
        self.dialect = writer.dialect

    def tell(self, timed: Timed) -> None:
        """Tell of every transaction from now on."""
        self._timed = timed

    def pools(self) -> Mapping[str, float]:
        """By access (read, write), the share of its connections that is in use."""
        return {access: _share_in_use(engine) for access, engine in (("read", self._reader), ("write", self._writer))}

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database. Raises Unavailable."""
        with self._telling("read"), outages("database"), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end of the block, or leaves nothing behind.

        Raises Unavailable, after which it may have been committed all the same where the connection broke at its
        very end; and Conflict where it met with another that writes the same rows.
        """
        with self._telling("write"), outages("database"), self._writer.begin() as connection:
            yield connection

    def session(self) -> Connection:
        """A connection outside of transactions, for what lasts as long as its session; the caller closes it."""
        return self._writer.connect().execution_options(isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        """Close all connections."""
        self._reader.dispose()
        self._writer.dispose()

    @contextmanager
    def _telling(self, access: str) -> Iterator[None]:
        """Tell how long the block took, waiting for its connection included, and how it ended."""
        began, outcome = time.perf_counter(), "failed"
        try:
            yield
            outcome = "done"
        except Unavailable:
            outcome = "away"
            raise
        except (Conflict, PositionLost):
            outcome = "conflict"
            raise
        finally:
            if self._timed is not None:
                self._timed(access, outcome, time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class Migration:
    """What a database had and lacked when it was looked at; `before` is None where it had no tables."""

    database: str
    before: str | None
    missing: tuple[str, ...]
    newest: str = NEWEST


def open_database(url: str, *, readers: int = READERS, writers: int = WRITERS) -> Database:
    """Open the database at `url`, with at most so many connections; in SQLite there is one writer at most.

    `postgresql://user:password@host/name` must have the newest tables. `sqlite:////abs/path.db` is a file, which
    gets them; `sqlite://` is memory that lives as long as what is returned. Raises Unavailable, and UsageError where
    the URL is none of these, or what is there cannot be used.
    """
    parsed = _parse(url)
    database = _connect(parsed, readers, writers)
    try:
        with _usable(parsed):
            if parsed.get_backend_name() == "postgresql":
                _check(database, _name(parsed))
            else:
                _make(database, parsed)
    except BaseException:
        database.close()
        raise
    return database


def migrate(url: str) -> Migration:
    """Bring the tables of the database at `url` to the newest revision, however many do so at once.

    Returns what it lacked before. Raises as `open_database`, but for tables of an older version.
    """
    parsed = _parse(url)
    name = _name(parsed)
    with _usable(parsed), _for_migrating(parsed) as engine, engine.begin() as connection:
        _check_encoding(connection, name)
        before = schema.upgrade(connection, name)
    return Migration(name, before, tuple(schema.missing(before, name)))


def lacking(url: str) -> Migration:
    """What the database at `url` lacks, with nothing changed. Raises as `migrate`."""
    parsed = _parse(url)
    name = _name(parsed)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        before = None
    else:
        with _usable(parsed), _for_migrating(parsed) as engine, engine.begin() as connection:
            before = schema.revision_of(connection)
    return Migration(name, before, tuple(schema.missing(before, name)))


def _share_in_use(engine: Engine) -> float:
    pool = engine.pool
    return pool.checkedout() / pool.size() if isinstance(pool, QueuePool) else 0.0


def _parse(url: str) -> URL:
    # The URL itself is in no message: where it is written wrongly, anything in it may be the password.
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise UsageError(f"BATON_DATABASE: this is no database URL; {_URLS}") from None
    if parsed.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise UsageError(f"BATON_DATABASE: {parsed.drivername} is not known; {_URLS}")
    if "@" in (parsed.host or ""):
        raise UsageError("BATON_DATABASE: write an @ in a user name or password as %40")
    return parsed


def _name(url: URL) -> str:
    """As messages name it."""
    if url.get_backend_name() == "sqlite":
        return url.render_as_string()
    return URL.create("postgresql", host=url.host, port=url.port, database=url.database).render_as_string()


def _connect(url: URL, readers: int, writers: int) -> Database:
    if url.get_backend_name() == "postgresql":
        from services.adapters.sql import postgres_engine  # here, for the driver takes a fifth of a second to load

        return Database(
            postgres_engine.reading_engine(url, pool_size=readers),
            postgres_engine.writing_engine(url, pool_size=writers),
        )
    writer = sqlite_engine.writing_engine(url)
    # Memory has one connection, handed from thread to thread.
    return Database(writer if _is_memory(url) else sqlite_engine.reading_engine(url, pool_size=readers), writer)


def _is_memory(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


@contextmanager
def _for_migrating(url: URL) -> Iterator[Engine]:
    if url.get_backend_name() == "postgresql":
        from services.adapters.sql import postgres_engine

        engine = postgres_engine.migrating_engine(url)
    else:
        engine = sqlite_engine.writing_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _usable(url: URL) -> Iterator[None]:
    """Tell what is wrong with a database that is there, and is none that can be ours."""
    try:
        with outages("database"):
            yield
    except exc.DBAPIError as error:
        raise UsageError(f"{_name(url)} cannot be used as Baton's database: {first_line(error.orig)}") from error


def _make(database: Database, url: URL) -> None:
    with database.writing() as connection:
        if _is_memory(url):
            schema.create(connection)
        else:
            schema.upgrade(connection, _name(url))


def _check(database: Database, name: str) -> None:
    with database.reading() as connection:
        _check_encoding(connection, name)
        before = schema.revision_of(connection)
    if before is None:
        raise UsageError(f"{name} has no tables of Baton yet: run `baton migrate`")
    if schema.missing(before, name):
        raise UsageError(
            f"{name} has the tables of an older version of Baton (revision {before}; this one needs {NEWEST}): "
            "run `baton migrate`"
        )


def _check_encoding(connection: Connection, name: str) -> None:
    """SQLite keeps every text; PostgreSQL does so in one encoding."""
    if connection.dialect.name == "postgresql":
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise UsageError(f"{name} keeps text as {encoding}; make Baton a database with ENCODING 'UTF8'")

"""Engines for SQLite: how its connections are set up and begin their transactions. It knows no table."""

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

_WAIT_SECONDS = 10
"""For a connection of ours to become free, or for another process to let go of the file."""
_WRITER_CACHE_KIB = 65_536
_WAL_PAGES = 8_192
"""32 MiB between checkpoints: each of them writes and syncs all changed pages once more."""


def reading_engine(url: URL, *, pool_size: int) -> Engine:
    """An engine whose transactions see one state of the file, and cannot write."""
    return _engine(url, "BEGIN", "PRAGMA query_only = ON", pool_size=pool_size)


def writing_engine(url: URL) -> Engine:
    """An engine with one connection, which writes; memory is gone with it."""
    return _engine(url, "BEGIN IMMEDIATE", f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}", pool_size=1)


def _engine(url: URL, begin: str, *pragmas: str, pool_size: int) -> Engine:
    """An engine that begins its transactions itself: the driver would begin one before the first write only."""
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,  # in the text of an error: they are about people
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

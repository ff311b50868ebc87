"""Which errors of a database mean that it is away for now, and which that others were quicker; what escapes instead
is a fault in Baton.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from services.errors import Conflict, Unavailable

# https://www.sqlite.org/rescode.html: held by another, no room, no permission, or a disk that fails.
_AWAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOMEM,
    }
)
_PRIMARY = 0xFF
"""The low byte of SQLite's extended result codes is the primary one."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html: the first two characters are the class.
_AWAY_CLASSES = (
    "08",  # the connection is lost, or was refused
    "28",  # the server does not take our user or password, while those are changed
    "53",  # no disk, no memory, no more connections
    "57",  # the server was stopped, is starting, or ended the statement or session by a time limit
    "58",  # the server's own disk or system fails
)
_AWAY_STATES = frozenset(
    {
        "25006",  # read-only: it is a standby by now, or was set so
        "25P03",  # it ended our session, which was idle in a transaction for too long
        "25P04",  # the same for a transaction that took too long
        "40003",  # whether it has committed is unknown
        "55P03",  # somebody holds the lock for longer than lock_timeout
    }
)
_CONFLICTS = frozenset(
    {
        "40001",  # serialization failure
        "40P01",  # deadlock
    }
)


@contextmanager
def outages(what: str) -> Iterator[None]:
    """Raise Unavailable where the block fails because the database is away, Conflict where somebody else's writing
    made it fail; other errors pass.
    """
    try:
        yield
    except exc.TimeoutError as error:
        raise Unavailable(f"{what}: no connection became free in time") from error
    except (sqlite3.Error, exc.DBAPIError) as error:
        # Not the text of SQLAlchemy's error: it shows the statement's parameters, which are about people.
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        if getattr(cause, "sqlstate", None) in _CONFLICTS:
            raise Conflict(f"{what}: {first_line(cause)}") from error
        if not _is_away(cause):
            raise
        raise Unavailable(f"{what}: {first_line(cause)}") from error


def first_line(error: BaseException | None) -> str:
    """What the driver says; the lines that follow may quote rows."""
    return str(error).partition("\n")[0]


def _is_away(error: BaseException | None) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & _PRIMARY in _AWAY
    state: str | None = getattr(error, "sqlstate", None)
    if state is not None:
        return state.startswith(_AWAY_CLASSES) or state in _AWAY_STATES
    # The server has said nothing. Drivers keep OperationalError for what is not the program's mistake (PEP 249).
    return any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)

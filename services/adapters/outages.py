"""Which errors of a database mean that it is away for now; what escapes instead is a fault in Baton."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from services.errors import Unavailable

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


@contextmanager
def outages(what: str) -> Iterator[None]:
    """Raise Unavailable where the block fails because the database is away; other errors pass."""
    try:
        yield
    except sqlite3.Error as error:
        if not _is_away(error):
            raise
        raise Unavailable(f"{what}: {error}") from error
    except exc.TimeoutError as error:
        raise Unavailable(f"{what}: no connection became free in time") from error
    except exc.DBAPIError as error:
        # Not the text of `error` itself: it shows the statement's parameters, which are about people.
        if not _is_away(error.orig):
            raise
        raise Unavailable(f"{what}: {error.orig}") from error


def _is_away(error: BaseException | None) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & _PRIMARY in _AWAY
    # Other drivers keep OperationalError for what is not the program's mistake (PEP 249).
    return any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)

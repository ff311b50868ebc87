"""What a database tells of its transactions: how they ended, and what of its connections is in use."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.adapters.sql.database import Database, open_database
from services.errors import Conflict, PositionLost, Unavailable, UsageError
from tests.databases import EVERY, url_of


@pytest.fixture(params=EVERY)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    database = open_database(url_of(request.param, request))
    yield database
    database.close()


@pytest.fixture
def told(database: Database) -> list[tuple[str, str]]:
    """Access and outcome of each transaction from now on."""
    found: list[tuple[str, str]] = []

    def note(access: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        found.append((access, outcome))

    database.tell(note)
    return found


def test_each_transaction_is_told_by_its_end(database: Database, told: list[tuple[str, str]]) -> None:
    """Read or write, once each, when it is done."""
    with database.reading():
        assert told == []
    with database.writing():
        pass
    assert told == [("read", "done"), ("write", "done")]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Conflict("another"), "conflict"),
        (PositionLost("moved"), "conflict"),
        (Unavailable("no disk"), "away"),
        (sqlite3.OperationalError("no connection"), "away"),
        (UsageError("a text"), "failed"),
        (ValueError("a fault"), "failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_it_says_why_one_was_not_done(
    database: Database, told: list[tuple[str, str]], error: Exception, outcome: str
) -> None:
    """Another was quicker, it was not to be had, or something else is wrong; the error goes on."""
    with pytest.raises((type(error), Unavailable)), database.writing():
        raise error
    assert told == [("write", outcome)]


def test_connections_in_use_are_a_share_of_the_pool(tmp_path: Path) -> None:
    """At 1 the next one waits, and after its time is told that the database is away."""
    database = open_database(f"sqlite:///{tmp_path / 'baton.db'}", readers=2)
    try:
        assert database.pools() == {"read": 0, "write": 0}
        with database.reading():
            assert database.pools() == {"read": 0.5, "write": 0}
            with database.reading(), database.writing():
                assert database.pools() == {"read": 1, "write": 1}
        assert database.pools() == {"read": 0, "write": 0}
    finally:
        database.close()

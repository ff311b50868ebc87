"""The contract of `services.ports.Turn`, on PostgreSQL; in SQLite the data folder has one process anyway."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from services.adapters.database import Database, open_database
from services.adapters.turn import DatabaseTurn
from services.errors import Unavailable


@pytest.fixture
def databases(postgres_tables: str) -> Iterator[tuple[Database, Database]]:
    """Two processes' connections to one database."""
    both = open_database(postgres_tables), open_database(postgres_tables)
    yield both
    for database in both:
        database.close()


def test_one_has_it_until_it_gives_up(databases: tuple[Database, Database]) -> None:
    """The other is told no, and gets it afterwards; asking again changes nothing."""
    first, second = (DatabaseTurn(database, "notifier") for database in databases)
    assert [first.holds(), second.holds(), first.holds(), second.holds()] == [True, False, True, False]
    first.give_up()
    assert [second.holds(), first.holds()] == [True, False]
    second.give_up()
    second.give_up()


def test_different_work_has_different_turns(databases: tuple[Database, Database]) -> None:
    """Who notifies keeps nobody from something else."""
    turns = DatabaseTurn(databases[0], "notifier"), DatabaseTurn(databases[1], "reviewer")
    assert all(turn.holds() for turn in turns)
    for turn in turns:
        turn.give_up()


def test_who_is_cut_off_has_lost_it(databases: tuple[Database, Database]) -> None:
    """The server ended its session: it cannot know whose turn it is, another takes it, and it has to wait again."""
    first, second = (DatabaseTurn(database, "notifier") for database in databases)
    assert first.holds()
    with databases[1].session() as session:
        session.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'baton turn'")
        )
    with pytest.raises(Unavailable):
        first.holds()
    assert second.holds()
    assert not first.holds()
    second.give_up()


def test_in_sqlite_it_is_always_our_turn() -> None:
    """One process owns the folder."""
    database = open_database("sqlite://")
    assert DatabaseTurn(database, "notifier").holds()
    database.close()

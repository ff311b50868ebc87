"""What a PostgreSQL of the tests promises to those that use it."""

from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.servers import postgres as postgres_module
from tests.servers.postgres import Postgres


@pytest.mark.parametrize("end", [Postgres.kill, Postgres.stop])
def test_committed_rows_survive_the_end_of_the_server(postgres: Postgres, end: Callable[[Postgres], None]) -> None:
    """Ended either way and started again, it has what was committed and nothing else."""
    url = postgres.fresh_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE handoffs (id integer PRIMARY KEY)")
        connection.execute("INSERT INTO handoffs VALUES (1), (2)")
        connection.commit()
        connection.execute("INSERT INTO handoffs VALUES (3)")
        end(postgres)
        with pytest.raises(psycopg.OperationalError):
            connection.commit()
    postgres.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT id FROM handoffs ORDER BY id").fetchall() == [(1,), (2,)]


def test_fresh_databases_are_apart(postgres: Postgres) -> None:
    """Each test that asks has an empty one of its own."""
    first, second = postgres.fresh_database(), postgres.fresh_database()
    with psycopg.connect(first) as one, psycopg.connect(second) as two:
        one.execute("CREATE TABLE handoffs ()")
        one.commit()
        assert two.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
def test_it_keeps_what_it_acknowledged(postgres: Postgres, setting: str) -> None:
    """No shortcut of a test server: what is committed is on the disk."""
    with psycopg.connect(postgres.fresh_database()) as connection:
        assert connection.execute("SELECT current_setting(%s)", [setting]).fetchone() == ("on",)


def test_it_wants_the_password(postgres: Postgres) -> None:
    """A URL without it, or with another, opens nothing."""
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.fresh_database(), password="another")


def test_the_role_is_an_ordinary_one(postgres: Postgres) -> None:
    """What only a superuser may do is refused, as in production."""
    with (
        psycopg.connect(postgres.fresh_database(), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("ALTER SYSTEM SET fsync = off")


def test_it_starts_and_ends_once(postgres: Postgres) -> None:
    """A test that mixes up what it did fails at once."""
    with pytest.raises(ValueError, match="runs already"):
        postgres.start()
    postgres.stop()
    with pytest.raises(ValueError, match="does not run"):
        postgres.kill()
    postgres.start()


@pytest.mark.parametrize("killed", [False, True])
def test_nothing_is_left_of_it(tmp_path: Path, killed: bool) -> None:
    """Leaving the context ends all its processes and removes its data, whatever state it was in."""
    before = set(psutil.Process().children(recursive=True))
    with Postgres(tmp_path) as server:
        processes = set(psutil.Process().children(recursive=True)) - before
        if killed:
            server.kill()
    assert len(processes) > 1
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not alive
    assert [path.name for path in tmp_path.iterdir()] == ["postgres.log"]


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    """The message has the end of its log."""
    with Postgres(tmp_path) as server:
        server.stop()
        (tmp_path / "data" / "PG_VERSION").write_text("9\n", encoding="ascii")
        with pytest.raises(RuntimeError, match="incompatible with server"):
            server.start()


def test_without_binaries_the_test_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason; where everything is demanded it fails instead."""
    monkeypatch.setattr(postgres_module, "MAJOR", 7)
    monkeypatch.setattr(postgres_module, "DEMAND_ALL", False)
    with pytest.raises(pytest.skip.Exception, match="no PostgreSQL 7 inside"):
        Postgres(tmp_path)
    monkeypatch.setattr(postgres_module, "DEMAND_ALL", True)
    with pytest.raises(pytest.fail.Exception, match="no PostgreSQL 7 inside"):
        Postgres(tmp_path)

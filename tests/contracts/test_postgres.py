"""What only PostgreSQL does: errors by their codes, servers that go and come, and sessions with limits."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url, text

from services.adapters.database import Database, migrate, open_database
from services.errors import Conflict, Unavailable, UsageError
from tests.contracts.rows import TOPIC, changes, commit, lead, opened
from tests.databases import empty
from tests.servers.postgres import Postgres
from tests.servers.processes import free_ports

SELECT_1 = text("SELECT 1")
MY_PID = text("SELECT pg_backend_pid()")


@pytest.fixture
def url(postgres_tables: str) -> str:
    """Empty tables."""
    empty(postgres_tables)
    return postgres_tables


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = open_database(url)
    yield database
    database.close()


def with_options(url: str, **limits: str) -> str:
    """The URL with settings of the session in it, which go before ours."""
    options = " ".join(f"-c {name}={value}" for name, value in limits.items())
    return make_url(url).update_query_dict({"options": options}).render_as_string(hide_password=False)


def settings_of(database: Database, *, writing: bool) -> dict[str, str]:
    """What the server says of a session."""
    with database.writing() if writing else database.reading() as connection:
        rows = connection.execute(text("SELECT name, current_setting(name) FROM pg_settings"))
        return {row[0]: row[1] for row in rows}


AWAY = [
    *("08000", "08001", "08003", "08004", "08006", "08007", "08P01"),
    *("25006", "25P03", "25P04", "28000", "28P01", "40003"),
    *("53000", "53100", "53200", "53300", "53400", "55P03"),
    *("57000", "57014", "57P01", "57P02", "57P03", "57P04", "57P05"),
    *("58000", "58030", "58P01", "58P02"),
]
CONFLICTS = ["40001", "40P01"]
FAULTS = [
    *("0A000", "21000", "22003", "22021", "22P02", "23502", "23505", "25P02", "26000", "2BP01", "40000", "40002"),
    *("42501", "42601", "42703", "42P01", "42P05", "54000", "54001", "55000", "55006", "XX000", "XX001", "XX002"),
]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        *((each, Unavailable) for each in AWAY),
        *((each, Conflict) for each in CONFLICTS),
        *((each, None) for each in FAULTS),
    ],
)
def test_errors_by_their_codes(database: Database, state: str, expected: type[Exception] | None) -> None:
    """What is away is waited out, what met another is done anew, all else is a fault."""
    broken = text(
        f"DO $$ BEGIN RAISE EXCEPTION 'it broke' USING ERRCODE = '{state}', DETAIL = 'jane@example.com'; END $$"
    )
    with pytest.raises(Exception) as caught, database.reading() as connection:  # noqa: PT011 - looked at below
        connection.execute(broken)
    if expected is None:
        assert not isinstance(caught.value, Unavailable | Conflict)
    else:
        assert (type(caught.value), str(caught.value)) == (expected, "database: it broke")


def test_nobody_at_home(url: str) -> None:
    """A server that is not there is an outage, at the start as well."""
    (port,) = free_ports(1)
    nowhere = make_url(url).set(port=port).render_as_string(hide_password=False)
    for use in (open_database, migrate):
        with pytest.raises(Unavailable, match=r"^database: .*Connection refused"):
            use(nowhere)


def test_a_wrong_password_is_no_secret_told(url: str) -> None:
    """It may be one that was just changed: it is waited for, and in no message."""
    wrong = make_url(url).set(password="s3cr3t").render_as_string(hide_password=False)
    with pytest.raises(Unavailable, match="password authentication failed") as caught:
        open_database(wrong)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("postgresql://u:s3cr3t@h:port/db", r"^BATON_DATABASE: this is no database URL; write postgresql://USER"),
        (
            "postgresql+asyncpg://u:s3cr3t@h/db",
            r"^BATON_DATABASE: postgresql\+asyncpg is not known; write postgresql://",
        ),
        ("postgres://u:s3cr3t@h/db", r"^BATON_DATABASE: postgres is not known; write postgresql://"),
        ("postgresql://u:s3c@r3t@h/db", r"^BATON_DATABASE: write an @ in a user name or password as %40$"),
    ],
)
def test_urls_that_cannot_be_used(url: str, line: str) -> None:
    """One line that says what to write, and nothing of what stood there."""
    for use in (open_database, migrate):
        with pytest.raises(UsageError, match=line) as caught:
            use(url)
        assert "r3t" not in str(caught.value)


def test_what_the_driver_does_not_know(url: str) -> None:
    """A parameter of the URL that is written wrongly."""
    wrong = make_url(url).update_query_dict({"sslmod": "require"}).render_as_string(hide_password=False)
    with pytest.raises(
        UsageError, match=r"^postgresql://127\S+ cannot be used as Baton's database: invalid connection"
    ):
        open_database(wrong)


def test_a_database_that_is_not_in_unicode(postgres: Postgres) -> None:
    """It could not keep every name."""
    url = postgres.fresh_database("TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'")
    for use in (migrate, open_database):
        with pytest.raises(UsageError, match=r"keeps text as LATIN1; make Baton a database with ENCODING 'UTF8'$"):
            use(url)


def test_sessions_have_limits(database: Database) -> None:
    """No statement, lock or idle transaction lasts for good; what is committed is on disk; the sessions have a name."""
    for writing in (False, True):
        found = settings_of(database, writing=writing)
        assert found["application_name"] == "baton"
        assert found["synchronous_commit"] == "on"
        assert found["transaction_isolation"] == ("read committed" if writing else "repeatable read")
        assert found["transaction_read_only"] == ("off" if writing else "on")
        assert found["lock_timeout"] == "10s"
        assert found["statement_timeout"] == ("5min" if writing else "30s")
        assert found["idle_in_transaction_session_timeout"] == "15s"


def test_a_server_that_is_gone_without_a_word_is_given_up(database: Database) -> None:
    """By the times that the operating system is told; a server that does not answer at all is not waited for."""
    with database.reading() as connection:
        told = connection.connection.driver_connection.info.get_parameters()  # type: ignore[union-attr]  # psycopg's
    expected = {"connect_timeout": "5", "keepalives_idle": "15", "keepalives_interval": "5", "keepalives_count": "3"}
    assert told.items() >= {**expected, "tcp_user_timeout": "30000", "client_encoding": "utf8"}.items()


def test_the_url_goes_before_our_limits(url: str) -> None:
    """Whoever runs the server knows better; what is not said stays."""
    said = make_url(with_options(url, statement_timeout="7s", work_mem="5MB"))
    database = open_database(said.update_query_dict({"application_name": "blue"}).render_as_string(hide_password=False))
    found = settings_of(database, writing=False)
    assert (found["application_name"], found["statement_timeout"], found["work_mem"]) == ("blue", "7s", "5MB")
    assert found["lock_timeout"] == "10s"
    database.close()


def test_readers_see_one_state(database: Database) -> None:
    """What is committed meanwhile is seen by the next transaction."""
    store = opened(database)
    with database.reading() as connection:
        counted = text("SELECT COUNT(*) FROM leads")
        assert connection.execute(counted).scalar_one() == 0
        commit(store, changes(leads=[lead()]))
        assert connection.execute(counted).scalar_one() == 0
    with database.reading() as connection:
        assert connection.execute(counted).scalar_one() == 1


def test_a_lock_that_is_held_is_an_outage(url: str) -> None:
    """After lock_timeout; whoever holds it goes on."""
    impatient = open_database(with_options(url, lock_timeout="50ms"))
    store = opened(impatient)
    holder = open_database(url)
    with holder.writing() as connection:
        connection.execute(text("SELECT * FROM positions FOR UPDATE"))
        with pytest.raises(Unavailable, match="lock timeout"):
            commit(store, changes(0, 1))
    commit(store, changes(0, 1))
    holder.close()
    impatient.close()


def test_a_statement_that_never_ends_is_ended(url: str) -> None:
    """By statement_timeout, as an outage."""
    database = open_database(with_options(url, statement_timeout="50ms"))
    with pytest.raises(Unavailable, match="statement timeout"), database.reading() as connection:
        connection.execute(text("SELECT pg_sleep(60)"))
    database.close()


def test_a_worker_that_hangs_lets_go(url: str) -> None:
    """Its session is ended by the server; another has the rows, and it finds itself cut off."""
    hanging = open_database(with_options(url, idle_in_transaction_session_timeout="100ms"))
    other = opened(open_database(url))

    def hang() -> None:
        with hanging.writing() as connection:
            connection.execute(text("UPDATE positions SET next = 5"))
            commit(other, changes(0, 1))

    with pytest.raises(Unavailable):
        hang()
    assert other.position(TOPIC, 0) == 1
    opened(hanging)
    hanging.close()
    other._database.close()


def test_of_two_that_wait_for_each_other_one_is_told(database: Database) -> None:
    """A deadlock is a conflict: its batch is judged anew."""
    store = opened(database)
    commit(store, changes(leads=[lead("a"), lead("b")]))
    outcomes: list[str] = []
    both_hold_one = threading.Barrier(2)

    def work(*keys: str) -> None:
        wake = text("UPDATE leads SET wake_at = 1 WHERE key = :key")
        try:
            with database.writing() as connection:
                connection.execute(wake, {"key": keys[0]})
                both_hold_one.wait()
                connection.execute(wake, {"key": keys[1]})
            outcomes.append("written")
        except Conflict as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=work, args=keys) for keys in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["database: deadlock detected", "written"]


def test_too_many_connections(url: str) -> None:
    """Ours are bounded: who gets none in time is told that the database is away."""
    database = open_database(url, readers=1, writers=1)
    database._reader.pool._timeout = 0.05  # type: ignore[attr-defined]  # QueuePool has it
    with database.reading(), pytest.raises(Unavailable, match="no connection became free in time"), database.reading():
        pass
    with database.reading() as connection:
        assert connection.execute(SELECT_1).scalar_one() == 1
    database.close()


def fill(database: Database) -> None:
    """Have all connections opened."""
    barrier = threading.Barrier(8)

    def work(*, writing: bool) -> None:
        with database.writing() if writing else database.reading() as connection:
            connection.execute(SELECT_1)
            barrier.wait()

    threads = [threading.Thread(target=work, kwargs={"writing": writing}) for writing in [True, False] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_comes_back(postgres: Postgres, database: Database, how: str) -> None:
    """While it is gone all is away; once it is back no connection of before fails anybody, and nothing is lost."""
    store = opened(database)
    commit(store, changes(leads=[lead("a")]))
    fill(database)
    getattr(postgres, how)()
    try:
        for _ in range(2):
            with pytest.raises(Unavailable):
                store.states(["a"])
            with pytest.raises(Unavailable):
                store.note_read(TOPIC, 0, 1, 5)
    finally:
        postgres.start()
    fill(database)
    assert store.position(TOPIC, 0) == 1
    assert store.states(["a"]).keys() == {"a"}


def test_a_restart_between_two_uses_is_not_noticed(postgres: Postgres, database: Database) -> None:
    """Each connection is asked whether it lives before it is handed out."""
    store = opened(database)
    fill(database)
    postgres.stop()
    postgres.start()
    fill(database)
    commit(store, changes(0, 1))
    assert store.position(TOPIC, 0) == 1


def test_a_kill_within_a_transaction_leaves_nothing(postgres: Postgres, database: Database) -> None:
    """One Unavailable, and the same is done anew from where it began."""
    store = opened(database)
    commit(store, changes(0, 1))
    fill(database)

    def be_cut_off() -> None:
        with database.writing() as connection:
            connection.execute(text("UPDATE positions SET next = 7"))
            postgres.kill()
            connection.execute(SELECT_1)

    try:
        with pytest.raises(Unavailable):
            be_cut_off()
    finally:
        postgres.start()
    assert store.position(TOPIC, 0) == 1
    commit(store, changes(1, 2))
    assert store.position(TOPIC, 0) == 2


def test_a_session_that_is_ended_costs_one_transaction(database: Database) -> None:
    """As an administrator does, or a proxy between."""
    pids: list[int] = []

    def be_ended() -> None:
        with database.writing() as connection:
            pids.append(connection.execute(MY_PID).scalar_one())
            with database.writing() as ending:
                ending.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pids[0]})
            connection.execute(SELECT_1)

    with pytest.raises(Unavailable):
        be_ended()
    with database.writing() as connection:
        assert connection.execute(MY_PID).scalar_one() not in pids

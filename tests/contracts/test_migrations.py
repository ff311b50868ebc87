"""The tables come to be by migrations, which give what `tables.METADATA` says, on SQLite and PostgreSQL alike."""

import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, func, inspect, select, table, text

from services.adapters.sql import migrations, schema
from services.adapters.sql.database import Migration, lacking, migrate, open_database
from services.adapters.sql.tables import METADATA
from services.domain.events import Event
from services.domain.fold import fold_together
from services.errors import UsageError
from services.storage import deal_stream, lead_stream
from tests.databases import FILE, POSTGRES, new_url
from tests.tracker.counted import facts_hold, tallies_hold
from tests.tracker.support import Bench, event

VERSION_1 = (Path(__file__).parent / "version_1.sql").read_text(encoding="utf-8")
"""A file of the version before there were revisions: two leads that were judged, one merged, a deal without a lead."""
CARRIED_ON = sorted(
    METADATA.tables.keys()
    - {"facts", "heard", "held_alerts", "meta", "outbox", "positions", "tallies", "webhooks", "webhooks_disabled"}
)
"""The tables that are as long as they were: not those that are new, grow by what is new, and by opening partitions."""

CATALOG = {
    "sqlite": [
        "SELECT tables.name, columns.name, columns.type, columns.`notnull`, columns.dflt_value, columns.pk "
        "FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'",
        "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    ],
    "postgresql": [
        "SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name, is_identity "
        "FROM information_schema.columns WHERE table_schema = current_schema()",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'",  # what may be NULL is said above
        "SELECT sequencename, data_type::text, start_value, increment_by FROM pg_sequences",
    ],
}
"""Queries for all that a database knows of its tables, but for the order of their columns."""


@pytest.fixture(params=[FILE, POSTGRES])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database."""
    return new_url(request.param, request)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """The same without Baton."""
    engine = create_engine(url)
    yield engine
    engine.dispose()


def config_on(connection: Connection) -> Config:
    """For Alembic's own commands."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrations.FOLDER))
    return config


def catalog(connection: Connection) -> set[tuple[object, ...]]:
    """All that the database knows of our tables."""
    rows = {tuple(row) for query in CATALOG[connection.dialect.name] for row in connection.execute(text(query))}
    spaced = {tuple(re.sub(r"\s+", " ", part) if isinstance(part, str) else part for part in row) for row in rows}
    return {row for row in spaced if row[0] != "alembic_version"}


def make_version_1(folder: Path, but: str = "") -> None:
    """A file of before there were revisions."""
    connection = sqlite3.connect(folder / "baton.db")
    connection.executescript(VERSION_1 + but)
    connection.close()


def counts(url: str) -> dict[str, int]:
    """How many rows there are in the tables that are carried on."""
    engine = create_engine(url)
    with engine.begin() as connection:
        rows = {name: select(func.count()).select_from(table(name)) for name in CARRIED_ON}
        found = {name: connection.execute(query).scalar_one() for name, query in rows.items()}
    engine.dispose()
    return found


def test_migrating_gives_what_the_metadata_says(url: str, engine: Engine) -> None:
    """Alembic finds no difference; where it does, what the next revision has to do stands in the failure."""
    migrate(url)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        upgrade = produce_migrations(context, METADATA).upgrade_ops
        assert compare_metadata(context, METADATA) == [], render_python_code(upgrade) if upgrade else ""


def test_migrating_gives_what_making_at_once_does(url: str, engine: Engine, request: pytest.FixtureRequest) -> None:
    """Columns, keys, partial indexes, collations and sequences, by the database's own word; so memory needs no
    migration, and tests in memory speak for files.
    """
    migrate(url)
    other = create_engine(new_url(POSTGRES if url.startswith("postgresql") else FILE, request, "other"))
    with engine.begin() as migrated, other.begin() as made:
        schema.create(made)
        assert catalog(migrated) == catalog(made)
        assert len(catalog(made)) > 100
        rows = "SELECT name, value FROM meta ORDER BY name"
        assert migrated.execute(text(rows)).all() == made.execute(text(rows)).all()
    other.dispose()


def test_every_text_is_kept_in_the_order_of_code_points(postgres_tables: str) -> None:
    """Whatever the language of the database is: each column says so itself."""
    engine = create_engine(postgres_tables)
    with engine.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT DISTINCT collation_name FROM information_schema.columns WHERE data_type = 'text' "
                "AND table_schema = current_schema()"
            )
        )
        assert [row[0] for row in rows] == ["C"]
    engine.dispose()


def test_revisions_are_in_one_line() -> None:
    """Each is named in its file as the file is, and follows the one before."""
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [script.revision for script in reversed(scripts)] == list(migrations.REVISIONS)
    assert [script.down_revision for script in scripts] == [*reversed(migrations.REVISIONS[:-1]), None]
    assert all(Path(script.path).name.startswith(f"r{script.revision}_") for script in scripts)


def test_what_was_done_is_told(url: str) -> None:
    """What was lacking, and then nothing."""
    assert lacking(url).before is None
    first = migrate(url)
    assert (first.before, first.missing) == (None, migrations.REVISIONS)
    assert migrate(url) == lacking(url) == Migration(first.database, migrations.NEWEST, ())


def test_looking_changes_nothing(url: str, engine: Engine, tmp_path: Path) -> None:
    """Not even a file is made."""
    lacking(url)
    if url.startswith("sqlite"):
        assert list(tmp_path.iterdir()) == []
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == []


def test_any_number_may_migrate_at_once(url: str) -> None:
    """Ten that start together: one does it, the others wait and find it done."""
    found: list[Migration] = []
    barrier = threading.Barrier(10)

    def work() -> None:
        barrier.wait()
        found.append(migrate(url))

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.before or "" for each in found) == [""] + [migrations.NEWEST] * 9
    open_database(url).close()


def test_a_migration_that_fails_leaves_nothing(url: str, engine: Engine) -> None:
    """All of it is one transaction; the user reads one line about why."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE charters (theirs INTEGER)"))
    with pytest.raises(UsageError, match=r"cannot be used as Baton's database: .*charters.* already exists$"):
        migrate(url)
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == ["charters"]
    assert lacking(url).before is None


def test_a_newer_database_is_left_alone(url: str, engine: Engine) -> None:
    """Neither opened nor migrated, and the error says what to do."""
    migrate(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for use in (open_database, migrate, lacking):
        with pytest.raises(UsageError, match=r"written by a newer version of Baton \(its tables are of revision 9999"):
            use(url)


def test_a_file_of_before_there_were_revisions(tmp_path: Path) -> None:
    """It is known by the version it counted, and goes on with all that is in it."""
    url = f"sqlite:///{tmp_path / 'baton.db'}"
    make_version_1(tmp_path)
    before = counts(url)
    assert lacking(url) == Migration(url, migrations.FIRST, migrations.REVISIONS[1:])
    bench = Bench(url=url)
    assert lacking(url).missing == ()
    assert counts(url) == before
    with bench.database.reading() as reading:
        assert reading.execute(text("SELECT name, value FROM meta ORDER BY name")).all() == [
            ("changes", 1),
            ("charters", 1),
        ]
    bench.offset = bench.store.position("baton.events", 0)
    assert bench.offset == 7
    assert bench.told() == ["touch/1/at_risk", "touch/1/escalated/1", "touch/1/overdue", "touch/1/started"]
    bench.feed(rest_of_the_story(), "09:40")
    bench.tick("09:40")
    assert bench.told() == ["touch/1/corrected", "touch/1/met", "touch/1/started"]
    bench.database.close()


def test_leads_of_before_there_were_facts_are_judged_anew(tmp_path: Path) -> None:
    """Each in its turn, by those that are due anyway: as soon as the log is read on, all are counted."""
    make_version_1(tmp_path)
    bench = Bench(url=f"sqlite:///{tmp_path / 'baton.db'}")
    leads = ["crm:lead:1", "crm:lead:2", "crm:lead:3"]
    (read_at,) = {at for at in bench.store.read_until().values() if at}
    assert bench.store.facts(leads) == {}
    assert bench.tracker.tick("baton.events", 0, read_at, 2) == 2  # and one that was merged with another of these
    assert bench.tracker.tick("baton.events", 0, read_at, 2) == 0
    deals = bench.store.deals_of(leads)
    streams = {lead: [lead_stream(lead), *map(deal_stream, deals[lead])] for lead in leads}
    stored = bench.store.events([stream for each in streams.values() for stream in each])
    histories = {lead: [each for stream in streams[lead] for each in stored[stream]] for lead in leads}
    facts_hold(bench.database, fold_together(histories, bench.charters), bench.charters)
    tallies_hold(bench.database, leads)
    assert bench.store.facts(leads).keys() == {"crm:lead:1", "crm:lead:2"}
    bench.database.close()


def rest_of_the_story() -> list[Event]:
    """What had happened in time comes late; and the deal gets its lead, which was merged."""
    touched = event("lead.touched", "09:10", kind="call", direction="outbound", connected=True)
    return [touched, event("deal.won", "09:35", "crm:lead:3", deal="crm:deal:1")]


def test_a_file_of_a_version_that_never_was(tmp_path: Path) -> None:
    """The counting ended at 1."""
    make_version_1(tmp_path, "UPDATE meta SET value = 2 WHERE name = 'schema'")
    with pytest.raises(UsageError, match="written by a newer version of Baton"):
        open_database(f"sqlite:///{tmp_path / 'baton.db'}")


def test_postgres_is_not_migrated_by_opening_it(request: pytest.FixtureRequest) -> None:
    """Many open it at once, and some may be of an older version: one line says what to run."""
    url = new_url(POSTGRES, request)
    with pytest.raises(
        UsageError, match=r"^postgresql://127\.0\.0\.1:\d+/\w+ has no tables of Baton yet: run `baton migrate`$"
    ):
        open_database(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(config_on(connection), migrations.FIRST)
    with pytest.raises(
        UsageError, match=r"tables of an older version of Baton \(revision 0001; .*run `baton migrate`$"
    ):
        open_database(url)
    migrate(url)
    open_database(url).close()
    engine.dispose()


def test_leads_that_are_handed_off_are_looked_at_for_silences(url: str, engine: Engine) -> None:
    """Those of a version that told of none; others are left alone."""
    with engine.begin() as connection:
        command.upgrade(config_on(connection), "0006")
        lead = "INSERT INTO leads (key, revision, partition, state, last_event_at, team_label, priority_label, handoff)"
        connection.execute(text(f"{lead} VALUES ('a', 1, 0, 'x', 1, 'b', 'c', 2), ('b', 1, 0, 'x', 1, 'b', 'c', NULL)"))
    migrate(url)
    with engine.begin() as connection:
        woken = connection.execute(text("SELECT key, wake_at FROM leads ORDER BY key")).all()
    assert [tuple(row) for row in woken] == [("a", 0), ("b", None)]


def test_rows_of_the_first_revision_are_carried_on(url: str, engine: Engine) -> None:
    """What one worker wrote is all of partition 0, and is looked at again; its counters go on counting."""
    with engine.begin() as connection:
        command.upgrade(config_on(connection), migrations.FIRST)
        for statement in (
            "INSERT INTO leads (key, state, last_event_at, team_label, priority_label) VALUES ('a', 'x', 1, 'b', 'c')",
            "INSERT INTO deals (deal, lead, named_by) VALUES ('d', 'a', '[]')",
            "INSERT INTO counters (name, labels, partition, value) VALUES ('n', '[]', 0, 7)",
            "INSERT INTO charters (version, text, put_in_force_at) VALUES ('1', 'y', 5)",
            "INSERT INTO events (stream, source, id, time, type, data, crm, received_at) "
            "VALUES ('s', 'o', '1', 1, 1, '{}', 'hubspot', 4), ('s', 'o', '2', 2, 1, '{}', 'hubspot', 3)",
            "INSERT INTO positions (topic, partition, next, judged_at, changes) VALUES ('baton.events', 0, 9, 8, 3)",
        ):
            connection.execute(text(statement))
    migrate(url)
    with engine.begin() as connection:
        for query, row in {
            "SELECT key, partition, wake_at FROM leads": ("a", 0, 8),
            "SELECT deal, revision, lead FROM deals": ("d", 1, "a"),
            "SELECT name, labels, shard, value FROM counters": ("n", "[]", "baton.events/0", 7),
            "SELECT value FROM meta WHERE name = 'charters'": (1,),
            "SELECT crm, shard, at FROM heard": ("hubspot", "baton.events/0", 4),
            "SELECT next, read_at FROM positions": (9, 8),
        }.items():
            assert tuple(connection.execute(text(query)).one()) == row

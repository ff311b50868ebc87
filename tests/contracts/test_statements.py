"""What `services.adapters.statements` promises, on every database: the same rows, the same counts."""

import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Float, Integer, LargeBinary, SmallInteger, Table, delete, select

from services.adapters import tables
from services.adapters.database import Database, open_database
from services.adapters.pg_arrays import PgArray, kind_of
from services.adapters.statements import Deleter, Finder, Updater, Values, Writer, insert_into, insert_new, upsert
from services.adapters.tables import charters, counters, handoffs, merges
from tests.contracts.rows import handoff
from tests.databases import FILE, POSTGRES, url_of

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
INSTANTS = st.integers(-(2**63), 2**63 - 1)
on_every_database = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def stored(database: Database, table: Table) -> list[Values]:
    """All rows by key."""
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]


def cleared(database: Database, table: Table) -> None:
    """No rows."""
    with database.writing() as connection:
        connection.execute(delete(table))


@on_every_database
@given(
    st.lists(
        st.tuples(TEXTS, INSTANTS, INSTANTS, *([st.none() | INSTANTS, st.none() | TEXTS] + [st.none() | INSTANTS] * 4)),
        max_size=12,
    ),
    TEXTS,
    st.binary(max_size=5),
)
def test_any_value_comes_back(database: Database, drawn: list[Values], label: str, attributes: bytes) -> None:
    """Texts, numbers to 64 bits, bytes and NULL; of rows with the same key the last one stays."""
    cleared(database, handoffs)
    rows = [(*row, None, label, label, attributes) for row in drawn]
    with database.writing() as connection:
        assert upsert(handoffs, database.dialect).write(connection, rows) == len(rows)
    assert stored(database, handoffs) == sorted({row[:2]: row for row in rows}.values(), key=lambda row: row[:2])


@pytest.mark.parametrize("paused", [[True, False], [True], [False]])
def test_truths_come_back(database: Database, paused: list[bool]) -> None:
    """A truth is stored as what the database has for it."""
    rows = [("lead", "accept", 1, f"name {number}", 1, 1, each, *[None] * 3) for number, each in enumerate(paused)]
    with database.writing() as connection:
        upsert(tables.transitions, database.dialect).write(connection, rows)
    assert [row[6] for row in stored(database, tables.transitions)] == paused


def test_nothing_to_write(database: Database) -> None:
    """No rows need no statement."""
    with database.writing() as connection:
        assert insert_new(merges, database.dialect).write(connection, []) == 0
        assert Deleter(merges, database.dialect, keys=["lead"]).delete(connection, []) == 0
        assert list(Finder(list(merges.c), list(merges.c), database.dialect).find(connection, [])) == []


def test_many_rows(database: Database) -> None:
    """More than one statement takes."""
    rows = [(f"{number:06}", "x") for number in range(5_001)]
    with database.writing() as connection:
        assert insert_new(merges, database.dialect).write(connection, rows) == 5_001
        found = Finder(list(merges.c), list(merges.c), database.dialect).find(connection, [*rows, ("none", "x")])
        assert {tuple(row) for row in found} == set(rows)
        assert Deleter(merges, database.dialect, keys=["lead", "into"]).delete(connection, rows[1:]) == 5_000
    assert stored(database, merges) == rows[:1]


def test_rows_too_large_for_one_statement(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are written in several, one by one at the least; all are counted."""
    monkeypatch.setattr("services.adapters.statements._MOST_BYTES", 1_000)
    rows = [(str(number), "x" * 100 * number, number) for number in range(25)]
    with database.writing() as connection:
        assert insert_new(charters, database.dialect).write(connection, rows) == 25
        assert (
            Deleter(charters, database.dialect, keys=["text"]).delete(connection, [row[1:2] for row in rows[5:]]) == 20
        )
    assert stored(database, charters) == rows[:5]


def test_rows_with_one_key_are_written_in_their_order(database: Database) -> None:
    """As if one by one: what the first inserts the second adds to, or replaces, or leaves alone."""
    adding = insert_into(counters, database.dialect)
    adding = adding.on_conflict_do_update(
        index_elements=["name", "labels", "shard"], set_={"value": counters.c.value + adding.excluded.value}
    )
    with database.writing() as connection:
        rows = [("a", "[]", "s", 1), ("b", "[]", "s", 5), ("a", "[]", "s", 2), ("a", "[]", "s", 3)]
        assert Writer(adding, database.dialect, list(counters.c.keys())).write(connection, rows) == 4
        pairs = [("1", "first", 1), ("1", "second", 2)]
        assert upsert(charters, database.dialect).write(connection, pairs) == 2
        assert insert_new(charters, database.dialect).write(connection, [("1", "third", 3), ("2", "x", 1)] * 2) == 1
    assert stored(database, counters) == [("a", "[]", "s", 6), ("b", "[]", "s", 5)]
    assert stored(database, charters) == [("1", "second", 2), ("2", "x", 1)]


def test_insert_new_tells_how_many_were_new(database: Database) -> None:
    """What is there stays as it is."""
    writer = insert_new(charters, database.dialect)
    with database.writing() as connection:
        assert writer.write(connection, [("1", "one", 1), ("2", "two", 2)]) == 2
        assert writer.write(connection, [("2", "other", 9), ("3", "three", 3)]) == 1
        assert writer.write(connection, [("2", "other", 9)]) == 0
    assert stored(database, charters) == [("1", "one", 1), ("2", "two", 2), ("3", "three", 3)]


def number_of(row: Any, **changed: Any) -> Values:
    """A handoff's values; `opened_at` plays the revision."""
    return tuple((dict(zip(handoffs.c.keys(), row, strict=True)) | changed).values())


def test_updater_changes_what_is_as_it_was_read(database: Database) -> None:
    """All columns but the key are set where the expected value still stands; the rest stays, and is not counted."""
    rows = [number_of(_values(handoff(f"lead {number}", opened_at=1))) for number in range(4)]
    updater = Updater(handoffs, database.dialect, expected="opened_at")
    after = [number_of(row, opened_at=2, reason="späť", attributes=b"\0{", closed_at=None) for row in rows]
    with database.writing() as connection:
        upsert(handoffs, database.dialect).write(connection, rows)
        missing = number_of(rows[0], lead="nobody")
        assert updater.write(connection, [(*after[0], 1), (*after[1], 7), (*after[2], 1), (*missing, 1)]) == 2
        assert updater.write(connection, [(*after[0], 1)]) == 0
        assert updater.write(connection, [(*number_of(after[0], opened_at=3), 2)]) == 1
    expected = [number_of(after[0], opened_at=3), rows[1], after[2], rows[3]]
    assert stored(database, handoffs) == expected


def test_updater_takes_rows_with_one_key_in_their_order(database: Database) -> None:
    """The second sees what the first has left."""
    row = number_of(_values(handoff("a", opened_at=1)))
    first, second = number_of(row, opened_at=2, reason="1"), number_of(row, opened_at=3, reason="2")
    updater = Updater(handoffs, database.dialect, expected="opened_at")
    with database.writing() as connection:
        upsert(handoffs, database.dialect).write(connection, [row])
        assert updater.write(connection, [(*first, 1), (*second, 1)]) == 1
    assert stored(database, handoffs) == [first]
    with database.writing() as connection:
        assert updater.write(connection, [(*second, 2), (*first, 3)]) == 2
    assert stored(database, handoffs) == [first]


@pytest.mark.parametrize("kind", [FILE, POSTGRES])
def test_of_two_that_update_one_row_one_is_told(kind: str, request: pytest.FixtureRequest) -> None:
    """However close they come: who is later finds the value changed."""
    database = open_database(url_of(kind, request))
    rows = [number_of(_values(handoff(f"lead {number:02}", opened_at=1))) for number in range(50)]
    with database.writing() as connection:
        upsert(handoffs, database.dialect).write(connection, rows)
    changed: list[int] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        updater = Updater(handoffs, database.dialect, expected="opened_at")
        barrier.wait()
        for row in rows:
            with database.writing() as connection:
                changed.append(updater.write(connection, [(*number_of(row, opened_at=2), 1)]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    assert len(changed) == 200
    assert sum(changed) == 50


def test_deleter_deletes_by_all_its_keys(database: Database) -> None:
    """A row that shares some of them stays."""
    rows = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    with database.writing() as connection:
        insert_new(merges, database.dialect).write(connection, rows)
        deleter = Deleter(merges, database.dialect, keys=["lead", "into"])
        assert deleter.delete(connection, [("a", "y"), ("b", "x"), ("c", "x"), ("a", "y")]) == 2
        assert Deleter(merges, database.dialect, keys=["into"]).delete(connection, [("x",)]) == 1
    assert stored(database, merges) == [("b", "y")]


def test_a_row_that_is_too_short_or_long_is_refused(database: Database) -> None:
    """It is our mistake, and nothing is written."""
    for row in (("a",), ("a", "b", "c")):
        with pytest.raises(Exception), database.writing() as connection:  # noqa: B017, PT011 - the drivers differ
            insert_new(merges, database.dialect).write(connection, [("x", "y"), row])
    assert stored(database, merges) == []


ODD_KEYS = [
    "",
    " ",
    "-",
    "0",
    "A",
    "B",
    "Z",
    "_",
    "a",
    "a b",
    "a-b",
    "ab",
    "b",
    "ä",
    "é",
    "z",
    "ż",
    "ﬀ",
    "😀",
    "\U0010ffff",
]


def test_keys_are_in_the_order_of_code_points(database: Database) -> None:
    """As Python compares them, whatever the language of the database."""
    with database.writing() as connection:
        insert_new(merges, database.dialect).write(connection, [(key, key) for key in reversed(ODD_KEYS)])
        lead = merges.c.lead
        assert list(connection.execute(select(lead).order_by(lead)).scalars()) == sorted(ODD_KEYS)
        for key in ODD_KEYS:
            after = connection.execute(select(lead).where(lead > key)).scalars()
            assert set(after) == {other for other in ODD_KEYS if other > key}


@pytest.mark.parametrize(
    "column", [SmallInteger(), Integer(), BigInteger(), Boolean(), LargeBinary(), tables.leads.c.key.type]
)
def test_arrays_are_what_postgres_reads(postgres_tables: str, column: Any) -> None:
    """Of every type, with NULL and without, also an empty one."""
    kind = kind_of(column)
    samples: dict[str, list[Any]] = {
        "BOOLEAN": [True, False],
        "BYTEA": [b"", b"\0\xff"],
        "TEXT": ["", "{}\"',\\NULL", "😀"],
    }
    values = samples.get(kind.name, [0, -1, 1, 32_767, -32_768])
    database = open_database(postgres_tables)
    with database.reading() as connection:
        for each in (values, [None, *values, None], [None], []):
            sent = kind.array(each)
            assert isinstance(sent, PgArray)
            found = connection.exec_driver_sql("SELECT %s, pg_typeof(%s)::text", (sent, sent)).one()
            assert found == (each, f"{kind.name.lower()}[]")
    database.close()


def test_an_array_of_what_the_tables_do_not_have_is_refused() -> None:
    """Rather than sent as something else."""
    with pytest.raises(TypeError, match="no array of"):
        kind_of(Float())


def _values(row: Any) -> Values:
    return tuple(getattr(row, column.name) for column in handoffs.columns)

"""Statements over many rows at once, compiled once: on PostgreSQL one statement for all rows, which come as an array
a column; on SQLite one that is run for each row, which costs nothing where there is no network.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import (
    ClauseElement,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Table,
    and_,
    any_,
    bindparam,
    column,
    delete,
    func,
    select,
    update,
    values,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from services.adapters.pg_arrays import TEXT, ArrayOf, PgArray, kind_of

_T = TypeVar("_T")
Values = tuple[Any, ...]

CHUNK = 500
"""Keys in one statement: SQLite takes 32,766 variables, and a short statement is prepared sooner."""
_MOST_ROWS = 2_000
"""Rows in one statement of PostgreSQL: more than a batch has."""
_MOST_BYTES = 64 * 1024 * 1024
"""In one of its arrays, which end at a gigabyte: a batch of the largest bodies would be as much."""
_GROUP = 100
"""Keys in one lookup of SQLite: its statement stays the same, and its variables are few."""


def insert_into(table: Table, dialect: Dialect) -> sqlite.Insert | postgresql.Insert:
    """An insert into all columns that can say what to do on a conflict."""
    insert = postgresql.insert if _is_set_based(dialect) else sqlite.insert
    return insert(table)


class Writer:
    """Writes many rows of one table."""

    def __init__(self, statement: sqlite.Insert | postgresql.Insert, dialect: Dialect, columns: Sequence[str]) -> None:
        table: Table = statement.table  # type: ignore[assignment]  # we insert into tables only
        given = _Given(dialect, {name: table.c[name].type for name in columns})
        if _is_set_based(dialect):
            whole = statement.from_select(list(columns), select(*given.columns.values()))
        else:
            whole = statement.values(given.columns)
        keys = [column.name for column in table.primary_key]
        self._many = _Many(whole, given, apart_by=keys if set(keys) <= set(columns) else ())

    def write(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Write all rows, their values in the order of the columns; returns how many were inserted or replaced."""
        return self._many.run(connection, rows)


def upsert(table: Table, dialect: Dialect, **instead: Any) -> Writer:
    """Insert rows, or replace those with the same key (or set what `instead` says, where it says something)."""
    columns = [column.name for column in table.columns]
    statement = insert_into(table, dialect)
    keys = [column.name for column in table.primary_key]
    updates = instead or {name: statement.excluded[name] for name in columns if name not in keys}
    return Writer(statement.on_conflict_do_update(index_elements=keys, set_=updates), dialect, columns)


def insert_new(table: Table, dialect: Dialect) -> Writer:
    """Insert rows and leave those alone whose key is there; `write` returns how many were inserted."""
    columns = [column.name for column in table.columns]
    return Writer(insert_into(table, dialect).on_conflict_do_nothing(), dialect, columns)


class Updater:
    """Compare-and-set: replaces rows whose column `expected` still holds what the caller has read of it."""

    def __init__(self, table: Table, dialect: Dialect, *, expected: str) -> None:
        keys = [column.name for column in table.primary_key]
        # Beside the column of that name, which takes the new value.
        was = f"{expected} before"
        given = _Given(dialect, {**{column.name: column.type for column in table.columns}, was: table.c[expected].type})
        statement = (
            update(table)
            .where(*(table.c[name] == given.columns[name] for name in keys), table.c[expected] == given.columns[was])
            .values({column.name: given.columns[column.name] for column in table.columns if column.name not in keys})
        )
        self._many = _Many(statement, given, apart_by=keys)

    def write(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Write rows of `(*values of all columns in order, expected value)`; returns how many were changed.

        A row that is missing, or has another value, stays as it is. None is never equal to what is stored.
        """
        return self._many.run(connection, rows)


class Deleter:
    """Deletes rows by several columns together."""

    def __init__(self, table: Table, dialect: Dialect, *, keys: Sequence[str]) -> None:
        given = _Given(dialect, {name: table.c[name].type for name in keys})
        self._many = _Many(delete(table).where(*(table.c[name] == given.columns[name] for name in keys)), given)

    def delete(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Delete the rows with these values of the columns; returns how many there were."""
        return self._many.run(connection, rows)


class Finder:
    """Finds rows of one table by several columns together."""

    def __init__(self, columns: Sequence[Column[Any]], keys: Sequence[Column[Any]], dialect: Dialect) -> None:
        self._given: _Given | None = None
        if _is_set_based(dialect):
            self._given = _Given(dialect, {key.name: key.type for key in keys})
            same = and_(*(key == self._given.columns[key.name] for key in keys))
            compiled = select(*columns).where(same).compile(dialect=dialect)
        else:
            # Joined, because SQLite reads the whole table for `(a, b, c) IN (VALUES ...)`.
            names = [column(key.name, key.type) for key in keys]
            wanted = values(*names, name="wanted").data([("",) * len(keys)] * _GROUP).cte("wanted")
            same = and_(*(key == wanted.c[key.name] for key in keys))
            compiled = select(*columns).join_from(wanted, keys[0].table, same).compile(dialect=dialect)
        self._sql = str(compiled)

    def find(self, connection: Connection, wanted: Collection[Values]) -> Iterator[Sequence[Any]]:
        """The rows with any of the keys, some of them more than once; their values are as the driver gives them."""
        if self._given is not None:
            for part in chunks(wanted, _MOST_ROWS):
                yield from connection.exec_driver_sql(self._sql, self._given.parameters(part))
            return
        for part in chunks(wanted, _GROUP):
            # Filled up by repeating the last, so that the statement stays the same.
            part += part[-1:] * (_GROUP - len(part))
            yield from connection.exec_driver_sql(self._sql, tuple(value for key in part for value in key))


class among(FunctionElement[bool]):  # noqa: N801 - written as a function, as SQLAlchemy's own are
    """Whether a column of text is one of the parameter `keys`, a list."""

    inherit_cache = True
    # Not declared a boolean: SQLite, which has none, would be asked whether it `= 1`, and read the whole table for it.


@compiles(among)
def _in_list(element: among, compiler: SQLCompiler, **options: Any) -> str:
    (sought,) = element.clauses
    return compiler.process(sought.in_(bindparam("keys", expanding=True)), **options)


@compiles(among, "postgresql")
def _in_array(element: among, compiler: SQLCompiler, **options: Any) -> str:
    (sought,) = element.clauses
    return compiler.process(sought == any_(bindparam("keys", type_=_Texts())), **options)


class _Texts(ArrayOf):
    """A list of texts as one parameter: the statement stays the same, and takes half the time of a list of them."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(TEXT)

    def bind_processor(self, _dialect: Dialect) -> Callable[[Any], Any]:
        return TEXT.array


def chunks(keys: Collection[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    """The keys in pieces that fit into a statement."""
    rest = list(keys)
    for start in range(0, len(rest), size):
        yield rest[start : start + size]


def _is_set_based(dialect: Dialect) -> bool:
    return dialect.name == "postgresql"


class _Given:
    """The rows that are handed to a statement: `columns` to build it from, and its parameters."""

    def __init__(self, dialect: Dialect, types: Mapping[str, TypeEngine[Any]]) -> None:
        self.dialect = dialect
        # Not the names of the columns themselves: SQLAlchemy keeps those for its own parameters.
        self._names = [f"given_{number}" for number in range(len(types))]
        self._kinds = [kind_of(each) for each in types.values()] if _is_set_based(dialect) else []
        parameters: Sequence[ColumnElement[Any]]
        if self._kinds:
            arrays = [bindparam(name, type_=ArrayOf(kind)) for name, kind in zip(self._names, self._kinds, strict=True)]
            parameters = list(func.unnest(*arrays).table_valued(*self._names).render_derived("given").c)
        else:
            parameters = [bindparam(name) for name in self._names]
        self.columns = dict(zip(types, parameters, strict=True))

    def arrange(self, names: Sequence[str]) -> Callable[[Values], Values] | None:
        """What puts the values of a row in the order in which a statement names them; None where they are in it."""
        order = [self._names.index(name) for name in names]
        return itemgetter(*order) if order != list(range(len(self._names))) else None

    def parameters(self, rows: Sequence[Values]) -> dict[str, PgArray]:
        """An array for each column."""
        whole = zip(*rows, strict=True)
        return {name: kind.array(values) for name, kind, values in zip(self._names, self._kinds, whole, strict=True)}


class _Many:
    """A statement over many rows."""

    def __init__(self, statement: ClauseElement, given: _Given, *, apart_by: Sequence[str] = ()) -> None:
        """`apart_by`: columns whose values no two rows may share in one statement of PostgreSQL."""
        compiled = statement.compile(dialect=given.dialect)
        self._sql = str(compiled)
        self._given = given
        self._is_set_based = _is_set_based(given.dialect)
        names = list(given.columns)
        self._key = itemgetter(*map(names.index, apart_by)) if apart_by else None
        order: Sequence[str] | None = getattr(compiled, "positiontup", None)
        self._arrange = given.arrange(order) if order is not None else None

    def run(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Run it over the rows, as if one by one in their order; returns how many rows of the table it touched."""
        if not rows:
            return 0
        if not self._is_set_based:
            arranged = [self._arrange(row) for row in rows] if self._arrange else rows
            return connection.exec_driver_sql(self._sql, arranged).rowcount
        parts = (part for group in _apart(rows, self._key) for part in chunks(group, _MOST_ROWS))
        return sum(self._run_at_once(connection, part) for part in parts)

    def _run_at_once(self, connection: Connection, rows: Sequence[Values]) -> int:
        parameters = self._given.parameters(rows)
        if len(rows) > 1 and any(len(array.data) > _MOST_BYTES for array in parameters.values()):
            half = len(rows) // 2
            return self._run_at_once(connection, rows[:half]) + self._run_at_once(connection, rows[half:])
        return connection.exec_driver_sql(self._sql, parameters).rowcount


def _apart(rows: Sequence[Values], key: Callable[[Values], Any] | None) -> Iterator[Sequence[Values]]:
    """The rows in groups of which none has a key twice; those with the same key stay in their order.

    Of two such rows PostgreSQL refuses to insert the second, and updates by any one of them.
    """
    if key is None or len({key(row) for row in rows}) == len(rows):
        yield rows
        return
    groups: dict[int, list[Values]] = defaultdict(list)
    seen: Counter[Any] = Counter()
    for row in rows:
        groups[seen[key(row)]].append(row)
        seen[key(row)] += 1
    yield from groups.values()

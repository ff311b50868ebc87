"""Rows between `services.storage` and the tables, and the statements that write many of them at once."""

from collections.abc import Callable, Collection, Iterator, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import orjson
from sqlalchemy import (
    ClauseElement,
    Connection,
    Dialect,
    Table,
    and_,
    bindparam,
    column,
    delete,
    select,
    update,
    values,
)
from sqlalchemy.dialects import postgresql, sqlite

from services.adapters.tables import events
from services.domain.events import IS_DEAL, NOTHING, Event, EventType
from services.storage import AlertRow, CounterKey, DealRow, EventRow, lead_stream

_T = TypeVar("_T")
Values = tuple[Any, ...]

CHUNK = 500
"""Keys in one statement: SQLite takes 32,766 variables, and a short statement is prepared sooner."""

EVENT_COLUMNS = (
    events.c.stream,
    events.c.source,
    events.c.id,
    events.c.time,
    events.c.type,
    events.c.lead,
    events.c.data,
)
"""What `read_event` reads."""

_LEAD_STREAM = lead_stream("")
_TYPES = {int(kind): kind for kind in EventType}


def insert_into(table: Table, dialect: Dialect) -> sqlite.Insert | postgresql.Insert:
    """An insert into all columns that can say what to do on a conflict."""
    insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    return insert(table)


class Prepared:
    """A statement that is compiled once; its values are handed in the order in which it names them."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._names = None if dialect.positional else list(compiled.params)

    def values(self, row: Values) -> Any:
        """The values as the driver takes them."""
        return row if self._names is None else dict(zip(self._names, row, strict=True))


class Writer:
    """Writes many rows of one table: compiling the statement each time would cost more than a row."""

    def __init__(self, statement: sqlite.Insert | postgresql.Insert, dialect: Dialect, columns: Sequence[str]) -> None:
        self._prepared = Prepared(statement.values({name: bindparam(name) for name in columns}), dialect)

    def write(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Write all rows; their values are in the order of the columns. Returns how many rows were affected."""
        if not rows:
            return 0
        return connection.exec_driver_sql(self._prepared.sql, [self._prepared.values(row) for row in rows]).rowcount


class Updater:
    """Updates many rows of one table, each if its column `expected` still is what is expected of it."""

    def __init__(self, table: Table, dialect: Dialect, *, expected: str) -> None:
        self._keys = [index for index, each in enumerate(table.columns) if each.primary_key]
        self._others = [index for index, each in enumerate(table.columns) if not each.primary_key]
        names = [each.name for each in table.columns]
        statement = update(table).values({names[index]: bindparam(f"to_{names[index]}") for index in self._others})
        same = [table.c[names[index]] == bindparam(f"key_{names[index]}") for index in self._keys]
        statement = statement.where(*same, table.c[expected] == bindparam("expected_value"))
        self._prepared = Prepared(statement, dialect)

    def write(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Update rows of all columns' values in their order, and then the expected value; returns how many it did."""
        if not rows:
            return 0
        values = [
            self._prepared.values((*(row[at] for at in self._others), *(row[at] for at in self._keys), row[-1]))
            for row in rows
        ]
        return connection.exec_driver_sql(self._prepared.sql, values).rowcount


class Deleter:
    """Deletes many rows of one table by some of its columns."""

    def __init__(self, table: Table, dialect: Dialect, *, keys: Sequence[str]) -> None:
        statement = delete(table).where(*(table.c[key] == bindparam(f"key_{key}") for key in keys))
        self._prepared = Prepared(statement, dialect)

    def write(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Delete the rows with these values of the columns; returns how many there were."""
        if not rows:
            return 0
        return connection.exec_driver_sql(self._prepared.sql, [self._prepared.values(row) for row in rows]).rowcount


class EventFinder:
    """Finds events by stream, source and id.

    They are asked for in groups of one size, the last filled up by repeating itself, so that the statement stays
    the same; and joined, because SQLite reads the whole table for `(a, b, c) IN (VALUES ...)`.
    """

    _GROUP = 100

    def __init__(self, dialect: Dialect) -> None:
        keys = (events.c.stream, events.c.source, events.c.id)
        names = [column(key.name, key.type) for key in keys]
        wanted = values(*names, name="wanted").data([("", "", "")] * self._GROUP).cte("wanted")
        same = and_(*(key == wanted.c[key.name] for key in keys))
        self._prepared = Prepared(select(*EVENT_COLUMNS).join_from(wanted, events, same), dialect)

    def find(self, connection: Connection, identities: Collection[tuple[str, str, str]]) -> Iterator[Event]:
        """Those of the events that are stored, some of them more than once."""
        for group in chunks(identities, self._GROUP):
            group += group[-1:] * (self._GROUP - len(group))
            row = tuple(part for identity in group for part in identity)
            for found in connection.exec_driver_sql(self._prepared.sql, self._prepared.values(row)):
                yield read_event(found)


def insert_new(table: Table, dialect: Dialect) -> Writer:
    """Insert rows but those whose key is there; how many were inserted is what `write` returns."""
    return Writer(insert_into(table, dialect).on_conflict_do_nothing(), dialect, [each.name for each in table.columns])


def upsert(table: Table, dialect: Dialect, **instead: Any) -> Writer:
    """Insert rows, or replace those with the same key (or set what `instead` says, where it says something)."""
    columns = [column.name for column in table.columns]
    statement = insert_into(table, dialect)
    keys = [column.name for column in table.primary_key]
    updates = instead or {name: statement.excluded[name] for name in columns if name not in keys}
    return Writer(statement.on_conflict_do_update(index_elements=keys, set_=updates), dialect, columns)


def values_of(table: Table) -> Callable[[Any], Values]:
    """How to get a row's values, for tables whose columns bear the names of its fields."""
    return attrgetter(*(column.name for column in table.columns))


def chunks(keys: Collection[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    """The keys in pieces that fit into a statement."""
    rest = list(keys)
    for start in range(0, len(rest), size):
        yield rest[start : start + size]


def event_values(row: EventRow) -> Values:
    """A row of `events`."""
    event = row.event
    return (
        row.stream,
        event.source,
        event.id,
        event.time,
        int(event.type),
        (event.lead or None) if IS_DEAL[event.type] else None,
        to_json(event.data),
        row.crm,
        row.received_at,
    )


def read_event(row: Sequence[Any]) -> Event:
    """The event in a row of `EVENT_COLUMNS`."""
    stream, source, key, time, kind, named, data = row
    lead = stream[len(_LEAD_STREAM) :] if stream.startswith(_LEAD_STREAM) else named or ""
    return Event(time, _TYPES[kind], source, key, lead, orjson.loads(data) if data != "{}" else NOTHING)


def alert_values(row: AlertRow) -> Values:
    """A row of `ALERT_COLUMNS`."""
    return (
        row.transition,
        row.kind,
        row.lead,
        row.clock,
        row.number,
        row.not_before,
        to_json(row.details),
        row.not_before,
    )


ALERT_COLUMNS = ("transition", "kind", "lead", "clock", "number", "not_before", "details", "next_try_at")


def deal_values(row: DealRow) -> Values:
    """A row of `deals`."""
    return row.deal, row.revision, row.lead, to_json(tuple(row.named_by)) if row.named_by is not None else None


def read_deal(row: Sequence[Any]) -> DealRow:
    """The deal in a row of `deals`."""
    deal, revision, lead, named_by = row
    if named_by is None:
        return DealRow(deal, revision)
    time, kind, *rest = orjson.loads(named_by)
    return DealRow(deal, revision, lead, Event(time, _TYPES[kind], *rest))


def labels_text(labels: Sequence[tuple[str, str]]) -> str:
    """The labels of a counter as they are stored: pairs, in the order in which the table of metrics has them."""
    return to_json(labels)


def read_counter(name: str, labels: str) -> CounterKey:
    """The key of a counter."""
    return name, tuple((label, value) for label, value in orjson.loads(labels))


def to_json(value: object) -> str:
    """JSON as text."""
    return orjson.dumps(value).decode()

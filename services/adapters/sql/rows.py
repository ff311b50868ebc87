"""Rows between `services.storage` and the tables."""

from collections.abc import Callable, Collection, Iterator, Sequence
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import Connection, Dialect, Table

from services.adapters.sql.statements import Finder, Values
from services.adapters.sql.tables import events
from services.domain.events import IS_DEAL, NOTHING, Event, EventType
from services.storage import AlertRow, CounterKey, DealRow, EventRow, lead_stream

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


class EventFinder:
    """Finds events by stream, source and id."""

    def __init__(self, dialect: Dialect) -> None:
        self._finder = Finder(EVENT_COLUMNS, (events.c.stream, events.c.source, events.c.id), dialect)

    def find(self, connection: Connection, identities: Collection[tuple[str, str, str]]) -> Iterator[Event]:
        """Those of the events that are stored, some of them more than once."""
        return map(read_event, self._finder.find(connection, identities))


def values_of(table: Table) -> Callable[[Any], Values]:
    """How to get a row's values, for tables whose columns bear the names of its fields."""
    return attrgetter(*(column.name for column in table.columns))


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

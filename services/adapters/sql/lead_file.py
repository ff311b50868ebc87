"""Everything that the store holds of one lead."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, func, select

from services.adapters.sql import tables
from services.adapters.sql.rows import EVENT_COLUMNS, read_event
from services.domain.events import Event
from services.domain.fold import in_order
from services.domain.instants import Instant
from services.storage import ClockRow, HandoffRow, LeadRow, TransitionRow, deal_stream, lead_stream
from services.views import LeadFile

_CLOCK = tables.clocks.c
_HANDOFF = tables.handoffs.c
_TRANSITION = tables.transitions.c


def lead_file(connection: Connection, key: str) -> LeadFile | None:
    """One lead, or None where it is not known."""
    row = connection.execute(select(tables.leads).where(tables.leads.c.key == key)).one_or_none()
    if row is None:
        return None
    events, received = _events(connection, key)
    clocks = _of_lead(connection, tables.clocks, key, _CLOCK.started_at, _CLOCK.clock, _CLOCK.number)
    told = (_TRANSITION.at, _TRANSITION.told_at, _TRANSITION.clock, _TRANSITION.number, _TRANSITION.name)
    return LeadFile(
        row=LeadRow(*row),
        events=events,
        foreign_deals=_foreign_deals(connection, key),
        handoffs=[HandoffRow(*each) for each in _of_lead(connection, tables.handoffs, key, _HANDOFF.number)],
        clocks=[ClockRow(*each) for each in clocks],
        transitions=[TransitionRow(*each) for each in _of_lead(connection, tables.transitions, key, *told)],
        received=received,
    )


def _of_lead(
    connection: Connection, table: FromClause, lead: str, *order: ColumnElement[object]
) -> Iterable[Sequence[Any]]:
    return connection.execute(select(table).where(table.c.lead == lead).order_by(*order))


def _foreign_deals(connection: Connection, lead: str) -> list[tuple[Event, str]]:
    """The deal events that name the lead, though their deal belongs to another; with that other."""
    deals = tables.deals.c
    deal = func.substr(tables.events.c.stream, len(deal_stream("")) + 1)
    owner = select(deals.lead).where(deals.deal == deal).scalar_subquery()
    rows = connection.execute(select(*EVENT_COLUMNS, owner).where(tables.events.c.lead == lead, owner != lead))
    return sorted((read_event(row[:-1]), row[-1]) for row in rows)


def _events(connection: Connection, lead: str) -> tuple[list[Event], dict[tuple[str, str], Instant]]:
    """All events of a lead, its own and those of its deals; and when each reached the log."""
    deals = connection.execute(select(tables.deals.c.deal).where(tables.deals.c.lead == lead)).scalars()
    streams = [lead_stream(lead), *(deal_stream(deal) for deal in deals)]
    columns = (*EVENT_COLUMNS, tables.events.c.received_at)
    events, received = [], {}
    for row in connection.execute(select(*columns).where(tables.events.c.stream.in_(streams))):
        event = read_event(row[:-1])
        events.append(event)
        received[event.source, event.id] = row[-1]
    return in_order(events), received

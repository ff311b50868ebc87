"""What waits for the topics of leads and transitions, in SQL. Rows come in the transaction that judges (`SqlStore`)."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, func, select

from services.adapters.sql import tables
from services.adapters.sql.database import Database
from services.adapters.sql.statements import chunks
from services.adapters.sql.views import lead_views
from services.storage import TransitionRow
from services.views import LeadView, ToRelay

_OUTBOX, _TOLD, _CLOCK = tables.outbox.c, tables.transitions.c, tables.clocks.c
_WAITING = (
    select(_OUTBOX.id, _OUTBOX.lead, _OUTBOX.name, _CLOCK.promised_by, *tables.transitions.columns)
    .select_from(
        tables.outbox.outerjoin(
            tables.transitions,
            and_(
                _TOLD.lead == _OUTBOX.lead,
                _TOLD.clock == _OUTBOX.clock,
                _TOLD.number == _OUTBOX.number,
                _TOLD.name == _OUTBOX.name,
            ),
        ).outerjoin(
            tables.clocks,
            and_(_CLOCK.lead == _TOLD.lead, _CLOCK.clock == _TOLD.clock, _CLOCK.number == _TOLD.number),
        )
    )
    .order_by(_OUTBOX.id)
)


class SqlRelay:
    """Implements `services.views.TopicOutbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, limit: int) -> Sequence[ToRelay]:
        """What waits, the oldest first; of a lead that waits several times the view is the same each time."""
        with self._database.reading() as connection:
            rows = connection.execute(_WAITING.limit(limit)).all()
            views = _views(connection, {row[1] for row in rows if row[2] is None})
        return [_to_relay(row, views.get(row[1])) for row in rows]

    def sent(self, ids: Collection[int]) -> None:
        """The topics have these."""
        with self._database.writing() as connection:
            for part in chunks(ids):
                connection.execute(delete(tables.outbox).where(_OUTBOX.id.in_(part)))

    def unsent(self) -> int:
        """How many wait."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(tables.outbox)).scalar_one()


def _views(connection: Connection, leads: Collection[str]) -> dict[str, LeadView]:
    found: dict[str, LeadView] = {}
    for part in chunks(leads):
        listed = select(tables.leads).where(tables.leads.c.key.in_(part))
        found.update((view.row.key, view) for view in lead_views(connection, listed))
    return found


def _to_relay(row: Sequence[Any], view: LeadView | None) -> ToRelay:
    number, lead, name, promised_by, *transition = row
    if name is None:
        return ToRelay(number, lead, view=view)
    return ToRelay(number, lead, transition=TransitionRow(*transition), promised_by=promised_by)

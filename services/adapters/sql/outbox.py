"""The alerts that wait to be delivered, in SQL. It decides nothing; it says what is so."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, String, and_, cast, exists, func, literal, or_, select, update

from services.adapters.sql import tables
from services.adapters.sql.database import Database
from services.adapters.sql.holding import lies_still
from services.adapters.sql.statements import insert_into
from services.domain.clocks import Kind
from services.domain.instants import Instant
from services.outgoing import PendingAlert
from services.storage import AlertRow

_ALERT = tables.alerts.c
_ROW = (
    _ALERT.transition,
    _ALERT.kind,
    _ALERT.lead,
    _ALERT.clock,
    _ALERT.number,
    _ALERT.not_before,
    _ALERT.details,
)
_SLASH = literal("/")

_CLOCK = tables.clocks.c
_IS_OPEN = exists().where(
    _CLOCK.lead == _ALERT.lead,
    _CLOCK.clock == _ALERT.clock,
    _CLOCK.number == _ALERT.number,
    _CLOCK.status.is_(None),
)
_TOLD = tables.transitions.c
_STANDS = exists().where(
    _TOLD.lead == _ALERT.lead,
    _TOLD.clock == _ALERT.clock,
    _TOLD.number == _ALERT.number,
    _TOLD.standing,
    _TOLD.lead + _SLASH + _TOLD.clock + _SLASH + cast(_TOLD.number, String) + _SLASH + _TOLD.name == _ALERT.transition,
)
_LASTS = or_(_IS_OPEN, lies_still(_ALERT.lead, _ALERT.transition))
_HOLDS = or_(_ALERT.kind == Kind.CORRECTED.value, and_(_STANDS, _LASTS))


class SqlOutbox:
    """Implements `services.outgoing.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: Instant, limit: int) -> Sequence[PendingAlert]:
        """Unsettled alerts whose time (and next try) has come, in the order in which they were told."""
        waiting = tables.alerts.alias()
        # Found apart, and then sorted: asked for by id, SQLite would walk through all alerts there ever were.
        found = select(waiting.c.id).where(waiting.c.settled_at.is_(None), waiting.c.next_try_at <= now)
        query = (
            select(_ALERT.id, _ALERT.attempts, _HOLDS, *_ROW)
            .where(_ALERT.id.in_(found))
            .order_by(_ALERT.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            reached = _reached(connection, [row[0] for row in rows])
        return [
            PendingAlert(
                id=number,
                row=_read_alert(row),
                holds=bool(holds),
                delivered_to=frozenset(sink for alert, sink in reached[number] if alert == number),
                warned=frozenset(sink for alert, sink in reached[number] if alert != number),
                attempts=attempts,
            )
            for number, attempts, holds, *row in rows
        ]

    def delivered(self, alert: int, sink: str, at: Instant) -> None:
        """A sink has the alert."""
        found = select(_ALERT.lead, _ALERT.clock, _ALERT.number, _ALERT.id, literal(sink), literal(at)).where(
            _ALERT.id == alert
        )
        names = ["lead", "clock", "number", "alert", "sink", "at"]
        statement = insert_into(tables.deliveries, self._database.dialect).from_select(names, found)
        with self._database.writing() as connection:
            connection.execute(statement.on_conflict_do_nothing())

    def postpone(self, alert: int, until: Instant, error: str) -> None:
        """A sink did not take it; it is due again at `until`."""
        self._change(alert, next_try_at=until, last_error=error, attempts=_ALERT.attempts + 1)

    def settle(self, alert: int, outcome: str, at: Instant) -> None:
        """Nothing more is to be done: `sent`, or `moot` where it no longer holds."""
        self._change(alert, settled_at=at, outcome=outcome)

    def unsettled(self) -> int:
        """How many alerts wait."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).where(_ALERT.settled_at.is_(None))).scalar_one()

    def _change(self, alert: int, **values: object) -> None:
        with self._database.writing() as connection:
            waits = and_(_ALERT.id == alert, _ALERT.settled_at.is_(None))
            connection.execute(update(tables.alerts).where(waits).values(values))


def _read_alert(row: Sequence[Any]) -> AlertRow:
    transition, kind, lead, clock, number, not_before, details = row
    return AlertRow(transition, kind, lead, clock, number, not_before, orjson.loads(details))


def _reached(connection: Connection, alerts: Sequence[int]) -> Mapping[int, list[tuple[int, str]]]:
    """For each of the alerts: the sinks that have it or an earlier one of its instance, and which."""
    delivery = tables.deliveries.c
    query = (
        select(_ALERT.id, delivery.alert, delivery.sink)
        .join_from(
            tables.alerts,
            tables.deliveries,
            and_(
                delivery.lead == _ALERT.lead,
                delivery.clock == _ALERT.clock,
                delivery.number == _ALERT.number,
                delivery.alert <= _ALERT.id,
            ),
        )
        .where(_ALERT.id.in_(alerts))
    )
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for number, alert, sink in connection.execute(query):
        found[number].append((alert, sink))
    return found

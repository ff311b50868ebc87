"""The webhooks that one receiver has yet to get, in SQL."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update

from services.adapters.sql import tables
from services.adapters.sql.database import Database
from services.adapters.sql.holding import lies_still
from services.adapters.sql.rows import labels_text
from services.adapters.sql.statements import insert_into, upsert
from services.domain.instants import Instant
from services.outgoing import QueuedWebhook
from services.storage import CounterKey

_WEBHOOK, _TOLD, _CLOCK = tables.webhooks.c, tables.transitions.c, tables.clocks.c
_STANDS = exists().where(
    _TOLD.lead == _WEBHOOK.lead,
    _TOLD.clock == _WEBHOOK.clock,
    _TOLD.number == _WEBHOOK.number,
    _TOLD.name == _WEBHOOK.name,
    _TOLD.standing,
)
_IS_OPEN = exists().where(
    _CLOCK.lead == _WEBHOOK.lead,
    _CLOCK.clock == _WEBHOOK.clock,
    _CLOCK.number == _WEBHOOK.number,
    _CLOCK.status.is_(None),
)
_LASTS = or_(_IS_OPEN, lies_still(_WEBHOOK.lead, _WEBHOOK.transition))
_HOLDS = or_(_WEBHOOK.always_holds, and_(_STANDS, _LASTS))


class SqlWebhookQueue:
    """Implements `services.outgoing.WebhookQueue` for one receiver."""

    def __init__(self, database: Database, *, sink: str, counters: Mapping[str, CounterKey] | None = None) -> None:
        """`counters` count what becomes of its webhooks, by outcome, in the transactions that settle them."""
        self._database = database
        self._sink = sink
        self._counters = counters or {}
        added = insert_into(tables.counters, database.dialect).excluded.value
        self._count = upsert(tables.counters, database.dialect, value=tables.counters.c.value + added)

    def put(
        self, transition: str, lead: str, clock: str, number: int, *, always_holds: bool, body: bytes, at: Instant
    ) -> None:
        """Have it delivered. Put already, it stays as it is, delivered or not."""
        statement = insert_into(tables.webhooks, self._database.dialect).values(
            sink=self._sink,
            transition=transition,
            lead=lead,
            clock=clock,
            number=number,
            name=transition.removeprefix(f"{lead}/{clock}/{number}/"),
            always_holds=always_holds,
            body=body.decode(),
            next_try_at=at,
        )
        with self._database.writing() as connection:
            connection.execute(statement.on_conflict_do_nothing())

    def due(self, now: Instant, limit: int) -> Sequence[QueuedWebhook]:
        """Those whose next try has come, the longest due first."""
        waits = and_(_WEBHOOK.sink == self._sink, _WEBHOOK.settled_at.is_(None), _WEBHOOK.next_try_at <= now)
        found = (
            select(_WEBHOOK.transition, _WEBHOOK.body, _HOLDS, _WEBHOOK.attempts)
            .where(waits)
            .order_by(_WEBHOOK.next_try_at, _WEBHOOK.transition)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [
                QueuedWebhook(transition, body.encode(), bool(holds), attempts)
                for transition, body, holds, attempts in connection.execute(found)
            ]

    def postpone(self, transition: str, until: Instant, error: str) -> None:
        """It was not taken; it is due again at `until`."""
        self._change(transition, next_try_at=until, last_error=error, attempts=_WEBHOOK.attempts + 1)

    def settle(self, transition: str, outcome: str, at: Instant) -> None:
        """Nothing more is to be done: `sent`, `moot`, `given_up` or `disabled`."""
        values = {"settled_at": at, "outcome": outcome}
        with self._database.writing() as connection:
            settled = connection.execute(update(tables.webhooks).where(self._unsettled(transition)).values(values))
            if settled.rowcount and outcome in self._counters:
                self._count.write(connection, [self._counter(outcome, settled.rowcount)])

    def disable(self, at: Instant) -> None:
        """The receiver wants nothing more: what waits for it, and what comes later, is never sent."""
        statement = insert_into(tables.webhooks_disabled, self._database.dialect).values(sink=self._sink, at=at)
        with self._database.writing() as connection:
            connection.execute(statement.on_conflict_do_nothing())

    def is_disabled(self) -> bool:
        """Whether it said so."""
        table = tables.webhooks_disabled
        with self._database.reading() as connection:
            return connection.execute(select(table.c.at).where(table.c.sink == self._sink)).first() is not None

    def waiting(self) -> int:
        """How many wait."""
        mine = and_(_WEBHOOK.sink == self._sink, _WEBHOOK.settled_at.is_(None))
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).where(mine)).scalar_one()

    def count_from_zero(self) -> None:
        """Begin to count what becomes of them where that is not counted yet: an increase needs a beginning."""
        with self._database.writing() as connection:
            self._count.write(connection, sorted(self._counter(outcome, 0) for outcome in self._counters))

    def _counter(self, outcome: str, amount: int) -> tuple[str, str, str, int]:
        name, labels = self._counters[outcome]
        return name, labels_text(labels), self._sink, amount

    def _unsettled(self, transition: str) -> ColumnElement[bool]:
        return and_(_WEBHOOK.sink == self._sink, _WEBHOOK.transition == transition, _WEBHOOK.settled_at.is_(None))

    def _change(self, transition: str, **values: object) -> None:
        with self._database.writing() as connection:
            connection.execute(update(tables.webhooks).where(self._unsettled(transition)).values(values))

"""What is shown in a place for as long as it holds, in SQL. Whether it holds is asked of what was judged."""

from collections.abc import Collection, Sequence

from sqlalchemy import and_, false, func, or_, select, update

from services.adapters.sql import tables
from services.adapters.sql.database import Database
from services.adapters.sql.holding import lies_still
from services.adapters.sql.statements import chunks, insert_into
from services.domain.instants import Instant
from services.outgoing import HeldAlert

_HELD, _TOLD, _CLOCK = tables.held_alerts.c, tables.transitions.c, tables.clocks.c
_COUNTS = and_(_CLOCK.lead.is_not(None), _CLOCK.status.is_(None), or_(~_CLOCK.paused, _CLOCK.due_at.is_not(None)))
_IS_FIRING = func.coalesce(and_(_TOLD.standing, or_(_COUNTS, lies_still(_HELD.lead, _HELD.transition))), false())
_FOUND = tables.held_alerts.outerjoin(
    tables.transitions,
    and_(
        _TOLD.lead == _HELD.lead,
        _TOLD.clock == _HELD.clock,
        _TOLD.number == _HELD.number,
        _TOLD.name == _HELD.name,
    ),
).outerjoin(
    tables.clocks,
    and_(_CLOCK.lead == _HELD.lead, _CLOCK.clock == _HELD.clock, _CLOCK.number == _HELD.number),
)


class SqlHeldAlerts:
    """Implements `services.outgoing.HeldAlerts` for one sink."""

    def __init__(self, database: Database, *, sink: str) -> None:
        self._database = database
        self._sink = sink

    def hold(self, transition: str, lead: str, clock: str, number: int, shown: bytes) -> None:
        """Show this of an instance's transition from now on. Held already, it stays as it is."""
        statement = insert_into(tables.held_alerts, self._database.dialect).values(
            sink=self._sink,
            transition=transition,
            lead=lead,
            clock=clock,
            number=number,
            name=transition.removeprefix(f"{lead}/{clock}/{number}/"),
            shown=shown.decode(),
        )
        with self._database.writing() as connection:
            connection.execute(statement.on_conflict_do_nothing())

    def look_again(self, lead: str, clock: str, number: int) -> None:
        """A verdict changed: alerts of the instance that were settled may hold again."""
        # By a part of the key: SQLite and PostgreSQL find the sink's rows of the lead by their transitions.
        mine = and_(
            _HELD.sink == self._sink,
            _HELD.transition >= f"{lead}/{clock}/{number}/",
            _HELD.transition < f"{lead}/{clock}/{number}0",  # what follows the stroke
        )
        with self._database.writing() as connection:
            connection.execute(update(tables.held_alerts).where(mine).values(settled_at=None))

    def held(self) -> Sequence[HeldAlert]:
        """All that are not settled."""
        columns = (_HELD.transition, _HELD.shown, _IS_FIRING, _HELD.resolved_at)
        mine = and_(_HELD.sink == self._sink, _HELD.settled_at.is_(None))
        found = select(*columns).select_from(_FOUND).where(mine).order_by(_HELD.transition)
        with self._database.reading() as connection:
            return [
                HeldAlert(transition, shown.encode(), bool(is_firing), resolved_at)
                for transition, shown, is_firing, resolved_at in connection.execute(found)
            ]

    def resolve(self, transitions: Collection[str], at: Instant | None) -> None:
        """They are shown as over since `at`; None: they are shown as holding again."""
        self._change(transitions, resolved_at=at)

    def settle(self, transitions: Collection[str], at: Instant) -> None:
        """They are over, and whoever had to hear of it has heard."""
        self._change(transitions, settled_at=at)

    def _change(self, transitions: Collection[str], **values: Instant | None) -> None:
        with self._database.writing() as connection:
            for part in chunks(transitions):
                mine = and_(_HELD.sink == self._sink, _HELD.transition.in_(part))
                connection.execute(update(tables.held_alerts).where(mine).values(values))

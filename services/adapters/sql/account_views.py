"""What the pages of accounts read: which accounts there are, and what happened with their leads."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, or_, select

from services.adapters.sql import tables
from services.adapters.sql.database import Database
from services.adapters.sql.judged import count, is_stalled
from services.adapters.sql.rows import EVENT_COLUMNS, read_event
from services.domain.clocks import Kind
from services.domain.events import Event
from services.domain.fold import in_order
from services.domain.instants import Instant
from services.storage import TransitionRow, deal_stream, lead_stream
from services.views import AccountSummary

_LEAD = tables.leads.c
_LEVELLED = (f"{Kind.ESCALATED}/", f"{Kind.STALLED}/")
_ALARMS = (Kind.AT_RISK.value, Kind.OVERDUE.value, Kind.ESCALATED.value, Kind.CORRECTED.value)


class SqlAccountViews:
    """Implements `services.views.AccountViews`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accounts(self, after: str | None, limit: int, now: Instant) -> Sequence[AccountSummary]:
        """The accounts by name: those after the name `after`."""
        counted = (
            select(_LEAD.account, func.count(), func.count(_LEAD.handoff), count(is_stalled(now)))
            .where(_LEAD.account.is_not(None))
            .group_by(_LEAD.account)
            .order_by(_LEAD.account)
            .limit(limit)
        )
        if after is not None:
            counted = counted.where(_LEAD.account > after)
        with self._database.reading() as connection:
            return [AccountSummary(*row) for row in connection.execute(counted)]

    def histories(self, keys: Sequence[str]) -> Mapping[str, Sequence[Event]]:
        """The events of leads, their deals' among them, in the canonical order."""
        deals = tables.deals.c
        with self._database.reading() as connection:
            owned = connection.execute(select(deals.deal, deals.lead).where(deals.lead.in_(keys)))
            owners = {deal_stream(deal): lead for deal, lead in owned}
            owners |= {lead_stream(key): key for key in keys}
            found = connection.execute(select(*EVENT_COLUMNS).where(tables.events.c.stream.in_(owners)))
            histories: dict[str, list[Event]] = {key: [] for key in keys}
            for row in found:
                histories[owners[row.stream]].append(read_event(row))
        return {key: in_order(events) for key, events in histories.items()}

    def alarms(self, keys: Sequence[str], limit: int) -> Sequence[TransitionRow]:
        """What was told of leads that people are alerted of, the last first."""
        told = tables.transitions.c
        listed = (
            select(tables.transitions)
            .where(
                told.lead.in_(keys),
                or_(told.name.in_(_ALARMS), told.name.startswith("escalated/"), told.name.startswith("stalled/")),
            )
            .order_by(told.told_at.desc(), told.lead, told.clock, told.number, told.name)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [TransitionRow(*row) for row in connection.execute(listed)]

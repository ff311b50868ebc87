"""What the live page reads beside the views: the funnel, verdicts by week, and all of it of fewer leads."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import case, func, select

from services.adapters.sql import tables
from services.adapters.sql.judged import count, fallen_due, of_leads_of
from services.adapters.sql.views import SqlViews
from services.domain.clocks import Status
from services.domain.events import EventType
from services.domain.instants import Instant
from services.storage import LeadRow
from services.views import Funnel, Scope, Verdicts

_HANDOFF = tables.handoffs.c
_GONE = (EventType.LEAD_WITHDRAWN.wire, EventType.LEAD_MERGED.wire)


class SqlLiveViews(SqlViews):
    """Implements `services.views.LiveViews`."""

    def within(self, scope: Scope) -> "SqlLiveViews":
        """The same views of fewer leads and clocks."""
        return SqlLiveViews(self._database, scope)

    def verdicts_between(self, bounds: Sequence[Instant], now: Instant) -> Sequence[Sequence[Verdicts]]:
        """`verdicts` of each stretch between neighbours among the bounds."""
        due = fallen_due(self._scope, bounds[0], bounds[-1], now)
        stretches = [(due.c.due_at < bound, number) for number, bound in enumerate(bounds[1:])]
        stretch = case(*stretches, else_=len(stretches)).label("stretch")
        counted = (
            select(
                stretch,
                due.c.clock,
                due.c.promised_by,
                *(count(due.c.status == status) for status in (Status.MET, Status.MISSED, Status.OVERDUE)),
            )
            .where(due.c.status != Status.CANCELLED.value)
            .group_by(stretch, due.c.clock, due.c.promised_by)
            .order_by(stretch, due.c.clock, due.c.promised_by)
        )
        found: list[list[Verdicts]] = [[] for _ in stretches]
        with self._database.reading() as connection:
            for number, *verdicts in connection.execute(counted):
                found[number].append(Verdicts(*verdicts))
        return found

    def funnel(self, since: Instant, until: Instant) -> Funnel:
        """The handoffs that were opened in the period."""
        outcome = _HANDOFF.outcome
        counted = select(
            func.count(),
            *(func.count(_HANDOFF[name]) for name in ("accepted_at", "touched_at", "qualified_at", "opportunity_at")),
            *(
                count(outcome == kind.wire)
                for kind in (
                    EventType.DEAL_WON,
                    EventType.DEAL_LOST,
                    EventType.LEAD_REJECTED,
                    EventType.LEAD_RECYCLED,
                )
            ),
            count(outcome.in_(_GONE)),
        ).where(_HANDOFF.opened_at >= since, _HANDOFF.opened_at < until, *of_leads_of(self._scope, _HANDOFF.lead))
        with self._database.reading() as connection:
            return Funnel(*map(int, connection.execute(counted).one()))

    def rows(self, keys: Collection[str]) -> Mapping[str, LeadRow]:
        """Leads by their keys."""
        with self._database.reading() as connection:
            found = connection.execute(select(tables.leads).where(tables.leads.c.key.in_(keys)))
            return {row.key: LeadRow(*row) for row in found}

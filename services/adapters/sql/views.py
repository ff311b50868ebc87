"""What pages, metrics and reviews read, in SQL. Verdicts by time are those of `status_at` and `is_stalled`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from services.adapters.sql import tables
from services.adapters.sql.database import Database
from services.adapters.sql.judged import (
    clocks_of,
    count,
    equal,
    fallen_due,
    has_status,
    is_at_risk,
    is_overdue,
    is_stalled,
    lead_conditions,
    leads_of,
)
from services.adapters.sql.lead_file import lead_file
from services.adapters.sql.rows import read_counter
from services.domain.clocks import Status
from services.domain.instants import Instant
from services.storage import (
    ClockRow,
    CounterKey,
    DeadLetterRow,
    LeadRow,
)
from services.views import (
    EVERYTHING,
    ClockQuery,
    LeadFile,
    LeadQuery,
    LeadView,
    OpenClocks,
    OpenHandoffs,
    Scope,
    Verdicts,
)

_LEAD = tables.leads.c
_CLOCK = tables.clocks.c
_BY_KEY = (_CLOCK.lead, _CLOCK.clock, _CLOCK.number)


class SqlViews:
    """Implements `services.views.Views`."""

    def __init__(self, database: Database, scope: Scope = EVERYTHING) -> None:
        """With a scope, lists and counts of leads and clocks are of those alone."""
        self._database = database
        self._scope = scope

    def version(self) -> int:
        """A number that grows with every change; pages look again when it has."""
        meta, positions = tables.meta.c, tables.positions.c
        commits = select(func.coalesce(func.sum(positions.changes), 0)).scalar_subquery()
        with self._database.reading() as connection:
            return int(connection.execute(select(meta.value + commits).where(meta.name == "changes")).scalar_one())

    def leads(self, query: LeadQuery, now: Instant) -> Sequence[LeadView]:
        """The leads asked for, ordered by key."""
        listed = (
            select(tables.leads)
            .where(*leads_of(self._scope), *lead_conditions(query, now))
            .order_by(_LEAD.key)
            .limit(query.limit)
        )
        with self._database.reading() as connection:
            return lead_views(connection, listed)

    def lead(self, key: str) -> LeadFile | None:
        """One lead, or None where it is not known."""
        with self._database.reading() as connection:
            return lead_file(connection, key)

    def stalled(self, now: Instant, limit: int) -> Sequence[LeadView]:
        """Stalled leads, the longest stalled first."""
        listed = (
            select(tables.leads)
            .where(*leads_of(self._scope), is_stalled(now))
            .order_by(_LEAD.stalls_at, _LEAD.key)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return lead_views(connection, listed)

    def clocks(self, query: ClockQuery, now: Instant) -> Sequence[ClockRow]:
        """The instances asked for, ordered by lead, clock and number."""
        conditions = clocks_of(self._scope) + equal(_CLOCK, clock=query.clock, team_label=query.team_label)
        if query.status is not None:
            conditions.append(has_status(query.status, now))
        if query.after is not None:
            conditions.append(tuple_(*_BY_KEY) > tuple_(*(literal(part) for part in query.after)))
        listed = select(tables.clocks).where(*conditions).order_by(*_BY_KEY).limit(query.limit)
        with self._database.reading() as connection:
            return [ClockRow(*row) for row in connection.execute(listed)]

    def pressing(self, now: Instant, limit: int) -> Sequence[ClockRow]:
        """Open instances that are overdue or at risk, the earliest due first."""
        listed = (
            select(tables.clocks)
            .where(*clocks_of(self._scope), _CLOCK.status.is_(None), or_(is_overdue(now), is_at_risk(now)))
            .order_by(_CLOCK.due_at.nulls_last(), *_BY_KEY)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [ClockRow(*row) for row in connection.execute(listed)]

    def open_clocks(self, now: Instant) -> Sequence[OpenClocks]:
        """All open instances, counted."""
        labels = (_CLOCK.clock, _CLOCK.promised_by, _CLOCK.team_label, _CLOCK.priority_label)
        status = case(
            (is_overdue(now), literal(Status.OVERDUE.value)),
            (_CLOCK.paused, literal(Status.PAUSED.value)),
            (is_at_risk(now), literal(Status.AT_RISK.value)),
            else_=literal(Status.RUNNING.value),
        ).label("status_now")
        counted = (
            select(*labels, status, func.count())
            .where(*clocks_of(self._scope), _CLOCK.status.is_(None))
            .group_by(*labels, status)
            .order_by(*labels, status)
        )
        with self._database.reading() as connection:
            return [
                OpenClocks(clock, promised_by, team, priority, Status(status_now), count)
                for clock, promised_by, team, priority, status_now, count in connection.execute(counted)
            ]

    def verdicts(self, since: Instant, until: Instant, now: Instant) -> Sequence[Verdicts]:
        """The instances whose due_at lies in `[since, until)`, counted by clock."""
        due = fallen_due(self._scope, since, until, now)
        counted = (
            select(
                due.c.clock,
                due.c.promised_by,
                *(count(due.c.status == status) for status in (Status.MET, Status.MISSED, Status.OVERDUE)),
            )
            .where(due.c.status != Status.CANCELLED.value)
            .group_by(due.c.clock, due.c.promised_by)
            .order_by(due.c.clock, due.c.promised_by)
        )
        with self._database.reading() as connection:
            return [Verdicts(*row) for row in connection.execute(counted)]

    def open_handoffs(self, now: Instant) -> Sequence[OpenHandoffs]:
        """All leads with an open handoff, counted."""
        labels = (_LEAD.team_label, _LEAD.priority_label)
        counted = (
            select(*labels, func.count(), count(is_stalled(now)))
            .where(*leads_of(self._scope), _LEAD.handoff.is_not(None))
            .group_by(*labels)
            .order_by(*labels)
        )
        with self._database.reading() as connection:
            return [OpenHandoffs(*row) for row in connection.execute(counted)]

    def counters(self) -> Mapping[CounterKey, int]:
        """The exact counters."""
        counters = tables.counters.c
        summed = select(counters.name, counters.labels, func.sum(counters.value)).group_by(
            counters.name, counters.labels
        )
        with self._database.reading() as connection:
            return {read_counter(name, labels): int(value) for name, labels, value in connection.execute(summed)}

    def heard(self) -> Mapping[str, Instant]:
        """When the last event of each CRM came in."""
        table = tables.heard.c
        last = select(table.crm, func.max(table.at)).group_by(table.crm)
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(last)}

    def dead_letters(self, after: str | None, limit: int) -> Sequence[DeadLetterRow]:
        """What could not be used and was not sent in again, by id: those after the id `after`."""
        letters = tables.dead_letters.c
        columns = (letters.id, letters.crm, letters.reason, letters.detail, letters.received_at, letters.body)
        listed = select(*columns).where(letters.replayed_at.is_(None)).order_by(letters.id).limit(limit)
        if after is not None:
            listed = listed.where(letters.id > after)
        with self._database.reading() as connection:
            return [DeadLetterRow(*row) for row in connection.execute(listed)]


def lead_views(connection: Connection, listed: Select[Any]) -> Sequence[LeadView]:
    """The leads of a query for whole rows, each with its open clocks."""
    rows = [LeadRow(*row) for row in connection.execute(listed)]
    clocks: dict[str, list[ClockRow]] = {row.key: [] for row in rows}
    found = select(tables.clocks).where(_CLOCK.lead.in_(clocks), _CLOCK.status.is_(None)).order_by(*_BY_KEY)
    for each in connection.execute(found):
        clocks[each.lead].append(ClockRow(*each))
    return [LeadView(row, clocks[row.key]) for row in rows]

"""What pages, metrics and reviews read, in SQL. Verdicts by time are those of `status_at` and `is_stalled`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)

from services.adapters.sql import tables
from services.adapters.sql.database import Database
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
from services.views import ClockQuery, LeadFile, LeadQuery, LeadView, OpenClocks, OpenHandoffs, Verdicts

_LEAD = tables.leads.c
_CLOCK = tables.clocks.c
_FINAL = frozenset({Status.MET, Status.MISSED, Status.CANCELLED})
_BY_KEY = (_CLOCK.lead, _CLOCK.clock, _CLOCK.number)


class SqlViews:
    """Implements `services.views.Views`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def version(self) -> int:
        """A number that grows with every change; pages look again when it has."""
        meta, positions = tables.meta.c, tables.positions.c
        commits = select(func.coalesce(func.sum(positions.changes), 0)).scalar_subquery()
        with self._database.reading() as connection:
            return int(connection.execute(select(meta.value + commits).where(meta.name == "changes")).scalar_one())

    def leads(self, query: LeadQuery, now: Instant) -> Sequence[LeadView]:
        """The leads asked for, ordered by key."""
        listed = select(tables.leads).where(*_lead_conditions(query, now)).order_by(_LEAD.key).limit(query.limit)
        with self._database.reading() as connection:
            return lead_views(connection, listed)

    def lead(self, key: str) -> LeadFile | None:
        """One lead, or None where it is not known."""
        with self._database.reading() as connection:
            return lead_file(connection, key)

    def stalled(self, now: Instant, limit: int) -> Sequence[LeadView]:
        """Stalled leads, the longest stalled first."""
        listed = select(tables.leads).where(_is_stalled(now)).order_by(_LEAD.stalls_at, _LEAD.key).limit(limit)
        with self._database.reading() as connection:
            return lead_views(connection, listed)

    def clocks(self, query: ClockQuery, now: Instant) -> Sequence[ClockRow]:
        """The instances asked for, ordered by lead, clock and number."""
        conditions = _equal(_CLOCK, clock=query.clock, team_label=query.team_label)
        if query.status is not None:
            conditions.append(_has_status(query.status, now))
        if query.after is not None:
            conditions.append(tuple_(*_BY_KEY) > tuple_(*(literal(part) for part in query.after)))
        listed = select(tables.clocks).where(*conditions).order_by(*_BY_KEY).limit(query.limit)
        with self._database.reading() as connection:
            return [ClockRow(*row) for row in connection.execute(listed)]

    def pressing(self, now: Instant, limit: int) -> Sequence[ClockRow]:
        """Open instances that are overdue or at risk, the earliest due first."""
        listed = (
            select(tables.clocks)
            .where(_CLOCK.status.is_(None), or_(_is_overdue(now), _is_at_risk(now)))
            .order_by(_CLOCK.due_at.nulls_last(), *_BY_KEY)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [ClockRow(*row) for row in connection.execute(listed)]

    def open_clocks(self, now: Instant) -> Sequence[OpenClocks]:
        """All open instances, counted."""
        labels = (_CLOCK.clock, _CLOCK.promised_by, _CLOCK.team_label, _CLOCK.priority_label)
        status = case(
            (_is_overdue(now), literal(Status.OVERDUE.value)),
            (_CLOCK.paused, literal(Status.PAUSED.value)),
            (_is_at_risk(now), literal(Status.AT_RISK.value)),
            else_=literal(Status.RUNNING.value),
        ).label("status_now")
        counted = (
            select(*labels, status, func.count())
            .where(_CLOCK.status.is_(None))
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
        labels = (_CLOCK.clock, _CLOCK.promised_by)
        ended = select(*labels, _CLOCK.status).where(
            _CLOCK.status.is_not(None), _CLOCK.due_at >= since, _CLOCK.due_at < until
        )
        overdue = select(*labels, literal(Status.OVERDUE.value)).where(
            _CLOCK.status.is_(None), _CLOCK.due_at >= since, _CLOCK.due_at < min(until, now)
        )
        due = union_all(ended, overdue).subquery()
        counted = (
            select(
                due.c.clock,
                due.c.promised_by,
                *(_count(due.c.status == status) for status in (Status.MET, Status.MISSED, Status.OVERDUE)),
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
            select(*labels, func.count(), _count(_is_stalled(now)))
            .where(_LEAD.handoff.is_not(None))
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


def _lead_conditions(query: LeadQuery, now: Instant) -> list[ColumnElement[bool]]:
    conditions = _equal(
        _LEAD,
        team=query.team,
        priority=query.priority,
        source=query.source,
        account=query.account,
        owner=query.owner,
    )
    if query.stalled is not None:
        conditions.append(_is_stalled(now) if query.stalled else ~_is_stalled(now))
    if query.handed_off is not None:
        conditions.append(_LEAD.handoff.is_not(None) if query.handed_off else _LEAD.handoff.is_(None))
    if query.clock is not None or query.status is not None:
        asked = _equal(_CLOCK, clock=query.clock)
        if query.status is not None:
            asked.append(_has_status(query.status, now))
        conditions.append(exists().where(_CLOCK.lead == _LEAD.key, *asked))
    if query.after is not None:
        conditions.append(_LEAD.key > query.after)
    return conditions


def _equal(columns: Any, **values: str | None) -> list[ColumnElement[bool]]:
    """The columns are as asked; None asks nothing."""
    return [columns[name] == value for name, value in values.items() if value is not None]


def _is_stalled(now: Instant) -> ColumnElement[bool]:
    # The first half says no more than the second, but makes false of unknown, and is what the index asks for.
    return and_(_LEAD.stalls_at.is_not(None), _LEAD.stalls_at <= now)


def _is_overdue(now: Instant) -> ColumnElement[bool]:
    """Of open instances."""
    return and_(_CLOCK.due_at.is_not(None), _CLOCK.due_at < now)


def _is_at_risk(now: Instant) -> ColumnElement[bool]:
    """Of open instances that are not overdue."""
    return and_(~_CLOCK.paused, _CLOCK.at_risk_at.is_not(None), _CLOCK.at_risk_at <= now)


def _has_status(status: Status, now: Instant) -> ColumnElement[bool]:
    if status in _FINAL:
        return _CLOCK.status == status.value
    open_ones: dict[Status, ColumnElement[bool]] = {
        Status.OVERDUE: _is_overdue(now),
        Status.PAUSED: and_(~_is_overdue(now), _CLOCK.paused),
        Status.AT_RISK: and_(~_is_overdue(now), _is_at_risk(now)),
        Status.RUNNING: and_(~_is_overdue(now), ~_CLOCK.paused, ~_is_at_risk(now)),
    }
    return and_(_CLOCK.status.is_(None), open_ones[status])


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def lead_views(connection: Connection, listed: Select[Any]) -> Sequence[LeadView]:
    """The leads of a query for whole rows, each with its open clocks."""
    rows = [LeadRow(*row) for row in connection.execute(listed)]
    clocks: dict[str, list[ClockRow]] = {row.key: [] for row in rows}
    found = select(tables.clocks).where(_CLOCK.lead.in_(clocks), _CLOCK.status.is_(None)).order_by(*_BY_KEY)
    for each in connection.execute(found):
        clocks[each.lead].append(ClockRow(*each))
    return [LeadView(row, clocks[row.key]) for row in rows]

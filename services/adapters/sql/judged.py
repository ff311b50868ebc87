"""Verdicts by time, as `status_at` and `is_stalled` have them, and what lists are asked for: as conditions in SQL."""

from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, case, exists, func, literal, select, union_all

from services.adapters.sql import tables
from services.domain.clocks import Status
from services.domain.instants import Instant
from services.views import LeadQuery, Scope

_LEAD = tables.leads.c
_CLOCK = tables.clocks.c
_FINAL = frozenset({Status.MET, Status.MISSED, Status.CANCELLED})


def lead_conditions(query: LeadQuery, now: Instant) -> list[ColumnElement[bool]]:
    """What the query asks of leads."""
    conditions = equal(
        _LEAD,
        team=query.team,
        priority=query.priority,
        source=query.source,
        account=query.account,
        owner=query.owner,
    )
    if query.stalled is not None:
        conditions.append(is_stalled(now) if query.stalled else ~is_stalled(now))
    if query.handed_off is not None:
        conditions.append(_LEAD.handoff.is_not(None) if query.handed_off else _LEAD.handoff.is_(None))
    if query.clock is not None or query.status is not None:
        asked = equal(_CLOCK, clock=query.clock)
        if query.status is not None:
            asked.append(has_status(query.status, now))
        conditions.append(exists().where(_CLOCK.lead == _LEAD.key, *asked))
    if query.after is not None:
        conditions.append(_LEAD.key > query.after)
    return conditions


def equal(columns: Any, **values: str | None) -> list[ColumnElement[bool]]:
    """The columns are as asked; None asks nothing."""
    return [columns[name] == value for name, value in values.items() if value is not None]


def is_stalled(now: Instant) -> ColumnElement[bool]:
    """Of leads."""
    # The first half says no more than the second, but makes false of unknown, and is what the index asks for.
    return and_(_LEAD.stalls_at.is_not(None), _LEAD.stalls_at <= now)


def is_overdue(now: Instant) -> ColumnElement[bool]:
    """Of open instances."""
    return and_(_CLOCK.due_at.is_not(None), _CLOCK.due_at < now)


def is_at_risk(now: Instant) -> ColumnElement[bool]:
    """Of open instances that are not overdue."""
    return and_(~_CLOCK.paused, _CLOCK.at_risk_at.is_not(None), _CLOCK.at_risk_at <= now)


def has_status(status: Status, now: Instant) -> ColumnElement[bool]:
    """Of instances."""
    if status in _FINAL:
        return _CLOCK.status == status.value
    open_ones: dict[Status, ColumnElement[bool]] = {
        Status.OVERDUE: is_overdue(now),
        Status.PAUSED: and_(~is_overdue(now), _CLOCK.paused),
        Status.AT_RISK: and_(~is_overdue(now), is_at_risk(now)),
        Status.RUNNING: and_(~is_overdue(now), ~_CLOCK.paused, ~is_at_risk(now)),
    }
    return and_(_CLOCK.status.is_(None), open_ones[status])


def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows meet the condition."""
    return func.count(case((condition, 1)))


def leads_of(scope: Scope) -> list[ColumnElement[bool]]:
    """Leads of the scope; with a clock, those that have an open instance of it."""
    conditions = _known_of(scope)
    if scope.clock is not None:
        conditions.append(
            exists().where(_CLOCK.lead == _LEAD.key, _CLOCK.clock == scope.clock, _CLOCK.status.is_(None))
        )
    return conditions


def of_leads_of(scope: Scope, lead: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """Rows whose column `lead` names a lead of the scope, whatever its clocks."""
    conditions = _known_of(scope)
    if not conditions:
        return []
    # As a value and not as `exists`, of which PostgreSQL may make a join with all leads: few rows are asked about.
    key = select(_LEAD.key).where(_LEAD.key == lead, *conditions).scalar_subquery()
    return [key.is_not(None)]


def clocks_of(scope: Scope) -> list[ColumnElement[bool]]:
    """Instances of the scope."""
    return [*of_leads_of(scope, _CLOCK.lead), *equal(_CLOCK, clock=scope.clock)]


def fallen_due(scope: Scope, since: Instant, until: Instant, now: Instant) -> Subquery:
    """The instances whose due_at lies in `[since, until)` and not after `now` while open, each with its verdict."""
    columns = (_CLOCK.clock, _CLOCK.promised_by, _CLOCK.due_at)
    ended = select(*columns, _CLOCK.status).where(
        *clocks_of(scope), _CLOCK.status.is_not(None), _CLOCK.due_at >= since, _CLOCK.due_at < until
    )
    overdue = select(*columns, literal(Status.OVERDUE.value)).where(
        *clocks_of(scope), _CLOCK.status.is_(None), _CLOCK.due_at >= since, _CLOCK.due_at < min(until, now)
    )
    return union_all(ended, overdue).subquery()


def _known_of(scope: Scope) -> list[ColumnElement[bool]]:
    return equal(_LEAD, team=scope.team, priority=scope.priority, source=scope.source, account=scope.account)

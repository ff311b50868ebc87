"""What the page about feedback is made of, in SQL: facts on verdicts, disputes and agreements, counted and listed."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, Select, and_, cast, func, literal, select, tuple_

from services.adapters.sql import tables
from services.adapters.sql.database import Database
from services.adapters.sql.fact_rows import read_fact
from services.adapters.sql.statements import chunks
from services.domain.facts import FactKind
from services.domain.instants import DAY
from services.storage import ClockRow
from services.views import FactView, Place, VerdictCount, VerdictDay, VerdictQuery

_FACT = tables.facts.c
_CLOCK = tables.clocks.c
_ORDER = (_FACT.at, _FACT.lead, _FACT.number)
_VERDICTS = (FactKind.ACCEPTED, FactKind.REJECTED)
_TOGETHER = 500
"""Leads in one statement: SQLite takes some thousands of parameters."""


class SqlFeedback:
    """Implements `services.views.FeedbackViews`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def verdicts(self, query: VerdictQuery) -> Sequence[VerdictCount]:
        """The handoffs asked for, counted by what is known of them."""
        labels = (_FACT.kind, _FACT.source, *(self._attribute(name) for name in ("campaign", "segment", "reason")))
        counted = select(*labels, func.count()).where(*self._asked(query, *_VERDICTS)).group_by(*labels)
        with self._database.reading() as connection:
            return [VerdictCount(FactKind(kind), *rest) for kind, *rest in connection.execute(counted)]

    def verdict_days(self, query: VerdictQuery) -> Sequence[VerdictDay]:
        """The same, counted by day and source, in the order of these."""
        # What is known of no attribute is counted already.
        is_of_all = query.campaign is None and query.segment is None and query.team is None
        statement = self._tallied_days(query) if is_of_all else self._counted_days(query)
        days: dict[tuple[int, str], dict[FactKind, int]] = {}
        with self._database.reading() as connection:
            for day, source, kind, count in connection.execute(statement):
                days.setdefault((day, source), dict.fromkeys(_VERDICTS, 0))[FactKind(kind)] = int(count)
        return [
            VerdictDay(day, source, counts[FactKind.ACCEPTED], counts[FactKind.REJECTED])
            for (day, source), counts in sorted(days.items())
        ]

    def rejections(
        self, query: VerdictQuery, reason: str | None, after: Place | None, limit: int
    ) -> Sequence[FactView]:
        """Those that were rejected (for this reason), the first one first: what a number is made of."""
        conditions = self._asked(query, FactKind.REJECTED)
        if reason is not None:
            conditions.append(self._attribute("reason") == reason)
        return self._facts(conditions, after, limit)

    def open_disputes(self, after: Place | None, limit: int) -> Sequence[FactView]:
        """Disputes that nobody has settled, the oldest first."""
        return self._facts(self._open_disputes(), after, limit)

    def has_carried_dispute(self, lead: str) -> bool:
        """Whether a dispute is open of a lead that was merged into this one, directly or over others."""
        merges = tables.merges.c
        gone = select(merges.lead).where(merges.into == lead).cte("gone", recursive=True)
        gone = gone.union(select(merges.lead).where(merges.into == gone.c.lead))
        return bool(self._facts([*self._open_disputes(), _FACT.lead.in_(select(gone.c.lead))], None, 1))

    def _open_disputes(self) -> list[ColumnElement[bool]]:
        resolved = tables.facts.alias("resolved")
        there = resolved.c.kind == str(FactKind.RESOLVED)
        own = select(literal(1)).where(there, resolved.c.lead == _FACT.lead, resolved.c.number == _FACT.number)
        # A lead that was merged takes its disputes along: there they bear its key.
        carried = select(resolved.c.number).where(there, resolved.c.number.contains("/"))
        return [
            _FACT.kind == str(FactKind.DISPUTED),
            ~own.exists(),
            (_FACT.lead + "/" + _FACT.number).not_in(carried),
        ]

    def agreements(self, query: VerdictQuery, after: Place | None, limit: int) -> Sequence[FactView]:
        """Answers by which marketing agreed on these days, the first one first."""
        return self._facts(self._asked(query, FactKind.AGREED), after, limit)

    def open_clocks(self, leads: Collection[str]) -> Sequence[ClockRow]:
        """The open instances of these leads, by lead, clock and number."""
        rows: list[ClockRow] = []
        with self._database.reading() as connection:
            for some in chunks(sorted(set(leads)), _TOGETHER):
                found = select(tables.clocks).where(_CLOCK.lead.in_(some), _CLOCK.status.is_(None))
                rows += (ClockRow(*row) for row in connection.execute(found))
        return sorted(rows, key=lambda row: (row.lead, row.clock, row.number))

    def _facts(self, conditions: Sequence[ColumnElement[bool]], after: Place | None, limit: int) -> Sequence[FactView]:
        listed = select(tables.facts).where(*conditions).order_by(*_ORDER).limit(limit)
        if after is not None:
            listed = listed.where(tuple_(*_ORDER) > tuple_(*(literal(part) for part in after)))
        with self._database.reading() as connection:
            return [FactView(row.lead, read_fact(row)) for row in connection.execute(listed)]

    def _asked(self, query: VerdictQuery, *kinds: FactKind) -> list[ColumnElement[bool]]:
        asked = {"campaign": query.campaign, "segment": query.segment, "team": query.team}
        conditions = [
            _FACT.kind.in_([str(kind) for kind in kinds]),
            # Which day it is differs by the zone, by less than a day: the index finds instants, not days.
            _FACT.at >= (query.since - 1) * DAY,
            _FACT.at < (query.until + 1) * DAY,
            _FACT.day >= query.since,
            _FACT.day < query.until,
            *(self._attribute(name) == value for name, value in asked.items() if value is not None),
        ]
        if query.source is not None:
            conditions.append(_FACT.source == query.source)
        return conditions

    def _counted_days(self, query: VerdictQuery) -> Select[Any]:
        labels = (_FACT.day, _FACT.source, _FACT.kind)
        return select(*labels, func.count()).where(*self._asked(query, *_VERDICTS)).group_by(*labels)

    def _tallied_days(self, query: VerdictQuery) -> Select[Any]:
        tally = tables.tallies.c
        labels = (tally.day, tally.source, tally.kind)
        kinds = tally.kind.in_([str(kind) for kind in _VERDICTS])
        asked = and_(tally.day >= query.since, tally.day < query.until, kinds, tally.filter == "")
        if query.source is not None:
            asked = and_(asked, tally.source == query.source)
        total = func.sum(tally.count)
        return select(*labels, total).where(asked).group_by(*labels).having(total != 0)

    def _attribute(self, name: str) -> ColumnElement[Any]:
        """An attribute of a fact; null where it is not known."""
        if self._database.dialect.name == "postgresql":
            return func.json_extract_path_text(cast(_FACT.attributes, JSON), literal(name, literal_execute=True))
        return func.json_extract(_FACT.attributes, literal(f"$.{name}", literal_execute=True))

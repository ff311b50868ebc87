"""What measures are made of, in SQL: tallies of days, the facts behind them, and the ceremonies that were held."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, literal, select, tuple_

from services.adapters.sql import tables
from services.adapters.sql.database import Database
from services.adapters.sql.fact_rows import meets_filter, read_fact
from services.adapters.sql.rows import EVENT_COLUMNS, read_event
from services.domain.events import Event, EventType
from services.domain.facts import MICROS, FactKind
from services.domain.instants import DAY, Instant
from services.storage import lead_stream
from services.views import CeremonyHeld, FactQuery, FactView, Tally

_FACT = tables.facts.c
_CEREMONIES = lead_stream("ceremony:")
_AFTER_CEREMONIES = lead_stream("ceremony;")
"""The first text after all that begin with the one above: `;` follows `:`."""


class SqlFacts:
    """Implements `services.views.FactViews`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tallies(self, since: int, until: int) -> Sequence[Tally]:
        """The facts of the days `[since, until)`, counted; exact, corrections included."""
        tally = tables.tallies.c
        labels = (tally.kind, tally.filter, tally.source, tally.currency, tally.day)
        sums = [func.sum(column) for column in (tally.count, tally.whole, tally.millionths)]
        counted = (
            select(*labels, *sums)
            .where(tally.day >= since, tally.day < until)
            .group_by(*labels)
            .having(sums[0] != 0)
            .order_by(*labels)
        )
        with self._database.reading() as connection:
            return [
                Tally(FactKind(kind), name, source, currency, day, int(count), int(whole) * MICROS + int(millionths))
                for kind, name, source, currency, day, count, whole, millionths in connection.execute(counted)
            ]

    def facts(self, query: FactQuery) -> Sequence[FactView]:
        """The facts asked for: what a number is made of."""
        with self._database.reading() as connection:
            rows = connection.execute(self._listed(query))
            return [FactView(row.lead, read_fact(row)) for row in rows]

    def _listed(self, query: FactQuery) -> Select[Any]:
        # Which day it is differs by the zone, by less than a day: the index finds instants, not days.
        since, until = (query.since - 1) * DAY, (query.until + 1) * DAY
        listed = (
            select(tables.facts)
            .where(
                _FACT.kind == str(query.kind),
                _FACT.at >= (since if query.after is None else max(since, query.after[0])),
                _FACT.at < until,
                _FACT.day >= query.since,
                _FACT.day < query.until,
            )
            .order_by(_FACT.at, _FACT.lead, _FACT.number)
            .limit(query.limit)
        )
        if query.filter:
            listed = listed.where(meets_filter(query.filter, self._database.dialect))
        if query.source is not None:
            listed = listed.where(_FACT.source == query.source)
        if query.after is not None:
            after = tuple_(*(literal(part) for part in query.after))
            listed = listed.where(tuple_(_FACT.at, _FACT.lead, _FACT.number) > after)
        return listed

    def ceremonies(self, since: Instant, until: Instant) -> Sequence[CeremonyHeld]:
        """The ceremonies that were held at an instant of `[since, until)`, the first one first."""
        event = tables.events.c
        listed = select(*EVENT_COLUMNS).where(
            event.stream >= _CEREMONIES,
            event.stream < _AFTER_CEREMONIES,
            event.type == int(EventType.CEREMONY_HELD),
            event.time >= since,
            event.time < until,
        )
        with self._database.reading() as connection:
            return [_ceremony(each) for each in sorted(map(read_event, connection.execute(listed)))]


def _ceremony(event: Event) -> CeremonyHeld:
    attendees, notes = event.data.get("attendees"), event.data.get("notes")
    sides = attendees if isinstance(attendees, dict) else {}
    return CeremonyHeld(
        ceremony=str(event.data.get("ceremony")),
        at=event.time,
        marketing=int(sides.get("marketing", 0)),
        sales=int(sides.get("sales", 0)),
        notes=notes if isinstance(notes, str) else None,
    )

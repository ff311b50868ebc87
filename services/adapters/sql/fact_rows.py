"""Facts and tallies as rows, and how a commit writes them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Dialect, func, select

from services.adapters.sql import tables
from services.adapters.sql.rows import to_json
from services.adapters.sql.statements import Deleter, Values, among, chunks, insert_into, upsert
from services.domain.facts import MICROS, Fact, FactKind
from services.storage import Changes, TallyKey

_BETWEEN = "\n"
"""Stands around the names of filters, which have no line break in them."""
_KINDS = {str(kind): kind for kind in FactKind}
_OF_LEADS = select(tables.facts).where(among(tables.facts.c.lead))


class FactKeeper:
    """Writes what a batch changes of facts and tallies, and reads the facts of leads."""

    def __init__(self, dialect: Dialect) -> None:
        tally, moved = tables.tallies.c, insert_into(tables.tallies, dialect).excluded
        self._facts = upsert(tables.facts, dialect)
        self._removed = Deleter(tables.facts, dialect, keys=("lead", "kind", "number"))
        self._tallies = upsert(
            tables.tallies,
            dialect,
            count=tally.count + moved.count,
            whole=tally.whole + moved.whole,
            millionths=tally.millionths + moved.millionths,
        )

    def write(self, connection: Connection, changes: Changes, shard: str) -> None:
        """Write them in the transaction of the connection; tallies are those of the shard, so that nobody waits."""
        self._removed.delete(connection, changes.facts_removed)
        facts = sorted((_fact_values(lead, fact) for lead, fact in changes.facts), key=itemgetter(0, 1, 2))
        self._facts.write(connection, facts)
        moved = sorted(item for item in changes.tallies.items() if item[1] != (0, 0))
        self._tallies.write(connection, [_tally_values(key, shard, *by) for key, by in moved])

    def read(self, connection: Connection, leads: Collection[str]) -> Mapping[str, Sequence[Fact]]:
        """The facts of those leads that have any."""
        found: dict[str, list[Fact]] = defaultdict(list)
        for part in chunks(leads):
            for row in connection.execute(_OF_LEADS, {"keys": part}):
                found[row.lead].append(read_fact(row))
        return found


def read_fact(row: Sequence[Any]) -> Fact:
    """The fact in a row of `facts`."""
    _, kind, number, at, day, source, meets, attributes, amount, currency = row
    return Fact(
        kind=_KINDS[kind],
        number=number,
        at=at,
        day=day,
        source=source,
        meets=frozenset(meets.strip(_BETWEEN).split(_BETWEEN)) if meets else frozenset(),
        attributes=orjson.loads(attributes),
        amount=amount,
        currency=currency,
    )


def meets_filter(name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Whether a fact meets a filter. (LIKE would not do: SQLite's takes capitals and small letters for the same.)"""
    position = func.strpos if dialect.name == "postgresql" else func.instr
    return position(tables.facts.c.meets, f"{_BETWEEN}{name}{_BETWEEN}") > 0


def _fact_values(lead: str, fact: Fact) -> Values:
    return (
        lead,
        str(fact.kind),
        fact.number,
        fact.at,
        fact.day,
        fact.source,
        _BETWEEN.join(("", *sorted(fact.meets), "")) if fact.meets else "",
        to_json(fact.attributes),
        fact.amount,
        fact.currency,
    )


def _tally_values(key: TallyKey, shard: str, count: int, amount: int) -> Values:
    # Of a negative amount the whole is rounded down, and the rest positive: their sum is the amount all the same.
    return key.day, str(key.kind), key.filter, key.source, key.currency, shard, count, *divmod(amount, MICROS)

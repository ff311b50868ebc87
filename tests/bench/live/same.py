"""Whether the systems came to the same clocks, each other's and those of judging all events at once."""

from collections.abc import Collection, Mapping, Sequence

import psycopg

from services.domain.charter import Charters
from services.domain.events import Event, EventType
from tests.bench.live import peers
from tests.tracker.support import expected_clocks

Clocks = Mapping[str, Sequence[tuple[object, ...]]]
"""By lead, the values of its clocks."""

_FIELDS = ", ".join(peers.CLOCK_FIELDS)
_CLOCKS = f"SELECT {_FIELDS} FROM clocks ORDER BY lead, clock, number"
_PLAIN_CLOCKS = f"SELECT {_FIELDS} FROM clocks WHERE NOT void ORDER BY lead, clock, number"


class Differs(AssertionError):
    """A system came to other clocks."""


def expected(events: Sequence[Event], charters: Charters) -> Clocks:
    """What judging all events at once comes to."""
    rows = expected_clocks(events, charters, max(event.time for event in events))
    return {lead: [peers.clock_values(row) for row in mine] for lead, mine in rows.items() if mine}


def merged(events: Sequence[Event]) -> set[str]:
    """Leads that have to do with a merge."""
    merges = [event for event in events if event.type == EventType.LEAD_MERGED]
    return {lead for event in merges for lead in (event.lead, str(event.data["into"]))}


def clocks_in(database: str, *, plain: bool = False) -> Clocks:
    """The clocks that a system has written; `plain`: those of Quix Streams' sink."""
    found: dict[str, list[tuple[object, ...]]] = {}
    with psycopg.connect(database) as connection:
        for row in connection.execute((_PLAIN_CLOCKS if plain else _CLOCKS).encode()):
            values = tuple(None if plain and value in (-1, "") else value for value in row)
            found.setdefault(row[0], []).append(values)
    return found


def compare(name: str, found: Clocks, right: Clocks, leads: Collection[str]) -> int:
    """How many clocks of the leads were compared. Raises Differs with the first lead that differs."""
    for lead in sorted(leads):
        if found.get(lead, []) != right.get(lead, []):
            raise Differs(f"{name}: {lead} has\n{found.get(lead, [])}\ninstead of\n{right.get(lead, [])}")
    return sum(len(right.get(lead, [])) for lead in leads)

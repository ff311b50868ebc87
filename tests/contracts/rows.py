"""Rows to write, with everything that a test does not care about filled in."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.adapters.sql.database import Database
from services.adapters.sql.store import SqlStore
from services.domain.events import Event, EventType
from services.domain.facts import Fact, FactKind
from services.storage import (
    ABSENT,
    AlertRow,
    Changes,
    ClockRow,
    DeadLetterRow,
    DealRow,
    EventRow,
    HandoffRow,
    LeadRow,
    Store,
    TransitionRow,
)
from services.tracker import tallying

TOPIC = "baton.events"
PARTITIONS = 3


def opened(database: Database) -> SqlStore:
    """A store on a fresh database, with partitions."""
    store = SqlStore(database)
    store.open_partitions(TOPIC, PARTITIONS)
    return store


def changes(position: int = 0, next_position: int | None = None, **what: Any) -> Changes:
    """Changes that move the position by one, or to `next_position`."""
    return Changes(TOPIC, 0, position, position + 1 if next_position is None else next_position, **what)


def commit(store: Store, changes: Changes) -> None:
    """Commit as a batch would that has just read the leads and deals that it changes."""
    states = store.states([row.key for row in changes.leads] + [key for key, _ in changes.gone])
    deals = store.deals([row.deal for row in changes.deals])
    revision = {key: state.revision for key, state in states.items()}
    changes.leads = [replace(row, revision=revision.get(row.key, ABSENT)) for row in changes.leads]
    changes.gone = [(key, revision.get(key, ABSENT)) for key, _ in changes.gone]
    changes.deals = [replace(row, revision=deals.get(row.deal, row).revision) for row in changes.deals]
    store.commit(changes)


def deal(key: str, lead: str | None, named_by: Event | None = None) -> DealRow:
    """A deal that belongs to a lead, or to none yet."""
    return DealRow(key, lead=lead, named_by=named_by)


def event(key: str = "1", lead: str = "a:lead:1", time: int = 5, **data: object) -> EventRow:
    """An event of a lead, or of a deal where `lead` is empty."""
    kind = EventType.LEAD_TOUCHED if lead else EventType.DEAL_MOVED
    return EventRow(Event(time, kind, "crm", key, lead, data), "hubspot", time + 1)


_LEAD = LeadRow("", ABSENT, 0, b"{}", None, 1, None, None, None, None, None, None, None, None, "other", "other")
_HANDOFF = HandoffRow("", 1, 1, None, None, None, None, None, None, None, None, "other", b"{}")
_CLOCK = ClockRow(
    lead="",
    clock="accept",
    number=1,
    charter="1",
    promised_by="sales",
    team_label="other",
    priority_label="other",
    target=0,
    within=10,
    calendar="office",
    started_at=1,
    started_by="lead.handed_off crm 1",
    due_at=11,
    at_risk_at=8,
    paused=False,
    ended_at=None,
    ended_by=None,
    status=None,
    counted=None,
)


def lead(key: str = "a:lead:1", **fields: Any) -> LeadRow:
    """A lead without a handoff."""
    return replace(_LEAD, key=key, **fields)


def handoff(key: str = "a:lead:1", number: int = 1, **fields: Any) -> HandoffRow:
    """An open handoff."""
    return replace(_HANDOFF, lead=key, number=number, **fields)


def clock(key: str = "a:lead:1", name: str = "accept", number: int = 1, **fields: Any) -> ClockRow:
    """A running instance, at risk at 8 and due at 11."""
    return replace(_CLOCK, lead=key, clock=name, number=number, **fields)


def ended(key: str = "a:lead:1", name: str = "accept", number: int = 1, **fields: Any) -> ClockRow:
    """An instance that was met."""
    return replace(clock(key, name, number, ended_at=9, ended_by="x", status="met", counted=8), **fields)


def transition(key: str = "a:lead:1", name: str = "overdue", **fields: Any) -> TransitionRow:
    """A transition of the first instance of `accept` that stands."""
    return replace(TransitionRow(key, "accept", 1, name, 12, 13, True), **fields)


def fact(kind: FactKind = FactKind.WON, number: str = "1", **fields: Any) -> Fact:
    """A fact of no filter on the first day."""
    return replace(Fact(kind, number, 5, 0, "other", frozenset(), {}), **fields)


def facts_of(*facts: Fact, key: str = "a:lead:1", removed: Sequence[Fact] = ()) -> dict[str, Any]:
    """What a batch changes that adds facts of a lead, and takes others away."""
    made = changes()
    tallying.replace(key, facts, removed, made)
    return {"facts": made.facts, "facts_removed": made.facts_removed, "tallies": made.tallies}


def alert(key: str = "a:lead:1", kind: str = "overdue", **fields: Any) -> AlertRow:
    """An alert of the first instance of `accept`."""
    return replace(AlertRow(f"{key}/accept/1/{kind}", kind, key, "accept", 1, 12, {"to": "sales"}), **fields)


def stall(since: int, key: str = "a:lead:1", **fields: Any) -> TransitionRow:
    """A stall of the first handoff, by a silence since then, that stands."""
    return replace(TransitionRow(key, "handoff", 1, f"stalled/{since}", 12, 13, True), **fields)


def dead_letter(key: str = "1", **fields: Any) -> DeadLetterRow:
    """Something that could not be used."""
    return replace(DeadLetterRow(key, "hubspot", "invalid", "data: missing", 3, b"\x00{"), **fields)

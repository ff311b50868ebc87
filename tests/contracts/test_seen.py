"""The contract of `services.storage.Seen`, on every database."""

import threading
from collections.abc import Callable

import pytest

from services.adapters.sql.database import Database
from services.adapters.sql.seen import SqlSeen
from services.adapters.sql.store import SqlStore
from services.storage import Seen, lead_stream
from tests.contracts.rows import changes, commit, event, lead, opened
from tests.contracts.test_plans import _READ_WHOLE, plans


@pytest.fixture
def seen(database: Database, store: SqlStore) -> Seen:  # noqa: ARG001 - the store makes the partitions
    return SqlSeen(database)


def test_nothing_was_reconciled_at_first(seen: Seen) -> None:
    """Of no CRM, and there is no last event of any."""
    assert (seen.reconciled_until("hubspot"), seen.last_event_of("hubspot")) == (None, None)


def test_how_far_it_came_is_kept_by_crm(seen: Seen, database: Database) -> None:
    """It outlives the process, and does not go back: of two that look at the same time, the earlier may end last."""
    seen.note_reconciled("hubspot", 1_900_000_000_000_001)
    seen.note_reconciled("zoho", 5)
    seen.note_reconciled("hubspot", 7)
    again = SqlSeen(database)
    assert (again.reconciled_until("hubspot"), again.reconciled_until("zoho")) == (1_900_000_000_000_001, 5)
    seen.note_reconciled("zoho", 6)
    assert again.reconciled_until("zoho") == 6


def test_two_that_note_at_the_same_time(seen: Seen) -> None:
    """Neither fails; the later instant stays."""
    threads = [threading.Thread(target=seen.note_reconciled, args=("hubspot", at)) for at in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen.reconciled_until("hubspot") == 8


def test_it_is_no_change_of_what_pages_show(seen: Seen, store: SqlStore) -> None:
    """Nobody looks again for it; and the charters' generation stays."""
    before = store.charter_generation()
    seen.note_reconciled("hubspot", 5)
    assert store.charter_generation() == before


def test_the_last_event_of_a_crm(seen: Seen, store: SqlStore) -> None:
    """Of all of its leads, and of no other's whose name begins alike."""
    keys = {"hubspot:contact:1": 10, "hubspot:contact:2": 30, "hubspot2:contact:1": 50, "hub:contact:1": 70, "z": 90}
    commit(store, changes(leads=[lead(key, last_event_at=at) for key, at in keys.items()]))
    assert (seen.last_event_of("hubspot"), seen.last_event_of("hub"), seen.last_event_of("zoho")) == (30, 70, None)


def test_the_events_are_the_stores(seen: Seen, store: SqlStore) -> None:
    """All of a stream, in one go for many streams."""
    row = event()
    commit(store, changes(events=[row]))
    stream = lead_stream(row.event.lead)
    found = seen.events([stream, *(lead_stream(f"nobody:{number}") for number in range(2_000))])
    assert list(found[stream]) == [row.event]
    assert not any(events for name, events in found.items() if name != stream)


@pytest.mark.parametrize("database", ["memory"], indirect=True)
@pytest.mark.parametrize(
    "ask",
    [lambda seen: seen.reconciled_until("a"), lambda seen: seen.last_event_of("a"), lambda seen: seen.events("a")],
)
def test_it_looks_things_up(database: Database, ask: Callable[[Seen], object]) -> None:
    """No query reads a big table from end to end; the last event reads the leads of one CRM."""
    opened(database)
    with plans(database) as steps:
        ask(SqlSeen(database))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []

"""SQLite looks things up: no query of the store or of pages reads a big table from end to end."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event

from services.adapters.database import Database, open_database
from services.adapters.sql_outbox import SqlOutbox
from services.adapters.sql_store import SqlStore
from services.adapters.sql_views import SqlViews
from services.domain.clocks import Status
from services.views import ClockQuery, LeadQuery
from tests.contracts.rows import alert, changes, clock, commit, deal, lead, opened
from tests.contracts.rows import event as event_row

_BIG = "alerts|clocks|deals|deliveries|events|handoffs|leads|transitions"
_READ_WHOLE = re.compile(rf"SCAN ({_BIG})$")


@pytest.fixture
def database() -> Iterator[Database]:
    """SQLite plans by its indexes alone, so that what it does with a few rows it does with many."""
    database = open_database("sqlite://")
    row = event_row(deal="d")
    commit(
        opened(database),
        changes(
            events=[row],
            leads=[lead(handoff=1, stalls_at=1, wake_at=1)],
            clocks=[clock()],
            alerts=[alert()],
            deals=[deal("d", "a:lead:1", row.event)],
        ),
    )
    yield database
    database.close()


@contextmanager
def plans(database: Database) -> Iterator[list[str]]:
    """The steps of the plan of every statement that is run in the block."""
    run: list[tuple[str, Any]] = []
    steps: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")):
            run.append((statement, parameters))

    event.listen(database._writer, "before_cursor_execute", note)
    yield steps
    event.remove(database._writer, "before_cursor_execute", note)
    with database.reading() as connection:
        for statement, parameters in run:
            first = parameters[0] if isinstance(parameters, list) else parameters
            steps += [step[3] for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", first)]


_LEAD_QUERIES = [
    LeadQuery(),
    LeadQuery(after="a"),
    LeadQuery(stalled=True),
    LeadQuery(handed_off=True, after="a"),
    LeadQuery(team="x", account="y"),
    LeadQuery(clock="accept"),
    *(LeadQuery(clock="accept", status=status, after="a") for status in Status),
    LeadQuery(status=Status.OVERDUE),
]
_CLOCK_QUERIES = [
    ClockQuery(),
    ClockQuery(after=("a", "accept", 1)),
    *(ClockQuery(clock="accept", status=status, team_label="x") for status in Status),
]
_VIEWS: list[Callable[[SqlViews], object]] = [
    lambda views: views.version(),
    *((lambda views, query=query: views.leads(query, 5)) for query in _LEAD_QUERIES),
    lambda views: views.lead("a:lead:1"),
    lambda views: views.stalled(5, 10),
    *((lambda views, query=query: views.clocks(query, 5)) for query in _CLOCK_QUERIES),
    lambda views: views.pressing(20, 10),
    lambda views: views.open_clocks(5),
    lambda views: views.verdicts(1, 20, 5),
    lambda views: views.open_handoffs(5),
    lambda views: views.dead_letters("1", 5),
]
_STORE: list[Callable[[SqlStore], object]] = [
    lambda store: store.position("baton.events", 0),
    lambda store: store.states(["a", "b"]),
    lambda store: store.known_events([("lead:a", "crm", "1")]),
    lambda store: store.events(["lead:a", "lead:b"]),
    lambda store: store.transitions(["a", "b"]),
    lambda store: store.deals(["a", "b"]),
    lambda store: store.deals_of(["a", "b"]),
    lambda store: store.due(0, 5, 10),
    lambda store: commit(store, changes(1, leads=[lead()], refolded=["a:lead:1"])),
]
_OUTBOX: list[Callable[[SqlOutbox], object]] = [
    lambda outbox: outbox.due(50, 10),
    lambda outbox: outbox.delivered(1, "mail", 5),
    lambda outbox: outbox.postpone(1, 5, "timeout"),
    lambda outbox: outbox.settle(1, "sent", 5),
    lambda outbox: outbox.unsettled(),
]


@pytest.mark.parametrize("ask", _VIEWS)
def test_views(database: Database, ask: Callable[[SqlViews], object]) -> None:
    """Pages and metrics."""
    with plans(database) as steps:
        ask(SqlViews(database))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []


@pytest.mark.parametrize("ask", _STORE)
def test_store(database: Database, ask: Callable[[SqlStore], object]) -> None:
    """The tracker."""
    with plans(database) as steps:
        ask(SqlStore(database))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []


@pytest.mark.parametrize("ask", _OUTBOX)
def test_outbox(database: Database, ask: Callable[[SqlOutbox], object]) -> None:
    """The notifier."""
    with plans(database) as steps:
        ask(SqlOutbox(database))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda database: SqlStore(database).due(0, 5, 10), "leads_to_wake (partition=? AND wake_at<?)"),
        (lambda database: SqlViews(database).stalled(5, 10), "leads_handed_off (stalls_at>? AND stalls_at<?)"),
        (lambda database: SqlViews(database).open_handoffs(5), "COVERING INDEX leads_handed_off"),
        (lambda database: SqlViews(database).pressing(5, 10), "clocks_open"),
        (lambda database: SqlViews(database).open_clocks(5), "COVERING INDEX clocks_open"),
        (lambda database: SqlViews(database).verdicts(1, 20, 5), "COVERING INDEX clocks_ended (due_at>? AND due_at<?)"),
        (lambda database: SqlViews(database).verdicts(1, 20, 5), "COVERING INDEX clocks_open (due_at>? AND due_at<?)"),
        (lambda database: SqlOutbox(database).due(5, 10), "alerts_unsettled (next_try_at<?)"),
    ],
)
def test_what_the_indexes_are_for(database: Database, ask: Callable[[Database], object], index: str) -> None:
    """Each index but those of the keys is used by what it was made for."""
    with plans(database) as steps:
        ask(database)
    assert any(index in step for step in steps), steps

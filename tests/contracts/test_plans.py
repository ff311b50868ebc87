"""SQLite looks things up: no query of store, pages, outbox or relay reads a big table from end to end."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event

from services.adapters.sql.account_views import SqlAccountViews
from services.adapters.sql.database import Database, open_database
from services.adapters.sql.facts import SqlFacts
from services.adapters.sql.held_alerts import SqlHeldAlerts
from services.adapters.sql.live_views import SqlLiveViews
from services.adapters.sql.outbox import SqlOutbox
from services.adapters.sql.relay import SqlRelay
from services.adapters.sql.store import SqlStore
from services.adapters.sql.views import SqlViews
from services.adapters.sql.webhook_queue import SqlWebhookQueue
from services.domain.facts import FactKind
from services.views import FactQuery, LeadQuery
from tests.contracts.queries import ACCOUNTS, FACTS, HELD, LIVE, OUTBOX, RELAY, STORE, VIEWS, WEBHOOKS
from tests.contracts.rows import alert, changes, clock, commit, deal, fact, facts_of, lead, opened
from tests.contracts.rows import event as event_row

_BIG = "alerts|clocks|deals|deliveries|events|facts|handoffs|leads|merges|tallies|transitions"
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
            **facts_of(fact()),
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


@pytest.mark.parametrize("ask", VIEWS)
def test_views(database: Database, ask: Callable[[SqlViews], object]) -> None:
    """Pages and metrics."""
    with plans(database) as steps:
        ask(SqlViews(database))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []


@pytest.mark.parametrize("ask", LIVE)
def test_live_views(database: Database, ask: Callable[[SqlLiveViews], object]) -> None:
    """The live page, of everything and of fewer leads."""
    with plans(database) as steps:
        ask(SqlLiveViews(database))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []


@pytest.mark.parametrize("ask", ACCOUNTS)
def test_account_views(database: Database, ask: Callable[[SqlAccountViews], object]) -> None:
    """The pages of accounts."""
    with plans(database) as steps:
        ask(SqlAccountViews(database))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []


@pytest.mark.parametrize("ask", STORE)
def test_store(database: Database, ask: Callable[[SqlStore], object]) -> None:
    """The tracker."""
    with plans(database) as steps:
        ask(SqlStore(database))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []


@pytest.mark.parametrize("ask", OUTBOX)
def test_outbox(database: Database, ask: Callable[[SqlOutbox], object]) -> None:
    """The notifier."""
    with plans(database) as steps:
        ask(SqlOutbox(database))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []


@pytest.mark.parametrize("ask", FACTS)
def test_facts(database: Database, ask: Callable[[SqlFacts], object]) -> None:
    """Measures and what they are made of."""
    with plans(database) as steps:
        ask(SqlFacts(database))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []


@pytest.mark.parametrize("ask", HELD)
def test_held_alerts(database: Database, ask: Callable[[SqlHeldAlerts], object]) -> None:
    """What keeps Alertmanager up to date."""
    with plans(database) as steps:
        ask(SqlHeldAlerts(database, sink="here"))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []


@pytest.mark.parametrize("ask", WEBHOOKS)
def test_webhooks(database: Database, ask: Callable[[SqlWebhookQueue], object]) -> None:
    """What delivers our webhooks."""
    with plans(database) as steps:
        ask(SqlWebhookQueue(database, sink="here"))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []


@pytest.mark.parametrize("ask", RELAY)
def test_relay(database: Database, ask: Callable[[SqlRelay], object]) -> None:
    """What fills the topics."""
    with plans(database) as steps:
        ask(SqlRelay(database))
    assert steps
    assert [step for step in steps if _READ_WHOLE.match(step)] == []


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda database: SqlStore(database).due(0, 5, 10), "leads_to_wake (partition=? AND wake_at<?)"),
        (lambda database: SqlStore(database).next_due(0), "COVERING INDEX leads_to_wake (partition=? AND wake_at>?)"),
        (lambda database: SqlViews(database).stalled(5, 10), "leads_handed_off (stalls_at>? AND stalls_at<?)"),
        (lambda database: SqlViews(database).open_handoffs(5), "COVERING INDEX leads_handed_off"),
        (lambda database: SqlViews(database).pressing(5, 10), "clocks_open"),
        (lambda database: SqlViews(database).open_clocks(5), "COVERING INDEX clocks_open"),
        (lambda database: SqlViews(database).verdicts(1, 20, 5), "COVERING INDEX clocks_ended (due_at>? AND due_at<?)"),
        (lambda database: SqlViews(database).verdicts(1, 20, 5), "COVERING INDEX clocks_open (due_at>? AND due_at<?)"),
        (lambda database: SqlLiveViews(database).funnel(1, 9), "handoffs_opened (opened_at>? AND opened_at<?)"),
        (lambda database: SqlAccountViews(database).accounts("a", 5, 5), "leads_by_account (account>?)"),
        (lambda database: SqlViews(database).leads(LeadQuery(account="y"), 5), "leads_by_account (account=?)"),
        (
            lambda database: SqlFacts(database).facts(FactQuery(FactKind.WON, 10, 20, after=(11, "a", "1"))),
            "facts_listed (kind=? AND at>? AND at<?)",
        ),
        (lambda database: SqlFacts(database).tallies(10, 20), "sqlite_autoindex_tallies_1 (day>? AND day<?)"),
        (lambda database: SqlFacts(database).ceremonies(10, 20), "sqlite_autoindex_events_1 (stream>? AND stream<?)"),
        (lambda database: SqlOutbox(database).due(5, 10), "alerts_unsettled (next_try_at<?)"),
    ],
)
def test_what_the_indexes_are_for(database: Database, ask: Callable[[Database], object], index: str) -> None:
    """Each index but those of the keys is used by what it was made for."""
    with plans(database) as steps:
        ask(database)
    assert any(index in step for step in steps), steps

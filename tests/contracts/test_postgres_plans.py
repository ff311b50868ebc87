"""PostgreSQL looks things up: with many rows, no query of store, pages, outbox or relay reads a big table whole.

(What is asked of pages is there often enough to fill one. A filter by what hardly any lead has reads far, in either
database: an index for each would cost more with every row written than it gives.)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from services.adapters.sql.account_views import SqlAccountViews
from services.adapters.sql.database import Database, migrate, open_database
from services.adapters.sql.facts import SqlFacts
from services.adapters.sql.held_alerts import SqlHeldAlerts
from services.adapters.sql.live_views import SqlLiveViews
from services.adapters.sql.outbox import SqlOutbox
from services.adapters.sql.relay import SqlRelay
from services.adapters.sql.statements import Deleter, Updater
from services.adapters.sql.store import SqlStore
from services.adapters.sql.tables import handoffs, leads
from services.adapters.sql.views import SqlViews
from services.adapters.sql.webhook_queue import SqlWebhookQueue
from services.domain.facts import FactKind
from services.views import FactQuery
from tests.contracts.queries import ACCOUNTS, FACTS, HELD, LIVE, OUTBOX, RELAY, STORE, VIEWS, WEBHOOKS
from tests.contracts.rows import changes, commit, lead, opened
from tests.servers.postgres import Postgres

# Of 20,000 leads one in twenty is open: handed off, waking, with two open clocks. All else is history.
_ROWS = (
    "INSERT INTO leads (key, revision, partition, state, wake_at, last_event_at, handoff, handed_off_at, stalls_at, "
    "owner, team, account, team_label, priority_label) SELECT 'crm:lead:' || n, 1, n % 12, 'x', "
    "CASE WHEN n % 20 = 0 THEN n END, n, CASE WHEN n % 20 = 0 THEN 1 END, n, CASE WHEN n % 20 = 0 THEN n END, "
    "'o' || n % 50, 'x', CASE WHEN n % 4 = 0 THEN 'y' END, 't', 'p' FROM generate_series(1, 20000) AS n",
    "INSERT INTO clocks (lead, clock, number, charter, promised_by, team_label, priority_label, target, within, "
    "calendar, started_at, started_by, due_at, at_risk_at, paused, ended_at, ended_by, status, counted) "
    "SELECT 'crm:lead:' || n, clock, 1, '1', 'sales', 'x', 'p', 0, 10, 'c', n, 'x', n, n, FALSE, n, 'x', "
    "CASE WHEN n % 20 > 0 THEN (ARRAY['met', 'missed', 'cancelled'])[n % 3 + 1] END, 1 "
    "FROM generate_series(1, 20000) AS n, unnest(ARRAY['accept', 'touch']) AS clock",
    "INSERT INTO handoffs (lead, number, opened_at, source_label, attributes) "
    "SELECT 'crm:lead:' || n, 1, n, 's', 'x' FROM generate_series(1, 20000) AS n",
    "INSERT INTO events (stream, source, id, time, type, lead, data, crm, received_at) "
    "SELECT 'lead:crm:lead:' || n % 20000, 'crm', n::text, n, 1, CASE WHEN n % 20 = 0 THEN 'crm:lead:' || n END, "
    "'{}', 'hubspot', n FROM generate_series(1, 40000) AS n",
    "INSERT INTO transitions (lead, clock, number, name, at, told_at, standing) "
    "SELECT 'crm:lead:' || n, clock, 1, name, n, n, TRUE FROM generate_series(1, 10000) AS n, "
    "unnest(ARRAY['accept', 'touch']) AS clock, unnest(ARRAY['started', 'met']) AS name",
    "INSERT INTO alerts (transition, kind, lead, clock, number, not_before, details, next_try_at, settled_at) "
    "SELECT 'crm:lead:' || n || '/accept/1/overdue', 'overdue', 'crm:lead:' || n, 'accept', 1, n, '{}', n, "
    "CASE WHEN n % 100 > 0 THEN n END FROM generate_series(1, 20000) AS n",
    "INSERT INTO deliveries (lead, clock, number, alert, sink, at) "
    "SELECT 'crm:lead:' || n, 'accept', 1, n, 'log', n FROM generate_series(1, 20000) AS n",
    "INSERT INTO deals (deal, revision, lead, named_by) "
    "SELECT 'crm:deal:' || n, 1, 'crm:lead:' || n, '[]' FROM generate_series(1, 20000) AS n",
    'INSERT INTO merges (lead, "into") '
    "SELECT 'crm:lead:' || n, 'crm:lead:' || n + 1 FROM generate_series(1, 20000, 2) AS n",
    "INSERT INTO facts (lead, kind, number, at, day, source, meets, attributes, amount, currency) "
    "SELECT 'crm:lead:' || n, kind, '1', n * 86400000000, n, 's', '', '{}', 0, '' FROM generate_series(1, 10000) AS n, "
    "unnest(ARRAY['handed_off', 'accepted', 'won']) AS kind",
    "INSERT INTO tallies (day, kind, filter, source, currency, shard, count, whole, millionths) "
    "SELECT n, kind, filter, 's', '', 'baton.events/0', 1, 0, 0 FROM generate_series(1, 2000) AS n, "
    "unnest(ARRAY['handed_off', 'accepted', 'won']) AS kind, unnest(ARRAY['', 'a', 'b']) AS filter",
    "INSERT INTO outbox (lead, clock, number, name) "
    "SELECT 'crm:lead:' || n, 'accept', 1, 'started' FROM generate_series(1, 200) AS n",
)
_BIG = frozenset(
    {"alerts", "clocks", "deals", "deliveries", "events", "facts", "handoffs", "leads", "merges", "tallies"}
    | {"transitions"}
)


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[Database]:
    """Many rows, whose distribution the server knows."""
    url = postgres.fresh_database()
    migrate(url)
    database = open_database(url)
    commit(opened(database), changes(leads=[lead()]))
    with database.writing() as connection:
        for statement in _ROWS:
            connection.execute(text(statement))
    with database.session() as connection:
        connection.execute(text("VACUUM (ANALYZE)"))
    yield database
    database.close()


Node = Mapping[str, Any]


@contextmanager
def plans(database: Database) -> Iterator[list[Node]]:
    """The nodes of the plan of every statement that is run in the block."""
    run: list[tuple[str, Any]] = []
    found: list[Node] = []

    def note(_connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        run.append((statement, parameters[0] if isinstance(parameters, list) else parameters))

    engines = (database._reader, database._writer)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield found
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
    with database.writing() as connection:
        for statement, parameters in run:
            (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
            found += _flat(plan["Plan"])


def _flat(node: Node) -> Iterator[Node]:
    yield node
    for below in node.get("Plans", ()):
        yield from _flat(below)


def read_whole(nodes: Sequence[Node]) -> list[str]:
    """The big tables that are read from end to end."""
    return [
        node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] in _BIG
    ]


@pytest.mark.parametrize("ask", VIEWS)
def test_views(database: Database, ask: Callable[[SqlViews], object]) -> None:
    """Pages and metrics."""
    with plans(database) as nodes:
        ask(SqlViews(database))
    assert nodes
    assert read_whole(nodes) == []


@pytest.mark.parametrize("ask", LIVE)
def test_live_views(database: Database, ask: Callable[[SqlLiveViews], object]) -> None:
    """The live page, of everything and of fewer leads."""
    with plans(database) as nodes:
        ask(SqlLiveViews(database))
    assert nodes
    assert read_whole(nodes) == []


@pytest.mark.parametrize("ask", ACCOUNTS)
def test_account_views(database: Database, ask: Callable[[SqlAccountViews], object]) -> None:
    """The pages of accounts."""
    with plans(database) as nodes:
        ask(SqlAccountViews(database))
    assert nodes
    assert read_whole(nodes) == []


@pytest.mark.parametrize("ask", STORE)
def test_store(database: Database, ask: Callable[[SqlStore], object]) -> None:
    """The tracker."""
    with plans(database) as nodes:
        ask(SqlStore(database))
    assert nodes
    assert read_whole(nodes) == []


@pytest.mark.parametrize("ask", OUTBOX)
def test_outbox(database: Database, ask: Callable[[SqlOutbox], object]) -> None:
    """The notifier."""
    with plans(database) as nodes:
        ask(SqlOutbox(database))
    assert nodes
    assert read_whole(nodes) == []


@pytest.mark.parametrize("ask", FACTS)
def test_facts(database: Database, ask: Callable[[SqlFacts], object]) -> None:
    """Measures and what they are made of."""
    with plans(database) as nodes:
        ask(SqlFacts(database))
    assert nodes
    assert read_whole(nodes) == []


@pytest.mark.parametrize("ask", HELD)
def test_held_alerts(database: Database, ask: Callable[[SqlHeldAlerts], object]) -> None:
    """What keeps Alertmanager up to date."""
    with plans(database) as nodes:
        ask(SqlHeldAlerts(database, sink="here"))
    assert nodes
    assert read_whole(nodes) == []


@pytest.mark.parametrize("ask", WEBHOOKS)
def test_webhooks(database: Database, ask: Callable[[SqlWebhookQueue], object]) -> None:
    """What delivers our webhooks."""
    with plans(database) as nodes:
        ask(SqlWebhookQueue(database, sink="here"))
    assert nodes
    assert read_whole(nodes) == []


@pytest.mark.parametrize("ask", RELAY)
def test_relay(database: Database, ask: Callable[[SqlRelay], object]) -> None:
    """What fills the topics."""
    with plans(database) as nodes:
        ask(SqlRelay(database))
    assert nodes
    assert read_whole(nodes) == []


def test_rows_by_the_batch(database: Database) -> None:
    """What is handed over as arrays is looked up row by row, as many as a batch has."""
    keys = [f"crm:lead:{number}" for number in range(100)]
    updater = Updater(leads, database.dialect, expected="revision")
    deleter = Deleter(handoffs, database.dialect, keys=["lead", "number"])
    with plans(database) as nodes:
        SqlStore(database).known_events([(f"lead:{key}", "crm", "1") for key in keys])
        with database.writing() as connection:
            updater.write(connection, [(key, 2, 0, b"x", None, 1, *[None] * 8, "t", "p", 7) for key in keys])
            deleter.delete(connection, [(key, 9) for key in keys])
    assert read_whole(nodes) == []
    assert {node.get("Index Name") for node in nodes} >= {"events_pkey", "leads_pkey", "handoffs_pkey"}


@pytest.mark.parametrize(
    ("ask", "index", "scan"),
    [
        (lambda database: SqlStore(database).due(0, 5, 10), "leads_to_wake", "Index Scan"),
        (lambda database: SqlStore(database).next_due(0), "leads_to_wake", "Index Only Scan"),
        (lambda database: SqlStore(database).merged_with(["crm:lead:7"]), "merges_by_survivor", "Bitmap Index Scan"),
        (lambda database: SqlStore(database).deals_of(["crm:lead:7"]), "deals_by_lead", "Index Scan"),
        (lambda database: SqlViews(database).lead("crm:lead:20"), "events_by_lead_named", "Index Scan"),
        (lambda database: SqlViews(database).stalled(500, 10), "leads_handed_off", "Index Scan"),
        (lambda database: SqlViews(database).open_handoffs(5), "leads_handed_off", "Index Only Scan"),
        (lambda database: SqlViews(database).pressing(500, 10), "clocks_open", "Index Scan"),
        (lambda database: SqlViews(database).open_clocks(5), "clocks_open", "Index Only Scan"),
        (lambda database: SqlViews(database).verdicts(1, 2000, 5), "clocks_ended", "Index Only Scan"),
        (lambda database: SqlViews(database).verdicts(1, 2000, 5), "clocks_open", "Index Only Scan"),
        (
            lambda database: SqlFacts(database).facts(FactQuery(FactKind.WON, 10, 9000, after=(11, "a", "1"), limit=9)),
            "facts_listed",
            "Index Scan",
        ),
        (lambda database: SqlFacts(database).tallies(10, 20), "tallies_pkey", "Index Scan"),
        (lambda database: SqlFacts(database).ceremonies(10, 20), "events_pkey", "Index Scan"),
        (lambda database: SqlOutbox(database).due(500, 10), "alerts_unsettled", "Index Scan"),
    ],
)
def test_what_the_indexes_are_for(database: Database, ask: Callable[[Database], object], index: str, scan: str) -> None:
    """Each index but those of the keys is used by what it was made for, and holds all that counting takes."""
    with plans(database) as nodes:
        ask(database)
    found = [(node["Index Name"], node["Node Type"]) for node in nodes if "Index Name" in node]
    assert (index, scan) in found, found

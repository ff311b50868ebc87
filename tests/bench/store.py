"""Events per second that the store commits on SQLite and on PostgreSQL, each beside a plain write of the event rows.

`python -m tests.bench.store [--events N] [--rounds N]`. The transaction alone, nothing is judged: batches of 1,000
events over 5,000 leads; each batch reads the revisions of its leads, and writes its events, the view of each lead
(900 bytes) and two of its clocks, an alert for every third event, a fact for every second with what it moves of 90
tallies, 40 counters, and the position. The plain write is of the events alone, in transactions of the same size, in
the quickest way that the database has. All take turns, so that a neighbour on the machine troubles all; PostgreSQL is
a server of the tests, with its disk and cores the same.
"""

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import psycopg

from services.adapters.sql.database import migrate, open_database
from services.adapters.sql.rows import event_values
from services.domain.events import Event, EventType
from services.domain.facts import Fact, FactKind
from services.domain.instants import SECOND
from services.storage import ABSENT, AlertRow, Changes, ClockRow, EventRow, LeadRow
from services.tracker import tallying
from tests.contracts.rows import commit, opened
from tests.servers.postgres import Postgres, lacking

BATCH = 1_000
LEADS = 5_000
START = 1_800_000_000 * SECOND
HOUR = 3_600 * SECOND
_STATE = bytes(range(32, 122)) * 10
_KINDS = tuple(FactKind)
_COLUMNS = """stream TEXT, source TEXT, id TEXT, time BIGINT, type SMALLINT, lead TEXT, data TEXT, crm TEXT,
    received_at BIGINT, PRIMARY KEY (stream, source, id)"""


def batches(events: int, seed: int) -> Iterator[Changes]:
    """The changes of batch after batch."""
    chance = random.Random(seed)
    for first in range(0, events, BATCH):
        keys = [f"hubspot:contact:{chance.randrange(LEADS)}" for _ in range(BATCH)]
        yield _batch(first, keys)


def _batch(first: int, keys: list[str]) -> Changes:
    changes = Changes("baton.events", 0, position=first, next_position=first + BATCH, read_at=START)
    for number, key in enumerate(keys, start=first):
        at = START + number * SECOND
        data = {"kind": "call", "direction": "outbound", "connected": True, "by": "owner-17", "note": "x" * 60}
        event = Event(at, EventType.LEAD_TOUCHED, "hubspot/4711", f"evt-{number:09}", key, data)
        changes.events.append(EventRow(event, "hubspot", at))
        if number % 3 == 0:
            details = {"team": "inbound", "to": "sales", "due_at": at}
            changes.alerts.append(AlertRow(f"{key}/accept/1/overdue", "overdue", key, "accept", 1, at, details))
        if number % 2 == 0:
            tallying.add(key, [_fact(number, at)], changes)
    for key in dict.fromkeys(keys):
        changes.leads.append(_lead(key, START + first * SECOND))
        changes.clocks += [_clock(key, name, START + first * SECOND) for name in ("accept", "touch")]
    changes.counters = {("baton_events_total", (("crm", "hubspot"), ("type", str(kind)))): 25 for kind in range(40)}
    return changes


def _fact(number: int, at: int) -> Fact:
    return Fact(
        kind=_KINDS[number // 2 % 15],
        number=str(number),
        at=at,
        day=number // 5_000,
        source=("webinar", "referral", "other")[number % 3],
        meets=frozenset({"source is known and account is known"}),
        attributes={"team": "inbound", "account": "ACME", "region": "north"},
    )


def _lead(key: str, at: int) -> LeadRow:
    return LeadRow(
        key=key,
        revision=ABSENT,
        partition=0,
        state=_STATE,
        wake_at=at + HOUR,
        last_event_at=at,
        handoff=1,
        handed_off_at=START,
        stalls_at=at + 72 * HOUR,
        owner="owner-17",
        team="inbound",
        priority="hot",
        source="webinar",
        account="ACME",
        team_label="inbound",
        priority_label="hot",
    )


def _clock(key: str, name: str, at: int) -> ClockRow:
    return ClockRow(
        lead=key,
        clock=name,
        number=1,
        charter="2026-Q4",
        promised_by="sales",
        team_label="inbound",
        priority_label="hot",
        target=0,
        within=4 * HOUR,
        calendar="office",
        started_at=START,
        started_by="lead.handed_off hubspot/4711 evt-000000001",
        due_at=at + 4 * HOUR,
        at_risk_at=at + 3 * HOUR,
        paused=False,
        ended_at=None,
        ended_by=None,
        status=None,
        counted=None,
    )


def run_store(url: str, changes: list[Changes]) -> float:
    """Seconds that the store takes to commit the batches to the database at `url`."""
    migrate(url)
    database = open_database(url)
    store = opened(database)
    started = time.perf_counter()
    for batch in changes:
        commit(store, batch)
    seconds = time.perf_counter() - started
    database.close()
    return seconds


def run_plain_sqlite(url: str, changes: list[Changes]) -> float:
    """Seconds that inserting the events alone takes."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"CREATE TABLE events ({_COLUMNS})")
    insert = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    started = time.perf_counter()
    for batch in changes:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(insert, [event_values(row) for row in batch.events])
        connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def run_plain_postgres(url: str, changes: list[Changes]) -> float:
    """Seconds that copying the events alone takes."""
    with psycopg.connect(url) as connection:
        connection.execute(f"CREATE TABLE events ({_COLUMNS})".encode())
        started = time.perf_counter()
        for batch in changes:
            with connection.cursor().copy("COPY events FROM STDIN") as copy:
                for row in batch.events:
                    copy.write_row(event_values(row))
            connection.commit()
        return time.perf_counter() - started


Run = Callable[[str, list[Changes]], float]
Place = AbstractContextManager[str]


@contextmanager
def fresh_file() -> Iterator[str]:
    """The URL of a file that is not there yet."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/bench.db"


def measure(changes: list[Changes], rounds: int, postgres: Postgres | None) -> dict[str, list[float]]:
    """Events per second of every round, by what was measured."""
    runs: dict[str, tuple[Callable[[], Place], Run]] = {
        "sqlite": (fresh_file, run_store),
        "sqlite plain": (fresh_file, run_plain_sqlite),
    }
    if postgres is not None:
        server = postgres
        runs |= {
            "postgres": (lambda: nullcontext(server.fresh_database()), run_store),
            "postgres plain": (lambda: nullcontext(server.fresh_database()), run_plain_postgres),
        }
    events = sum(len(batch.events) for batch in changes)
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, (place, run) in runs.items():
            with place() as url:
                rates[name].append(events / run(url, changes))
    return rates


def report(changes: list[Changes], rates: dict[str, list[float]]) -> Iterator[str]:
    """Medians, and medians of the rounds' own ratios."""
    events = sum(len(each.events) for each in changes)
    rows = sum(
        len(each.events) + len(each.leads) + len(each.clocks) + len(each.alerts) + len(each.facts) + len(each.tallies)
        for each in changes
    )
    for name, each in rates.items():
        rate = statistics.median(each)
        yield f"{name:22} {rate:9,.0f} events/s" + (
            "" if "plain" in name else f"  ({rate * rows / events:,.0f} rows/s)"
        )
    for one, other in (("sqlite", "sqlite plain"), ("postgres", "postgres plain"), ("postgres", "sqlite")):
        if one in rates:
            ratio = statistics.median(a / b for a, b in zip(rates[one], rates[other], strict=True))
            yield f"{one} / {other:{19 - len(one)}} {ratio:9.3f}"


def main() -> None:
    """Run all in turn and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    changes = list(batches(arguments.events, seed=1))
    why = lacking()
    if why is not None:
        sys.stdout.write(f"postgres is left out: {why}\n")
    with tempfile.TemporaryDirectory() as folder, nullcontext() if why else Postgres(Path(folder)) as postgres:
        for line in report(changes, measure(changes, arguments.rounds, postgres)):
            sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()

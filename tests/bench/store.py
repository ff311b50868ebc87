"""Events per second that the store commits, beside a plain insert of as many event rows in the same run.

`python -m tests.bench.store [--events N] [--rounds N]`. The transaction alone, nothing is judged: batches of 1,000
events over 5,000 leads; each batch writes its events, the view of each lead (900 bytes) and two of its clocks, an
alert for every third event, 40 counters, and the position.
"""

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from services.adapters.database import open_database
from services.adapters.sql_rows import event_values
from services.domain.events import Event, EventType
from services.domain.instants import SECOND
from services.storage import ABSENT, AlertRow, Changes, ClockRow, EventRow, LeadRow
from tests.contracts.rows import commit, opened

BATCH = 1_000
LEADS = 5_000
START = 1_800_000_000 * SECOND
HOUR = 3_600 * SECOND
_STATE = bytes(range(32, 122)) * 10
_PLAIN = """
CREATE TABLE events (stream TEXT, source TEXT, id TEXT, time INTEGER, type INTEGER, data TEXT, crm TEXT,
    received_at INTEGER, PRIMARY KEY (stream, source, id))
"""


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
    for key in dict.fromkeys(keys):
        changes.leads.append(_lead(key, START + first * SECOND))
        changes.clocks += [_clock(key, name, START + first * SECOND) for name in ("accept", "touch")]
    changes.counters = {("baton_events_total", (("crm", "hubspot"), ("type", str(kind)))): 25 for kind in range(40)}
    return changes


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


def run_store(folder: Path, changes: list[Changes]) -> float:
    """Seconds that the store takes to commit the batches."""
    database = open_database(f"sqlite:///{folder / 'store.db'}")
    store = opened(database)
    started = time.perf_counter()
    for batch in changes:
        commit(store, batch)
    seconds = time.perf_counter() - started
    database.close()
    return seconds


def run_plain(folder: Path, changes: list[Changes]) -> float:
    """Seconds that a plain insert of the events alone takes, in transactions of the same size."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(_PLAIN)
    started = time.perf_counter()
    for batch in changes:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [event_values(row) for row in batch.events]
        )
        connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def rate(run: Callable[[Path, list[Changes]], float], changes: list[Changes]) -> float:
    """Events per second of one run in a fresh folder."""
    with tempfile.TemporaryDirectory() as folder:
        return sum(len(batch.events) for batch in changes) / run(Path(folder), changes)


def main() -> None:
    """Run both in turn and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    changes = list(batches(arguments.events, seed=1))
    rates = [(rate(run_store, changes), rate(run_plain, changes)) for _ in range(arguments.rounds)]
    store, plain = (statistics.median(column) for column in zip(*rates, strict=True))
    ratio = statistics.median(one / other for one, other in rates)
    rows = sum(len(each.events) + len(each.leads) + len(each.clocks) + len(each.alerts) for each in changes)
    sys.stdout.write(
        f"store  {store:9,.0f} events/s  ({store * rows / arguments.events:,.0f} rows/s)\n"
        f"plain  {plain:9,.0f} events/s  (events alone)\n"
        f"ratio  {ratio:9.3f}\n"
    )


if __name__ == "__main__":
    main()

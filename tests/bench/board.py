"""How long the board's pages and lists take over a big store, on SQLite and on PostgreSQL.

`python -m tests.bench.board [--leads N] [--open N] [--rounds N] [--pages N]`. Rows are written straight into the
tables: of 1,000,000 leads (by default), handed off over two years, 100,000 have an open handoff; each handoff has two
clocks. Then pages and lists are asked for one after another, each round in the same order, and their times printed
beside a reference of the same round: one lead read by its key. Last, so many pages (500) listen to the live stream of
one process while the store changes ten times.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Limits
from sqlalchemy import Connection, Table, insert, text, update

from services.adapters.sql import tables
from services.adapters.sql.account_views import SqlAccountViews
from services.adapters.sql.database import Database, migrate, open_database
from services.adapters.sql.facts import SqlFacts
from services.adapters.sql.feedback import SqlFeedback
from services.adapters.sql.live_views import SqlLiveViews
from services.adapters.wall_clock import SystemClock
from services.board.app import Board, add_routes
from services.charters import read_charter
from services.domain.charter import Charters
from services.domain.instants import DAY, SECOND, Instant
from services.measures.book import Book
from tests.gateway.conftest import FakeLog
from tests.servers.postgres import Postgres, lacking

CHARTER = Path(__file__).parents[2] / "deploy/charters/warsaw-small-team.yaml"
BACK = 730 * DAY
HOUR = 3_600 * SECOND
CHUNK = 20_000
AIM_MILLISECONDS = 100
REFERENCE = "one lead by its key"

TEAMS = ("inbound", "enterprise", "other")
PRIORITIES = ("hot", "warm", "cold", "other")
SOURCES = ("webinar", "paid_search", "referral", "partner", "other")

Row = Mapping[str, object]


def rows(leads: int, still_open: int, now: Instant, seed: int) -> Iterator[tuple[Row, Row, Sequence[Row]]]:
    """Lead after lead: its row, that of its handoff, and those of its clocks. The last ones are the open ones."""
    chance = random.Random(seed)
    for number in range(leads):
        is_open = number >= leads - still_open
        since = 20 * DAY if is_open else BACK
        opened = now - chance.randrange(HOUR, since)
        closed = None if is_open else min(now, opened + chance.randrange(HOUR, 10 * DAY))
        key = f"hubspot:contact:{number:07}"
        yield _lead(key, opened, closed, chance), _handoff(key, opened, closed, chance), _clocks(key, opened, closed)


def _lead(key: str, opened: Instant, closed: Instant | None, chance: random.Random) -> Row:
    team, priority = chance.choice(TEAMS), chance.choice(PRIORITIES)
    return {
        "key": key,
        "revision": 1,
        "partition": 0,
        "state": b"{}",
        "wake_at": None,
        "last_event_at": opened if closed is None else closed,
        "handoff": 1 if closed is None else None,
        "handed_off_at": opened if closed is None else None,
        "stalls_at": opened + 3 * DAY if closed is None else None,
        "owner": f"rep-{chance.randrange(40)}",
        "team": team,
        "priority": priority,
        "source": chance.choice(SOURCES),
        "account": f"account-{chance.randrange(100_000)}",
        "team_label": team,
        "priority_label": priority,
    }


def _handoff(key: str, opened: Instant, closed: Instant | None, chance: random.Random) -> Row:
    return {
        "lead": key,
        "number": 1,
        "opened_at": opened,
        "closed_at": closed,
        "outcome": None if closed is None else chance.choice(("lead.rejected", "deal.won", "deal.lost")),
        "accepted_at": opened + HOUR,
        "touched_at": opened + 2 * HOUR,
        "qualified_at": None,
        "opportunity_at": None,
        "reason": None,
        "verdict": None,
        "source_label": chance.choice(SOURCES),
        "attributes": b"{}",
    }


def _clocks(key: str, opened: Instant, closed: Instant | None) -> Sequence[Row]:
    return [_clock(key, name, opened, within, closed) for name, within in (("accept", 4 * HOUR), ("touch", 8 * HOUR))]


def _clock(key: str, name: str, opened: Instant, within: int, closed: Instant | None) -> Row:
    ended = None if closed is None else min(closed, opened + within // 2 * (1 + hash(key) % 3))
    due = opened + 30 * within
    return {
        "lead": key,
        "clock": name,
        "number": 1,
        "charter": "2026-Q4",
        "promised_by": "sales",
        "team_label": TEAMS[len(key) % len(TEAMS)],
        "priority_label": "hot",
        "target": 0,
        "within": within,
        "calendar": "office",
        "started_at": opened,
        "started_by": "lead.handed_off /hubspot 1",
        "due_at": due,
        "at_risk_at": opened + 22 * within,
        "paused": False,
        "ended_at": ended,
        "ended_by": None if ended is None else "lead.accepted /hubspot 2",
        "status": None if ended is None else ("met" if ended <= due else "missed"),
        "counted": None if ended is None else ended - opened,
    }


def fill(database: Database, leads: int, still_open: int, now: Instant) -> None:
    """Write the rows, and let the database know how many there are."""
    waiting: dict[Table, list[Row]] = {tables.leads: [], tables.handoffs: [], tables.clocks: []}

    def write(connection: Connection) -> None:
        for table, listed in waiting.items():
            connection.execute(insert(table), listed)
            listed.clear()

    with database.writing() as connection:
        for lead, handoff, clocks in rows(leads, still_open, now, seed=1):
            waiting[tables.leads].append(lead)
            waiting[tables.handoffs].append(handoff)
            waiting[tables.clocks] += clocks
            if len(waiting[tables.leads]) == CHUNK:
                write(connection)
        if waiting[tables.leads]:
            write(connection)
    with database.writing() as connection:
        connection.execute(text("ANALYZE"))


def addresses(leads: int) -> Mapping[str, str]:
    """What is asked for, by its name."""
    key = f"hubspot:contact:{leads // 2:07}"
    return {
        REFERENCE: f"/api/v1/leads/{key}",
        "live page": "/",
        "overview": "/api/v1/overview",
        "leads": "/leads",
        "stalled leads": "/leads?stalled=true",
        "overdue of a clock": "/leads?clock=accept&status=overdue",
        "leads of a team": "/leads?team=inbound",
        "leads of an account": "/leads?account=account-77",
        "open clocks": "/api/v1/clocks?status=at_risk",
        "lead page": f"/leads/{key}",
        "live page of a team": "/?team=inbound",
        "accounts": "/accounts",
        "page of an account": "/accounts/account-77",
        "charter": "/charter",
    }


async def ask(app: FastAPI, asked: Mapping[str, str], rounds: int) -> dict[str, list[float]]:
    """Seconds of every answer, by what was asked for."""
    taken: dict[str, list[float]] = {name: [] for name in asked}
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://board", timeout=120) as client:
        for _ in range(rounds):
            for name, address in asked.items():
                started = time.perf_counter()
                (await client.get(address)).raise_for_status()
                taken[name].append(time.perf_counter() - started)
    return taken


def report(taken: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """The median and the 95th percentile of each, and how many times the reference that is."""
    reference = statistics.median(taken[REFERENCE])
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        p95 = sorted(seconds)[int(0.95 * (len(seconds) - 1))]
        mark = "" if p95 * 1000 < AIM_MILLISECONDS else f"  over {AIM_MILLISECONDS} ms"
        yield f"  {name:22} p50 {median * 1000:8.1f} ms  p95 {p95 * 1000:8.1f} ms  x {median / reference:6.1f}{mark}"


async def listen(app: FastAPI, board: Board, database: Database, pages: int) -> str:
    """How long it takes until every one of so many open pages has heard of a change."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", backlog=pages))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - the server offers nothing to wait for
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    heard: asyncio.Queue[float] = asyncio.Queue()
    limits = Limits(max_connections=pages, max_keepalive_connections=pages)
    async with AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None, limits=limits) as client:

        async def page() -> None:
            async with client.stream("GET", "/api/v1/stream") as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("id:"):
                        heard.put_nowait(time.perf_counter())

        listening = [asyncio.create_task(page()) for _ in range(pages)]
        for _ in range(pages):  # each is told the version that it finds
            await heard.get()
        delays = []
        for _ in range(10):
            changed = time.perf_counter()
            await asyncio.to_thread(_change, database)
            delays += [await heard.get() - changed for _ in range(pages)]
        board.close()
        server.should_exit = True
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    p50, p99 = statistics.median(delays), sorted(delays)[int(0.99 * (len(delays) - 1))]
    return f"  {pages} open pages heard of a change after p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"


def _change(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(
            update(tables.meta).where(tables.meta.c.name == "changes").values(value=tables.meta.c.value + 1)
        )


def run(name: str, url: str, arguments: argparse.Namespace) -> None:
    """Fill one database, ask, listen, and print."""
    migrate(url)
    database = open_database(url)
    clock = SystemClock()
    started = time.perf_counter()
    fill(database, arguments.leads, arguments.open, clock.now())
    sys.stdout.write(f"{name}: {arguments.leads:,} leads written in {time.perf_counter() - started:.0f} s\n")
    file = read_charter(CHARTER)
    charters = Charters([file.charter])
    views = SqlLiveViews(database)
    board = Board(
        views=views,
        accounts=SqlAccountViews(database),
        book=Book(views=views, facts=SqlFacts(database)),
        feedback=SqlFeedback(database),
        charters=lambda: charters,
        documents=lambda: [file.document],
        clock=clock,
        log=FakeLog(),
    )
    app = FastAPI(docs_url=None, redoc_url=None)
    add_routes(app, board)
    for line in report(asyncio.run(ask(app, addresses(arguments.leads), arguments.rounds))):
        sys.stdout.write(line + "\n")
    sys.stdout.write(asyncio.run(listen(app, board, database, arguments.pages)) + "\n")
    database.close()


def main() -> None:
    """Run on both databases in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.only != "postgres":
            run("sqlite", f"sqlite:///{folder}/bench.db", arguments)
        why = lacking()
        if why is not None:
            sys.stdout.write(f"postgres is left out: {why}\n")
        elif arguments.only != "sqlite":
            with Postgres(Path(folder)) as postgres:
                run("postgres", postgres.fresh_database(), arguments)


if __name__ == "__main__":
    main()

"""A Faust agent as its documentation has one written: a record type, one event at a time, a commit for each.

The judging is Baton's (`services.domain`), so that the result is the same. It produces the clocks, and neither what
was told, nor alerts, nor counters, nor does it wake a lead when only time has passed; and Faust loses events where a
worker is killed at the wrong moment.
"""

import asyncio
import json
import sys
from collections.abc import Collection

import faust
import orjson
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.domain.charter import Charters
from services.domain.events import TYPES_BY_WIRE_NAME, Event, EventType
from services.domain.fold import Lead, apply, fold_together
from services.domain.instants import parse_instant
from services.domain.snapshot import freeze, thaw
from services.tracker.rows import clock_row
from tests.bench.live import peers
from tests.bench.live.job import Job, load

Connection = AsyncConnection[TupleRow]


class CrmEvent(faust.Record, serializer="json"):
    """An event on the wire."""

    id: str
    source: str
    type: str
    time: str
    subject: str
    data: dict[str, object]

    def to_domain(self) -> Event:
        """As the domain has it."""
        kind = TYPES_BY_WIRE_NAME[self.type]
        return Event(parse_instant(self.time), kind, self.source, self.id, self.subject, self.data)


class Judge:
    """Judges one event in one transaction."""

    def __init__(self, database: str, charters: Charters) -> None:
        self._database = database
        self._charters = charters
        self._connection: Connection | None = None

    async def judge(self, event: Event) -> None:
        """Write the event, its lead and the lead's clocks; an event that is known changes nothing."""
        if self._connection is None:
            self._connection = await AsyncConnection.connect(self._database)
        async with self._connection.transaction():
            if await self._is_new(self._connection, event):
                lead = await self._read(self._connection, event.lead)
                if peers.is_next(lead, event):
                    apply(lead, event, self._charters)
                    await self._write(self._connection, [lead])
                else:
                    await self._judge_anew(self._connection, event.lead)

    async def _is_new(self, connection: Connection, event: Event) -> bool:
        done = await connection.execute(
            "INSERT INTO events (source, id, lead, time, type, data) VALUES (%s, %s, %s, %s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            (event.source, event.id, event.lead, event.time, int(event.type), orjson.dumps(event.data).decode()),
        )
        return done.rowcount == 1

    async def _read(self, connection: Connection, key: str) -> Lead:
        found = await connection.execute("SELECT state FROM leads WHERE key = %s", (key,))
        row = await found.fetchone()
        return thaw(key, row[0], self._charters)[0] if row is not None else Lead(key)

    async def _judge_anew(self, connection: Connection, key: str) -> None:
        """Judge a lead from all its events, together with those that it was merged with."""
        found = await connection.execute(peers.MERGED_WITH, {"lead": key})
        keys = [row[0] for row in await found.fetchall()]
        histories: dict[str, list[Event]] = {each: [] for each in keys}
        found = await connection.execute(
            "SELECT time, type, source, id, lead, data FROM events WHERE lead = ANY(%s)", (keys,)
        )
        for time, kind, source, number, lead, data in await found.fetchall():
            histories[lead].append(Event(time, EventType(kind), source, number, lead, data))
        await connection.execute("DELETE FROM clocks WHERE lead = ANY(%s)", (keys,))
        await self._write(connection, fold_together(histories, self._charters).values())

    async def _write(self, connection: Connection, leads: Collection[Lead]) -> None:
        async with connection.cursor() as cursor:
            for lead in leads:
                await cursor.execute(peers.UPSERT_LEAD, (lead.key, json.dumps(freeze(lead, {})), *peers.listed(lead)))
                rows = [peers.clock_values(clock_row(lead.key, each)) for each in lead.instances]
                await cursor.executemany(peers.UPSERT_CLOCK, rows)


def build(job: Job) -> faust.App:
    """The app. To be made in the loop that runs it."""
    app = faust.App(
        job.group,
        broker=f"kafka://{job.broker}",
        datadir=job.folder,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
    )
    judge = Judge(job.database, job.load_charters())
    topic = app.topic(job.topic, value_type=CrmEvent)

    @app.agent(topic)
    async def judging(events: faust.StreamT[CrmEvent]) -> None:
        async for event in events:
            job.began()
            await judge.judge(event.to_domain())

    return app


def main() -> None:
    """Work until SIGTERM."""
    app = build(load(sys.argv[1]))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    faust.Worker(app, loop=loop, loglevel="warning").execute_from_commandline()


if __name__ == "__main__":
    main()

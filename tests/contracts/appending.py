"""A process that appends numbers to an event log and says each that is durable: `python -m tests.contracts.appending`.

Arguments: the kind of the log, then what it needs: a file; brokers and a topic; these and the file of a spool.
`fetches` and a file: it puts references into a fetch queue instead.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services import logs
from services.adapters.kafka.client import KafkaConnection
from services.adapters.kafka.log import KafkaLog
from services.adapters.kafka.spooled_log import SpooledLog
from services.adapters.sqlite.fetch_queue import SqliteFetchQueue
from services.adapters.sqlite.log import SqliteLog
from services.adapters.sqlite.spool import Spool
from services.adapters.wall_clock import SystemClock
from services.ports import EVENTS, EventLog, FetchQueue, Record, Reference


@dataclass
class Fetches:
    """A fetch queue in the clothes of a log: a record's value is the id of what is wanted."""

    queue: FetchQueue

    async def append(self, records: Sequence[Record]) -> None:
        self.queue.put("crm", [Reference(each.topic, each.value.decode()) for each in records])


@asynccontextmanager
async def opened(kind: str, *where: str) -> AsyncIterator[tuple[EventLog, str]]:
    """The log, and the topic to append to. It is never closed: the process is to be killed."""
    if kind == "sqlite":
        yield SqliteLog(Path(where[0]), SystemClock()), EVENTS
        return
    if kind == "fetches":
        yield Fetches(SqliteFetchQueue(Path(where[0]))), "contact"
        return
    kafka = KafkaLog(KafkaConnection(broker=f"kafka://{where[0]}"))
    if kind == "kafka":
        yield kafka, where[1]
        return
    log = SpooledLog(kafka=kafka, spool=Spool(Path(where[2]), most_bytes=64 * 1024 * 1024))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(log.run(asyncio.Event()))
        yield log, where[1]


async def main() -> None:
    """Append until killed."""
    logs.set_up("error")
    async with opened(*sys.argv[1:]) as (log, topic):
        number = 0
        while True:
            await log.append([Record(topic, "a", b"%d" % number)])
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
            number += 1


if __name__ == "__main__":
    asyncio.run(main())

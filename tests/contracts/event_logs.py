"""The event logs that there are, as the contract of `EventLog` meets them: a log, topics of its own, a way to read."""

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from aiokafka import AIOKafkaConsumer

from services.adapters.kafka_client import KafkaConnection
from services.adapters.kafka_log import KafkaLog
from services.adapters.spool import Spool
from services.adapters.spooled_log import SpooledLog
from services.adapters.sqlite_log import SqliteLog
from services.adapters.wall_clock import SystemClock
from services.ports import DEALS, EVENTS, EventLog, LogRecord, Record
from tests.servers.kafka import KafkaCluster

SPOOL_BYTES = 64 * 1024 * 1024
PARTITIONS = 3

_NUMBERS = itertools.count()


def record(value: str, key: str = "a", topic: str = EVENTS) -> Record:
    """A record that came from HubSpot."""
    return Record(topic, key, value.encode(), {"crm": "hubspot"})


def texts(records: Sequence[LogRecord | Record]) -> list[str]:
    """What was appended."""
    return [each.value.decode() for each in records]


def fresh_topic(cluster: KafkaCluster, partitions: int = PARTITIONS, **config: str) -> str:
    """A topic that no other test has; `max_message_bytes="1000"` is its setting max.message.bytes."""
    name = f"log-{next(_NUMBERS)}"
    settings = {key.replace("_", "."): value for key, value in config.items()}
    cluster.create_topic(name, partitions=partitions, config=settings)
    return name


def connection_to(cluster: KafkaCluster) -> KafkaConnection:
    """How to reach it."""
    return KafkaConnection(broker=f"kafka://{cluster.bootstrap}")


async def read_topic(cluster: KafkaCluster, topic: str, *, timeout_seconds: float = 60) -> list[LogRecord]:
    """All that stands in a topic now, partition by partition, in order."""
    reading = AIOKafkaConsumer(topic, bootstrap_servers=cluster.bootstrap, auto_offset_reset="earliest")
    async with asyncio.timeout(timeout_seconds), reading as consumer:
        partitions = consumer.assignment()
        ends = await consumer.end_offsets(partitions)
        found: list[LogRecord] = []
        while any([await consumer.position(each) < ends[each] for each in partitions]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += [
                    LogRecord(
                        each.topic,
                        each.partition,
                        each.offset,
                        each.key.decode(),
                        each.value,
                        {name: value.decode() for name, value in each.headers},
                        each.timestamp * 1000,
                    )
                    for each in batch
                ]
    return sorted(found, key=lambda each: (each.partition, each.offset))


class Subject(Protocol):
    """A log under test."""

    kind: str
    where: str
    """What `tests.contracts.appending` needs to open the same log."""
    events: str
    """A topic, and another."""
    deals: str

    @property
    def log(self) -> EventLog:
        """The log."""

    async def everything(self, topic: str) -> list[LogRecord]:
        """The whole topic; in the order of appending for each key."""

    async def close(self) -> None:
        """Close the log."""


class SqliteSubject:
    """The embedded log."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.where = str(folder / "log.db")
        self.log = SqliteLog(folder / "log.db", SystemClock())
        self.events, self.deals = EVENTS, DEALS

    async def everything(self, topic: str) -> list[LogRecord]:
        """In small pieces, from a connection of its own."""
        log = SqliteLog(Path(self.where), SystemClock())
        found: list[LogRecord] = []
        while part := log.read(topic, len(found), 7):
            found += part
        log.close()
        return found

    async def close(self) -> None:
        """At once."""
        self.log.close()


class KafkaSubject:
    """Kafka itself."""

    kind = "kafka"

    def __init__(self, cluster: KafkaCluster) -> None:
        self.cluster = cluster
        self.events, self.deals = fresh_topic(cluster), fresh_topic(cluster)
        self.where = f"{cluster.bootstrap} {self.events}"
        self.log = KafkaLog(connection_to(cluster))

    async def everything(self, topic: str) -> list[LogRecord]:
        """From the brokers."""
        return await read_topic(self.cluster, topic)

    async def close(self) -> None:
        """Flush, and end the connections."""
        await self.log.close()


class SpooledSubject:
    """Kafka with a spool before it, and its relay."""

    kind = "spooled"

    def __init__(self, cluster: KafkaCluster, folder: Path, *, topics: tuple[str, str] | None = None) -> None:
        self.cluster = cluster
        self.events, self.deals = topics or (fresh_topic(cluster), fresh_topic(cluster))
        self.where = f"{cluster.bootstrap} {self.events} {folder / 'spool.db'}"
        self.kafka = KafkaLog(connection_to(cluster))
        self.spool = Spool(folder / "spool.db", most_bytes=SPOOL_BYTES)
        self.log = SpooledLog(kafka=self.kafka, spool=self.spool)
        self._stop = asyncio.Event()
        self._relay: asyncio.Task[None] | None = None

    def start_relay(self) -> None:
        """Begin to bring what waits to Kafka."""
        self._relay = asyncio.create_task(self.log.run(self._stop))

    async def drained(self, timeout_seconds: float = 60) -> None:
        """Return when nothing waits any more."""
        async with asyncio.timeout(timeout_seconds):
            while self.log.waiting:  # noqa: ASYNC110 - nothing tells when it is
                await asyncio.sleep(0.02)

    async def everything(self, topic: str) -> list[LogRecord]:
        """From the brokers, once they have it all."""
        await self.drained()
        return await read_topic(self.cluster, topic)

    async def close(self) -> None:
        """Stop the relay, then close what it stands on."""
        self._stop.set()
        if self._relay is not None:
            await self._relay
        await self.kafka.close()
        self.spool.close()


def once(values: Sequence[str]) -> list[str]:
    """Without what came again: appended twice is as once, for events have ids."""
    return list(dict.fromkeys(values))

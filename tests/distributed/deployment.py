"""The services as processes of their own, on real servers; each test has topics and a database of its own."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from sqlalchemy import select

from services import metric_table as metrics
from services.adapters.sql import tables
from services.adapters.sql.database import Database, open_database
from services.adapters.sql.outbox import SqlOutbox
from services.adapters.sql.views import SqlViews
from services.errors import Unavailable
from services.ports import Record
from services.storage import ClockRow, TransitionRow
from tests.command import baton
from tests.distributed.history import History
from tests.e2e.running import TOKEN, Running
from tests.servers.kafka import KafkaCluster
from tests.servers.postgres import Postgres
from tests.tracker.support import CHARTER

PARTITIONS = 4
_SETTLED_SECONDS = 180
_PIECE = 150
_PAUSE_SECONDS = 0.3
"""Between two pieces: so a history lasts long enough for something to happen to it."""


class Deployment:
    """Settings that all services share, the services that run, and what they have come to."""

    def __init__(self, folder: Path, kafka: KafkaCluster, postgres: Postgres, *, replicas: int = 1) -> None:
        kafka.needs_real("groups of several members")
        self.kafka = kafka
        self.postgres = postgres
        self.folder = folder
        self.charter = folder / "charter.yaml"
        self.charter.write_text(CHARTER, encoding="utf-8")
        self.settings = {
            "BATON_BROKER": f"kafka://{kafka.bootstrap}",
            "BATON_DATABASE": postgres.fresh_database(),
            "BATON_TOPIC_PARTITIONS": str(PARTITIONS),
            "BATON_TOPIC_REPLICAS": str(replicas),
            "BATON_CLOUDEVENTS_TOKENS": TOKEN,
            "BATON_LOG_LEVEL": "info",
        }
        for command in (("topics", "create"), ("migrate",)):
            done = baton(*command, **self.settings)
            assert done.returncode == 0, done.stderr
        self.database: Database = open_database(self.settings["BATON_DATABASE"])
        self.views = SqlViews(self.database)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def tracker(self, **settings: str) -> Running:
        """A tracker, to be used as a context."""
        return self._service("tracker", "--charter", self.charter, **settings)

    def gateway(self, name: str = "gateway", **settings: str) -> Running:
        """A gateway with a folder of its own."""
        return self._service("gateway", "--data", self.folder / name, **settings)

    def board(self, **settings: str) -> Running:
        """A board."""
        return self._service("board", **settings)

    def notifier(self, **settings: str) -> Running:
        """A notifier."""
        return self._service("notifier", **settings)

    def _service(self, *arguments: str | Path, **settings: str) -> Running:
        return Running(*arguments, "--port", "0", **{**self.settings, **settings})

    def send(self, records: Sequence[Record]) -> None:
        """Append records to Kafka; each is there once when this returns."""
        asyncio.run(_send(self.kafka.bootstrap, records))

    @contextmanager
    def sending(self, history: History) -> Iterator[None]:
        """Send a history while the block runs, about a second of work at a time; it is all sent when the block ends."""
        failures: list[BaseException] = []

        def send() -> None:
            try:
                asyncio.run(_send(self.kafka.bootstrap, history.records, pause_every=_PIECE))
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            thread.join()
        assert not failures, failures

    def wait_until_applied(self, share: float, history: History, *services: Running) -> None:
        """Return once so much of a history is judged."""
        self.wait_until(lambda: self.applied() >= share * len(history.records), *services)

    def positions(self) -> dict[tuple[str, int], int]:
        """Where each partition is judged up to."""
        with self.database.reading() as connection:
            rows = connection.execute(select(tables.positions)).all()
        return {(row.topic, row.partition): row.next for row in rows}

    def applied(self) -> int:
        """How many records are judged; 0 while the database is away."""
        try:
            return sum(self.positions().values())
        except Unavailable:
            return 0

    def wait_until(self, what: Callable[[], bool], *services: Running, seconds: float = _SETTLED_SECONDS) -> None:
        """Return once it is so; fail with what the services have said where it takes too long."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, "\n".join(service.output for service in services)
            time.sleep(0.1)

    def wait_until_judged(self, records: int, *services: Running) -> None:
        """Return once so many records are judged, and nobody is due: what had to wait for other partitions is done."""
        self.wait_until(lambda: self.applied() >= records and not self._due(), *services)

    def _due(self) -> bool:
        leads = tables.leads.c
        with self.database.reading() as connection:
            return (
                connection.execute(select(leads.key).where(leads.wake_at <= time.time_ns() // 1000)).first() is not None
            )

    def clocks(self) -> dict[str, list[ClockRow]]:
        """All instances by lead, as the tracker's tests have them."""
        with self.database.reading() as connection:
            rows = [ClockRow(*row) for row in connection.execute(select(tables.clocks))]
        found: dict[str, list[ClockRow]] = {}
        for row in sorted(rows, key=lambda row: (row.lead, row.clock, row.number)):
            found.setdefault(row.lead, []).append(row)
        return found

    def transitions(self) -> list[TransitionRow]:
        """All that was told."""
        with self.database.reading() as connection:
            return [TransitionRow(*row) for row in connection.execute(select(tables.transitions))]

    def unsettled(self) -> int:
        """How many alerts wait."""
        return SqlOutbox(self.database).unsettled()

    def counted(self) -> Counter[str]:
        """Events by what became of them, and dead letters as the counters have them."""
        counted = Counter[str]()
        for (name, labels), amount in self.views.counters().items():
            if name == metrics.EVENTS_TOTAL.name:
                counted[dict(labels)["outcome"]] += amount
            elif name == metrics.DEAD_LETTERS_TOTAL.name:
                counted["dead"] += amount
        return counted

    def holds(self, history: History) -> None:
        """Fail unless everything that was sent is accounted for, and judged as if there were one worker."""
        assert Counter(topic for (topic, _), next_ in self.positions().items() for _ in range(next_)) == history.sent()
        assert (
            self.counted() == Counter(used=history.used, duplicate=history.duplicates, dead=history.poison) + Counter()
        )
        assert len(self.views.dead_letters(None, 10_000)) == history.poison
        assert self.clocks() == history.clocks()


async def _send(bootstrap: str, records: Sequence[Record], *, pause_every: int | None = None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=5)
    await producer.start()
    try:
        for first in range(0, len(records), pause_every or len(records)):
            sent = [await _send_one(producer, each) for each in records[first : first + (pause_every or len(records))]]
            await asyncio.gather(*sent)
            if pause_every is not None:
                await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        await producer.stop()


async def _send_one(producer: AIOKafkaProducer, record: Record) -> Any:
    headers = [(name, value.encode()) for name, value in record.headers.items()]
    return await producer.send(record.topic, record.value, key=record.key.encode(), headers=headers)


def read_topic(bootstrap: str, topic: str) -> list[tuple[str, bytes | None]]:
    """Everything that a topic holds: key and value, by partition in order."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False})
    found: list[tuple[str, bytes | None]] = []
    try:
        numbers = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        for number in numbers:
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=30)
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING)])
            following = 0
            while following < end:
                message = consumer.poll(30)
                assert message is not None, f"{topic}/{number} ends at {end}, but was read up to {following} only"
                following = (message.offset() or 0) + 1
                found.append(((message.key() or b"").decode(), message.value()))
    finally:
        consumer.close()
    return found


@contextmanager
def deployed(folder: Path, kafka: KafkaCluster, postgres: Postgres, *, replicas: int = 1) -> Iterator[Deployment]:
    """A deployment with topics and tables, and no service yet."""
    deployment = Deployment(folder, kafka, postgres, replicas=replicas)
    try:
        yield deployment
    finally:
        deployment.close()

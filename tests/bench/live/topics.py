"""The topics, filled before anything is measured, and how many bytes of Kafka's disk an event takes."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from aiokafka import AIOKafkaProducer

from services.ports import DEAD_LETTERS, DEALS, EVENTS
from services.translate import to_json
from tests.bench.live.history import Arrival
from tests.bench.live.job import PARTITIONS
from tests.servers.kafka import KafkaCluster

_MILLISECOND = 1000
_FOR_GOOD = {"retention.ms": "-1"}
"""By the times that its records bear, the history is long over."""
_HEADERS = [("crm", b"hubspot")]
_AT_A_TIME = 5_000
_ONE_BY_ONE = "one-by-one"
_SAMPLE = 1_000


def make_topics(kafka: KafkaCluster) -> None:
    """Baton's topics, empty. Records bear the times that they are given, so that a history can be played at once."""
    for topic, partitions in ((EVENTS, PARTITIONS), (DEALS, PARTITIONS), (DEAD_LETTERS, 1), (_ONE_BY_ONE, 1)):
        kafka.create_topic(topic, partitions, config=_FOR_GOOD)


async def fill(kafka: KafkaCluster, arrivals: Sequence[Arrival]) -> None:
    """Append the history to the topic of events."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=50, max_batch_size=256 * 1024) as producer:
        for start in range(0, len(arrivals), _AT_A_TIME):
            await _append(producer, EVENTS, arrivals[start : start + _AT_A_TIME])


async def fill_one_by_one(kafka: KafkaCluster, arrivals: Sequence[Arrival]) -> None:
    """Append some of it as a gateway does whose webhooks bring one event each."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, enable_idempotence=True) as producer:
        for arrival in arrivals[:_SAMPLE]:
            await _append(producer, _ONE_BY_ONE, [arrival])


async def _append(producer: AIOKafkaProducer, topic: str, arrivals: Sequence[Arrival]) -> None:
    sent = [
        await producer.send(
            topic,
            to_json(arrival.event),
            key=arrival.event.lead.encode(),
            headers=_HEADERS,
            timestamp_ms=arrival.at // _MILLISECOND,
        )
        for arrival in arrivals
    ]
    await asyncio.gather(*sent)


def kafka_bytes(folder: Path, records: int) -> tuple[float, float]:
    """Bytes of the log's files per record: filled in large batches, and one by one."""
    return _log_bytes(folder, EVENTS) / records, _log_bytes(folder, _ONE_BY_ONE) / _SAMPLE


def _log_bytes(folder: Path, topic: str) -> int:
    return sum(file.stat().st_size for file in folder.glob(f"node-0/{topic}-[0-9]*/*.log"))

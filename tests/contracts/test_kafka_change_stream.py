"""A topic of changes on Kafka, and the offsets that are kept of it."""

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import aclosing

import pytest
from confluent_kafka import Producer

from services.adapters.kafka.change_stream import KafkaChangeStream
from services.adapters.kafka.client import KafkaConnection
from services.errors import Unavailable, UsageError
from services.ports import Pulled
from tests.servers.kafka import KafkaCluster
from tests.servers.processes import free_ports

_NUMBERS = itertools.count()
_SECONDS = 60


def topic_with(cluster: KafkaCluster, values: Sequence[bytes | None], partitions: int = 1) -> str:
    """A new topic with these values, in turn in its partitions."""
    name = f"salesforce-changes-{next(_NUMBERS)}"
    cluster.create_topic(name, partitions=partitions)
    add(cluster, name, values, partitions)
    return name


def add(cluster: KafkaCluster, topic: str, values: Sequence[bytes | None], partitions: int = 1) -> None:
    """Append values."""
    producer = Producer({"bootstrap.servers": cluster.bootstrap})
    for number, value in enumerate(values):
        producer.produce(topic, value=value, key=b"k", partition=number % partitions)
    assert producer.flush(_SECONDS) == 0


def stream_of(cluster: KafkaCluster, topic: str, group: str) -> KafkaChangeStream:
    """The stream as a member of a group."""
    return KafkaChangeStream(KafkaConnection(broker=f"kafka://{cluster.bootstrap}"), topic=topic, group=group)


async def pull(stream: KafkaChangeStream, number: int, *, kept: bool = True) -> list[Pulled]:
    """Batches until there are so many items."""
    found: list[Pulled] = []
    async with asyncio.timeout(_SECONDS), aclosing(stream.pulled()) as pulled:
        while sum(len(each.items) for each in found) < number:
            each = await anext(pulled)
            if kept:
                await stream.keep(each)
            found.append(each)
    return found


def values(batches: Sequence[Pulled]) -> list[object]:
    """All items."""
    return [item for each in batches for item in each.items]


async def test_all_records_come_and_then_the_next(kafka: KafkaCluster) -> None:
    """From the oldest on; a member that comes later goes on after what was kept."""
    topic = topic_with(kafka, [b"%d" % number for number in range(500)])
    found = await pull(stream_of(kafka, topic, "one"), 500)
    assert values(found) == [b"%d" % number for number in range(500)]
    assert found[0].places[1] == f"{topic}, partition 0, offset 1"
    assert max(len(each.items) for each in found) <= 200
    add(kafka, topic, [b"new"])
    assert values(await pull(stream_of(kafka, topic, "one"), 1)) == [b"new"]


async def test_what_was_not_kept_comes_again(kafka: KafkaCluster) -> None:
    """It may not be in the log."""
    topic = topic_with(kafka, [b"%d" % number for number in range(20)], partitions=2)
    first = await pull(stream_of(kafka, topic, "two"), 20, kept=False)
    again = await pull(stream_of(kafka, topic, "two"), 20)
    assert sorted(map(str, values(first))) == sorted(map(str, values(again)))


async def test_records_without_a_value_are_passed_over(kafka: KafkaCluster) -> None:
    """And kept: they do not come again."""
    topic = topic_with(kafka, [b"a", None, b"b", None])
    found = await pull(stream_of(kafka, topic, "three"), 2)
    assert values(found) == [b"a", b"b"]
    add(kafka, topic, [b"c"])
    assert values(await pull(stream_of(kafka, topic, "three"), 1)) == [b"c"]


async def test_two_members_share_the_partitions(kafka: KafkaCluster) -> None:
    """What one had read and not kept when the other came, is another's to read: it cannot keep it any more."""
    topic = topic_with(kafka, [b"%d" % number for number in range(40)], partitions=2)
    one, other = stream_of(kafka, topic, "four"), stream_of(kafka, topic, "four")
    seen: list[object] = []

    async def work(stream: KafkaChangeStream) -> None:
        while True:
            try:
                async for each in stream.pulled():
                    await stream.keep(each)
                    seen.extend(each.items)
            except Unavailable:
                continue

    async with asyncio.timeout(_SECONDS):
        workers = [asyncio.create_task(work(each)) for each in (one, other)]
        while len(set(map(str, seen))) < 40:  # noqa: ASYNC110 - nothing tells when all were seen
            await asyncio.sleep(0.05)
        for worker in workers:
            worker.cancel()
        await asyncio.wait(workers)
    assert set(seen) == {b"%d" % number for number in range(40)}


async def test_a_topic_that_is_not_there(kafka: KafkaCluster) -> None:
    """It is not made."""
    with pytest.raises(UsageError, match=r"^--from: Kafka has no topic 'nothing-here'"):
        await pull(stream_of(kafka, "nothing-here", "five"), 1)


async def test_kafka_is_away() -> None:
    """An outage."""
    (port,) = free_ports(1)
    stream = KafkaChangeStream(KafkaConnection(broker=f"kafka://127.0.0.1:{port}"), topic="a", group="g")
    with pytest.raises(Unavailable, match=r"^Kafka: "):
        await pull(stream, 1)

"""What the log on Kafka promises beyond every event log: where a record lands, and that outages are outages and end."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from confluent_kafka import Message, Producer

from services.adapters.kafka_client import KafkaConnection
from services.adapters.kafka_log import KafkaLog, TooLarge
from services.errors import Unavailable
from services.ports import Record
from tests.contracts.event_logs import connection_to, fresh_topic, once, read_topic, record, texts
from tests.servers.kafka import KafkaCluster
from tests.servers.processes import free_ports


@asynccontextmanager
async def opened(cluster: KafkaCluster) -> AsyncIterator[KafkaLog]:
    """A log, closed at the end."""
    log = KafkaLog(connection_to(cluster))
    try:
        yield log
    finally:
        await log.close()


@pytest.fixture
async def log(kafka: KafkaCluster) -> AsyncIterator[KafkaLog]:
    """A log on one broker."""
    async with opened(kafka) as log:
        yield log


async def until_it_answers(log: KafkaLog, records: Sequence[Record]) -> None:
    """Append, again and again while Kafka is away."""
    async with asyncio.timeout(90):
        while True:
            try:
                return await log.append(records, within=3)
            except Unavailable:
                await asyncio.sleep(0.1)


async def keep_appending(log: KafkaLog, topic: str, key: str, stop: asyncio.Event) -> list[str]:
    """Append numbers of a key one after the other, each until it is acknowledged; what was acknowledged."""
    acknowledged: list[str] = []
    while not stop.is_set():
        value = f"{key}/{len(acknowledged)}"
        await until_it_answers(log, [record(value, key=key, topic=topic)])
        acknowledged.append(value)
    return acknowledged


async def test_a_key_is_where_producers_in_java_put_it(kafka: KafkaCluster, log: KafkaLog) -> None:
    """So the events that others produce to the topic reach the same tracker. (librdkafka does as Java here.)"""
    topic = fresh_topic(kafka, partitions=7)
    keys = [f"hubspot:contact:{number}" for number in range(300)] + ["ż", "", "a", "漢字" * 40]
    others: dict[str, int] = {}

    def note(_error: object, message: Message) -> None:
        others[(message.key() or b"").decode()] = message.partition() or 0

    producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2"})
    for key in keys:
        producer.produce(topic, b"theirs", key=key.encode(), on_delivery=note)
    assert producer.flush(30) == 0
    await log.append([record("ours", key=key, topic=topic) for key in keys])
    ours = {each.key: each.partition for each in await read_topic(kafka, topic) if each.value == b"ours"}
    assert ours == others
    assert set(ours.values()) == set(range(7))


async def test_appends_share_requests(kafka: KafkaCluster, log: KafkaLog) -> None:
    """Appends that come while a request is under way go together in the next one."""
    topic = fresh_topic(kafka, partitions=1)
    await log.append([record("first", topic=topic)])
    requests = 0
    producer = log._producer
    assert producer is not None
    send = producer._producer.client.send

    async def counted(*arguments: object, **named: object) -> object:
        nonlocal requests
        requests += 1
        return await send(*arguments, **named)

    producer._producer.client.send = counted
    await asyncio.gather(*(log.append([record(str(number), topic=topic)]) for number in range(300)))
    assert requests <= 20
    assert len(await read_topic(kafka, topic)) == 301


async def test_a_record_that_is_too_large(kafka: KafkaCluster, log: KafkaLog) -> None:
    """It is told apart from an outage; the rest of its append is durable."""
    kafka.needs_real("max.message.bytes")
    topic = fresh_topic(kafka, partitions=1, max_message_bytes="2000")
    large = record("x" * 3000, topic=topic)
    with pytest.raises(
        TooLarge, match=rf"of 3000 bytes is larger than {topic} takes; see `baton topics create`"
    ) as caught:
        await log.append([record("before", topic=topic), large, record("after", topic=topic)])
    assert caught.value.records == (large,)
    await log.append([record("later", topic=topic)])
    assert once(texts(await read_topic(kafka, topic))) == ["before", "after", "later"]


async def test_records_that_are_too_large_hold_up_no_others(kafka: KafkaCluster, log: KafkaLog) -> None:
    """A refusal puts the numbers of an idempotent producer out of step, and nobody else notices."""
    kafka.needs_real("max.message.bytes")
    topic = fresh_topic(kafka, partitions=2, max_message_bytes="2000")
    large = [log.append([record("x" * 3000, key=str(number), topic=topic)]) for number in range(3)]
    small = [until_it_answers(log, [record(str(number), key=str(number), topic=topic)]) for number in range(100)]
    results = await asyncio.gather(*large, *small, return_exceptions=True)
    assert [type(result) for result in results] == [TooLarge] * 3 + [type(None)] * 100
    assert set(texts(await read_topic(kafka, topic))) == {str(number) for number in range(100)}


async def test_numbers_out_of_step(kafka: KafkaCluster, log: KafkaLog) -> None:
    """A producer that the broker has lost count of is replaced within the same append."""
    kafka.needs_real("sequence numbers")
    topic = fresh_topic(kafka, partitions=1)
    await log.append([record("0", topic=topic)])
    producer = log._producer
    assert producer is not None
    (place,) = producer._producer._txn_manager._sequence_numbers
    producer._producer._txn_manager.increment_sequence_number(place, 7)
    await log.append([record("1", topic=topic)])
    assert log._producer is not producer
    assert texts(await read_topic(kafka, topic)) == ["0", "1"]


async def test_a_topic_that_is_missing(kafka: KafkaCluster, log: KafkaLog) -> None:
    """It counts as an outage: the message says how to make it. Other topics are not held up."""
    topic = fresh_topic(kafka)
    there = record("0", topic=topic)
    with pytest.raises(Unavailable, match=r"^Kafka: there is no topic nowhere .*`baton topics create`$"):
        await log.append([there, record("1", topic="nowhere")])
    await log.append([there])
    assert once(texts(await read_topic(kafka, topic))) == ["0"]


async def test_nobody_at_home() -> None:
    """Starting needs no Kafka; an append fails, and says where it looked and what it found."""
    one, two = free_ports(2)
    log = KafkaLog(KafkaConnection(broker=f"kafka://127.0.0.1:{one},127.0.0.1:{two}"))
    await log.start()
    with pytest.raises(Unavailable) as caught:
        await log.append([record("0")])
    assert f"127.0.0.1:{one}: Connection refused" in str(caught.value)
    assert f"127.0.0.1:{two}: Connection refused" in str(caught.value)
    with pytest.raises(Unavailable, match="Connection refused"):
        await log.check()
    await log.close()


async def test_one_broker_of_those_named_is_enough(kafka: KafkaCluster) -> None:
    """The others may be down, or gone for good."""
    (nobody,) = free_ports(1)
    topic = fresh_topic(kafka)
    log = KafkaLog(KafkaConnection(broker=f"kafka://127.0.0.1:{nobody},{kafka.bootstrap}"))
    await log.append([record("0", topic=topic)])
    await log.close()
    assert texts(await read_topic(kafka, topic)) == ["0"]


async def test_kafka_comes_later(kafka: KafkaCluster, log: KafkaLog) -> None:
    """A log that was started while the broker was away works as soon as it is there."""
    topic = fresh_topic(kafka)
    kafka.kill(0)
    try:
        await log.start()
        with pytest.raises(Unavailable):
            await log.append([record("lost", topic=topic)])
    finally:
        await asyncio.to_thread(kafka.start, 0)
    await until_it_answers(log, [record("0", topic=topic)])
    assert "0" in texts(await read_topic(kafka, topic))


async def test_killed_and_back(kafka: KafkaCluster, log: KafkaLog) -> None:
    """Whatever was acknowledged before, during and after is there, and of a key in its order."""
    topic = fresh_topic(kafka)
    stop = asyncio.Event()
    appending = [asyncio.create_task(keep_appending(log, topic, str(key), stop)) for key in range(40)]
    for _ in range(2):
        await asyncio.sleep(0.5)
        kafka.kill(0)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(kafka.start, 0)
    await asyncio.sleep(0.5)
    stop.set()
    acknowledged = await asyncio.gather(*appending)
    found = await read_topic(kafka, topic)
    for key, values in enumerate(acknowledged):
        assert values
        assert once(texts([each for each in found if each.key == str(key)])) == values


async def test_a_broker_that_hangs(kafka: KafkaCluster, log: KafkaLog) -> None:
    """An append ends in time, all that wait with it; and the log works again when the broker does."""
    kafka.needs_real("processes to stop")
    topic = fresh_topic(kafka)
    await log.append([record("0", topic=topic)])
    kafka.pause(0)
    try:
        async with asyncio.timeout(60):
            results = await asyncio.gather(
                *(log.append([record(str(number), topic=topic)], within=0.5) for number in range(1, 20)),
                return_exceptions=True,
            )
        assert {type(result) for result in results} == {Unavailable}
        with pytest.raises(Unavailable, match=r"^Kafka: not connected in time$"):
            await log.append([record("20", topic=topic)], within=0.5)
    finally:
        await asyncio.to_thread(kafka.resume, 0)
    await until_it_answers(log, [record("21", topic=topic)])
    found = texts(await read_topic(kafka, topic))
    assert {"0", "21"} <= set(found)


async def test_nothing_is_kept_for_a_broker_that_is_away(kafka: KafkaCluster, log: KafkaLog) -> None:
    """What an append has failed with is not sent behind its back for as long as the outage lasts."""
    topic = fresh_topic(kafka)
    await log.append([record("before", topic=topic)])
    kafka.kill(0)
    try:
        for number in range(20):
            with pytest.raises(Unavailable):
                await log.append([record(str(number), topic=topic)], within=0.3)
        assert log._producer is None
    finally:
        await asyncio.to_thread(kafka.start, 0)
    await until_it_answers(log, [record("after", topic=topic)])
    await log.close()
    found = texts(await read_topic(kafka, topic))
    assert found[0] == "before"
    assert found[-1] == "after"
    assert set(found[1:-1]) <= {"0"}


async def test_closing_while_the_broker_hangs(kafka: KafkaCluster, caplog: pytest.LogCaptureFixture) -> None:
    """It ends all the same, tells whoever waits, and leaves nothing behind."""
    kafka.needs_real("processes to stop")
    topic = fresh_topic(kafka)
    async with opened(kafka) as log:
        await log.append([record("0", topic=topic)])
        kafka.pause(0)
        try:
            waiting = asyncio.create_task(log.append([record("1", topic=topic)], within=60))
            await asyncio.sleep(0.1)
            started = time.monotonic()
            with caplog.at_level(logging.ERROR, "asyncio"):
                await log.close()
                with pytest.raises(Unavailable, match="closed"):
                    await waiting
            assert time.monotonic() - started < 40
        finally:
            await asyncio.to_thread(kafka.resume, 0)
    assert not [each for each in caplog.records if each.name == "asyncio"]


async def test_the_leader_is_killed(kafka3: KafkaCluster) -> None:
    """With three copies, what was acknowledged survives the broker that acknowledged it, and another takes over."""
    kafka3.create_topic("led", partitions=1, replicas=3, config={"min.insync.replicas": "2"})
    stop = asyncio.Event()
    async with opened(kafka3) as log:
        appending = [asyncio.create_task(keep_appending(log, "led", str(key), stop)) for key in range(10)]
        await asyncio.sleep(0.5)
        leader = kafka3.leader("led", 0)
        kafka3.kill(leader)
        assert await asyncio.to_thread(kafka3.leader, "led", 0) != leader
        await until_it_answers(log, [record("led by another", topic="led")])
        stop.set()
        acknowledged = await asyncio.gather(*appending)
    found = texts(await read_topic(kafka3, "led"))
    assert {value for values in acknowledged for value in values} <= set(found)
    assert "led by another" in found
    await asyncio.to_thread(kafka3.start, leader)

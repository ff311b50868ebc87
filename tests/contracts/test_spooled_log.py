"""What a gateway's log promises: an outage of Kafka is no concern of the senders until the disk is full."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource

from services.adapters import spooled_log
from services.adapters.kafka_client import KafkaConnection
from services.adapters.kafka_log import KafkaLog
from services.adapters.spool import Spool
from services.adapters.spooled_log import SpooledLog
from services.errors import Unavailable
from services.ports import Record
from tests.contracts.event_logs import SPOOL_BYTES, SpooledSubject, fresh_topic, once, read_topic, record, texts
from tests.contracts.killing import killed_after
from tests.servers.kafka import KafkaCluster
from tests.servers.processes import free_ports


@pytest.fixture
async def subject(kafka: KafkaCluster, tmp_path: Path) -> AsyncIterator[SpooledSubject]:
    """A log with its relay, on one broker."""
    subject = SpooledSubject(kafka, tmp_path)
    subject.start_relay()
    yield subject
    await subject.close()


@pytest.fixture
async def down(kafka: KafkaCluster) -> AsyncIterator[KafkaCluster]:
    """The broker, killed for the test."""
    kafka.kill(0)
    yield kafka
    await up_again(kafka)


async def up_again(kafka: KafkaCluster) -> None:
    """Start the broker, unless it runs."""
    if 0 not in kafka._running:
        await asyncio.to_thread(kafka.start, 0)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until the relay has brought it about."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - nothing tells when it is
            await asyncio.sleep(0.02)


def numbers(first: int, end: int, topic: str) -> list[Record]:
    """Records of one key."""
    return [record(str(number), topic=topic) for number in range(first, end)]


async def test_kafka_has_it_at_once(subject: SpooledSubject) -> None:
    """While Kafka answers, nothing touches the disk."""
    before = subject.log.bytes_used
    await subject.log.append(numbers(0, 10, subject.events))
    assert texts(await read_topic(subject.cluster, subject.events)) == [str(number) for number in range(10)]
    assert (subject.log.waiting, subject.log.bytes_used, subject.log.trouble) == (0, before, None)


async def test_an_outage(subject: SpooledSubject, kafka: KafkaCluster) -> None:
    """Appends return, later ones without asking Kafka first; afterwards all is in Kafka in its order."""
    await subject.log.append(numbers(0, 5, subject.events))
    kafka.kill(0)
    try:
        async with asyncio.timeout(60):  # 300 that wait for Kafka would take a quarter of an hour
            for number in range(5, 305):
                await subject.log.append(numbers(number, number + 1, subject.events))
        assert subject.log.is_away
        assert subject.log.waiting == 300
    finally:
        await asyncio.to_thread(kafka.start, 0)
    while subject.log.waiting:
        number += 1
        await subject.log.append(numbers(number, number + 1, subject.events))
    await subject.log.append(numbers(number + 1, number + 2, subject.events))
    found = once(texts(await subject.everything(subject.events)))
    assert found == [str(each) for each in range(number + 2)]
    assert (subject.log.waiting, subject.log.is_away) == (0, False)


async def test_appends_under_way_when_it_begins(subject: SpooledSubject, kafka: KafkaCluster) -> None:
    """Those that Kafka has not answered go to the disk too: none fails."""
    await subject.log.append(numbers(0, 1, subject.events))
    appends = [
        asyncio.create_task(subject.log.append([record(str(number), key=str(number), topic=subject.events)]))
        for number in range(1, 400)
    ]
    await asyncio.sleep(0)
    kafka.kill(0)
    try:
        await asyncio.gather(*appends)
    finally:
        await asyncio.to_thread(kafka.start, 0)
    assert set(texts(await subject.everything(subject.events))) == {str(number) for number in range(400)}


async def test_kafka_away_at_the_start(kafka: KafkaCluster, tmp_path: Path) -> None:
    """A gateway that starts during an outage takes events at once, and brings them when it ends."""
    subject = SpooledSubject(kafka, tmp_path)
    kafka.kill(0)
    try:
        await subject.kafka.start()
        subject.start_relay()
        await subject.log.append(numbers(0, 3, subject.events))
        assert subject.log.waiting == 3
    finally:
        await asyncio.to_thread(kafka.start, 0)
    assert once(texts(await subject.everything(subject.events))) == ["0", "1", "2"]
    await subject.close()


async def test_what_was_left_goes_first(kafka: KafkaCluster, tmp_path: Path) -> None:
    """After a restart, an append waits its turn behind what the last run left."""
    topics = fresh_topic(kafka, partitions=1), fresh_topic(kafka)
    (port,) = free_ports(1)
    nowhere = KafkaLog(KafkaConnection(broker=f"kafka://127.0.0.1:{port}"))
    spool = Spool(tmp_path / "spool.db", most_bytes=SPOOL_BYTES)
    before = SpooledLog(kafka=nowhere, spool=spool)
    for number in range(0, 5000, 10):
        await before.append(numbers(number, number + 10, topics[0]))
    await nowhere.close()
    spool.close()

    subject = SpooledSubject(kafka, tmp_path, topics=topics)
    assert subject.log.waiting == 5000
    subject.start_relay()
    await subject.log.append(numbers(5000, 5001, topics[0]))
    found = texts(await subject.everything(topics[0]))
    assert once(found) == [str(number) for number in range(5001)]
    await subject.close()


async def fill(log: SpooledLog, topic: str) -> int:
    """Append records of a kilobyte, numbered, until no more are taken; how many were."""
    taken = 0
    while True:
        try:
            await log.append([record(f"{taken}".ljust(1000), topic=topic)])
        except Unavailable:
            return taken
        taken += 1


async def test_nearly_full(down: KafkaCluster, tmp_path: Path) -> None:
    """While Kafka is away too, the log is away then; once it is back, everything is taken and nothing was lost."""
    topic = "nearly-full"
    log = KafkaLog(KafkaConnection(broker=f"kafka://{down.bootstrap}"))
    spool = Spool(tmp_path / "spool.db", most_bytes=300_000)
    spooled = SpooledLog(kafka=log, spool=spool)
    taken = await fill(spooled, topic)
    assert taken > 100
    with pytest.raises(Unavailable, match=r"^spool: nearly full"):
        await spooled.append([record("x" * 1000, topic=topic)])
    assert spooled.share_used > 0.85
    await up_again(down)
    down.create_topic(topic)
    stop = asyncio.Event()
    relay = asyncio.create_task(spooled.run(stop))
    await until(lambda: not spooled.is_away)
    await spooled.append([record("after", topic=topic)])
    await until(lambda: spooled.waiting == 0)
    found = once([text.strip() for text in texts(await read_topic(down, topic))])
    assert sorted(found) == sorted([*map(str, range(taken)), "after"])
    stop.set()
    await relay
    await log.close()
    spool.close()


async def test_a_disk_that_fails(subject: SpooledSubject, kafka: KafkaCluster) -> None:
    """With Kafka away too, the log is away; it is there again with either, Kafka even though the disk still fails."""
    subject.spool._writing.execute("PRAGMA busy_timeout = 50")
    await subject.log.append(numbers(0, 1, subject.events))
    kafka.kill(0)
    other = sqlite3.connect(Path(subject.where.split()[-1]), isolation_level=None)
    try:
        await subject.log.append(numbers(1, 2, subject.events))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            await subject.log.append(numbers(2, 3, subject.events))
        other.execute("ROLLBACK")
        await subject.log.append(numbers(3, 4, subject.events))
        other.execute("BEGIN IMMEDIATE")
    finally:
        await asyncio.to_thread(kafka.start, 0)
    await until(lambda: not subject.log.is_away)
    assert subject.log.waiting
    await subject.log.append(numbers(4, 5, subject.events))
    found = texts(await read_topic(kafka, subject.events))
    assert {"0", "1", "3", "4"} <= set(found)
    other.execute("ROLLBACK")
    other.close()
    await subject.drained()
    after = texts(await read_topic(kafka, subject.events))
    # What the disk could not forget was not sent again and again.
    assert len(after) == len(found)


async def test_kafka_comes_back_for_a_disk_that_fails(
    kafka: KafkaCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka is asked for although nothing waits: without a disk it is all there is."""
    monkeypatch.setattr("services.adapters.sqlite_file._WAIT_SECONDS", 0.05)
    subject = SpooledSubject(kafka, tmp_path)
    subject.start_relay()
    other = sqlite3.connect(tmp_path / "spool.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    kafka.kill(0)
    try:
        with pytest.raises(Unavailable, match="locked"):
            await subject.log.append(numbers(0, 1, subject.events))
        assert (subject.log.is_away, subject.log.waiting) == (True, 0)
    finally:
        await asyncio.to_thread(kafka.start, 0)
    await until(lambda: not subject.log.is_away)
    await subject.log.append(numbers(1, 2, subject.events))
    assert "1" in texts(await read_topic(kafka, subject.events))
    other.execute("ROLLBACK")
    other.close()
    await subject.close()


def let_take(cluster: KafkaCluster, topic: str, most_bytes: int) -> None:
    """Set a topic's max.message.bytes, as an operator does."""
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    entry = ConfigEntry("max.message.bytes", str(most_bytes), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    for altered in admin.incremental_alter_configs([resource]).values():
        altered.result(30)


async def test_a_record_that_is_too_large(kafka: KafkaCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is set aside, from an append and from the spool alike, holds up nothing, and goes once its topic takes it."""
    kafka.needs_real("max.message.bytes")
    monkeypatch.setattr(spooled_log, "ASIDE_SECONDS", 0.2)
    topic = fresh_topic(kafka, partitions=1, max_message_bytes="3000")
    subject = SpooledSubject(kafka, tmp_path, topics=(topic, topic))
    await subject.spool.add([record("0", topic=topic), record("L" * 4000, topic=topic), record("1", topic=topic)])
    subject.start_relay()
    await subject.drained()
    await subject.log.append([record("2", topic=topic), record("M" * 5000, topic=topic), record("3", topic=topic)])
    await subject.log.append([record("4", topic=topic)])
    assert (subject.log.aside, subject.log.waiting, subject.log.trouble) == (2, 0, None)
    assert once(texts(await read_topic(kafka, topic))) == ["0", "1", "2", "3", "4"]
    await asyncio.sleep(0.5)
    assert subject.log.aside == 2
    await asyncio.to_thread(let_take, kafka, topic, 4500)
    await until(lambda: subject.log.aside == 1)
    await asyncio.to_thread(let_take, kafka, topic, 10_000)
    await until(lambda: subject.log.aside == 0)
    assert once(texts(await read_topic(kafka, topic)))[-2:] == ["L" * 4000, "M" * 5000]
    await subject.close()


async def test_what_was_set_aside_is_tried_after_a_restart(kafka: KafkaCluster, tmp_path: Path) -> None:
    """Whoever raises the bound and restarts the gateway need not wait."""
    topic = fresh_topic(kafka)
    spool = Spool(tmp_path / "spool.db", most_bytes=SPOOL_BYTES)
    await spool.add([record("large", topic=topic), record("larger", topic=topic)], aside=True)
    spool.close()
    subject = SpooledSubject(kafka, tmp_path, topics=(topic, topic))
    subject.start_relay()
    await until(lambda: subject.log.aside == 0)
    assert texts(await read_topic(kafka, topic)) == ["large", "larger"]
    await subject.close()


async def test_stopping_drains(kafka: KafkaCluster, tmp_path: Path) -> None:
    """A relay that is stopped brings what it can before it ends."""
    subject = SpooledSubject(kafka, tmp_path)
    await subject.spool.add(numbers(0, 5000, subject.events))
    stop = asyncio.Event()
    stop.set()
    await subject.log.run(stop)
    assert subject.log.waiting == 0
    assert once(texts(await read_topic(kafka, subject.events))) == [str(number) for number in range(5000)]
    await subject.close()


async def test_stopping_while_kafka_is_away(down: KafkaCluster, tmp_path: Path) -> None:
    """It does not wait for it; what waits stays on the disk."""
    subject = SpooledSubject(down, tmp_path, topics=("events", "deals"))
    subject.start_relay()
    await subject.log.append(numbers(0, 10, subject.events))
    async with asyncio.timeout(60):
        await subject.close()
    spool = Spool(tmp_path / "spool.db", most_bytes=SPOOL_BYTES)
    assert spool.waiting == 10
    spool.close()


@pytest.mark.parametrize("after", [1, 300])
async def test_killed_while_kafka_is_away(tmp_path: Path, after: int) -> None:
    """What an append has returned for is on the disk after the process was killed."""
    (port,) = free_ports(1)
    path = tmp_path / "spool.db"
    acknowledged = await asyncio.to_thread(killed_after, after, "spooled", f"127.0.0.1:{port}", "events", str(path))
    spool = Spool(path, most_bytes=SPOOL_BYTES)
    found = texts([each.record for each in await spool.next(most_records=100_000, most_bytes=2**30)])
    spool.close()
    # One more may be there: written, and killed before it was told.
    assert found == [str(number) for number in range(len(found))]
    assert len(found) in (acknowledged, acknowledged + 1)


async def test_killed_with_its_broker(kafka: KafkaCluster, tmp_path: Path) -> None:
    """Gateway and broker killed in the middle of it, one after the other: what was acknowledged gets there."""
    subject = SpooledSubject(kafka, tmp_path)
    await subject.close()
    appending = asyncio.create_task(asyncio.to_thread(killed_after, 3000, "spooled", *subject.where.split()))
    async with asyncio.timeout(60):
        while not await read_topic(kafka, subject.events):  # noqa: ASYNC110 - nothing tells when it has begun
            await asyncio.sleep(0.02)
    kafka.kill(0)
    try:
        acknowledged = await appending
    finally:
        await asyncio.to_thread(kafka.start, 0)
    again = SpooledSubject(kafka, tmp_path, topics=(subject.events, subject.deals))
    again.start_relay()
    found = once(texts(await again.everything(subject.events)))
    assert found == [str(number) for number in range(len(found))]
    assert len(found) in (acknowledged, acknowledged + 1)
    await again.close()

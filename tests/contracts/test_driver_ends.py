"""A driver whose process ends: killed, or ended by its own watchdog because it hangs."""

import asyncio
import json
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka.admin import AdminClient

from services.adapters.drivers.watchdog import EXIT_CODE
from tests.contracts.ledger import Ledger
from tests.servers import kafka_mock
from tests.servers.kafka import KafkaCluster
from tests.servers.kafka_mock import MockBrokers

ROOT = Path(__file__).resolve().parents[2]

_JOIN_GROUP, _SYNC_GROUP, _OFFSET_FETCH = 11, 14, 9
"""Numbers of requests in Kafka's protocol."""
_UNKNOWN, _INVALID_REQUEST, _INVALID_GROUP = -1, 42, 24
"""Numbers of its errors."""
_FOR_EVER = 100_000
_LONG_ENOUGH = 60.0
"""Seconds within which all must have happened, on however busy a machine."""

drivers = pytest.mark.parametrize("kind", ["faust", "aiokafka"])
refusals = pytest.mark.parametrize(
    ("kind", "request_number", "error"),
    [
        ("faust", _SYNC_GROUP, _INVALID_REQUEST),
        ("faust", _JOIN_GROUP, _UNKNOWN),
        ("faust", _JOIN_GROUP, _INVALID_GROUP),
        ("aiokafka", _SYNC_GROUP, _INVALID_REQUEST),
    ],
    ids=["faust, SyncGroup 42", "faust, JoinGroup -1", "faust, JoinGroup 24", "aiokafka, SyncGroup 42"],
)


@pytest.fixture
def mock() -> Iterator[MockBrokers]:
    """A broker that can be told to answer with errors."""
    if (why := kafka_mock.lacking()) is not None:
        pytest.skip(why)
    brokers = MockBrokers(nodes=1)
    brokers.open()
    yield brokers
    brokers.close()


@contextmanager
def program(
    kind: str, bootstrap: str, topic: str, group: str, folder: Path, **limits: float
) -> Iterator["subprocess.Popen[str]"]:
    """A process with a driver, killed at the end if it is still there."""
    arguments = [kind, bootstrap, topic, group, str(folder), json.dumps(limits)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.contracts.driver_program", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait(condition: Callable[[], object]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + _LONG_ENOUGH
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


async def produce(bootstrap: str, topic: str, partitions: int, count: int) -> None:
    """Append numbers to every partition."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for number in range(count):
            for partition in range(partitions):
                await producer.send(topic, b"%d" % number, partition=partition)


async def topic_of(mock: MockBrokers) -> str:
    """A topic with ten records."""
    topic = f"events.{uuid.uuid4().hex[:12]}"
    mock.create_topic(topic, 1, 1, {}, client=AdminClient({}))
    await produce(mock.addresses[0], topic, 1, 10)
    return topic


@refusals
async def test_a_member_that_never_joins_is_ended(
    mock: MockBrokers, kind: str, request_number: int, error: int, tmp_path: Path
) -> None:
    """Stock Faust lives on and does nothing after these answers; here the watchdog ends the process, and says why."""
    topic = await topic_of(mock)
    mock.push_errors(request_number, [error] * _FOR_EVER)
    with program(kind, mock.addresses[0], topic, "g", tmp_path, unjoined=2.0) as process:
        printed, _ = process.communicate(timeout=_LONG_ENOUGH)
    assert process.returncode == EXIT_CODE
    assert "process hangs and is ended" in printed
    assert "not a member of the consumer group for 2 s" in printed


@refusals
async def test_a_member_that_was_refused_once_joins(
    mock: MockBrokers, kind: str, request_number: int, error: int, tmp_path: Path
) -> None:
    """The same answers, given once, are got over without an end."""
    topic = await topic_of(mock)
    mock.push_errors(request_number, [error])
    ledger = Ledger(tmp_path / "ledger.db")
    with program(kind, mock.addresses[0], topic, "g", tmp_path) as process:
        wait(lambda: ledger.count(topic) == 10 or process.poll() is not None)
        assert process.poll() is None


@drivers
async def test_committed_offsets_are_not_asked_for(mock: MockBrokers, kind: str, tmp_path: Path) -> None:
    """Stock Faust hangs when they cannot be had; a position of our own needs none."""
    topic = await topic_of(mock)
    mock.push_errors(_OFFSET_FETCH, [_UNKNOWN] * _FOR_EVER)
    ledger = Ledger(tmp_path / "ledger.db")
    with program(kind, mock.addresses[0], topic, "g", tmp_path) as process:
        wait(lambda: ledger.count(topic) == 10 or process.poll() is not None)
        assert process.poll() is None


@drivers
async def test_killed_again_and_again(kafka: KafkaCluster, kind: str, tmp_path: Path) -> None:
    """Two processes share a topic; they are killed at any moment, and started again. Each record is applied once."""
    kafka.needs_real("groups of several members")
    topic, count = f"events.{uuid.uuid4().hex[:12]}", 500
    kafka.create_topic(topic, 4, config={"message.timestamp.type": "LogAppendTime"})
    await produce(kafka.bootstrap, topic, 4, count)
    ledger = Ledger(tmp_path / "ledger.db")
    chance = random.Random(kind)
    rounds = 0
    while (applied := ledger.count(topic)) < 4 * count:
        await asyncio.to_thread(
            run_and_kill,
            [program(kind, kafka.bootstrap, topic, f"group.{topic}", tmp_path) for _ in range(2)],
            ledger,
            topic,
            min(applied + chance.randint(300, 900), 4 * count),
            chance,
        )
        rounds += 1
    assert rounds >= 2, "nothing was killed in the middle"
    assert ledger.applied(topic) == {each: [(n, b"%d" % n) for n in range(count)] for each in range(4)}


def run_and_kill(
    programs: list[AbstractContextManager["subprocess.Popen[str]"]],
    ledger: Ledger,
    topic: str,
    count: int,
    chance: random.Random,
) -> None:
    """Have them run until so many records are applied, and a moment more; then kill one after the other."""
    with ExitStack() as running:
        processes = [running.enter_context(each) for each in programs]
        wait(lambda: ledger.count(topic) >= count)
        assert [process.poll() for process in processes] == [None, None]
        for process in processes:
            time.sleep(chance.random() * 0.2)
            process.kill()

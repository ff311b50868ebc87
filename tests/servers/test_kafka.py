"""What a Kafka cluster of the tests promises to those that use it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer

from tests.servers.kafka import KafkaCluster
from tests.servers.records import consume, produce


@pytest.mark.parametrize("end", [KafkaCluster.kill, KafkaCluster.stop])
async def test_an_acknowledged_record_survives_the_end_of_its_broker(
    kafka: KafkaCluster, end: Callable[[KafkaCluster, int], None]
) -> None:
    """Ended by either signal and started again at the same address, it has the record, and takes more."""
    kafka.needs_real("restart with its data")
    topic = f"survives-{end.__name__}"
    kafka.create_topic(topic)
    await produce(kafka.bootstrap, topic, b"before")
    end(kafka, 0)
    kafka.start(0)
    await produce(kafka.bootstrap, topic, b"after")
    assert await consume(kafka.bootstrap, topic) == [b"before", b"after"]


async def test_a_topic_has_the_settings_that_were_asked_for(kafka: KafkaCluster) -> None:
    """Here that the broker's clock, not the producer's, gives each record its time."""
    kafka.create_topic("stamped", config={"message.timestamp.type": "LogAppendTime"})
    await produce(kafka.bootstrap, "stamped", b"record")
    consumer = AIOKafkaConsumer("stamped", bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    async with consumer:
        assert (await consumer.getone()).timestamp_type == 1


async def test_a_killed_leader_is_replaced_without_losing_what_was_acknowledged(kafka3: KafkaCluster) -> None:
    """Of three replicas two must have a record before it is acknowledged: any one node may die."""
    kafka3.create_topic("replicated", replicas=3, config={"min.insync.replicas": "2"})
    sent = [b"%d" % number for number in range(100)]
    await produce(kafka3.bootstrap, "replicated", *sent)
    leader = kafka3.leader("replicated", 0)
    kafka3.kill(leader)
    assert kafka3.leader("replicated", 0) != leader
    await produce(kafka3.bootstrap, "replicated", b"meanwhile")
    assert await consume(kafka3.bootstrap, "replicated") == [*sent, b"meanwhile"]
    kafka3.start(leader)


async def test_a_leader_that_hangs_is_replaced(kafka3: KafkaCluster) -> None:
    """A node that holds its connections but answers nothing leads no longer; resumed, it follows."""
    kafka3.create_topic("hanging", replicas=3, config={"min.insync.replicas": "2"})
    leader = kafka3.leader("hanging", 0)
    kafka3.pause(leader)
    assert kafka3.leader("hanging", 0) != leader
    kafka3.resume(leader)
    await produce(kafka3.bootstrap, "hanging", b"record")
    assert await consume(kafka3.bootstrap, "hanging") == [b"record"]


def test_a_node_that_a_short_lived_thread_started_lives_on(kafka: KafkaCluster) -> None:
    """As when a coroutine leaves the start to a thread: the node is this process's, not that thread's."""
    kafka.needs_real("process of its own")
    kafka.stop(0)
    with ThreadPoolExecutor() as threads:
        threads.submit(kafka.start, 0).result()
    kafka.create_topic("after-the-thread")
    assert kafka.leader("after-the-thread", 0) == 0


def test_what_does_not_run_cannot_be_ended_and_what_runs_not_started(kafka: KafkaCluster) -> None:
    """A test that mixes up its nodes fails at once."""
    with pytest.raises(ValueError, match="node 0 runs already"):
        kafka.start(0)
    with pytest.raises(ValueError, match="node 7 does not run"):
        kafka.kill(7)


def test_nothing_is_left_of_a_cluster(tmp_path: Path) -> None:
    """Leaving the context ends its process and removes its data."""
    before = set(psutil.Process().children(recursive=True))
    with KafkaCluster(tmp_path) as cluster:
        cluster.needs_real("process of its own")
        (node,) = set(psutil.Process().children(recursive=True)) - before
    assert not node.is_running()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["node-0.log", "node-0.out", "node-0.properties"]


def test_a_broker_that_does_not_start_says_why(tmp_path: Path) -> None:
    """The message has the end of what it wrote."""
    with pytest.raises(RuntimeError, match="no-such-option"), KafkaCluster(tmp_path, java_options=["-no-such-option"]):
        pytest.skip("librdkafka's mock cluster has no options of Java")

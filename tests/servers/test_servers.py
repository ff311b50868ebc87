"""What the servers of the tests promise to the tests that use them."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.servers.kafka import KafkaCluster
from tests.servers.postgres import Postgres


async def produce(cluster: KafkaCluster, topic: str, *values: bytes) -> None:
    """Write to partition 0; returns when every in-sync replica has it."""
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all", enable_idempotence=True) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)


async def consume(cluster: KafkaCluster, topic: str, count: int) -> list[bytes]:
    """The first records of partition 0."""
    async with AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap) as consumer:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        return [(await consumer.getone()).value for _ in range(count)]


@pytest.mark.parametrize("end", [KafkaCluster.kill, KafkaCluster.stop])
async def test_an_acknowledged_record_survives_the_end_of_its_broker(
    kafka: KafkaCluster, end: Callable[[KafkaCluster, int], None]
) -> None:
    """Ended by either signal and started again, it has the record, and takes more."""
    kafka.needs_real("restart with its data")
    topic = f"survives-{end.__name__}"
    kafka.create_topic(topic)
    await produce(kafka, topic, b"before")
    end(kafka, 0)
    kafka.start(0)
    await produce(kafka, topic, b"after")
    assert await consume(kafka, topic, 2) == [b"before", b"after"]


async def test_a_killed_leader_is_replaced_without_losing_what_was_acknowledged(kafka3: KafkaCluster) -> None:
    """Of three replicas two must have a record before it is acknowledged: any one node may die."""
    kafka3.create_topic("replicated", replicas=3, config={"min.insync.replicas": "2"})
    await produce(kafka3, "replicated", *[b"%d" % number for number in range(100)])
    leader = kafka3.leader("replicated", 0)
    kafka3.kill(leader)
    assert kafka3.leader("replicated", 0) != leader
    await produce(kafka3, "replicated", b"100")
    assert await consume(kafka3, "replicated", 101) == [b"%d" % number for number in range(101)]
    kafka3.start(leader)


@pytest.mark.parametrize("end", [Postgres.kill, Postgres.stop])
def test_committed_rows_survive_the_end_of_the_server(postgres: Postgres, end: Callable[[Postgres], None]) -> None:
    """Ended either way and started again, it has what was committed and nothing else."""
    url = postgres.fresh_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE handoffs (id integer PRIMARY KEY)")
        connection.execute("INSERT INTO handoffs VALUES (1), (2)")
        connection.commit()
        connection.execute("INSERT INTO handoffs VALUES (3)")
        end(postgres)
        with pytest.raises(psycopg.OperationalError):
            connection.commit()
    postgres.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT id FROM handoffs ORDER BY id").fetchall() == [(1,), (2,)]


def test_fresh_databases_are_apart(postgres: Postgres) -> None:
    """Each test that asks has an empty one of its own."""
    first, second = postgres.fresh_database(), postgres.fresh_database()
    with psycopg.connect(first) as one, psycopg.connect(second) as two:
        one.execute("CREATE TABLE handoffs ()")
        one.commit()
        assert two.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_nothing_is_left_of_postgres(tmp_path: Path) -> None:
    """Leaving the context ends the server and removes its data."""
    with Postgres(tmp_path) as server:
        url = server.fresh_database()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    assert [path.name for path in tmp_path.iterdir()] == ["postgres.log"]

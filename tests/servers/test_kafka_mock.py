"""What stands in where there is no Java: librdkafka's mock cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.errors import TopicAuthorizationFailedError

from tests.servers import kafka as kafka_module
from tests.servers.kafka import KafkaCluster
from tests.servers.records import consume, produce

PRODUCE = 0
"""Number of the API in Kafka's protocol."""
TOPIC_AUTHORIZATION_FAILED = 29
"""Number of the error there."""


@pytest.fixture
def mock(tmp_path: Path) -> Iterator[KafkaCluster]:
    """One node."""
    with KafkaCluster(tmp_path, mock=True) as cluster:
        yield cluster


async def test_it_takes_and_gives_a_record(mock: KafkaCluster) -> None:
    """By the protocol, for the client that Baton uses."""
    mock.create_topic("records", partitions=3)
    await produce(mock.bootstrap, "records", b"record")
    assert await consume(mock.bootstrap, "records") == [b"record"]
    assert mock.leader("records", 0) == 0


async def test_a_node_can_be_away_for_a_while(mock: KafkaCluster) -> None:
    """At the same address, with what it holds in memory."""
    mock.create_topic("records")
    await produce(mock.bootstrap, "records", b"before")
    mock.kill(0)
    with pytest.raises(ValueError, match="node 0 does not run"):
        mock.stop(0)
    mock.start(0)
    await produce(mock.bootstrap, "records", b"after")
    assert await consume(mock.bootstrap, "records") == [b"before", b"after"]


async def test_it_errs_on_demand(mock: KafkaCluster) -> None:
    """So many answers of an API are the errors that were asked for, in turn."""
    mock.create_topic("records")
    mock.push_errors(PRODUCE, [TOPIC_AUTHORIZATION_FAILED])
    with pytest.raises(TopicAuthorizationFailedError):
        await produce(mock.bootstrap, "records", b"refused")
    await produce(mock.bootstrap, "records", b"taken")
    assert await consume(mock.bootstrap, "records") == [b"taken"]


def test_what_it_lacks_skips_the_test(mock: KafkaCluster) -> None:
    """With the reason."""
    with pytest.raises(pytest.skip.Exception, match=r"no topics with message\.timestamp\.type=LogAppendTime"):
        mock.create_topic("stamped", config={"message.timestamp.type": "LogAppendTime"})
    with pytest.raises(pytest.skip.Exception, match="cannot be paused"):
        mock.pause(0)
    with pytest.raises(pytest.skip.Exception, match="no restart with its data"):
        mock.needs_real("restart with its data")


async def test_it_stands_in_where_java_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For one node; what several nodes do, only Apache Kafka shows."""
    monkeypatch.setattr(kafka_module, "DEMAND_ALL", False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with KafkaCluster(tmp_path) as cluster:
        assert not cluster.is_real
    with pytest.raises(pytest.skip.Exception, match="there is no java on PATH"):
        KafkaCluster(tmp_path, nodes=3)


def test_it_does_not_stand_in_where_everything_is_demanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in CI, where a skipped test is a failure."""
    monkeypatch.setattr(kafka_module, "DEMAND_ALL", True)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match="Apache Kafka is demanded: there is no java on PATH"):
        KafkaCluster(tmp_path)

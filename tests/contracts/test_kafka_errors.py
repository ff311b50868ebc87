"""What the log on Kafka makes of each error that brokers answer: librdkafka's mock gives them on demand."""

from collections.abc import AsyncIterator, Iterator

import pytest

from services.adapters.kafka_log import KafkaLog, TooLarge
from services.errors import Unavailable
from tests.contracts.event_logs import connection_to, fresh_topic, once, read_topic, record, texts
from tests.servers.kafka import KafkaCluster

PRODUCE, INIT_PRODUCER_ID = 0, 22
"""Numbers of requests in Kafka's protocol."""


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """A broker that errs on demand."""
    with KafkaCluster(tmp_path_factory.mktemp("mock"), mock=True) as cluster:
        yield cluster


@pytest.fixture
async def log(mock: KafkaCluster) -> AsyncIterator[KafkaLog]:
    """A log on it."""
    log = KafkaLog(connection_to(mock))
    yield log
    await log.close()


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(6, id="not the leader"),
        pytest.param(7, id="timed out"),
        pytest.param(19, id="not enough replicas"),
        pytest.param(20, id="not enough replicas after append"),
        pytest.param(56, id="storage error"),
        pytest.param(45, id="out of order sequence number"),
        pytest.param(47, id="invalid producer epoch"),
        pytest.param(59, id="unknown producer id"),
    ],
)
async def test_nobody_notices(mock: KafkaCluster, log: KafkaLog, code: int) -> None:
    """What passes, and what another producer can do, ends well within the same append."""
    topic = fresh_topic(mock, partitions=1)
    await log.append([record("0", topic=topic)])
    mock.push_errors(PRODUCE, [code])
    await log.append([record("1", topic=topic), record("2", topic=topic)])
    await log.append([record("3", topic=topic)])
    assert once(texts(await read_topic(mock, topic))) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(-1, id="unknown"),
        pytest.param(2, id="corrupt"),
        pytest.param(29, id="not allowed"),
        pytest.param(42, id="invalid request"),
        pytest.param(87, id="invalid record, which aiokafka does not know"),
    ],
)
async def test_an_outage(mock: KafkaCluster, log: KafkaLog, code: int) -> None:
    """What only an operator can mend fails the append, and no later one: another producer sends those."""
    topic = fresh_topic(mock, partitions=1)
    await log.append([record("0", topic=topic)])
    mock.push_errors(PRODUCE, [code])
    with pytest.raises(Unavailable, match=r"^Kafka: .") as caught:
        await log.append([record("1", topic=topic)])
    assert not isinstance(caught.value, TooLarge)
    await log.append([record("2", topic=topic)])
    assert once(texts(await read_topic(mock, topic))) == ["0", "2"]


@pytest.mark.parametrize("code", [pytest.param(10, id="message"), pytest.param(18, id="batch")])
async def test_too_large(mock: KafkaCluster, log: KafkaLog, code: int) -> None:
    """A refusal counts when the record was alone in its batch."""
    topic = fresh_topic(mock, partitions=1)
    mock.push_errors(PRODUCE, [code])
    await log.append([record("0", topic=topic), record("1", topic=topic)])
    mock.push_errors(PRODUCE, [code, code])
    with pytest.raises(TooLarge):
        await log.append([record("2", topic=topic)])
    await log.append([record("3", topic=topic)])
    assert once(texts(await read_topic(mock, topic))) == ["0", "1", "3"]


@pytest.mark.parametrize("code", [pytest.param(14, id="loading"), pytest.param(15, id="no coordinator")])
async def test_connecting_takes_more_than_one_try(mock: KafkaCluster, log: KafkaLog, code: int) -> None:
    """Brokers that start are asked again."""
    topic = fresh_topic(mock, partitions=1)
    mock.push_errors(INIT_PRODUCER_ID, [code])
    await log.append([record("0", topic=topic)])
    assert texts(await read_topic(mock, topic)) == ["0"]


async def test_connecting_is_refused(mock: KafkaCluster, log: KafkaLog) -> None:
    """A right that is missing is an outage until somebody grants it."""
    topic = fresh_topic(mock, partitions=1)
    mock.push_errors(INIT_PRODUCER_ID, [31])
    with pytest.raises(Unavailable, match="ClusterAuthorizationFailedError"):
        await log.append([record("0", topic=topic)])
    await log.append([record("1", topic=topic)])
    assert texts(await read_topic(mock, topic)) == ["1"]

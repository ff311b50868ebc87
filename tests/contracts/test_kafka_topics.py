"""The topics: what they are made like, that nothing is changed, and what is said of differences and refusals."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource, ConfigSource

from services.adapters.kafka_client import KafkaConnection
from services.adapters.kafka_topics import Difference, TopicPlan, TopicReport, create_topics, plans
from services.errors import Unavailable, UsageError
from services.ports import DEAD_LETTERS, DEALS, EVENTS, LEADS, READ_TOPICS, TRANSITIONS
from tests.command import baton
from tests.contracts.event_logs import connection_to
from tests.servers.kafka import KafkaCluster
from tests.servers.processes import free_ports

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """A broker on which nobody else makes topics: theirs have the names of the product here."""
    with KafkaCluster(tmp_path_factory.mktemp("topics")) as cluster:
        cluster.needs_real("topics with settings")
        yield cluster


@pytest.fixture
def fresh(own_kafka: KafkaCluster) -> KafkaCluster:
    """The same without any topic."""
    names = list(layout(own_kafka))
    admin = admin_of(own_kafka)
    for deleted in admin.delete_topics(names).values() if names else ():
        deleted.result(30)
    until(lambda: layout(own_kafka) == {})
    return own_kafka


def until(is_so: Callable[[], bool]) -> None:
    """Brokers learn of topics some time after the controller."""
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def admin_of(cluster: KafkaCluster) -> AdminClient:
    """A client of librdkafka."""
    return AdminClient({"bootstrap.servers": cluster.bootstrap})


def layout(cluster: KafkaCluster) -> dict[str, tuple[int, int]]:
    """Of each topic, how many partitions in how many copies."""
    topics = admin_of(cluster).list_topics(timeout=10).topics
    return {
        name: (len(topic.partitions), len(topic.partitions[0].replicas))
        for name, topic in topics.items()
        if not name.startswith("__")
    }


def settings_of(cluster: KafkaCluster, topic: str) -> Mapping[str, str]:
    """What was set for the topic itself."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    admin = admin_of(cluster)
    (described,) = admin.describe_configs([resource]).values()
    of_topic = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return {name: entry.value for name, entry in described.result(10).items() if entry.source == of_topic}


async def made(cluster: KafkaCluster, planned: Sequence[TopicPlan]) -> Sequence[TopicReport]:
    """Have topics made, and return when the broker knows them."""
    reports = await create_topics(connection_to(cluster), planned)
    until(lambda: {plan.name for plan in planned} <= layout(cluster).keys())
    return reports


def small(**given: int) -> list[TopicPlan]:
    """The plans for one broker."""
    return list(plans(**{"partitions": 4, "replicas": 1, "max_body_bytes": MIB, **given}))


async def test_all_topics_are_made(fresh: KafkaCluster) -> None:
    """With as many partitions as asked for what is keyed by lead or deal; dead letters have one."""
    reports = await made(fresh, small())
    assert {report.plan.name: report.state for report in reports} == dict.fromkeys(
        [EVENTS, DEALS, DEAD_LETTERS, LEADS, TRANSITIONS], "made"
    )
    assert layout(fresh) == {
        EVENTS: (4, 1),
        DEALS: (4, 1),
        DEAD_LETTERS: (1, 1),
        LEADS: (4, 1),
        TRANSITIONS: (4, 1),
    }


async def test_settings_of_topics(fresh: KafkaCluster) -> None:
    """The brokers have every setting that was planned, and no other."""
    planned = small()
    await made(fresh, planned)
    for plan in planned:
        assert settings_of(fresh, plan.name) == dict(plan.settings)


def test_what_is_read_bears_the_times_of_the_brokers() -> None:
    """The tracker takes them for how far it has read."""
    stamped = [plan.name for plan in small() if plan.settings.get("message.timestamp.type") == "LogAppendTime"]
    assert stamped == list(READ_TOPICS)


def test_everything_is_gone_after_four_weeks() -> None:
    """A record stays until its segment's newest is past keeping: 28 days together. Views give way to newer ones."""
    for plan in small():
        if plan.name == LEADS:
            assert plan.settings["cleanup.policy"] == "compact"
            assert (
                int(plan.settings["max.compaction.lag.ms"]) == int(plan.settings["delete.retention.ms"]) == 7 * DAY_MS
            )
        else:
            assert plan.settings["cleanup.policy"] == "delete"
            assert int(plan.settings["retention.ms"]) + int(plan.settings["segment.ms"]) == 28 * DAY_MS
            assert plan.settings["retention.bytes"] == "-1"


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "4")])
def test_one_broker_may_be_away(replicas: int, in_sync: str) -> None:
    """All copies but one must have a record before it is acknowledged; of a single copy, that one."""
    for plan in small(replicas=replicas):
        assert plan.settings["min.insync.replicas"] == in_sync
        assert plan.settings["unclean.leader.election.enable"] == "false"


def test_the_page_about_kafka_tells_them() -> None:
    """Every topic and every setting, with its value where that is a fixed one."""
    page = (ROOT / "docs" / "kafka.md").read_text(encoding="utf-8")
    depend_on_other_settings = {"min.insync.replicas", "max.message.bytes"}
    for plan in small():
        assert f"| `{plan.name}` |" in page
        for name, value in plan.settings.items():
            (line,) = [line for line in page.splitlines() if line.startswith("|") and f"`{name}`" in line]
            assert name in depend_on_other_settings or f"`{value}`" in line


async def test_again(fresh: KafkaCluster) -> None:
    """A second run finds everything as it should be, and changes nothing."""
    await made(fresh, small())
    before = {name: settings_of(fresh, name) for name in layout(fresh)}
    reports = await create_topics(connection_to(fresh), small())
    assert {report.state for report in reports} == {"there"}
    assert {name: settings_of(fresh, name) for name in layout(fresh)} == before


async def test_two_at_once(fresh: KafkaCluster) -> None:
    """Each topic is made by one of them, and is there for the other."""
    planned = small()
    reports = await asyncio.gather(*(create_topics(connection_to(fresh), planned) for _ in range(2)))
    for each in zip(*reports, strict=True):
        assert sorted(report.state for report in each) == ["made", "there"]


async def test_what_is_missing_is_made_beside_what_differs(fresh: KafkaCluster) -> None:
    """What differs is told setting by setting, and left as it is: a lead would change its partition."""
    as_it_was = {"retention.ms": "1000000", "max.message.bytes": "5000"}
    fresh.create_topic(EVENTS, partitions=2, config=as_it_was)
    events, *others = await create_topics(connection_to(fresh), small())
    assert {report.state for report in others} == {"made"}
    assert events.state == "differs"
    found = {each.setting: each for each in events.differences}
    assert found["partitions"] == Difference("partitions", "2", "4")
    assert found["retention.ms"] == Difference("retention.ms", "1000000", str(27 * DAY_MS))
    assert found["max.message.bytes"].found == "5000"
    assert found["message.timestamp.type"] == Difference("message.timestamp.type", "CreateTime", "LogAppendTime")
    assert "cleanup.policy" not in found
    assert layout(fresh)[EVENTS] == (2, 1)
    assert settings_of(fresh, EVENTS) == as_it_was


async def test_too_few_brokers(fresh: KafkaCluster) -> None:
    """Nothing is made, and the message says how to ask for fewer copies."""
    with pytest.raises(UsageError, match=r"^Kafka has too few brokers .* \(1 of them\); .* --replicas \(BATON_TOPIC"):
        await create_topics(connection_to(fresh), small(replicas=3))
    assert layout(fresh) == {}


async def test_what_kafka_refuses(fresh: KafkaCluster) -> None:
    """With its own words for why."""
    plan = replace(small()[0], settings={"retention.ms": "a while"})
    with pytest.raises(UsageError, match=r"^Kafka refuses to make baton\.events: .*retention\.ms"):
        await create_topics(connection_to(fresh), [plan])


async def test_nobody_there() -> None:
    """It is an outage, with what was found at each address."""
    (port,) = free_ports(1)
    with pytest.raises(Unavailable, match=rf"^Kafka: 127\.0\.0\.1:{port}: Connection refused$"):
        await create_topics(KafkaConnection(broker=f"kafka://127.0.0.1:{port}"), small())


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without a file of settings."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("elsewhere")
def test_the_command(fresh: KafkaCluster) -> None:
    """Made, then there, then different: 0, 0 and 1; a line for each topic, or one JSON document."""
    broker = f"kafka://{fresh.bootstrap}"
    create = ("topics", "create")
    first = baton(*create, "--partitions", "2", "--replicas", "1", BATON_BROKER=broker)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines() == [
        "baton.events: made (partitions: 2, replicas: 1)",
        "baton.deals: made (partitions: 2, replicas: 1)",
        "baton.dead-letters: made (partitions: 1, replicas: 1)",
        "baton.leads: made (partitions: 2, replicas: 1)",
        "baton.transitions: made (partitions: 2, replicas: 1)",
    ]
    there = baton(*create, "--partitions", "2", "--replicas", "1", BATON_BROKER=broker)
    assert there.returncode == 0
    assert there.stdout.splitlines()[0] == "baton.events: is there, as it should be"
    differs = baton(*create, "--partitions", "3", "--replicas", "1", "--json", BATON_BROKER=broker)
    assert differs.returncode == 1
    assert json.loads(differs.stdout)[0] == {
        "topic": "baton.events",
        "state": "differs",
        "differs": {"partitions": {"is": "2", "should_be": "3"}},
    }


@pytest.mark.usefixtures("elsewhere")
def test_the_command_says_in_one_line_what_is_wrong(fresh: KafkaCluster) -> None:
    """None there, or too few: code 2."""
    (port,) = free_ports(1)
    for broker, arguments, message in (
        (f"kafka://127.0.0.1:{port}", [], f"BATON_BROKER: Kafka: 127.0.0.1:{port}: Connection refused"),
        (f"kafka://{fresh.bootstrap}", ["--replicas", "3"], "Kafka has too few brokers"),
    ):
        ended = baton("topics", "create", *arguments, BATON_BROKER=broker)
        assert (ended.returncode, ended.stdout) == (2, "")
        (line,) = ended.stderr.splitlines()
        assert line.startswith(message)

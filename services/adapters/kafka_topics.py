"""The topics of Kafka: what they must be like, making those that are missing, and how the others differ.

A topic that is there is never changed. Least of all its number of partitions: a lead would move to another, away from
its events and from what was judged there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from services.adapters.kafka_client import KafkaConnection
from services.adapters.kafka_outages import NAME, kafka_outages, reach
from services.errors import Unavailable, UsageError
from services.ports import DEAD_LETTERS, DEALS, EVENTS, LEADS, TRANSITIONS

_DAY_MS = 24 * 60 * 60 * 1000
_SEGMENT_MS = _DAY_MS
"""Kafka deletes whole segments, by their newest record: with the default of a week, records would stay that much
longer than asked."""
_RETENTION_MS = 27 * _DAY_MS
"""With the segment, 28 days at most, so that what a person has asked to be forgotten is gone within every month."""
_COMPACTION_MS = 7 * _DAY_MS
"""A lead's earlier views are gone after this long, and its end stays as long for whoever reads seldom."""
_MORE_THAN_A_BODY = 256 * 1024
"""What a record has besides a body: names, headers, and numbers that JSON writes longer than they came."""

_REQUEST_TIMEOUT_MS = 10_000
_SECONDS = 60
"""For all of it."""
_TRIES = 20
_PAUSE_SECONDS = 0.25
"""Between two tries, when a broker is down or another has become the controller."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """What a topic must be like."""

    name: str
    partitions: int
    replicas: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that is not as planned; `partitions` and `replicas` count as settings."""

    setting: str
    found: str
    planned: str


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What became of a plan."""

    plan: TopicPlan
    state: Literal["made", "there", "differs"]
    differences: Sequence[Difference] = ()


def largest_record(max_body_bytes: int) -> int:
    """The most bytes of a record, from what the gateway takes as a body.

    The largest is a dead letter that holds as base64 a document which holds the body as base64: 16/9 of it.
    """
    return 2 * max_body_bytes + _MORE_THAN_A_BODY


def plans(*, partitions: int, replicas: int, max_body_bytes: int) -> Sequence[TopicPlan]:
    """All topics. `partitions` are those of each topic that is keyed by lead or deal."""
    common = {
        "max.message.bytes": str(largest_record(max_body_bytes)),
        "min.insync.replicas": str(max(1, replicas - 1)),
        "unclean.leader.election.enable": "false",
    }
    kept = common | {
        "cleanup.policy": "delete",
        "retention.ms": str(_RETENTION_MS),
        "retention.bytes": "-1",  # a broker's own bound could cut what was never read
        "segment.ms": str(_SEGMENT_MS),
    }
    # The tracker takes the times at which records were appended for how far it has read; others' clocks would do harm.
    read = kept | {"message.timestamp.type": "LogAppendTime"}
    latest = common | {
        "cleanup.policy": "compact",
        "delete.retention.ms": str(_COMPACTION_MS),
        "max.compaction.lag.ms": str(_COMPACTION_MS),
    }
    return [
        TopicPlan(EVENTS, partitions, replicas, read),
        TopicPlan(DEALS, partitions, replicas, read),
        # Few, and none belongs to another: one reader keeps up, and the order is that of their arrival.
        TopicPlan(DEAD_LETTERS, 1, replicas, read),
        TopicPlan(LEADS, partitions, replicas, latest),
        TopicPlan(TRANSITIONS, partitions, replicas, kept),
    ]


async def create_topics(connection: KafkaConnection, planned: Sequence[TopicPlan]) -> Sequence[TopicReport]:
    """Make the topics that are missing; what became of each. Raises Unavailable, and UsageError where Kafka refuses."""
    options = connection.client_options()
    with kafka_outages():
        async with asyncio.timeout(_SECONDS):
            await reach(options, request_timeout_ms=_REQUEST_TIMEOUT_MS)
            admin = AIOKafkaAdminClient(**options, client_id="baton-topics", request_timeout_ms=_REQUEST_TIMEOUT_MS)
            try:
                await admin.start()
                return await _Topics(admin).create(planned)
            finally:
                await admin.close()


class _Topics:
    """The topics of one cluster."""

    def __init__(self, admin: AIOKafkaAdminClient) -> None:
        self._admin = admin

    async def create(self, planned: Sequence[TopicPlan]) -> Sequence[TopicReport]:
        found = await self._found()
        missing = [plan for plan in planned if plan.name not in found]
        made = await self._make(missing) if missing else set()
        if len(made) < len(missing):
            # Somebody else has made them meanwhile; brokers learn of it some time after the controller.
            found = await self._found({plan.name for plan in missing} - made)
        return [
            TopicReport(plan, "made") if plan.name in made else await self._compared(plan, found) for plan in planned
        ]

    async def _found(self, expected: Collection[str] = ()) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The partitions of each topic. All are asked for: asking for one that is missing may make it."""

        async def describe() -> Mapping[str, Sequence[Mapping[str, Any]]]:
            topics = await self._admin.describe_topics()
            found = {topic["topic"]: topic["partitions"] for topic in topics if topic["error_code"] == NoError.errno}
            for name in expected:
                if name not in found:
                    raise UnknownTopicOrPartitionError(
                        f"{name} is said to be there; may the user of Baton describe it?"
                    )
            return found

        return await _tried(describe)

    async def _make(self, missing: Sequence[TopicPlan]) -> set[str]:
        """Make topics; those that were made. Others that are there by then are passed over."""
        await self._check_brokers(max(plan.replicas for plan in missing))
        wanted = [
            NewTopic(plan.name, plan.partitions, plan.replicas, topic_configs=dict(plan.settings)) for plan in missing
        ]
        made: set[str] = set()

        async def attempt() -> None:
            answer = await self._admin.create_topics([each for each in wanted if each.name not in made])
            made.update(name for name, code, _text in answer.topic_errors if code == NoError.errno)
            for name, code, text in answer.topic_errors:
                _check(for_code(code), name, text)

        await _tried(attempt)
        return made

    async def _check_brokers(self, replicas: int) -> None:
        """Raise UsageError where there are too few, and Unavailable while they have no controller."""

        async def describe() -> Mapping[str, Any]:
            described: Mapping[str, Any] = await self._admin.describe_cluster()
            return described

        cluster = await _tried(describe)
        if cluster["controller_id"] < 0:
            raise Unavailable(f"{NAME}: the brokers have no controller")
        if len(cluster["brokers"]) < replicas:
            raise _too_few(f"{len(cluster['brokers'])} of them")

    async def _compared(self, plan: TopicPlan, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> TopicReport:
        is_so = {
            "partitions": str(len(found[plan.name])),
            "replicas": str(min(len(each["replicas"]) for each in found[plan.name])),
            **await self._settings(plan),
        }
        should_be = {"partitions": str(plan.partitions), "replicas": str(plan.replicas), **plan.settings}
        differences = [
            Difference(name, is_so.get(name, "not known to the brokers"), planned)
            for name, planned in should_be.items()
            if is_so.get(name) != planned
        ]
        return TopicReport(plan, "differs" if differences else "there", differences)

    async def _settings(self, plan: TopicPlan) -> Mapping[str, str]:
        asked = ConfigResource(ConfigResourceType.TOPIC, plan.name, configs=dict(plan.settings))

        async def describe() -> Mapping[str, str]:
            (answer,) = await self._admin.describe_configs([asked])
            ((code, text, _type, _name, entries),) = answer.resources
            _check(for_code(code), plan.name, text, "describe")
            return {entry[0]: entry[1] for entry in entries}

        return await _tried(describe)


def _check(error: type[KafkaError], topic: str, text: str | None, what: str = "make") -> None:
    """Raise what the brokers' answer about a topic means: UsageError, or the error itself where trying again helps."""
    if error in (NoError, TopicAlreadyExistsError):
        return
    if error is InvalidReplicationFactorError:
        raise _too_few(text or "")
    if error.retriable:
        raise error(text)
    raise UsageError(f"{NAME} refuses to {what} {topic}: {text or error().description or error.__name__}")


def _too_few(found: str) -> UsageError:
    return UsageError(
        f"{NAME} has too few brokers for so many copies of each partition ({found}); start more, or ask for fewer with "
        "--replicas (BATON_TOPIC_REPLICAS)"
    )


async def _tried(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer, asked for again while another broker may give it."""
    for _ in range(_TRIES - 1):
        try:
            return await ask()
        except KafkaError as error:
            if not error.retriable:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)
    return await ask()

"""The consumer that both drivers read with: how it belongs to its group, and how it is started."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError

from services.adapters.kafka_client import KafkaConnection
from services.ports import READ_TOPICS

_MILLISECONDS = 1_000
"""In a second."""
_HEARTBEATS = 3
"""In a session, as Kafka's own clients have it: two may be lost."""
_FETCH_WAIT = 0.2
"""Seconds that a broker may wait for records. While it does, partitions it also leads wait for their next fetch."""
_NEVER = 24 * 3600
"""Seconds without a fetch before the client leaves its group. Ours waits out any outage; the watchdog sees to hangs."""
_START_SECONDS = 1.0
"""Between two tries to find a broker."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """How this process belongs to the consumer group; times in seconds."""

    group: str
    member: str | None = None
    """A name that stays over restarts: what comes back within a session gets its partitions again, without a
    rebalance, and a process that stops does not give them away before the session is over (static membership)."""
    topics: tuple[str, ...] = READ_TOPICS
    session: float = 10.0
    """Without a heartbeat for so long, the partitions go to others."""
    rebalance: float = 30.0
    """The group waits so long for members that finish a batch before partitions change hands."""


def consumer_options(connection: KafkaConnection, membership: Membership) -> dict[str, Any]:
    """The arguments of AIOKafkaConsumer. Both drivers give the same, so they can stand in one group."""
    return connection.client_options() | {
        "client_id": "baton-tracker",
        "group_id": membership.group,
        "group_instance_id": membership.member,
        "session_timeout_ms": int(membership.session * _MILLISECONDS),
        "heartbeat_interval_ms": int(membership.session * _MILLISECONDS / _HEARTBEATS),
        "rebalance_timeout_ms": int(membership.rebalance * _MILLISECONDS),
        "max_poll_interval_ms": _NEVER * _MILLISECONDS,
        "partition_assignment_strategy": [RoundRobinPartitionAssignor],
        # Positions are ours: nothing is committed but by us, and nothing skipped where the log does not reach.
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "fetch_max_wait_ms": int(_FETCH_WAIT * _MILLISECONDS),
    }


async def start_consumer(options: dict[str, Any], *, on_trouble: Callable[[str | None], None]) -> AIOKafkaConsumer:
    """A consumer that has found its brokers and is subscribed to nothing yet.

    While no broker can be reached it goes on trying, and tells why.
    """
    while True:
        consumer = AIOKafkaConsumer(**options)
        try:
            await consumer.start()
        except KafkaError as error:
            await consumer.stop()
            on_trouble(str(error))
            log.warning("kafka away", error=str(error), retry_in_seconds=_START_SECONDS)
        except BaseException:
            await consumer.stop()
            raise
        else:
            on_trouble(None)
            return consumer
        await asyncio.sleep(_START_SECONDS)

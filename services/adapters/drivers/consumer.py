"""The consumer that both drivers read with: how it belongs to its group, and how it is started."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError

from services.adapters.kafka.client import KafkaConnection
from services.ports import READ_TOPICS

_MILLISECONDS = 1_000
"""In a second."""
_HEARTBEAT = 1.0
"""Seconds between two. By its answer a member learns that partitions are to move, and the others wait for it."""
_FETCH_WAIT = 0.2
"""Seconds that a broker may wait for records. While it does, partitions it also leads wait for their next fetch."""
_NEVER = 24 * 3600
"""Seconds without a fetch before the client leaves its group. Ours waits out any outage; the watchdog sees to hangs."""
_START_SECONDS = 1.0
"""Between two tries to find a broker."""

_GIVE_UP_SECONDS = 1.0
"""For an end that has nothing to wait for any more."""

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
        "heartbeat_interval_ms": int(_HEARTBEAT * _MILLISECONDS),
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
            await stop_consumer(consumer)
            on_trouble(str(error))
            log.warning("kafka away", error=str(error), retry_in_seconds=_START_SECONDS)
        except BaseException:
            await stop_consumer(consumer)
            raise
        else:
            on_trouble(None)
            return consumer
        await asyncio.sleep(_START_SECONDS)


async def stop_consumer(consumer: AIOKafkaConsumer, seconds: float = 0) -> None:
    """End it, and tell the group. What no broker has answered after so many seconds is given up."""
    stopping = asyncio.create_task(_stop(consumer))
    for patience in (seconds, _GIVE_UP_SECONDS):
        await asyncio.wait({stopping}, timeout=patience)
        if stopping.done():
            break
        for connection in list(consumer._client._conns.values()):
            connection.close()  # whatever waits for an answer fails now, and the end goes on
    stopping.cancel()
    await asyncio.wait({stopping})


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Its own end fails half-way, as if we were cancelled, where it was just about to ask a broker again."""
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        await consumer._client.close()

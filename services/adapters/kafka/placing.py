"""Partitions of topics: how many there are, and in which of them a key is."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, NoError, UnknownTopicOrPartitionError, for_code
from aiokafka.partitioner import murmur2

from services.adapters.kafka.client import KafkaConnection
from services.errors import UsageError

_POSITIVE = 0x7FFFFFFF
_KEPT = 65_536
"""Keys whose partition is remembered: the hash is plain Python, and a lead comes in batch after batch."""
_WAIT_SECONDS = 2.0
"""Between two tries to find a broker."""

log = structlog.get_logger()


def partition_of(count: int) -> Callable[[str], int]:
    """Gives the partition of a key, of `count`: by the hash of Java's default partitioner, and of aiokafka's."""

    @lru_cache(maxsize=_KEPT)
    def partition(key: str) -> int:
        return int((murmur2(key.encode()) & _POSITIVE) % count)

    return partition


async def count_partitions(connection: KafkaConnection, topics: Collection[str]) -> Mapping[str, int]:
    """How many partitions each topic has. Waits for Kafka where it is away; raises UsageError where one is missing."""
    while True:
        admin = AIOKafkaAdminClient(**connection.client_options())
        try:
            await admin.start()
            # All that there are: asked for by name, a broker may make one, with settings of its own and for good.
            described = {each["topic"]: each for each in await admin.describe_topics()}
        except KafkaError as error:
            log.warning("kafka away", error=str(error), retry_in_seconds=_WAIT_SECONDS)
        else:
            return {topic: _count(topic, described.get(topic)) for topic in topics}
        finally:
            await admin.close()
        await asyncio.sleep(_WAIT_SECONDS)


def _count(topic: str, described: Mapping[str, Any] | None) -> int:
    error = for_code(described["error_code"]) if described is not None else UnknownTopicOrPartitionError
    if described is None or error is not NoError:
        raise UsageError(
            f"Kafka has no topic {topic} for us ({error.__name__}): make it by `baton topics create`, and let "
            "this user read it"
        )
    return len(described["partitions"])

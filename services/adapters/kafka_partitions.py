"""Partitions of topics: how many there are, and in which of them a key is."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, NoError, for_code
from aiokafka.partitioner import murmur2

from services.adapters.kafka_client import KafkaConnection
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
            described = await admin.describe_topics(list(topics))
        except KafkaError as error:
            log.warning("kafka away", error=str(error), retry_in_seconds=_WAIT_SECONDS)
        else:
            return {each["topic"]: _count(each) for each in described}
        finally:
            await admin.close()
        await asyncio.sleep(_WAIT_SECONDS)


def _count(described: Mapping[str, object]) -> int:
    error = for_code(described["error_code"])
    partitions = described["partitions"]
    if error is not NoError or not isinstance(partitions, list) or not partitions:
        raise UsageError(
            f"Kafka has no topic {described['topic']} for us ({error.__name__}): make it by baton topics create, and "
            "let this user read it"
        )
    return len(partitions)

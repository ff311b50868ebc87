"""Which partition of a topic a key is in, as Kafka's own clients choose it."""

from collections.abc import Callable

from aiokafka.partitioner import murmur2

_POSITIVE = 0x7FFFFFFF


def partition_of(count: int) -> Callable[[str], int]:
    """Gives the partition of a key, of `count`: the hash of Java's default partitioner, and of aiokafka's."""
    return lambda key: int((murmur2(key.encode()) & _POSITIVE) % count)

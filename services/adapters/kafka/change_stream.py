"""A topic of Kafka with a CRM's changes as JSON, as connectors write them, as a stream of them."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.adapters.kafka.client import KafkaConnection
from services.adapters.kafka.outages import kafka_outages, reach
from services.errors import UsageError
from services.ports import Pulled

MOST_RECORDS = 200
"""That are handed on together."""

_WAIT_MS = 1_000
_REQUEST_TIMEOUT_MS = 10_000
_MOST_WAIT_MS = 600_000
"""How long our log may be away until the broker takes us for dead; what we have is read again then."""


class KafkaChangeStream:
    """Implements `services.ports.ChangeStream` as a member of a consumer group, whose offsets are what is kept."""

    def __init__(self, connection: KafkaConnection, *, topic: str, group: str) -> None:
        """Raises UsageError."""
        self._options = connection.client_options()
        self._topic = topic
        self._group = group
        self._consumer: AIOKafkaConsumer | None = None

    async def pulled(self) -> AsyncGenerator[Pulled, None]:
        """The records after the offsets of the group, from all partitions that are ours; it does not end by itself."""
        with kafka_outages():
            await reach(self._options, request_timeout_ms=_REQUEST_TIMEOUT_MS)
            consumer = self._new_consumer()
            try:
                await consumer.start()
                if self._topic not in await consumer.topics():
                    raise UsageError(f"--from: Kafka has no topic {self._topic!r}, or its user may not read it")
                consumer.subscribe([self._topic])
                self._consumer = consumer
                while True:
                    batches = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=MOST_RECORDS)
                    if batches:
                        yield _as_pulled(batches)
            finally:
                self._consumer = None
                await consumer.stop()

    async def keep(self, pulled: Pulled) -> None:
        """Commit the offsets. Raises Unavailable, also where the partitions are another's by now."""
        if self._consumer is not None:
            with kafka_outages():
                await self._consumer.commit(pulled.mark)

    async def close(self) -> None:
        """It is closed where it is read."""

    def _new_consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._options,
            client_id=self._group,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
            max_poll_interval_ms=_MOST_WAIT_MS,
        )


def _as_pulled(batches: Mapping[TopicPartition, list[Any]]) -> Pulled:
    # A record without a value is how a compacted topic tells that a key is gone.
    records = [record for each in batches.values() for record in each if record.value is not None]
    return Pulled(
        [record.value for record in records],
        places=[f"{record.topic}, partition {record.partition}, offset {record.offset}" for record in records],
        mark={partition: each[-1].offset + 1 for partition, each in batches.items()},
    )

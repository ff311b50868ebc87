"""One member of the consumer group, and the only place that knows the inside of aiokafka's consumer.

Everything here runs in the event loop of that consumer. Offsets are the caller's business: nothing is read of a
partition that counts before `seek` was called for it, and what a seek has made stale can be told by its ticket.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    CorruptRecordException,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
)

from services.domain.instants import Instant
from services.errors import UsageError
from services.ports import LogRecord

Place = tuple[str, int]
"""Topic and partition."""

_MILLISECOND = 1_000
"""In microseconds; Kafka's timestamps have milliseconds."""
_NOBODY = -1
"""What metadata name as the leader of a partition that has none."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Records of one partition as they were fetched; none where the broker has nothing at the position."""

    place: Place
    records: "Sequence[ConsumerRecord[bytes, bytes]]"
    ticket: int
    """Of the seek after which they were read."""
    end: int
    """The offset that the next record had when the response came (the high watermark)."""
    at: Instant
    """When the response came, by the clock of this machine."""


@dataclass(frozen=True, slots=True)
class PartitionState:
    """What the consumer knows of a partition that is assigned to it."""

    position: int | None
    """The offset that is read next; None while there is none to read from."""
    end: int | None
    """The offset that the next record had at the last response; None before the first one."""
    at: Instant
    """When that response came."""
    is_led: bool
    """Whether the broker that leads it is connected."""


@dataclass(frozen=True, slots=True)
class GroupState:
    """How the consumer stands in its group."""

    is_reachable: bool = False
    """Whether any broker is connected."""
    is_joined: bool = False
    """Whether it belongs to the present generation of the group; it may have got no partition."""
    error: str | None = None
    """What coordination has met last, until it is over."""
    missing: tuple[str, ...] = ()
    """Topics that should be read and are not there."""
    partitions: Mapping[Place, PartitionState] = field(default_factory=dict)


def to_log_record(record: "ConsumerRecord[bytes, bytes]") -> LogRecord:
    """The record as the tracker reads it. A tombstone's value is empty, as is a missing key."""
    return LogRecord(
        record.topic,
        record.partition,
        record.offset,
        _text(record.key),
        record.value or b"",
        {name: _text(value) for name, value in record.headers},
        record.timestamp * _MILLISECOND,
    )


class KafkaReader:
    """Reads for one started consumer."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._numbers = count(1)
        self._tickets: dict[Place, int] = {}
        self._error: str | None = None
        # It would fetch what the group committed, and not read a broker's partitions before it has the answer.
        consumer._coordinator._do_fetch_commit_offsets = _know_nothing

    def seek(self, place: Place, offset: int) -> int | None:
        """Read on from an offset; the ticket of all that is read from there, None if it is no longer assigned."""
        try:
            self._consumer.seek(TopicPartition(*place), offset)
        except IllegalStateError:
            return None
        self._tickets[place] = next(self._numbers)
        return self._tickets[place]

    async def fetch(self, places: Collection[Place], *, seconds: float, limit: int) -> list[Fetched]:
        """At most `limit` records of these partitions; waits for some, but not much longer than told.

        Raises UsageError where Kafka refuses to let us read, KafkaError for records that cannot be read at all.
        """
        fetcher = self._consumer._fetcher
        partitions = [TopicPartition(*place) for place in places]
        try:
            # Without partitions it would hand out those of all.
            found = await fetcher.fetched_records(partitions, seconds, max_records=limit) if partitions else {}
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            missing = error.args[0]
            return [self._nothing(partition) for partition in ([missing] if _is_one(missing) else missing)]
        except TopicAuthorizationFailedError as error:
            raise UsageError(f"Kafka does not let this user read the topic {error.args[0]}: grant it Read") from error
        except (RecordTooLargeError, CorruptRecordException):
            raise
        except KafkaError as error:
            # The coordinator hands its errors to whoever waits; `inspect` sees to them.
            self._error = self._error or str(error)
            return []
        # Nothing was awaited since the records were taken: position, ticket and end belong to them.
        return [self._fetched(partition, records) for partition, records in found.items()]

    async def bounds(self, place: Place) -> tuple[int, int]:
        """The offsets of the first record that there is and of the next one to come. Raises KafkaError."""
        partition = TopicPartition(*place)
        beginnings = await self._consumer.beginning_offsets([partition])
        ends = await self._consumer.end_offsets([partition])
        return beginnings[partition], ends[partition]

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        """Tell the broker how far we are, for tools that show lag. Raises KafkaError when it would not have it."""
        try:
            await self._consumer.commit({TopicPartition(*place): offset for place, offset in offsets.items()})
        except (CommitFailedError, IllegalStateError):
            return  # partitions have moved meanwhile; whoever has them now tells it better

    def inspect(self) -> GroupState:
        """How it stands. Raises whatever has ended a task without which nothing is read any more."""
        consumer = self._consumer
        coordinator, subscription = consumer._coordinator, consumer._subscription
        self._see_to_errors()
        is_joined = (
            coordinator.generation > 0
            and not subscription.reassignment_in_progress
            and not coordinator._rejoin_needed_fut.done()
        )
        if is_joined:
            self._error = None
        missing = [topic for topic in subscription.topics if not consumer.partitions_for_topic(topic)]
        if missing:
            consumer._client.force_metadata_update()  # it would look for itself but once in minutes
        return GroupState(
            is_reachable=any(connection.connected() for connection in consumer._client._conns.values()),
            is_joined=is_joined,
            error=self._error,
            missing=tuple(sorted(missing)),
            partitions={(each.topic, each.partition): self._state(each) for each in consumer.assignment()},
        )

    def _see_to_errors(self) -> None:
        """Let coordination go on after an error. It stands still until somebody has taken note of it.

        A dead heartbeat is started again by joining anew, and by nothing else.
        """
        coordinator = self._consumer._coordinator
        for task in (coordinator._coordination_task, self._consumer._fetcher._fetch_task):
            if task.done():
                task.result()
                raise KafkaError("the consumer was closed")
        try:
            coordinator.check_errors()
        except GroupAuthorizationFailedError as error:
            raise UsageError(f"Kafka does not let this user into the group {error.args[0]}: grant it Read") from error
        except KafkaError as error:
            self._error = str(error)
            coordinator.request_rejoin()

    def _fetched(self, partition: TopicPartition, records: "Sequence[ConsumerRecord[bytes, bytes]]") -> Fetched:
        state = self._of(partition)
        place = (partition.topic, partition.partition)
        return Fetched(place, records, self._tickets.get(place, 0), state.highwater, state.timestamp * _MILLISECOND)

    def _nothing(self, partition: TopicPartition) -> Fetched:
        place = (partition.topic, partition.partition)
        return Fetched(place, (), self._tickets.get(place, 0), 0, 0)

    def _state(self, partition: TopicPartition) -> PartitionState:
        state, client = self._of(partition), self._consumer._client
        leader = client.cluster.leader_for_partition(partition)
        return PartitionState(
            position=state.position if state.has_valid_position else None,
            end=state.highwater,
            at=(state.timestamp or 0) * _MILLISECOND,
            is_led=leader not in (None, _NOBODY)
            and any(node == leader and each.connected() for (node, _), each in client._conns.items()),
        )

    def _of(self, partition: TopicPartition) -> Any:
        return self._consumer._subscription.subscription.assignment.state_value(partition)


async def _know_nothing(_partitions: object) -> dict[TopicPartition, object]:
    """The committed offsets: of no partition, as far as we care."""
    return {}


def _is_one(missing: object) -> bool:
    return isinstance(missing, TopicPartition)


def _text(raw: bytes | None) -> str:
    """What is no UTF-8 stays readable; a key is never taken apart."""
    return raw.decode("utf-8", "backslashreplace") if raw else ""

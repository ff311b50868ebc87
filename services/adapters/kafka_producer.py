"""One idempotent producer of aiokafka, from its connection until it is let go of.

It serves until something goes wrong once. What then is not delivered may be delivered all the same, or never: whoever
sends decides, and takes another producer.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import NoError, for_code
from aiokafka.protocol.metadata import MetadataRequest

from services.adapters.kafka_outages import AWAY, NAME, STALE, TOO_LARGE, kafka_outages, reach, reason
from services.adapters.kafka_partitions import partition_of
from services.errors import Unavailable
from services.ports import Record

REQUEST_TIMEOUT_MS = 5_000
"""Of one request, which is tried again while there is time: half of the longest that anybody waits for an append."""
_RETRY_MS = 250
"""Between two tries of a request. aiokafka logs each of them."""
CONNECT_SECONDS = 30
"""For all brokers that are named, one after the other; then it begins anew, with what DNS says by then."""

_BATCH_BYTES = 64 * 1024
"""Of one partition in a request: beyond it, larger ones gained nothing. A record that is larger goes alone."""
_REQUEST_BYTES = 100 * 1024 * 1024
"""As the brokers' `socket.request.max.bytes` is delivered: how large a record may be is the topic's to say."""
_CLOSE_SECONDS = 5


_Sent = asyncio.Future[Any] | BaseException
"""Of a record, the future of the brokers' answer, or why there will be none."""


class Outcome(Enum):
    """What became of a record."""

    LEFT = "left"
    """Not acknowledged. It may be in the log all the same."""
    DELIVERED = "delivered"
    REFUSED = "refused"
    """Too large for its topic."""


class Health(IntEnum):
    """What a failure says of its producer; the worst counts."""

    WELL = 0
    SPENT = 1
    """A record failed. The numbers by which brokers know a producer's records do not fit any more."""
    STUCK = 2
    """There was no answer."""


@dataclass(slots=True)
class Delivery:
    """What became of each of some records, in their order."""

    outcomes: list[Outcome]
    why: str = ""
    """What kept the first of those that are left."""
    is_stale: bool = False
    """Whether another producer may deliver what is left, at once."""
    health: Health = Health.WELL

    def note(self, error: BaseException, health: Health) -> None:
        """A record was not delivered."""
        self.health = max(self.health, health)
        if isinstance(error, TOO_LARGE):
            self.outcomes.append(Outcome.REFUSED)
            return
        self.outcomes.append(Outcome.LEFT)
        self.why = self.why or (str(error) if isinstance(error, Unavailable) else reason(error))
        self.is_stale = self.is_stale or isinstance(error, STALE)

    def numbers(self, outcome: Outcome) -> list[int]:
        """Which records it is that."""
        return [number for number, each in enumerate(self.outcomes) if each is outcome]

    def then(self, again: "Delivery") -> "Delivery":
        """What became of the records, once those that were left had been sent again."""
        outcomes = list(self.outcomes)
        for number, outcome in zip(self.numbers(Outcome.LEFT), again.outcomes, strict=True):
            outcomes[number] = outcome
        return replace(again, outcomes=outcomes)


class Producer:
    """A connected producer. Made by `connect`."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._topics: set[str] = set()
        self._under_way: dict[int, list[_Sent]] = {}
        self._broken: BaseException | None = None

    async def send(self, records: Sequence[Record], *, deadline: float, alone: bool = False) -> Delivery:
        """Send in order and wait for the brokers' answers, until `deadline` on the loop's clock.

        `alone` keeps each from going in a batch with others.
        """
        sent: list[_Sent] = []
        self._under_way[id(sent)] = sent
        try:
            async with asyncio.timeout_at(deadline):
                for record in records:
                    each = await self._hand_in(record, alone)
                    sent.append(each)
                if self._broken is not None:
                    self.give_up(self._broken)
                for each in sent:
                    if isinstance(each, asyncio.Future):
                        await _settled(each)
        except BaseException as error:
            _abandon(sent)
            if not isinstance(error, TimeoutError):
                raise
            sent += [error] * (len(records) - len(sent))
        finally:
            del self._under_way[id(sent)]
        return _judge(sent)

    def give_up(self, error: BaseException) -> None:
        """Let nobody wait for this producer any longer."""
        self._broken = self._broken or error
        for sent in self._under_way.values():
            for each in sent:
                if isinstance(each, asyncio.Future) and not each.done():
                    each.set_exception(error)

    async def let_go(self, *, flush_seconds: float = 0) -> None:
        """End it, once what it has is delivered or `flush_seconds` are over. Its own `stop` would wait for good.

        With a broker that hangs this takes some time-outs of a request.
        """
        if flush_seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._producer.flush(), flush_seconds)
        self.give_up(Unavailable(f"{NAME}: the connection was closed"))
        await _end(self._producer)

    async def _hand_in(self, record: Record, alone: bool) -> _Sent:
        if self._broken is not None:
            return self._broken
        key = record.key.encode()
        headers = [(name, value.encode()) for name, value in record.headers.items()]
        future: asyncio.Future[Any]
        try:
            await self._check_topic(record.topic)
            value = None if record.is_tombstone else record.value
            partition = await self._partition(record)
            if alone:
                batch = self._producer.create_batch()
                batch.append(key=key, value=value, headers=headers, timestamp=None)
                batch.close()
                future = await self._producer.send_batch(batch, record.topic, partition=partition)
            else:
                future = await self._producer.send(record.topic, value, key=key, partition=partition, headers=headers)
        except (Unavailable, *AWAY) as error:
            return error
        return future

    async def _partition(self, record: Record) -> int:
        """Where records are that are kept in order with this one: as the client would choose it by that key."""
        return partition_of(len(await self._producer.partitions_for(record.topic)))(record.ordered_by or record.key)

    async def _check_topic(self, topic: str) -> None:
        """Raise Unavailable where there is no such topic.

        Sent without, a broker may make it: with one partition and settings of its own, for good.
        """
        if topic in self._topics:
            return
        answer = await self._ask(MetadataRequest([topic], allow_auto_topic_creation=False))
        error = for_code(answer.topics[0][0])
        if error is not NoError:
            raise Unavailable(f"{NAME}: there is no topic {topic} for us ({error.message}); see `baton topics create`")
        self._topics.add(topic)

    async def _ask(self, request: MetadataRequest) -> Any:
        """The answer of any broker."""
        client = self._producer.client
        nodes = [broker.nodeId for broker in client.cluster.brokers()]
        random.shuffle(nodes)
        failure: BaseException = Unavailable(f"{NAME}: no broker is known")
        for node in nodes:
            try:
                return await client.send(node, request)
            except AWAY as error:
                failure = error
        raise failure


async def connect(options: Mapping[str, Any], *, name: str) -> Producer:
    """A producer that has signed in and got its id. Raises Unavailable.

    `options` are `KafkaConnection.client_options()`; `name` is the client's in the brokers' logs and quotas.
    """
    producer = AIOKafkaProducer(
        **options,
        client_id=name,
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        retry_backoff_ms=_RETRY_MS,
        max_batch_size=_BATCH_BYTES,
        max_request_size=_REQUEST_BYTES,
    )
    try:
        with kafka_outages():
            async with asyncio.timeout(CONNECT_SECONDS):
                await reach(options, request_timeout_ms=REQUEST_TIMEOUT_MS)
                await producer.start()
    except BaseException:
        await _end(producer)
        raise
    return Producer(producer)


async def _settled(future: "asyncio.Future[Any]") -> None:
    """Wait for a future, however it ends."""
    with suppress(Unavailable, *AWAY):
        await future


def _abandon(sent: Sequence[_Sent]) -> None:
    """Wait no longer for what is not answered; aiokafka passes over answers then. One that came counts as heard."""
    for each in sent:
        if isinstance(each, asyncio.Future) and not each.cancel() and not each.cancelled():
            each.exception()


def _judge(sent: Sequence[_Sent]) -> Delivery:
    delivery = Delivery([])
    for each in sent:
        if not isinstance(each, asyncio.Future):
            is_harmless = isinstance(each, (Unavailable, *TOO_LARGE))  # found out before anything was sent
            delivery.note(each, Health.WELL if is_harmless else Health.STUCK)
        elif each.cancelled():
            delivery.note(TimeoutError(), Health.STUCK)
        elif (error := each.exception()) is None:
            delivery.outcomes.append(Outcome.DELIVERED)
        elif isinstance(error, (Unavailable, *AWAY)):
            delivery.note(error, Health.SPENT)
        else:
            raise error
    return delivery


async def _end(producer: AIOKafkaProducer) -> None:
    """Stop without delivering anything more; aiokafka has no call for that (0.14)."""
    producer._closed = True
    sender = producer._sender.sender_task
    try:
        if sender is not None:
            sender.cancel()
            # It ends what it has under way, and needs the connections for that.
            await asyncio.wait({sender})
    finally:
        with suppress(TimeoutError):
            await asyncio.wait_for(producer.client.close(), _CLOSE_SECONDS)

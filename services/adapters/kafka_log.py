"""The event log of the distributed deployment: topics of Kafka, as the gateway writes them."""

import asyncio
from collections.abc import Sequence

import structlog

from services.adapters import kafka_producer
from services.adapters.kafka_client import KafkaConnection
from services.adapters.kafka_outages import NAME
from services.adapters.kafka_producer import Delivery, Health, Outcome, Producer
from services.errors import Unavailable
from services.ports import Record

APPEND_SECONDS = 10.0
"""The longest that an append waits: senders of webhooks give up after 5 to 30 s."""

_FLUSH_SECONDS = 3
_LET_GO_SECONDS = 3

log = structlog.get_logger()


class TooLarge(Unavailable):
    """Some records are larger than their topic takes (`max.message.bytes`); all others of the append are durable."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = tuple(records)
        topics = ", ".join(sorted({record.topic for record in records}))
        largest = max(len(record.value) for record in records)
        super().__init__(
            f"{NAME}: a record of {largest} bytes is larger than {topics} takes; see `baton topics create` about its "
            "max.message.bytes"
        )


class KafkaLog:
    """Implements `services.ports.EventLog`. To be used, and closed, in one event loop.

    A producer serves until something goes wrong; then another takes its place. So an outage of any length ends when
    the brokers are back, wherever they are by then, and nothing is kept for them in memory meanwhile.
    """

    def __init__(self, connection: KafkaConnection, *, name: str = "baton") -> None:
        """`name` is the client's in the brokers' logs and quotas. Raises UsageError."""
        self._options = connection.client_options()
        self._name = name
        self._producer: Producer | None = None
        self._connecting: asyncio.Task[Producer] | None = None
        self._letting_go: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> None:
        """Begin to connect. Neither waits for Kafka nor fails without it."""
        self._connect()

    async def append(self, records: Sequence[Record], *, within: float = APPEND_SECONDS) -> None:
        """Return once all records are durable. Raises Unavailable, after `within` seconds at the latest.

        Then some may be durable all the same. Of a record that is too large it is TooLarge.
        """
        delivery = await self.send(records, within=within)
        if delivery.numbers(Outcome.LEFT):
            raise Unavailable(delivery.why)
        if refused := delivery.numbers(Outcome.REFUSED):
            raise TooLarge([records[number] for number in refused])

    async def send(self, records: Sequence[Record], *, within: float = APPEND_SECONDS) -> Delivery:
        """Append what can be, within so many seconds; what became of each record."""
        deadline = asyncio.get_running_loop().time() + within
        delivery = await self._send(records, deadline)
        while delivery.is_stale:
            left = [records[number] for number in delivery.numbers(Outcome.LEFT)]
            again = await self._send(left, deadline)
            delivery = delivery.then(again)
            if len(again.numbers(Outcome.LEFT)) == len(left):
                break
        for number in delivery.numbers(Outcome.REFUSED):
            # Brokers refuse a batch as a whole: this record may have been in large company.
            alone = await self._send([records[number]], deadline, alone=True)
            delivery.outcomes[number] = alone.outcomes[0]
            delivery.why = delivery.why or alone.why
        return delivery

    async def check(self, *, within: float = APPEND_SECONDS) -> None:
        """Raise Unavailable unless a broker answers within so many seconds."""
        await self._connected(asyncio.get_running_loop().time() + within)

    async def close(self) -> None:
        """Give what is under way some seconds to be delivered, then end all connections. Later appends are refused."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting}, timeout=_LET_GO_SECONDS)
        if self._producer is not None:
            self._let_go(self._producer, flush_seconds=_FLUSH_SECONDS)
            self._producer = None
        if self._letting_go:
            _done, hanging = await asyncio.wait(self._letting_go, timeout=_FLUSH_SECONDS + _LET_GO_SECONDS)
            for task in hanging:
                task.cancel()
            if hanging:
                await asyncio.wait(hanging, timeout=_LET_GO_SECONDS)

    async def _send(self, records: Sequence[Record], deadline: float, *, alone: bool = False) -> Delivery:
        """Send by the producer that serves now, and replace it where it has to be."""
        try:
            producer = self._producer or await self._connected(deadline)
        except Unavailable as error:
            return Delivery([Outcome.LEFT] * len(records), str(error))
        delivery = await producer.send(records, deadline=deadline, alone=alone)
        if delivery.health is not Health.WELL:
            self._replace(producer, delivery)
        return delivery

    async def _connected(self, deadline: float) -> Producer:
        """The producer that serves now. Raises Unavailable."""
        if self._closed:
            raise Unavailable(f"{NAME}: the log is closed")
        if self._producer is not None:
            return self._producer
        connecting = self._connect()
        done, _ = await asyncio.wait({connecting}, timeout=max(0, deadline - asyncio.get_running_loop().time()))
        if not done:
            raise Unavailable(f"{NAME}: not connected in time")
        if connecting.cancelled():
            raise Unavailable(f"{NAME}: the log is closed")
        return connecting.result()

    def _connect(self) -> "asyncio.Task[Producer]":
        """The attempt to connect that is under way; it goes on when those who wait for it give up."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(kafka_producer.connect(self._options, name=self._name))
            self._connecting.add_done_callback(self._take)
        return self._connecting

    def _take(self, connecting: "asyncio.Task[Producer]") -> None:
        self._connecting = None
        # Asking for the exception tells asyncio that it is known, also where nobody waits.
        if not connecting.cancelled() and connecting.exception() is None:
            self._producer = connecting.result()

    def _replace(self, producer: Producer, delivery: Delivery) -> None:
        """Use another from now on."""
        if self._producer is not producer:
            return
        self._producer = None
        if delivery.health is Health.STUCK:
            log.info("kafka producer given up", error=delivery.why)
            producer.give_up(Unavailable(delivery.why))
            self._let_go(producer, flush_seconds=0)
        else:
            # The others' records in it may well be delivered.
            self._let_go(producer, flush_seconds=_FLUSH_SECONDS)

    def _let_go(self, producer: Producer, *, flush_seconds: float) -> None:
        task = asyncio.create_task(producer.let_go(flush_seconds=flush_seconds))
        self._letting_go.add(task)
        task.add_done_callback(self._letting_go.discard)

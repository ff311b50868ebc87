"""The event log of a gateway: Kafka, and this machine's disk while Kafka is away."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog

from services.adapters.kafka_log import APPEND_SECONDS, KafkaLog, TooLarge
from services.adapters.kafka_producer import Outcome
from services.adapters.spool import Spool, Waiting
from services.errors import Unavailable
from services.ports import Record

DIRECT_SECONDS = 3.0
"""How long an append waits for Kafka before it goes to the spool: senders of webhooks give up after 5 s or more."""
BATCH_RECORDS = 1_000
BATCH_BYTES = 4 * 1024 * 1024
"""What the relay sends at a time: large enough to share the disk's sync, small enough to let requests in between."""
DRAIN_SECONDS = 10.0
"""What the relay gets to send the rest when it is stopped; what then is left waits for the next start."""
ASIDE_SECONDS = 300.0
"""How often the records that were too large are tried again: somebody may have let their topic take them."""

HANDOVER_SECONDS = 1.0
"""How long an append waits for the relay to bring the last of what waits, before it queues behind it. Else, where one
append follows the other, the spool would never be empty again."""

_BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between two tries while Kafka is away; the last for all further ones."""

log = structlog.get_logger()


class SpooledLog:
    """Implements `services.ports.EventLog`. Its relay (`run`) must run beside it, in the same event loop.

    An append raises Unavailable only when Kafka is away and the spool is nearly full or cannot be written. Records
    of one key keep their order, but where the spool fails while Kafka answers: then being taken goes before it.
    """

    def __init__(self, *, kafka: KafkaLog, spool: Spool) -> None:
        self._kafka = kafka
        self._spool = spool
        self._away: str | None = None
        self._news = asyncio.Event()
        self._handed_over = asyncio.Event()
        """Not set while the relay is about to empty the spool."""
        self._handed_over.set()
        self._delivered: list[int] = []
        self._refused: list[int] = []
        """Turns that the spool has yet to forget, or to set aside."""
        self._aside_topics: list[str] = []
        """Topics whose records set aside are being tried again."""
        self._aside_due = 0.0

    @property
    def is_away(self) -> bool:
        """Whether Kafka did not answer when it was last asked."""
        return self._away is not None

    @property
    def trouble(self) -> str | None:
        """Why nothing gets to Kafka at present, or None."""
        return self._away

    @property
    def waiting(self) -> int:
        """How many records wait for Kafka."""
        return self._spool.waiting

    @property
    def aside(self) -> int:
        """How many records wait for their topics to take ones so large."""
        return self._spool.aside

    @property
    def bytes_used(self) -> int:
        """How much of the spool is taken."""
        return self._spool.bytes_used

    @property
    def share_used(self) -> float:
        """How much of the spool is taken, from 0 to 1."""
        return self._spool.share_used

    async def append(self, records: Sequence[Record]) -> None:
        """Return once all records are durable, in Kafka or in the spool. Raises Unavailable."""
        if not records:
            return
        if not self._handed_over.is_set():
            await _until(self._handed_over, HANDOVER_SECONDS)
        if self._away is None and self._spool.waiting == 0 and await self._append_directly(records):
            return
        try:
            await self._spool.add(records)
        except Unavailable:
            if self._away is not None or not await self._append_directly(records):
                raise
        else:
            self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Bring to Kafka what waits, until `stop` is set, and then what goes in some seconds.

        An outage of Kafka or of the disk is waited out; another error ends it.
        """
        waking = asyncio.create_task(self._wake_at(stop))
        try:
            await self._relay(stop)
            await self._drain()
        finally:
            waking.cancel()
            self._handed_over.set()

    async def _append_directly(self, records: Sequence[Record]) -> bool:
        """Whether Kafka has them, or refuses some for good, which are set aside then. Raises Unavailable."""
        try:
            await self._kafka.append(records, within=DIRECT_SECONDS)
        except TooLarge as error:
            _report(error.records)
            await self._spool.add(error.records, aside=True)
        except Unavailable as error:
            self._went_away(str(error))
            return False
        return True

    async def _relay(self, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            self._news.clear()
            try:
                worked = await self._step()
            except Unavailable as error:
                self._handed_over.set()
                wait = _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
                failures += 1
                log.debug("relay waits", error=str(error), retry_in_seconds=wait)
                await _until(stop, wait)
                continue
            failures = 0
            if not worked:
                await _until(self._news, self._next_look())

    async def _step(self) -> bool:
        """Take the next batch to Kafka, or see whether it is back; whether there was anything to do."""
        await self._settle()
        try:
            batch = await self._spool.next(most_records=BATCH_RECORDS, most_bytes=BATCH_BYTES)
        except Unavailable:
            await self._see()  # without the spool, Kafka is all there is
            raise
        if batch:
            if self._away is None and self._spool.waiting - len(batch) <= BATCH_RECORDS:
                self._handed_over.clear()
            await self._bring(batch)
        if self._spool.waiting == 0:
            self._handed_over.set()
        return bool(batch) or await self._see() or await self._try_aside()

    async def _see(self) -> bool:
        """See whether Kafka is back, where it was away."""
        if self._away is None:
            return False
        await self._kafka.check()
        self._came_back()
        return True

    async def _bring(self, batch: Sequence[Waiting]) -> None:
        delivery = await self._kafka.send([each.record for each in batch], within=APPEND_SECONDS)
        refused = [batch[number] for number in delivery.numbers(Outcome.REFUSED)]
        _report([each.record for each in refused])
        self._delivered = [batch[number].turn for number in delivery.numbers(Outcome.DELIVERED)]
        self._refused = [each.turn for each in refused]
        if delivery.numbers(Outcome.LEFT):
            self._went_away(delivery.why)
        else:
            self._came_back()
        await self._settle()
        if delivery.numbers(Outcome.LEFT):
            raise Unavailable(delivery.why)

    async def _settle(self) -> None:
        """Have the spool forget what Kafka has; kept in mind until it does."""
        if self._delivered or self._refused:
            await self._spool.settle(delivered=self._delivered, refused=self._refused)
            self._delivered, self._refused = [], []

    async def _try_aside(self) -> bool:
        """Try one record that was too large again: those of a topic by size, until one still is."""
        if not self._aside_topics:
            now = asyncio.get_running_loop().time()
            if not self._spool.aside or now < self._aside_due:
                return False
            self._aside_due = now + ASIDE_SECONDS
            self._aside_topics = list(await self._spool.aside_topics())
        each = await self._spool.smallest_aside(self._aside_topics[-1])
        outcome = Outcome.REFUSED
        if each is not None:
            delivery = await self._kafka.send([each.record], within=APPEND_SECONDS)
            (outcome,) = delivery.outcomes
            if outcome is Outcome.LEFT:
                self._went_away(delivery.why)
                raise Unavailable(delivery.why)
            if outcome is Outcome.DELIVERED:
                await self._spool.drop_aside(each.turn)
        if outcome is Outcome.REFUSED:
            self._aside_topics.pop()
        return True

    def _next_look(self) -> float | None:
        """Seconds until there is something to do even if nothing comes."""
        if self._spool.waiting:
            return _BACK_OFF[0]  # they are being written
        if not self._spool.aside:
            return None
        return max(0.0, self._aside_due - asyncio.get_running_loop().time())

    async def _drain(self) -> None:
        deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
        try:
            async with asyncio.timeout_at(deadline):
                while self._spool.waiting:
                    await self._step()
        except (Unavailable, TimeoutError) as error:
            log.warning("spool not empty", waiting=self._spool.waiting, error=str(error))

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._news.set()

    def _went_away(self, why: str) -> None:
        if self._away is None:
            log.warning("kafka away", error=why)
        self._away = why
        self._news.set()

    def _came_back(self) -> None:
        if self._away is not None:
            log.warning("kafka back", waiting=self._spool.waiting)
        self._away = None


def _report(refused: Sequence[Record]) -> None:
    for record in refused:
        log.error("record too large", topic=record.topic, key=record.key, bytes=len(record.value))


async def _until(event: asyncio.Event, seconds: float | None) -> None:
    """Return when the event is set, or so many seconds are over."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)

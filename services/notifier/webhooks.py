"""Webhooks of ours to others, by Standard Webhooks: kept first, then tried over more than a day under the same id.

The outbox brings an alert here once (`WebhookSink`). A crash between a delivery and its note delivers it again, with
the same id: a receiver that knows ids gets it once.
"""

import asyncio
import hashlib
import random
from collections.abc import Callable

import structlog

from schemas.webhooks import AlertData, AlertEvent
from services.domain.instants import SECOND, Instant, format_exact
from services.errors import Unavailable
from services.notifier.bell import Bell
from services.outgoing import QueuedWebhook, WebhookQueue
from services.ports import Message, Receipt, WallClock, WebhookReceiver

_MINUTE, _HOUR = 60 * SECOND, 3_600 * SECOND
TRIES_AFTER = (5 * SECOND, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 10 * _HOUR)
"""After each failed try, how long until the next; then it is given up. The first of the specification's schedule:
what an alert asks for is of no use after a day."""
JITTER = 0.1
"""By how much of it a wait is lengthened at most, so that what failed together does not come again together."""
LONGEST_WAIT = 24 * _HOUR
"""Whatever a receiver asks for."""
REST = (5 * SECOND, 15 * SECOND, 60 * SECOND)
"""How long a receiver that is away is left alone, by how often in a row; the last for all further times."""
BATCH = 50
_LOOK_EVERY = 1.0  # real seconds

log = structlog.get_logger()


def webhook_id(transition: str) -> str:
    """The id under which a transition is told: one that fits into a header, whatever a lead is called."""
    return f"msg_{hashlib.sha256(transition.encode()).hexdigest()[:32]}"


def event_of(message: Message) -> bytes:
    """The message as JSON of `schemas.webhooks.AlertEvent`."""
    known = {name: text for name, text in message.facts.items() if name in AlertData.model_fields}
    data = {
        "lead": message.lead,
        "clock": message.clock,
        "number": message.number,
        "transition": message.kind,
        "title": message.title,
        "url": message.url,
        **known,
    }
    event = AlertEvent(
        id=message.id, subject=message.lead, time=format_exact(message.at), data=AlertData.model_validate(data)
    )
    return event.model_dump_json(exclude_none=True).encode()


class WebhookSink:
    """Takes alerts from the outbox into the queue of one receiver."""

    def __init__(self, *, name: str, queue: WebhookQueue, real: WallClock) -> None:
        """`real` is the real time of day."""
        self.name = name
        self._queue = queue
        self._real = real

    def send(self, message: Message) -> None:
        """Have it delivered."""
        self._queue.put(
            message.id,
            message.lead,
            message.clock,
            message.number,
            always_holds=message.kind == "corrected",
            body=event_of(message),
            at=self._real.now(),
        )


class Deliverer:
    """Takes webhooks from the queue of one receiver to it."""

    def __init__(
        self,
        *,
        name: str,
        queue: WebhookQueue,
        receiver: WebhookReceiver,
        real: WallClock,
        chance: Callable[[], float] = random.random,
        bell: Bell | None = None,
    ) -> None:
        """`chance` gives numbers of [0, 1); `bell` is rung where webhooks may have come."""
        self._bell = bell or Bell()
        self._name = name
        self._queue = queue
        self._receiver = receiver
        self._real = real
        self._chance = chance
        self._rests_until: Instant = 0
        self._is_counted = False
        self._away = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set. An outage of the database is waited out; another error ends it."""
        while not stop.is_set():
            worked = 0
            try:
                worked = await asyncio.to_thread(self.deliver_due, stop.is_set)
            except Unavailable as error:
                log.warning("webhooks wait", sink=self._name, error=str(error))
            if not worked:
                await self._bell.wait(stop, _LOOK_EVERY)

    def deliver_due(self, is_stopped: Callable[[], bool] = lambda: False) -> int:
        """Try what is due; returns how many webhooks that were. Raises Unavailable."""
        if not self._is_counted:
            self._queue.count_from_zero()
            self._is_counted = True
        if self._real.now() < self._rests_until:
            return 0
        due = self._queue.due(self._real.now(), BATCH)
        is_disabled = bool(due) and self._queue.is_disabled()
        for number, each in enumerate(due):
            if is_stopped() or self._real.now() < self._rests_until:
                return number
            if is_disabled or not each.holds:
                self._queue.settle(each.transition, "disabled" if is_disabled else "moot", self._real.now())
            else:
                is_disabled = self._try(each)
        return len(due)

    def _try(self, each: QueuedWebhook) -> bool:
        """Try one; whether the receiver wants nothing more."""
        receipt = self._receiver.deliver(webhook_id(each.transition), each.body)
        now = self._real.now()
        if receipt.is_taken:
            self._away = 0
            self._queue.settle(each.transition, "sent", now)
            return False
        if receipt.is_gone:
            log.error("webhooks disabled", sink=self._name, error=receipt.error)
            self._queue.disable(now)
            self._queue.settle(each.transition, "disabled", now)
            return True
        asked = min(int((receipt.retry_after or 0) * SECOND), LONGEST_WAIT)
        self._leave_alone(receipt, now, asked)
        if each.attempts >= len(TRIES_AFTER):
            log.error("webhook given up", sink=self._name, alert=each.transition, error=receipt.error)
            self._queue.settle(each.transition, "given_up", now)
            return False
        wait = max(int(TRIES_AFTER[each.attempts] * (1 + JITTER * self._chance())), asked)
        log.warning("webhook not taken", sink=self._name, alert=each.transition, error=receipt.error)
        self._queue.postpone(each.transition, now + wait, receipt.error)
        return False

    def _leave_alone(self, receipt: Receipt, now: Instant, asked: int) -> None:
        if not receipt.is_busy:
            self._away = 0
            return
        self._rests_until = now + max(asked, REST[min(self._away, len(REST) - 1)])
        self._away += 1

"""Delivers the outbox: each alert to each sink once, what no longer holds to nobody, corrections to the warned.

A sink that fails is tried again with back-off. A crash between a delivery and its note in the outbox tells that
one alert twice, with the same id; none is lost.
"""

import asyncio
from collections.abc import Sequence

import structlog

from services.domain.instants import SECOND
from services.errors import Unavailable
from services.notifier.messages import message
from services.ports import AlertSink, WallClock
from services.storage import Outbox, PendingAlert

BATCH = 100
BACK_OFF = tuple(seconds * SECOND for seconds in (5, 30, 120, 600, 3600))
"""Until a sink is tried again, by the number of tries that failed; the last for all further ones."""
_LOOK_EVERY = 0.5  # real seconds

log = structlog.get_logger()


class Notifier:
    """Takes alerts from one outbox to some sinks."""

    def __init__(self, *, outbox: Outbox, sinks: Sequence[AlertSink], clock: WallClock, board_url: str) -> None:
        """`board_url` is where the links in messages lead."""
        self._outbox = outbox
        self._sinks = sinks
        self._clock = clock
        self._board_url = board_url

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set. An outage of the database is waited out; another error ends it."""
        while not stop.is_set():
            try:
                worked = await asyncio.to_thread(self.deliver_due)
            except Unavailable as error:
                log.warning("outbox away", error=str(error))
                worked = 0
            if not worked:
                try:
                    await asyncio.wait_for(stop.wait(), _LOOK_EVERY)
                except TimeoutError:
                    continue

    def deliver_due(self) -> int:
        """Work off what is due now; returns how many alerts were looked at."""
        due = self._outbox.due(self._clock.now(), BATCH)
        for alert in due:
            self._deliver(alert)
        return len(due)

    def _deliver(self, alert: PendingAlert) -> None:
        wanted = [sink for sink in self._sinks if self._is_owed(alert, sink)]
        failed = [error for sink in wanted if (error := self._send(alert, sink)) is not None]
        now = self._clock.now()
        if failed:
            wait = BACK_OFF[min(alert.attempts, len(BACK_OFF) - 1)]
            self._outbox.postpone(alert.id, now + wait, failed[0])
        else:
            self._outbox.settle(alert.id, "sent" if wanted or alert.delivered_to else "moot", now)

    @staticmethod
    def _is_owed(alert: PendingAlert, sink: AlertSink) -> bool:
        if sink.name in alert.delivered_to or not alert.holds:
            return False
        return alert.row.kind != "corrected" or sink.name in alert.warned

    def _send(self, alert: PendingAlert, sink: AlertSink) -> str | None:
        """Send to one sink; what went wrong, or None."""
        try:
            sink.send(message(alert.row, self._board_url))
        except Unavailable as error:
            log.warning("alert not delivered", sink=sink.name, alert=alert.row.transition, error=str(error))
            return f"{sink.name}: {error}"
        self._outbox.delivered(alert.id, sink.name, self._clock.now())
        return None

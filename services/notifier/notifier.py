"""Delivers the outbox: each alert to each sink once, what no longer holds to nobody, corrections to the warned.

A sink that fails is left alone for a while and holds up no other. A crash between a delivery and its note in the
outbox tells that one alert twice, with the same id; none is lost.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from services.domain.instants import SECOND, Instant
from services.errors import Unavailable
from services.notifier.messages import message
from services.notifier.routes import EVERYTHING, Plan, Routing
from services.ports import AlertSink, WallClock
from services.storage import Outbox, PendingAlert

BATCH = 100
REST = tuple(seconds * SECOND for seconds in (5, 15, 60))
"""How long a sink that failed is left alone, by how often in a row; the last for all further times. It is the
sink that backs off and not the alert: then a hanging one costs a single time-out, whatever waits for it, and
whatever waits is told within a minute after it is back."""
_LOOK_EVERY = 0.5  # real seconds

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a sink is left alone, until when, and how often it has failed in a row."""

    error: str
    until: Instant
    times: int


def _no_client_team(_account: str) -> str | None:
    return None


class Notifier:
    """Takes alerts from one outbox to some sinks."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        sinks: Sequence[AlertSink],
        clock: WallClock,
        board_url: str,
        client_team_of: Callable[[str], str | None] = _no_client_team,
        routing: Routing | None = None,
    ) -> None:
        """`board_url` is where the links in messages lead. Sinks of the same name are one.

        `client_team_of` says which client team looks after an account; it may raise Unavailable. Without `routing`
        every sink is told everything.
        """
        self._outbox = outbox
        self._sinks = tuple({sink.name: sink for sink in sinks}.values())
        self._clock = clock
        self._board_url = board_url
        self._client_team_of = client_team_of
        self._routing = routing
        self._failures: dict[str, _Failure] = {}
        self._refused: set[int] = set()
        """Alerts that a sink did not take. They come last, because what they say may be what is wrong."""

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set. An outage of the database is waited out; another error ends it."""
        while not stop.is_set():
            try:
                worked = await asyncio.to_thread(self.deliver_due, stop.is_set)
            except Unavailable as error:
                log.warning("outbox away", error=str(error))
                worked = 0
            if not worked:
                try:
                    await asyncio.wait_for(stop.wait(), _LOOK_EVERY)
                except TimeoutError:
                    continue

    def deliver_due(self, is_stopped: Callable[[], bool] = lambda: False) -> int:
        """Work off what is due now, unless stopped on the way; returns how many alerts were due."""
        due = self._outbox.due(self._clock.now(), BATCH)
        for alert in sorted(due, key=lambda alert: alert.id in self._refused):
            if is_stopped():
                break
            self._deliver(alert)
        return len(due)

    def _deliver(self, alert: PendingAlert) -> None:
        account = alert.row.details.get("account")
        client_team = self._client_team_of(str(account)) if account else None
        wanted = [
            (sink, plan)
            for sink in self._sinks
            if self._is_owed(alert, sink) and (plan := self._plan(alert, sink, client_team)) is not None
        ]
        failed = []
        for sink, plan in wanted:
            failure = self._send(alert, sink, plan, client_team)
            if failure is not None:
                failed.append(failure)
        if failed:
            first = min(failed, key=lambda failure: failure.until)
            self._outbox.postpone(alert.id, first.until, first.error)
        else:
            outcome = "sent" if wanted or alert.delivered_to else "moot"
            self._outbox.settle(alert.id, outcome, self._clock.now())
            self._refused.discard(alert.id)

    def _plan(self, alert: PendingAlert, sink: AlertSink, client_team: str | None) -> Plan | None:
        if self._routing is None:
            return EVERYTHING
        return self._routing.plan(sink.name, alert.row, client_team, self._clock.now())

    @staticmethod
    def _is_owed(alert: PendingAlert, sink: AlertSink) -> bool:
        if sink.name in alert.delivered_to or not alert.holds:
            return False
        return alert.row.kind != "corrected" or sink.name in alert.warned

    def _send(self, alert: PendingAlert, sink: AlertSink, plan: Plan, client_team: str | None) -> _Failure | None:
        """Send to one sink unless it is left alone; why it has not got it and when to come again, or None."""
        if plan.not_before > self._clock.now():
            return _Failure(f"{sink.name}: held back until its hours begin", plan.not_before, 0)
        before = self._failures.get(sink.name)
        if before is not None and self._clock.now() < before.until:
            return before
        try:
            sink.send(message(alert.row, self._board_url, client_team, plan.language))
        except Unavailable as error:
            log.warning("alert not delivered", sink=sink.name, alert=alert.row.transition, error=str(error))
            times = before.times + 1 if before is not None else 1
            until = self._clock.now() + REST[min(times, len(REST)) - 1]
            failure = self._failures[sink.name] = _Failure(f"{sink.name}: {error}", until, times)
            self._refused.add(alert.id)
            return failure
        self._failures.pop(sink.name, None)
        self._outbox.delivered(alert.id, sink.name, self._clock.now())
        return None

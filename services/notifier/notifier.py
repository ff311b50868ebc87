"""Delivers the outbox: each alert to each sink once, what no longer holds to nobody, corrections to the warned, and
where a route asks for them.

A sink that fails is left alone for a while and holds up no other. A crash between a delivery and its note in the
outbox tells that one alert twice, with the same id; none is lost. Routes may have several told in one message: it has
the id of the first.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from services.domain.instants import SECOND, Instant
from services.errors import Unavailable
from services.notifier.bell import Bell
from services.notifier.messages import bundle, message
from services.notifier.routes import EVERYTHING, Plan, Routing
from services.outgoing import Outbox, PendingAlert
from services.ports import AlertSink, WallClock

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
        bell: Bell | None = None,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        """`board_url` is where the links in messages lead. Sinks of the same name are one.

        `client_team_of` says which client team looks after an account; it may raise Unavailable. Without `routing`
        every sink is told everything. `bell` is rung where alerts may have come; `told` is called when sinks may have
        something to do.
        """
        self._bell = bell or Bell()
        self._told = told
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
            if worked:
                self._told()
            else:
                await self._bell.wait(stop, _LOOK_EVERY)

    def deliver_due(self, is_stopped: Callable[[], bool] = lambda: False) -> int:
        """Work off what is due now, unless stopped on the way; returns how many alerts were due."""
        due = self._outbox.due(self._clock.now(), BATCH)
        look = _Look(sorted(due, key=lambda alert: alert.id in self._refused), self._client_team_of)
        for alert in look.due:
            if is_stopped():
                break
            self._deliver(alert, look)
        return len(due)

    def _deliver(self, alert: PendingAlert, look: "_Look") -> None:
        wanted = [(sink, plan) for sink in self._sinks if (plan := self._plan(alert, sink, look)) is not None]
        sent = [self._send(alert, sink, plan, look) for sink, plan in wanted]
        failed = [failure for failure in sent if failure is not None]
        if failed:
            first = min(failed, key=lambda failure: failure.until)
            self._outbox.postpone(alert.id, first.until, first.error)
        else:
            has_gone_out = alert.delivered_to or any((alert.id, sink.name) in look.told for sink in self._sinks)
            self._outbox.settle(alert.id, "sent" if has_gone_out else "moot", self._clock.now())
            self._refused.discard(alert.id)

    def _plan(self, alert: PendingAlert, sink: AlertSink, look: "_Look") -> Plan | None:
        """How the sink is told of the alert; None where it is not owed to it, or told already."""
        if sink.name in alert.delivered_to or (alert.id, sink.name) in look.told or not alert.holds:
            return None
        is_warned = sink.name in alert.warned
        if self._routing is None:
            return EVERYTHING if is_warned or alert.row.kind != "corrected" else None
        client_team = look.client_team(alert)
        return self._routing.plan(sink.name, alert.row, client_team, self._clock.now(), is_warned=is_warned)

    def _send(self, alert: PendingAlert, sink: AlertSink, plan: Plan, look: "_Look") -> _Failure | None:
        """Send to one sink unless it is left alone; why it has not got it and when to come again, or None."""
        if plan.not_before > self._clock.now():
            return _Failure(f"{sink.name}: held back until its hours begin", plan.not_before, 0)
        before = self._failures.get(sink.name)
        if before is not None and self._clock.now() < before.until:
            return before
        together = [alert, *self._told_with(alert, sink, plan, look)]
        messages = [message(each.row, self._board_url, look.client_team(each), plan.language) for each in together]
        try:
            sink.send(bundle(messages, plan.language))
        except Unavailable as error:
            log.warning("alert not delivered", sink=sink.name, alert=alert.row.transition, error=str(error))
            times = before.times + 1 if before is not None else 1
            until = self._clock.now() + REST[min(times, len(REST)) - 1]
            failure = self._failures[sink.name] = _Failure(f"{sink.name}: {error}", until, times)
            self._refused.add(alert.id)
            return failure
        self._failures.pop(sink.name, None)
        for each in together:
            self._outbox.delivered(each.id, sink.name, self._clock.now())
            look.told.add((each.id, sink.name))
        return None

    def _told_with(self, alert: PendingAlert, sink: AlertSink, plan: Plan, look: "_Look") -> list[PendingAlert]:
        """The other alerts of this look that go to the sink in the same message."""
        if plan.together == "alert":
            return []
        return [
            other
            for other in look.due
            if other.id != alert.id
            and (plan.together == "all" or other.row.lead == alert.row.lead)
            # Refused together, each is tried alone: what one of them says may be what is wrong.
            and not self._refused & {other.id, alert.id}
            and (its := self._plan(other, sink, look)) is not None
            and (its.together, its.language) == (plan.together, plan.language)
            and its.not_before <= self._clock.now()
        ]


class _Look:
    """What is due at one look, and what has been told of it since, by alert and sink."""

    def __init__(self, due: Sequence[PendingAlert], client_team_of: Callable[[str], str | None]) -> None:
        self.due = due
        self.told: set[tuple[int, str]] = set()
        self._client_team_of = client_team_of
        self._teams: dict[str, str | None] = {}

    def client_team(self, alert: PendingAlert) -> str | None:
        """The client team that looks after the lead's account. Raises Unavailable."""
        account = str(alert.row.details.get("account") or "")
        if account and account not in self._teams:
            self._teams[account] = self._client_team_of(account)
        return self._teams.get(account)

"""Alerts that are shown for as long as they hold, as Alertmanager shows them.

The outbox brings an alert here once (`ShownSink`), and the store keeps it. Whether it still holds is asked of what was
judged at every look (`Shower`), so neither a restart of this process nor one of the board changes what is shown.
"""

import asyncio
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace

import orjson
import structlog

from services.domain.instants import SECOND, Instant
from services.errors import Unavailable
from services.notifier.bell import Bell
from services.outgoing import HeldAlert, HeldAlerts
from services.ports import AlertBoard, Message, ShownAlert, WallClock

_MINUTE = 60 * SECOND
ENDS_AFTER = 5 * _MINUTE
"""How long an alert is shown unless it is posted again: Alertmanager's own `resolve_timeout`."""
POST_EVERY = _MINUTE
"""So four posts in a row may fail before anything seems to be over."""
RESOLVED_FOR = 15 * _MINUTE
"""How long an alert is posted as over, so that a board that was away hears of it too. Prometheus does the same."""
BATCH = 500
_LOOK_EVERY = 2.0  # real seconds
_BACK_OFF = (2.0, 5.0, 15.0, 60.0)
"""Real seconds to wait while the board or the database is away."""
_NAMES: Mapping[str, tuple[str, str]] = {
    "at_risk": ("BatonLeadAtRisk", "warning"),
    "overdue": ("BatonLeadOverdue", "critical"),
    "escalated": ("BatonLeadEscalated", "critical"),
    "stalled": ("BatonLeadStalled", "warning"),
}
"""`alertname` and `severity` of each kind."""

log = structlog.get_logger()


def labels_of(message: Message) -> dict[str, str]:
    """What an alert is told apart, routed and silenced by. What is not known is left out."""
    name, severity = _NAMES[message.kind]
    facts = message.facts
    labels = {
        "alertname": name,
        "severity": severity,
        "lead": message.lead,
        "clock": message.clock,
        "promised_by": facts.get("promised_by"),
        "team": facts.get("team"),
        "client_team": facts.get("client_team"),
        "escalation": facts.get("to"),
    }
    return {name: value for name, value in labels.items() if value}


class ShownSink:
    """Takes alerts from the outbox into what is to be shown."""

    def __init__(self, *, name: str, held: HeldAlerts, clock: WallClock, real: WallClock) -> None:
        """`real` is the real time of day, where `clock` may be a time-lapse's."""
        self.name = name
        self._held = held
        self._clock = clock
        self._real = real

    def send(self, message: Message) -> None:
        """Have it shown from now on. A correction shows nothing: what it takes back no longer holds."""
        if message.kind not in _NAMES:
            self._held.look_again(message.lead, message.clock, message.number)
            return
        ago = self._clock.real_seconds(max(0, self._clock.now() - message.at))
        starts_at = self._real.now() - int(ago * SECOND)
        shown = ShownAlert(
            labels=labels_of(message),
            annotations={"summary": message.title, "description": message.body, "link": message.url},
            url=message.url,
            starts_at=starts_at,
            ends_at=starts_at,
        )
        self._held.hold(message.id, message.lead, message.clock, message.number, orjson.dumps(shown))


class Shower:
    """Keeps a board showing what holds, and nothing else."""

    def __init__(self, *, held: HeldAlerts, board: AlertBoard, real: WallClock, bell: Bell | None = None) -> None:
        """`bell` is rung where something else may hold than before."""
        self._bell = bell or Bell()
        self._held = held
        self._board = board
        self._real = real
        self._posted: dict[str, tuple[bool, Instant]] = {}
        """By transition, what this process posted last and when: only so as not to post all at every look."""
        self._posted_at: Instant | None = None
        """When this process posted last, be it nothing: so that it is known whether the board takes what is posted."""
        self.is_at_work = False

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set. An outage of the board or the database is waited out; another error ends it."""
        self.is_at_work = True
        try:
            await self._keep_looking(stop)
        finally:
            self.is_at_work = False

    async def _keep_looking(self, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            try:
                await asyncio.to_thread(self.look)
            except Unavailable as error:
                wait = _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
                failures += 1
                log.warning("alerts not shown", error=str(error), retry_in_seconds=wait)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait)
            else:
                failures = 0
                await self._bell.wait(stop, _LOOK_EVERY)

    def look(self) -> int:
        """Post what is due, and nothing where nothing was for long; returns how many alerts. Raises Unavailable."""
        now = self._real.now()
        held = [(each, _read(each.shown)) for each in self._held.held()]
        known = {each.transition for each, _ in held}
        self._posted = {transition: at for transition, at in self._posted.items() if transition in known}
        firing = {_identity(shown) for each, shown in held if each.is_firing}
        # Another instance of the same clock may have the same labels: what it shows is not over.
        replaced = {each.transition for each, shown in held if not each.is_firing and _identity(shown) in firing}
        self._settle(replaced, now)
        due = [(each, shown) for each, shown in held if each.transition not in replaced and self._is_due(each, now)]
        for start in range(0, len(due), BATCH):
            self._post(due[start : start + BATCH], now)
        if self._posted_at is None or not self._posted_at <= now < self._posted_at + POST_EVERY:
            self._board.post([])
            self._posted_at = now
        return len(due)

    def _is_due(self, each: HeldAlert, now: Instant) -> bool:
        was_firing, at = self._posted.get(each.transition, (not each.is_firing, now))
        return was_firing != each.is_firing or not at <= now < at + POST_EVERY

    def _post(self, due: Sequence[tuple[HeldAlert, ShownAlert]], now: Instant) -> None:
        """Post, and note it only then: ended in between, it is posted again."""
        self._board.post([replace(shown, ends_at=_ends_at(each, shown, now)) for each, shown in due])
        self._posted_at = now
        for each, _ in due:
            self._posted[each.transition] = (each.is_firing, now)
        back = {each.transition for each, _ in due if each.is_firing and each.resolved_at is not None}
        over = {each.transition: each.resolved_at for each, _ in due if not each.is_firing}
        self._resolve(back, None)
        self._resolve({transition for transition, since in over.items() if since is None}, now)
        heard = {transition for transition, since in over.items() if since is not None and since + RESOLVED_FOR <= now}
        self._settle(heard, now)

    def _resolve(self, transitions: Set[str], at: Instant | None) -> None:
        if transitions:
            self._held.resolve(transitions, at)

    def _settle(self, transitions: Set[str], at: Instant) -> None:
        if transitions:
            self._held.settle(transitions, at)


def _read(text: bytes) -> ShownAlert:
    return ShownAlert(**orjson.loads(text))


def _identity(shown: ShownAlert) -> frozenset[tuple[str, str]]:
    return frozenset(shown.labels.items())


def _ends_at(each: HeldAlert, shown: ShownAlert, now: Instant) -> Instant:
    if each.is_firing:
        return now + ENDS_AFTER
    return max(shown.starts_at, now if each.resolved_at is None else each.resolved_at)

"""Where alerts go, from the settings: sinks that are told once, and boards that are kept up to date."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from services import metric_table as table
from services import samples
from services.adapters.alert_sinks import AppriseSink, LogSink
from services.adapters.alertmanager import Alertmanager, Alertmanagers
from services.adapters.sql.database import Database
from services.adapters.sql.held_alerts import SqlHeldAlerts
from services.adapters.sql.outbox import SqlOutbox
from services.adapters.sql.store import SqlStore
from services.adapters.sql.webhook_queue import SqlWebhookQueue
from services.adapters.wall_clock import SystemClock
from services.adapters.webhook_receiver import HttpReceiver
from services.domain.charter import Charter, Charters
from services.errors import UsageError
from services.gateway import signatures
from services.metrics.collector import Gauges
from services.notifier.bell import Bell
from services.notifier.notifier import Notifier
from services.notifier.shown import Shower, ShownSink
from services.notifier.webhooks import Deliverer, WebhookSink
from services.ports import AlertSink, WallClock
from services.settings import Settings, secret, secrets
from services.storage import CounterKey
from services.wiring.charters import charters_in_force
from services.wiring.routes import read_routes

Part = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
WEBHOOK_OUTCOMES = ("sent", "moot", "given_up", "disabled")
_ALERTMANAGER = "alertmanager"
"""Under which deliveries are noted, whatever its address."""


class Alerting:
    """Everything that tells people; `parts` are to be run."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        clock: WallClock,
        board_url: str,
        charter: Callable[[], Charter | None],
        known: Charter | None,
    ) -> None:
        """`charter` says which one is in force; it may raise Unavailable. `known` is the one that routes must fit now,
        None where there never was one. Raises UsageError for what the user mends.
        """
        self._resources = ExitStack()
        routes = read_routes(settings.routes)
        if known is not None:
            routes.check(known)
        sinks: list[AlertSink] = [*sinks_of(settings), *routes.sinks]
        self.outbox = SqlOutbox(database)
        self.parts: list[Part] = []
        self._judged, self._told = [Bell()], list[Bell]()
        """What is rung when something was judged, and when sinks have been told."""
        self._show(alertmanagers_of(settings), database, clock, sinks)
        self._queues: dict[str, SqlWebhookQueue] = {}
        for receiver in receivers_of(settings):
            self._resources.callback(receiver.close)
            counters = {each: webhook_counter(receiver.name, each) for each in WEBHOOK_OUTCOMES}
            queue = self._queues[receiver.name] = SqlWebhookQueue(database, sink=receiver.name, counters=counters)
            sinks.append(WebhookSink(name=receiver.name, queue=queue, real=SystemClock()))
            bell = self._new_bell()
            deliverer = Deliverer(name=receiver.name, queue=queue, receiver=receiver, real=SystemClock(), bell=bell)
            self.parts.append(deliverer.run)
        notifier = Notifier(
            outbox=self.outbox,
            sinks=sinks,
            clock=clock,
            board_url=board_url,
            client_team_of=lambda account: _client_team_of(charter(), account),
            routing=routes.routing(charter),
            bell=self._judged[0],
            told=lambda: _ring(self._told),
        )
        self.parts.append(notifier.run)

    def _show(
        self, members: Sequence[Alertmanager], database: Database, clock: WallClock, sinks: list[AlertSink]
    ) -> None:
        self._up: Callable[[], Mapping[str, bool]] = dict
        if not members:
            return
        board = Alertmanagers(members)
        self._resources.callback(board.close)
        held = SqlHeldAlerts(database, sink=_ALERTMANAGER)
        sinks.append(ShownSink(name=_ALERTMANAGER, held=held, clock=clock, real=SystemClock()))
        shower = Shower(held=held, board=board, real=SystemClock(), bell=self._new_bell())
        self._judged.append(self._told[-1])  # what was shown may be over
        self._up = lambda: board.up() if shower.is_at_work else {}
        self.parts.append(shower.run)

    @property
    def gauges(self) -> Gauges:
        """What waits for each receiver of webhooks, and which Alertmanager takes what is posted."""
        return {
            table.WEBHOOKS_OUT_WAITING.name: lambda: {
                (name,): float(queue.waiting()) for name, queue in self._queues.items()
            },
            table.ALERTMANAGER_UP.name: lambda: {(name,): float(is_up) for name, is_up in self._up().items()},
        }

    def ring(self) -> None:
        """Something was judged in this process: look at once what there is to tell. Call it in the event loop."""
        _ring(self._judged)

    def close(self) -> None:
        """Let go of everything."""
        self._resources.close()

    def _new_bell(self) -> Bell:
        self._told.append(Bell())
        return self._told[-1]


def _ring(bells: Sequence[Bell]) -> None:
    for bell in bells:
        bell.ring()


class StoredCharter:
    """The charter in force of a store that others write, read again when another one comes."""

    def __init__(self, store: SqlStore, clock: WallClock) -> None:
        self._store = store
        self._clock = clock
        self._read: tuple[Charters, int] | None = None

    def __call__(self) -> Charter | None:
        """The charter that is in force now. Raises Unavailable, and UsageError where there never was one."""
        return self._charters().in_force(self._clock.now())

    def known(self) -> Charter | None:
        """The same, before it takes effect the newest; None where there never was one. Raises Unavailable."""
        if not self._store.charter_texts():
            return None
        return self() or self._charters().latest

    def _charters(self) -> Charters:
        if self._read is None or self._store.charter_generation() != self._read[1]:
            self._read = charters_in_force(self._store)
        return self._read[0]


def _client_team_of(charter: Charter | None, account: str) -> str | None:
    return charter.client_team_of(account) if charter is not None else None


def webhook_counter(receiver: str, outcome: str) -> CounterKey:
    """What counts the webhooks of a receiver that ended so."""
    return samples.sample(table.WEBHOOKS_OUT_TOTAL, receiver=receiver, outcome=outcome)


def sinks_of(settings: Settings) -> Sequence[AlertSink]:
    """Where alerts are told once."""
    return [LogSink(), *(AppriseSink(url) for url in secrets(settings.alert_urls))]


def alertmanagers_of(settings: Settings) -> Sequence[Alertmanager]:
    """Each Alertmanager. Raises UsageError."""
    token = secret(settings.alertmanager_token)
    user, password = settings.alertmanager_user, secret(settings.alertmanager_password)
    if (user is None) != (password is None):
        raise UsageError("BATON_ALERTMANAGER_USER, BATON_ALERTMANAGER_PASSWORD: give both or none")
    if token is not None and user is not None:
        raise UsageError("BATON_ALERTMANAGER_TOKEN: give a token, or user and password, not both")
    if not settings.alertmanager_urls and (token is not None or user is not None):
        raise UsageError("BATON_ALERTMANAGER_URL: not given, though there are credentials for it")
    login = (user, password) if user is not None and password is not None else None
    return [Alertmanager(url, token=token, user=login) for url in settings.alertmanager_urls]


def receivers_of(settings: Settings) -> Sequence[HttpReceiver]:
    urls, keys = dict.fromkeys(secrets(settings.webhook_urls)), secrets(settings.webhook_secret)
    if bool(urls) != bool(keys):
        raise UsageError("BATON_WEBHOOK_URLS, BATON_WEBHOOK_SECRET: give both or none")
    sign = signer(keys)
    return [HttpReceiver(url, sign=sign, allow_private=settings.webhook_allow_private) for url in urls]


def signer(keys: Sequence[str]) -> Callable[[str, bytes], Mapping[str, str]]:
    """Signs with all of the keys, so that a receiver may know the former or the next."""
    try:
        for key in keys:
            signatures.standard_secret(key)
    except UsageError as error:
        raise UsageError(f"BATON_WEBHOOK_SECRET: {error}") from None
    clock = SystemClock()

    def sign(message_id: str, body: bytes) -> Mapping[str, str]:
        at = clock.now()
        signed = [signatures.sign_standard_webhook(message_id=message_id, body=body, secret=key, at=at) for key in keys]
        return signed[0] | {"webhook-signature": " ".join(each["webhook-signature"] for each in signed)}

    return sign

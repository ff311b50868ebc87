"""Where alerts go, from the settings: sinks that are told once, and boards that are kept up to date."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from typing import Any

from services.adapters.alert_sinks import AppriseSink, LogSink
from services.adapters.alertmanager import Alertmanager
from services.adapters.sql.database import Database
from services.adapters.sql.held_alerts import SqlHeldAlerts
from services.adapters.sql.outbox import SqlOutbox
from services.adapters.sql.store import SqlStore
from services.adapters.wall_clock import SystemClock
from services.domain.charter import Charters
from services.errors import UsageError
from services.notifier.notifier import Notifier
from services.notifier.shown import Shower, ShownSink
from services.ports import AlertSink, WallClock
from services.settings import Settings, secret, secrets
from services.wiring.charters import charters_in_force

Part = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
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
        client_team_of: Callable[[str], str | None],
    ) -> None:
        """Raises UsageError for what the user has to mend."""
        self._resources = ExitStack()
        sinks: list[AlertSink] = [*sinks_of(settings)]
        self.outbox = SqlOutbox(database)
        self.parts: list[Part] = []
        board = _alertmanager_of(settings)
        if board is not None:
            self._resources.callback(board.close)
            held = SqlHeldAlerts(database, sink=_ALERTMANAGER)
            sinks.append(ShownSink(name=_ALERTMANAGER, held=held, clock=clock, real=SystemClock()))
            self.parts.append(Shower(held=held, board=board, real=SystemClock()).run)
        notifier = Notifier(
            outbox=self.outbox, sinks=sinks, clock=clock, board_url=board_url, client_team_of=client_team_of
        )
        self.parts.append(notifier.run)

    def close(self) -> None:
        """Let go of everything."""
        self._resources.close()


class StoredClientTeams:
    """Which client team looks after an account, by the charter in force, read again when another one comes."""

    def __init__(self, store: SqlStore, clock: WallClock) -> None:
        self._store = store
        self._clock = clock
        self._read: tuple[Charters, int] | None = None

    def __call__(self, account: str) -> str | None:
        """The client team; None where there is none. Raises Unavailable."""
        if self._read is None or self._store.charter_generation() != self._read[1]:
            self._read = charters_in_force(self._store)
        return client_team_of(self._read[0], account, self._clock)


def client_team_of(charters: Charters, account: str, clock: WallClock) -> str | None:
    """The client team that looks after an account at present; None where there is none."""
    charter = charters.in_force(clock.now())
    return charter.client_team_of(account) if charter is not None else None


def sinks_of(settings: Settings) -> Sequence[AlertSink]:
    """Where alerts are told once."""
    return [LogSink(), *(AppriseSink(url) for url in secrets(settings.alert_urls))]


def _alertmanager_of(settings: Settings) -> Alertmanager | None:
    token = secret(settings.alertmanager_token)
    user, password = settings.alertmanager_user, secret(settings.alertmanager_password)
    if (user is None) != (password is None):
        raise UsageError("BATON_ALERTMANAGER_USER, BATON_ALERTMANAGER_PASSWORD: give both or none")
    if token is not None and user is not None:
        raise UsageError("BATON_ALERTMANAGER_TOKEN: give a token, or user and password, not both")
    if settings.alertmanager_url is None:
        if token is not None or user is not None:
            raise UsageError("BATON_ALERTMANAGER_URL: not given, though there are credentials for it")
        return None
    login = (user, password) if user is not None and password is not None else None
    return Alertmanager(settings.alertmanager_url, token=token, user=login)

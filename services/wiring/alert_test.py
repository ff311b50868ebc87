"""Sends a test message wherever the settings have alerts go, and says what became of it."""

import secrets as chance
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from schemas.routes import Language
from services.adapters.wall_clock import SystemClock
from services.domain.instants import SECOND, to_datetime
from services.errors import Unavailable
from services.notifier.webhooks import event_of, webhook_id
from services.ports import Message, ShownAlert
from services.settings import Settings
from services.wiring.alerting import alertmanagers_of, receivers_of, sinks_of
from services.wiring.routes import PREFIX, read_routes

_LEAD = "baton:test:1"
_SHOWN_FOR = 60 * SECOND
_TEXTS: dict[Language, tuple[str, str]] = {
    "en": ("Baton test", "This is a test, sent by hand. Nothing has to be done."),
    "pl": ("Test Batona", "To jest test wysłany ręcznie. Nic nie trzeba robić."),
}


@dataclass(frozen=True, slots=True)
class Tested:
    """What became of one message."""

    route: str
    """Empty where no route led there."""
    sink: str
    error: str
    """Empty where it was taken."""


def send_tests(settings: Settings) -> Iterator[Tested]:
    """Send one to each sink of each route, and one to each sink that needs none. Raises UsageError."""
    routes = read_routes(settings.routes)
    by_name = {sink.name: sink for sink in routes.sinks}
    plain = sinks_of(settings)
    alertmanagers = alertmanagers_of(settings)
    receivers = receivers_of(settings)
    for route in routes.routes:
        for name in route.send_to:
            send = partial(by_name[name].send, _message(settings, route.language))
            yield _tried(route.name, name.removeprefix(PREFIX), send)
    for sink in plain:
        yield _tried("", sink.name, partial(sink.send, _message(settings)))
    for receiver in receivers:
        with closing(receiver):
            told = _message(settings)
            receipt = receiver.deliver(webhook_id(told.id), event_of(told))
            yield Tested("", receiver.name, receipt.error)
    for alertmanager in alertmanagers:
        with closing(alertmanager):
            way = f"alertmanager {alertmanager.name}"
            yield _tried("", way, partial(alertmanager.post, [_shown(_message(settings))]))


def _tried(route: str, sink: str, send: Callable[[], None]) -> Tested:
    try:
        send()
    except Unavailable as error:
        return Tested(route, sink, str(error))
    return Tested(route, sink, "")


def _message(settings: Settings, language: Language = "en") -> Message:
    now = SystemClock().now()
    title, text = _TEXTS[language]
    url = settings.public_url or f"http://{settings.host}:{settings.port}"
    return Message(
        id=f"{_LEAD}/test/1/at_risk/{chance.token_hex(8)}",
        kind="at_risk",
        title=title,
        body=f"{text}\n{to_datetime(now):%Y-%m-%d %H:%M UTC}\n{url}",
        lead=_LEAD,
        clock="test",
        number=1,
        at=now,
        url=url,
        facts={},
    )


def _shown(told: Message) -> ShownAlert:
    return ShownAlert(
        labels={"alertname": "BatonTest", "severity": "warning", "lead": told.lead, "clock": told.clock},
        annotations={"summary": told.title, "description": told.body, "link": told.url},
        url=told.url,
        starts_at=told.at,
        ends_at=told.at + _SHOWN_FOR,
    )

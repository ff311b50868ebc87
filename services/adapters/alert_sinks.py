"""Where alerts go: this process's log, and whatever an Apprise URL names (mail, Slack, Teams, ...)."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import apprise
import structlog

from services.errors import Unavailable, UsageError
from services.ports import Message

_LEVELS = {
    "at_risk": apprise.NotifyType.WARNING,
    "overdue": apprise.NotifyType.FAILURE,
    "escalated": apprise.NotifyType.FAILURE,
    "stalled": apprise.NotifyType.WARNING,
    "corrected": apprise.NotifyType.SUCCESS,
}
_SENDER = apprise.AppriseAsset(app_id="Baton", app_desc="Baton")


class LogSink:
    """The structured log; it is always there."""

    name = "log"

    def __init__(self) -> None:
        self._log = structlog.get_logger()

    def send(self, message: Message) -> None:
        """Log it."""
        self._log.info("alert", id=message.id, kind=message.kind, title=message.title, lead=message.lead)


class AppriseSink:
    """One Apprise URL."""

    def __init__(self, url: str, *, name: str | None = None, setting: str = "BATON_ALERT_URLS") -> None:
        """`setting` is where the URL stands; without a `name` the sink is named by its URL.

        Raises UsageError where Apprise knows no such service; the URL is not shown, it holds secrets.
        """
        scheme, mark, _ = url.partition("://")
        with _silent():
            # Not by `add`, which takes several URLs as one and would send again to all where one fails.
            service = apprise.Apprise.instantiate(url, asset=_SENDER)
        if service is None:
            which = f"the URL that begins with {scheme}://" if mark else "what is no URL, such as mailto://…"
            raise UsageError(f"{setting}: Apprise cannot use {which}")
        self._apprise = apprise.Apprise(asset=_SENDER)
        self._apprise.add(service)
        digest = hashlib.sha256(url.encode()).hexdigest()[:12]
        self.name = name or f"{scheme}:{digest}"

    def send(self, message: Message) -> None:
        """Send it through Apprise, which waits for the service's answer."""
        sent = self._apprise.notify(
            title=message.title,
            body=message.body,
            notify_type=_LEVELS.get(message.kind, apprise.NotifyType.INFO),
            # Where a service wants another format, such as HTML, Apprise escapes what has a meaning in it.
            body_format=apprise.NotifyFormat.TEXT,
        )
        if not sent:
            raise Unavailable("the service did not take it")


@contextmanager
def _silent() -> Iterator[None]:
    """Apprise logs URLs that it cannot use, secrets and all."""
    logger = logging.getLogger("apprise")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)

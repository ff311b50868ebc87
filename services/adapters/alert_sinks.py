"""Where alerts go: this process's log, and whatever an Apprise URL names (mail, Slack, Teams, ...)."""

import hashlib

import apprise
import structlog

from services.errors import Unavailable, UsageError
from services.ports import Message

_LEVELS = {
    "at_risk": apprise.NotifyType.WARNING,
    "overdue": apprise.NotifyType.FAILURE,
    "escalated": apprise.NotifyType.FAILURE,
    "corrected": apprise.NotifyType.SUCCESS,
}


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

    def __init__(self, url: str) -> None:
        """Raises UsageError where Apprise knows no such service; the URL is not shown, it holds secrets."""
        self._apprise = apprise.Apprise()
        scheme = url.partition("://")[0]
        if not self._apprise.add(url):
            raise UsageError(f"BATON_ALERT_URLS: Apprise cannot use the URL that begins with {scheme}://")
        digest = hashlib.sha256(url.encode()).hexdigest()[:12]
        self.name = f"{scheme}:{digest}"

    def send(self, message: Message) -> None:
        """Send it through Apprise, which waits for the service's answer."""
        sent = self._apprise.notify(
            title=message.title, body=message.body, notify_type=_LEVELS.get(message.kind, apprise.NotifyType.INFO)
        )
        if not sent:
            raise Unavailable("the service did not take it")

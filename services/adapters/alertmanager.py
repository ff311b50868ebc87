"""Alertmanager's API, version 2, as a board of alerts; of several, which tell each other what they have told, each is
posted to, as Prometheus does.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx2
import structlog

from services.domain.instants import format_exact
from services.errors import Unavailable
from services.ports import ShownAlert

PATH = "/api/v2/alerts"
_TIMEOUT = httpx2.Timeout(10.0, connect=5.0)
"""Of each read or write, in seconds: it answers from memory."""

log = structlog.get_logger()


class Alertmanager:
    """Implements `services.ports.AlertBoard` on one Alertmanager."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        user: tuple[str, str] | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """`url` is its address, with the prefix of its paths if it has one; `user` is name and password."""
        place = urlsplit(url)
        self.name = f"{place.netloc.rpartition('@')[2]}{place.path.rstrip('/')}"
        """Its host and port, and the prefix if there is one: no secret."""
        headers = {"authorization": f"Bearer {token}"} if token is not None else {}
        # A path is appended to the base's, prefix and all. A redirect is not followed: it would take the token along.
        self._client = httpx2.Client(
            base_url=url, timeout=_TIMEOUT, trust_env=False, headers=headers, auth=user, transport=transport
        )

    def post(self, alerts: Sequence[ShownAlert]) -> None:
        """Show them until their ends, or raise Unavailable, whose text holds neither address nor secret."""
        try:
            answer = self._client.post(PATH, json=[_wire(alert) for alert in alerts])
        except httpx2.HTTPError as error:
            raise Unavailable(f"Alertmanager does not answer ({type(error).__name__})") from None
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise Unavailable(
                f"Alertmanager refuses the credentials ({answer.status_code}): look at BATON_ALERTMANAGER_TOKEN, or "
                "_USER and _PASSWORD"
            )
        if not answer.is_success:
            raise Unavailable(f"Alertmanager at BATON_ALERTMANAGER_URL answers {answer.status_code}")

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()


class Alertmanagers:
    """Implements `services.ports.AlertBoard` on all of several Alertmanagers, at least one."""

    def __init__(self, members: Sequence[Alertmanager]) -> None:
        self._members = tuple(members)
        self._workers = ThreadPoolExecutor(len(self._members), thread_name_prefix="alertmanager")
        self._is_up: dict[str, bool] = {}

    def post(self, alerts: Sequence[ShownAlert]) -> None:
        """Show them on all at once. Raises Unavailable where none of them takes them; the others hear the next time."""
        errors = list(self._workers.map(lambda member: _try(member, alerts), self._members))
        for member, error in zip(self._members, errors, strict=True):
            if error is not None and self._is_up.get(member.name, True):
                log.warning("alertmanager_away", alertmanager=member.name, error=str(error))
            self._is_up[member.name] = error is None
        failed = [error for error in errors if error is not None]
        if len(failed) == len(self._members):
            raise failed[0]

    def up(self) -> Mapping[str, bool]:
        """By name, whether each took what was posted last; empty before the first post."""
        return dict(self._is_up)

    def close(self) -> None:
        """Let go of all connections."""
        self._workers.shutdown()
        for member in self._members:
            member.close()


def _try(member: Alertmanager, alerts: Sequence[ShownAlert]) -> Unavailable | None:
    try:
        member.post(alerts)
    except Unavailable as error:
        return error
    return None


def _wire(alert: ShownAlert) -> dict[str, object]:
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "generatorURL": alert.url,
        "startsAt": format_exact(alert.starts_at),
        "endsAt": format_exact(alert.ends_at),
    }

"""Alertmanager's API, version 2, as a board of alerts."""

from collections.abc import Sequence
from http import HTTPStatus

import httpx2

from services.domain.instants import format_exact
from services.errors import Unavailable
from services.ports import ShownAlert

PATH = "/api/v2/alerts"
_TIMEOUT = httpx2.Timeout(10.0, connect=5.0)
"""Of each read or write, in seconds: it answers from memory."""


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


def _wire(alert: ShownAlert) -> dict[str, object]:
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "generatorURL": alert.url,
        "startsAt": format_exact(alert.starts_at),
        "endsAt": format_exact(alert.ends_at),
    }

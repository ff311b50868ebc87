"""A receiver of webhooks, over HTTP."""

import hashlib
import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus

import httpcore2

from schemas.webhooks import CONTENT_TYPE
from services.adapters.public_network import PublicNetwork, is_public
from services.adapters.retry_after import seconds_to_wait
from services.errors import UsageError
from services.ports import Receipt

Sign = Callable[[str, bytes], Mapping[str, str]]
"""The headers that prove a message of this id and body to be ours, now."""

_TIMEOUTS = {"connect": 5.0, "read": 15.0, "write": 15.0, "pool": 5.0}
"""In seconds; a receiver shall answer within 15 to 30, says the specification."""
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, *range(502, 505)})


class HttpReceiver:
    """Implements `services.ports.WebhookReceiver`. A redirect is not followed; what is answered is not read."""

    def __init__(
        self, url: str, *, sign: Sign, allow_private: bool, network: httpcore2.NetworkBackend | None = None
    ) -> None:
        """Raises UsageError where the URL cannot be used; its text shows nothing of it, for it may hold a secret."""
        self._url = _checked(url, allow_private=allow_private)
        self._sign = sign
        self.name = f"webhook:{hashlib.sha256(url.encode()).hexdigest()[:12]}"
        """Stays the same over restarts."""
        self._pool = httpcore2.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=1,
            keepalive_expiry=30.0,
            network_backend=network or (httpcore2.SyncBackend() if allow_private else PublicNetwork()),
        )

    def deliver(self, message_id: str, body: bytes) -> Receipt:
        """Try once."""
        headers = [
            ("host", _host(self._url)),
            ("content-type", CONTENT_TYPE),
            ("content-length", str(len(body))),
            ("user-agent", "Baton"),
            *self._sign(message_id, body).items(),
        ]
        try:
            with self._pool.stream(
                "POST", self._url, headers=headers, content=body, extensions={"timeout": _TIMEOUTS}
            ) as answer:
                return _receipt(answer.status, {name.lower(): value for name, value in answer.headers})
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.RemoteProtocolError) as error:
            return Receipt(is_taken=False, error=_why(error), is_busy=True)

    def close(self) -> None:
        """Let go of its connection."""
        self._pool.close()


def _checked(text: str, *, allow_private: bool) -> httpcore2.URL:
    wanted = "http:// or https://" if allow_private else "https://"
    problem = f"BATON_WEBHOOK_URLS: write {wanted}HOST/PATH without user and password; http:// and hosts of your own "
    problem += "network need BATON_WEBHOOK_ALLOW_PRIVATE"
    try:
        url = httpcore2.URL(text.partition("#")[0])
        host = url.host.decode("ascii")
    except (UnicodeError, ValueError):
        raise UsageError(problem) from None
    schemes = (b"http", b"https") if allow_private else (b"https",)
    if url.scheme not in schemes or not host or b"@" in url.host or "@" in text.split("/")[2]:
        raise UsageError(problem)
    is_address = ":" in host or host.replace(".", "").isdigit()
    if is_address and not allow_private and not is_public(host):
        raise UsageError(problem)
    return url


def _host(url: httpcore2.URL) -> str:
    host = url.host.decode("ascii")
    host = f"[{host}]" if ":" in host else host
    return host if url.port is None else f"{host}:{url.port}"


def _receipt(status: int, headers: Mapping[bytes, bytes]) -> Receipt:
    if HTTPStatus(200) <= status < HTTPStatus(300):
        return Receipt(is_taken=True)
    return Receipt(
        is_taken=False,
        error=f"it answers {status}",
        is_gone=status == HTTPStatus.GONE,
        is_busy=status in _BUSY,
        retry_after=seconds_to_wait(headers.get(b"retry-after", b"").decode("latin-1")),
    )


def _why(error: Exception) -> str:
    # The text of ours says what to do; others' may name the host.
    text = str(error) if str(error).startswith("the host") else type(error).__name__
    return f"no answer ({text})"

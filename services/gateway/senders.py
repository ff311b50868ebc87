"""The senders that the gateway knows: how each proves itself, and what its payload is made of.

Configuration comes in ready; nothing here reads a file or the environment.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from schemas.mapping import HubSpotMapping
from services.domain.events import Event
from services.domain.instants import Instant
from services.errors import BadEvent, Refused, UsageError
from services.gateway import signatures
from services.gateway.crm import cloudevents, hubspot
from services.gateway.request import Incoming
from services.gateway.strict_json import UnreadableJson, loads

MOST_ITEMS = 100
"""HubSpot sends at most 100 notifications in a request; a batch of CloudEvents may be as long."""


class Sender(Protocol):
    """One kind of sender. Everything but `verify` is asked of verified requests only."""

    challenge: str
    """What the answer 401 says under WWW-Authenticate."""
    settings: str
    """The settings that hold its secrets."""

    @property
    def configured(self) -> bool:
        """Whether it has any secret."""

    def verify(self, request: Incoming, now: Instant, window: int) -> None:
        """Raise Refused 401 unless a secret of ours made the request."""

    def items(self, request: Incoming) -> Sequence[object]:
        """The parts of the payload. Raises BadEvent where the whole is unusable, Refused 415 for a wrong format."""

    def events(self, item: object) -> Sequence[Event]:
        """The canonical events of a part; none where it means nothing. Raises BadEvent."""

    def whole(self, request: Incoming) -> tuple[str, bytes]:
        """Content type and body that say all that the request says."""

    def alone(self, item: object) -> tuple[str, bytes]:
        """Content type and body of a request that has this part alone."""

    def identity(self, item: object) -> object:
        """What of a part is the same in every delivery of it."""


class HubSpotSender:
    """HubSpot's webhooks, signed with the app's client secret (v3). Two secrets while one replaces the other."""

    challenge = "HubSpot-Signature-v3"

    def __init__(
        self,
        *,
        mapping: HubSpotMapping,
        secrets: Sequence[str] = (),
        public_url: str | None = None,
        settings: str = "BATON_HUBSPOT_SECRETS",
    ) -> None:
        """`public_url` is what comes before `/hooks/hubspot` in the address that HubSpot calls.

        It must be given where a proxy stands in front: HubSpot signs the address, and what a request says of
        its own host proves nothing.
        """
        if public_url is not None and not public_url.startswith(("https://", "http://")):
            raise UsageError(f"the public URL of HubSpot's webhooks must begin with https://, not {public_url!r}")
        if not all(secrets):
            raise UsageError("a client secret of HubSpot is empty")
        self._mapping = mapping
        self._secrets = tuple(secrets)
        self._public_url = public_url.rstrip("/") if public_url else None
        self.settings = settings

    @property
    def configured(self) -> bool:
        """Whether it has any secret."""
        return bool(self._secrets)

    def verify(self, request: Incoming, now: Instant, window: int) -> None:
        """Raise Refused 401 unless HubSpot signed the request."""
        signatures.verify_hubspot(
            method=request.method,
            url=request.url if self._public_url is None else self._public_url + request.target,
            headers=request.headers,
            body=request.body,
            secrets=self._secrets,
            now=now,
            window=window,
        )

    def items(self, request: Incoming) -> Sequence[object]:
        """The notifications."""
        if request.media_type not in ("application/json", ""):
            raise Refused(415, "HubSpot's notifications come as application/json")
        return _list(request.body, fewest=1)

    def events(self, item: object) -> Sequence[Event]:
        """The canonical events of a notification."""
        return hubspot.events_of(item, self._mapping)

    def whole(self, request: Incoming) -> tuple[str, bytes]:
        """The request as it is."""
        return request.headers.get("content-type", ""), request.body

    def alone(self, item: object) -> tuple[str, bytes]:
        """A request with one notification."""
        return "application/json", _dumps([item])

    def identity(self, item: object) -> object:
        """The notification without its `attemptNumber`."""
        return hubspot.without_attempt(item)


class CloudEventsSender:
    """CloudEvents 1.0 from anywhere, signed by Standard Webhooks (`whsec_` secrets) or bearing a token."""

    challenge = "Bearer"

    def __init__(
        self,
        *,
        secrets: Sequence[str] = (),
        tokens: Sequence[str] = (),
        settings: str = "BATON_CLOUDEVENTS_SECRETS or BATON_CLOUDEVENTS_TOKENS",
    ) -> None:
        """Each may be two at a time, while one replaces the other."""
        if not all(token and token.isascii() and token == token.strip() for token in tokens):
            raise UsageError("a bearer token is empty, or has blanks around it or other than ASCII characters in it")
        self._secrets = tuple(signatures.standard_secret(secret) for secret in secrets)
        self._tokens = tuple(tokens)
        self.settings = settings

    @property
    def configured(self) -> bool:
        """Whether it has any secret or token."""
        return bool(self._secrets or self._tokens)

    def verify(self, request: Incoming, now: Instant, window: int) -> None:
        """Raise Refused 401 unless the request is signed, or bears a token."""
        headers = request.headers
        # A signature says more than a token; a request with both stands or falls by its signature.
        if self._secrets and (not self._tokens or "webhook-signature" in headers):
            signatures.verify_standard_webhook(
                headers=headers, body=request.body, secrets=self._secrets, now=now, window=window
            )
        else:
            signatures.verify_bearer(headers=headers, tokens=self._tokens)

    def items(self, request: Incoming) -> Sequence[object]:
        """The events, in whichever of the three content modes they came."""
        kind = request.media_type
        if kind == cloudevents.BATCH:
            return _list(request.body, fewest=0)
        if kind == cloudevents.STRUCTURED:
            return [_loads(request.body)]
        if "ce-specversion" in request.headers and kind in (cloudevents.BINARY, ""):
            data = _loads(request.body) if request.body else None
            return [cloudevents.item_of_headers(request.headers, data)]
        raise Refused(
            415, f"send {cloudevents.STRUCTURED}, {cloudevents.BATCH}, or ce- headers with {cloudevents.BINARY}"
        )

    def events(self, item: object) -> Sequence[Event]:
        """The canonical event of an item."""
        return cloudevents.events_of(item)

    def whole(self, request: Incoming) -> tuple[str, bytes]:
        """The request as it is; in binary mode, its headers too."""
        if request.media_type in (cloudevents.BATCH, cloudevents.STRUCTURED):
            return request.headers["content-type"], request.body
        named = {name: value for name, value in request.headers.items() if name.startswith("ce-")}
        return self.alone({**named, "data_base64": base64.b64encode(request.body).decode()})

    def alone(self, item: object) -> tuple[str, bytes]:
        """A request in structured mode."""
        return cloudevents.STRUCTURED, _dumps(item)

    def identity(self, item: object) -> object:
        """The item itself."""
        return item


def _loads(body: bytes) -> Any:
    try:
        return loads(body)
    except UnreadableJson as error:
        raise BadEvent("unreadable", str(error)) from None


def _dumps(value: object) -> bytes:
    # Not orjson: what could not be used may have integers beyond 64 bits.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _list(body: bytes, *, fewest: int) -> Sequence[object]:
    items = _loads(body)
    if not isinstance(items, list):
        raise BadEvent("invalid", "the body is a list")
    if len(items) < fewest:
        raise BadEvent("invalid", "the list is empty")
    if len(items) > MOST_ITEMS:
        raise BadEvent("too_many", f"more than {MOST_ITEMS} items")
    return items


def letter_sender(crm: str, body: bytes, senders: "Senders") -> tuple[Sender, str]:
    """Who reads a dead letter that came from `crm`, and as what content type. Raises Refused 404.

    The tracker keeps canonical events that it could not use, through whichever door they came: a body that is
    one object is such an event.
    """
    if body[:1] == b"{":
        return CloudEventsSender(), cloudevents.STRUCTURED
    sender = senders.get(crm)
    if sender is None:
        raise Refused(404, f"there is no sender {crm!r:.60}")
    return sender, cloudevents.BATCH if isinstance(sender, CloudEventsSender) else "application/json"


Senders = Mapping[str, Sender]
"""By the last part of their address: `hubspot` for `/hooks/hubspot`."""

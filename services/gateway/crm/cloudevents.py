"""CloudEvents 1.0 over HTTP, for whatever can post: the three content modes become items, an item at most one event."""

import base64
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from services.domain.events import TYPES_BY_WIRE_NAME, Event
from services.domain.instants import Instant
from services.errors import BadEvent, Refused, UsageError
from services.gateway import signatures
from services.gateway.request import Incoming, shown_digest
from services.gateway.sender import (
    ANSWER_WITHIN,
    Answer,
    Counts,
    Outgoing,
    Taken,
    accepted_as_json,
    listed,
    parsed,
    written,
)
from services.translate import from_wire

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
BINARY = "application/json"

MEANS_NOTHING: Sequence[Event] = ()

_PREFIX = "ce-"
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class CloudEventsSender:
    """CloudEvents 1.0 from anywhere, signed by Standard Webhooks or bearing a token."""

    challenge = "Bearer"
    answer_within = ANSWER_WITHIN
    secret_in_path = False
    letter_type = BATCH
    proofs: Collection[str] = frozenset({"webhook-id", "webhook-timestamp", "webhook-signature"})

    def __init__(
        self,
        *,
        secrets: Sequence[str] = (),
        tokens: Sequence[str] = (),
        settings: str = "BATON_CLOUDEVENTS_SECRETS or BATON_CLOUDEVENTS_TOKENS",
    ) -> None:
        """Each may be two at a time, while one replaces the other.

        `secrets` are Standard Webhooks': those we share with the sender (`whsec_`), or its public keys (`whpk_`).
        """
        if not all(token and token.isascii() and token == token.strip() for token in tokens):
            raise UsageError("a bearer token is empty, or has blanks around it or other than ASCII characters in it")
        public = [each for each in secrets if each.startswith(signatures.PUBLIC_KEY_PREFIX)]
        shared = [each for each in secrets if each not in public]
        self._signing = next(iter(shared), None)
        self._secrets = tuple(signatures.standard_secret(each) for each in shared)
        self._public_keys = tuple(signatures.standard_public_key(each) for each in public)
        self._tokens = tuple(tokens)
        self.settings = settings

    @property
    def formats(self) -> Sequence[str]:
        """The content types of its three modes."""
        return (STRUCTURED, BATCH, BINARY)

    @property
    def configured(self) -> bool:
        """Whether it has any secret or token."""
        return bool(self._signs or self._tokens)

    @property
    def _signs(self) -> bool:
        return bool(self._secrets or self._public_keys)

    def verify(self, request: Incoming, now: Instant, window: int) -> None:
        """Raise Refused 401 unless the request is signed, or bears a token."""
        headers = request.headers
        # A signature says more than a token; a request with both stands or falls by its signature.
        if self._signs and (not self._tokens or "webhook-signature" in headers):
            signatures.verify_standard_webhook(
                headers=headers,
                body=request.body,
                secrets=self._secrets,
                public_keys=self._public_keys,
                now=now,
                window=window,
            )
        else:
            what = "the header Authorization with a Bearer token"
            signatures.verify_shared(self.shown(request), self._tokens, what)

    def shown(self, request: Incoming) -> str | None:
        """The digest of the bearer token, which may also stand in the address (HTTP webhooks binding, section 3.2)."""
        return shown_digest(request, request.bearer or request.query("access_token"))

    def signed(self, body: bytes, *, at: Instant, base_url: str) -> Outgoing:  # noqa: ARG002 - the address is not signed
        """The request for one event or a batch: signed with the first secret, or else bearing the first token.

        Raises UsageError where there is neither.
        """
        headers = {"content-type": BATCH if body.lstrip().startswith(b"[") else STRUCTURED}
        if self._signing is not None:
            # The same message keeps its id when it is sent again.
            message_id = f"msg_{hashlib.sha256(body).hexdigest()[:24]}"
            headers |= signatures.sign_standard_webhook(message_id=message_id, body=body, secret=self._signing, at=at)
        elif self._tokens:
            headers["authorization"] = f"Bearer {self._tokens[0]}"
        else:
            raise UsageError(
                f"{self.settings}: no whsec_ secret and no token given; without one nothing can be sent as CloudEvents"
            )
        return Outgoing("/hooks/cloudevents", headers, body)

    def kept(self, request: Incoming) -> bytes:
        """The body as it is."""
        return request.body

    def items(self, request: Incoming) -> Sequence[object]:
        """The events, in whichever of the three content modes they came."""
        kind = request.media_type
        if kind == BATCH:
            return listed(parsed(request.body), fewest=0)
        if kind == STRUCTURED:
            return [parsed(request.body)]
        if "ce-specversion" in request.headers and kind in (BINARY, ""):
            data = parsed(request.body) if request.body else None
            return [item_of_headers(request.headers, data)]
        raise Refused(415, f"send {STRUCTURED}, {BATCH}, or ce- headers with {BINARY}")

    def read(self, item: object) -> Taken:
        """The canonical event of an item."""
        return Taken(events_of(item))

    def whole(self, request: Incoming) -> tuple[str, bytes]:
        """The request as it is; in binary mode, its headers too."""
        if request.media_type in (BATCH, STRUCTURED):
            return request.headers["content-type"], request.body
        named = {name: value for name, value in request.headers.items() if name.startswith("ce-")}
        return self.alone({**named, "data_base64": base64.b64encode(request.body).decode()})

    def alone(self, item: object) -> tuple[str, bytes]:
        """A request in structured mode."""
        return STRUCTURED, written(item)

    def identity(self, item: object) -> object:
        """The item itself."""
        return item

    def accepted(self, counts: Counts) -> Answer:
        """202 with the counts."""
        return accepted_as_json(counts)

    def unusable(self) -> Answer | None:
        """422 and why."""
        return None


def item_of_headers(headers: Mapping[str, str], data: object) -> dict[str, Any]:
    """The item of a request in binary mode: attributes in `ce-` headers, data in the body (None: no body).

    Raises BadEvent.
    """
    item: dict[str, Any] = {}
    for name, value in headers.items():
        if name.startswith(_PREFIX):
            # What is not plain ASCII comes percent-encoded; older senders quote (HTTP binding, section 3.1.3.2).
            text = unquote(_unquoted(value), errors="replace")
            if "\0" in text:
                raise BadEvent("invalid", f"{name}: has the character U+0000")
            item[name.removeprefix(_PREFIX)] = text
    item["datacontenttype"] = BINARY
    if data is not None:
        item["data"] = data
    return item


def _unquoted(value: str) -> str:
    """A header's value without the double quotes around it, and without the backslashes that they needed."""
    quoted = _QUOTED.fullmatch(value)
    return _ESCAPED.sub(r"\1", quoted[1]) if quoted else value


def is_event(body: bytes) -> bool:
    """Whether a body is one CloudEvent in structured mode."""
    try:
        document = parsed(body)
    except BadEvent:
        return False
    return isinstance(document, dict) and "specversion" in document


def events_of(item: object) -> Sequence[Event]:
    """The event of an item, or `MEANS_NOTHING` where its type is none of ours. Raises BadEvent."""
    if not isinstance(item, Mapping):
        raise BadEvent("invalid", "a CloudEvent is an object")
    kind = item.get("type")
    if not isinstance(kind, str) or not kind:
        raise BadEvent("invalid", "type: a CloudEvent names its type")
    if kind not in TYPES_BY_WIRE_NAME:
        return MEANS_NOTHING
    if "data_base64" in item:
        raise BadEvent("invalid", "data_base64: the data of a canonical event is JSON, in `data`")
    if not isinstance(item.get("time"), str):
        raise BadEvent("invalid", "time: when it happened must be told, as an RFC 3339 text")
    content = item.get("datacontenttype")
    if isinstance(content, str):
        # Parameters such as a character set change nothing: JSON over HTTP is UTF-8.
        item = {**item, "datacontenttype": content.partition(";")[0].strip().lower()}
    return (from_wire(item),)

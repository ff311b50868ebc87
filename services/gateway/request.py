"""A request as the gateway sees it, free of any framework; and the form in which a refused one is kept."""

import base64
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode

from services.domain.instants import Instant
from services.ports import HeldRequest

SCHEME = ":scheme"
"""http or https, among the headers. No real header's name begins with a colon, so none can pose as it."""
SHOWN = ":shown-sha256"
"""In kept requests: what stands in for a secret that the sender showed, so that no secret is stored."""

_KEPT = frozenset({SCHEME, SHOWN, "content-type", "host"})
_KEPT_PARAMETERS = frozenset({"changed"})
"""Of an address that shows a secret: those that say something of the payload. Nobody reads a secret from them."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request whose body is read."""

    method: str
    target: str
    """Path and query, as the sender called it."""
    headers: Mapping[str, str]
    """Names in lower case; `SCHEME` is among them."""
    body: bytes
    received_at: Instant

    @property
    def url(self) -> str:
        """The address as this server saw it; behind a proxy it is not what the sender called."""
        return f"{self.headers.get(SCHEME, 'https')}://{self.headers.get('host', '')}{self.target}"

    @property
    def media_type(self) -> str:
        """The content type in lower case, its parameters cut off."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def query(self, name: str) -> str | None:
        """The first value of a parameter of the address; None where it has none."""
        return next((value for key, value in parse_qsl(self.target.partition("?")[2]) if key == name), None)

    @property
    def last_part(self) -> str | None:
        """What follows `/hooks/{crm}/` in the path; None where nothing does."""
        parts = self.target.partition("?")[0].split("/", 3)
        return unquote(parts[3]) if len(parts) > 3 and parts[3] else None

    @property
    def bearer(self) -> str | None:
        """The bearer token."""
        return self._authorization("bearer")

    @property
    def basic(self) -> str | None:
        """The `user:password` of basic authentication."""
        text = self._authorization("basic")
        try:
            return base64.b64decode(text, validate=True).decode() if text else None
        except (ValueError, UnicodeDecodeError):
            return None

    def _authorization(self, wanted: str) -> str | None:
        scheme, _, text = self.headers.get("authorization", "").partition(" ")
        return text.strip() or None if scheme.lower() == wanted else None


def digest_of(secret: str) -> str:
    """What is kept of a secret, and compared in its place: not even its length shows in the time that takes."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def shown_digest(request: Incoming, secret: str | None) -> str | None:
    """The digest of the secret that the request shows, or was kept with; None where there is none."""
    return request.headers.get(SHOWN) or (digest_of(secret) if secret else None)


def to_hold(crm: str, request: Incoming, why: str, *, proofs: Collection[str], shown: str | None) -> HeldRequest:
    """What is kept of a refused request: enough to verify it again.

    `proofs` are the headers that prove or explain it; `shown` is the digest of a secret that it shows as it is.
    """
    headers = {
        name: value
        for name, value in request.headers.items()
        if name in _KEPT or name in proofs or name.startswith("ce-")
    }
    target = request.target
    if shown is not None:
        headers[SHOWN] = shown
        # The address may be where the secret stands.
        query = [pair for pair in parse_qsl(target.partition("?")[2]) if pair[0] in _KEPT_PARAMETERS]
        target = f"/hooks/{crm}" + (f"?{urlencode(query)}" if query else "")
    # The headers are part of the identity: nobody without the secret can push out a request by repeating its body.
    identity = hashlib.sha256(repr((crm, target, sorted(headers.items()))).encode())
    identity.update(request.body)
    return HeldRequest(
        id=identity.hexdigest(),
        crm=crm,
        method=request.method,
        target=target,
        headers=headers,
        body=request.body,
        received_at=request.received_at,
        why=why,
    )


def from_held(held: HeldRequest) -> Incoming:
    """The request that is kept."""
    return Incoming(held.method, held.target, held.headers, held.body, held.received_at)

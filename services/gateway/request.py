"""A request as the gateway sees it, free of any framework; and the form in which a refused one is kept."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from services.domain.instants import Instant
from services.ports import HeldRequest

SCHEME = ":scheme"
"""http or https, among the headers. No real header's name begins with a colon, so none can pose as it."""
BEARER = ":bearer-sha256"
"""In kept requests: what stands in for `authorization`, so that no token is stored."""

_KEPT = frozenset(
    {
        SCHEME,
        BEARER,
        "content-type",
        "host",
        "x-hubspot-signature-v3",
        "x-hubspot-request-timestamp",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    }
)


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


def bearer_digest(headers: Mapping[str, str]) -> str | None:
    """SHA-256 of the bearer token, in hex; None where there is none."""
    kept = headers.get(BEARER)
    if kept is not None:
        return kept
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    return hashlib.sha256(token.strip().encode("latin-1", "replace")).hexdigest()


def to_hold(crm: str, request: Incoming, why: str) -> HeldRequest:
    """What is kept of a refused request: enough to verify it again."""
    headers = {name: value for name, value in request.headers.items() if name in _KEPT or name.startswith("ce-")}
    digest = bearer_digest(request.headers)
    if digest is not None:
        headers[BEARER] = digest
    # The headers are part of the identity: nobody without the secret can push out a request by repeating its body.
    identity = hashlib.sha256(repr((crm, request.target, sorted(headers.items()))).encode())
    identity.update(request.body)
    return HeldRequest(
        id=identity.hexdigest(),
        crm=crm,
        method=request.method,
        target=request.target,
        headers=headers,
        body=request.body,
        received_at=request.received_at,
        why=why,
    )


def from_held(held: HeldRequest) -> Incoming:
    """The request that is kept."""
    return Incoming(held.method, held.target, held.headers, held.body, held.received_at)

"""Proves who sent a request: HubSpot v3 and v2, Standard Webhooks, bearer tokens. Knows no CRM's payload.

Whatever is malformed is a refusal with 401, never another exception; texts say what is missing, never which
secret. All secrets are tried without an early exit, and compared in constant time, on bytes.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.domain.instants import SECOND, Instant
from services.errors import Refused, UsageError
from services.gateway.request import digest_of

WINDOW = 300 * SECOND
"""How far a request's timestamp may lie from our clock, both ways: HubSpot's and Standard Webhooks' five minutes."""

HUBSPOT_SIGNATURE = "x-hubspot-signature-v3"
HUBSPOT_TIMESTAMP = "x-hubspot-request-timestamp"
HUBSPOT_OLD_SIGNATURE = "x-hubspot-signature"
HUBSPOT_OLD_VERSION = "x-hubspot-signature-version"

# Standard Webhooks 1.0.0, "Signature scheme".
SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of every such secret
PUBLIC_KEY_PREFIX = "whpk_"
_SECRET_BYTES = range(24, 65)
_PUBLIC_KEY_BYTES = range(32, 33)
_MOST_SIGNATURES = 16
"""Of one message: two keys of either kind, while each is replaced, make four. Each costs a calculation."""
# ASCII alone, and short: other digits, signs, fractions and huge values are no timestamps.
_DIGITS = re.compile(r"[0-9]{1,16}")
# The escapes that HubSpot decodes before it signs (its guide to request validation, "v3").
_HUBSPOT_ESCAPES = re.compile(r"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)


def verify_hubspot(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[str],
    now: Instant,
    window: int = WINDOW,
) -> None:
    """Raise Refused unless one of the app's client secrets signed the request. `url` is what HubSpot called."""
    given = required(headers, HUBSPOT_SIGNATURE)
    timestamp = required(headers, HUBSPOT_TIMESTAMP)
    check_window(timestamp, 1_000, now, window)
    expected = (
        _hubspot_signature(secret, method, form, body, timestamp) for secret in secrets for form in _signed_forms(url)
    )
    check_one_matches(expected, [given])


def sign_hubspot(*, method: str, url: str, body: bytes, secret: str, at: Instant) -> dict[str, str]:
    """The headers with which HubSpot would sign the request."""
    timestamp = str(at // 1_000)
    signature = _hubspot_signature(secret, method, _hubspot_decoded(url), body, timestamp)
    return {HUBSPOT_SIGNATURE: signature, HUBSPOT_TIMESTAMP: timestamp}


def verify_hubspot_v2(
    *, method: str, url: str, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]
) -> None:
    """Raise Refused unless one of the app's client secrets signed the request by version v2.

    There is no time in it: whoever has recorded such a request can send it again, to the same address.
    """
    given = required(headers, HUBSPOT_OLD_SIGNATURE)
    if headers.get(HUBSPOT_OLD_VERSION) != "v2":
        raise Refused(401, f"the header {HUBSPOT_OLD_VERSION} does not say v2")
    expected = (_hubspot_v2_signature(secret, method, form, body) for secret in secrets for form in _signed_forms(url))
    check_one_matches(expected, [given.lower()])


def sign_hubspot_v2(*, method: str, url: str, body: bytes, secret: str) -> dict[str, str]:
    """The headers with which HubSpot's workflows would sign the request."""
    signature = _hubspot_v2_signature(secret, method, url, body)
    return {HUBSPOT_OLD_SIGNATURE: signature, HUBSPOT_OLD_VERSION: "v2"}


def verify_standard_webhook(
    *,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[bytes],
    public_keys: Sequence[Ed25519PublicKey] = (),
    now: Instant,
    window: int = WINDOW,
) -> None:
    """Raise Refused unless the request is signed by Standard Webhooks: v1 with a secret, v1a with a key's other half.

    Of several signatures one is enough: a sender that replaces its key signs with both.
    """
    message_id = required(headers, "webhook-id")
    timestamp = required(headers, "webhook-timestamp")
    given = required(headers, "webhook-signature").split(" ")
    check_window(timestamp, SECOND, now, window)
    if len(given) > _MOST_SIGNATURES:
        raise Refused(401, f"webhook-signature has more than {_MOST_SIGNATURES} signatures")
    symmetric = [text.removeprefix("v1,") for text in given if text.startswith("v1,")] if secrets else []
    asymmetric = [text.removeprefix("v1a,") for text in given if text.startswith("v1a,")] if public_keys else []
    if not (symmetric or asymmetric):
        ours = " or ".join([*(["v1"] if secrets else []), *(["v1a"] if public_keys else [])])
        raise Refused(401, f"webhook-signature has no signature of version {ours}")
    signed = _standard_signed(message_id, timestamp, body)
    if not any(_is_signed_with(key, signature, signed) for key in public_keys for signature in asymmetric):
        check_one_matches((_base64_hmac(secret, signed) for secret in secrets), symmetric)


def sign_standard_webhook(*, message_id: str, body: bytes, secret: str, at: Instant) -> dict[str, str]:
    """The headers of Standard Webhooks for the body. `secret` begins with `whsec_`."""
    timestamp = str(at // SECOND)
    signature = _base64_hmac(standard_secret(secret), _standard_signed(message_id, timestamp, body))
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{signature}"}


def standard_secret(text: str) -> bytes:
    """The key that a `whsec_` secret stands for. Raises UsageError where it is none."""
    key = _decoded(text, SECRET_PREFIX, _SECRET_BYTES)
    if key is None:
        raise UsageError("a Standard Webhooks secret is whsec_ and the base64 of 24 to 64 random bytes")
    return key


def standard_public_key(text: str) -> Ed25519PublicKey:
    """The key that a `whpk_` text stands for. Raises UsageError where it is none."""
    key = _decoded(text, PUBLIC_KEY_PREFIX, _PUBLIC_KEY_BYTES)
    if key is None:
        raise UsageError("a Standard Webhooks public key is whpk_ and the base64 of the 32 bytes of an ed25519 key")
    return Ed25519PublicKey.from_public_bytes(key)


def verify_shared(shown: str | None, secrets: Sequence[str], what: str) -> None:
    """Raise Refused unless a secret that the sender shows is one of ours. `what` names it, for the sender.

    `shown` is its digest (`request.shown_digest`).
    """
    if not shown:
        raise Refused(401, f"{what} is missing")
    check_one_matches((digest_of(secret) for secret in secrets), [shown], f"{what} is not one of ours")


def required(headers: Mapping[str, str], name: str) -> str:
    """A header that must be there. Raises Refused."""
    value = headers.get(name, "")
    if not value:
        raise Refused(401, f"the header {name} is missing")
    return value


def check_window(timestamp: str, unit: int, now: Instant, window: int) -> None:
    """Raise Refused where the timestamp lies further than `window` microseconds from `now`.

    `unit` is how many microseconds the timestamp counts in.
    """
    if not _DIGITS.fullmatch(timestamp):
        raise Refused(401, "the timestamp of the signature is no whole number")
    if abs(now - int(timestamp) * unit) > window:
        raise Refused(401, "the timestamp of the signature lies too far from our clock")


def check_one_matches(
    expected: Iterable[str], given: Sequence[str], text: str = "the signature does not match"
) -> None:
    """Raise Refused with the text unless one of `given` is one of `expected`, in time that says nothing of them."""
    shown = [signature.encode("latin-1", "replace") for signature in given]
    matched = False
    for signature in expected:
        ours = signature.encode()
        for theirs in shown:
            matched |= hmac.compare_digest(ours, theirs)
    if not matched:
        raise Refused(401, text)


def _signed_forms(url: str) -> Sequence[str]:
    """The ways in which a URL with escapes may have been signed; its documents and its helpers differ there."""
    if "%" not in url:
        return (url,)
    path, mark, query = url.partition("?")
    decoded_path = unquote_to_bytes(path).decode("utf-8", "replace") + mark + query
    return tuple(dict.fromkeys((_hubspot_decoded(url), decoded_path, url)))


def _hubspot_decoded(url: str) -> str:
    return _HUBSPOT_ESCAPES.sub(lambda escape: unquote_to_bytes(escape.group()).decode(), url)


def _hubspot_signature(secret: str, method: str, url: str, body: bytes, timestamp: str) -> str:
    signed = b"".join((method.encode(), url.encode("utf-8", "replace"), body, timestamp.encode()))
    return _base64_hmac(secret.encode(), signed)


def _hubspot_v2_signature(secret: str, method: str, url: str, body: bytes) -> str:
    signed = b"".join((secret.encode(), method.encode(), url.encode("utf-8", "replace"), body))
    return hashlib.sha256(signed).hexdigest()


def _standard_signed(message_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode("latin-1", "replace") + body


def _decoded(text: str, prefix: str, lengths: range) -> bytes | None:
    try:
        key = base64.b64decode(text.removeprefix(prefix), validate=True)
    except (ValueError, binascii.Error):
        return None
    return key if text.startswith(prefix) and len(key) in lengths else None


def _is_signed_with(key: Ed25519PublicKey, signature: str, signed: bytes) -> bool:
    """Whether the other half of the key made the signature. Nothing here is secret."""
    try:
        key.verify(base64.b64decode(signature, validate=True), signed)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _base64_hmac(secret: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()

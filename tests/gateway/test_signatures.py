"""Who sent a request: a matrix of tamperings, secrets and clocks, and agreement with other programs."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.domain.instants import SECOND, Instant
from services.errors import Refused, UsageError
from services.gateway import signatures
from services.gateway.crm.cloudevents import CloudEventsSender
from services.gateway.crms import CRMS
from services.gateway.request import Incoming
from tests.gateway.conftest import HUBSPOT_SECRETS, MAPPINGS, NOW, PUBLIC_URL, STANDARD_SECRETS, Gateway, notification

BODY = b'[{"objectId": 1, "note": "\xc5\x82"}]'
URL = f"{PUBLIC_URL}/hooks/hubspot"
MILLISECOND = SECOND // 1_000

Request = dict[str, Any]
Tampering = Callable[[Request], None]


def hubspot_request(secret: str = HUBSPOT_SECRETS[0], at: Instant = NOW, url: str = URL) -> Request:
    headers = signatures.sign_hubspot(method="POST", url=url, body=BODY, secret=secret, at=at)
    return {"method": "POST", "url": url, "headers": headers, "body": BODY}


def standard_request(secret: str = STANDARD_SECRETS[0], at: Instant = NOW) -> Request:
    headers = signatures.sign_standard_webhook(message_id="msg_1", body=BODY, secret=secret, at=at)
    return {"headers": headers, "body": BODY}


def verify_hubspot(request: Request, now: Instant = NOW, secrets: tuple[str, ...] = HUBSPOT_SECRETS) -> None:
    signatures.verify_hubspot(**request, secrets=secrets, now=now)


def verify_standard(request: Request, now: Instant = NOW, secrets: tuple[str, ...] = STANDARD_SECRETS) -> None:
    keys = [signatures.standard_secret(secret) for secret in secrets]
    signatures.verify_standard_webhook(**request, secrets=keys, now=now)


def header(name: str, value: str | None) -> Tampering:
    def tamper(request: Request) -> None:
        request["headers"].pop(name, None)
        if value is not None:
            request["headers"][name] = value

    tamper.__name__ = f"{name}={value!r:.30}"
    return tamper


def changed(name: str, value: object) -> Tampering:
    def tamper(request: Request) -> None:
        request[name] = value

    tamper.__name__ = f"{name}={value!r:.30}"
    return tamper


def flipped(name: str, prefix: str = "") -> Tampering:
    """Change one bit of a signature."""

    def tamper(request: Request) -> None:
        raw = bytearray(base64.b64decode(request["headers"][name].removeprefix(prefix)))
        raw[-1] ^= 1
        request["headers"][name] = prefix + base64.b64encode(raw).decode()

    tamper.__name__ = f"{name} flipped"
    return tamper


def cut(name: str, length: int) -> Tampering:
    """Keep the beginning of a signature alone."""

    def tamper(request: Request) -> None:
        request["headers"][name] = request["headers"][name][:length]

    tamper.__name__ = f"{name} cut to {length}"
    return tamper


def hex_instead(name: str) -> Tampering:
    def tamper(request: Request) -> None:
        request["headers"][name] = base64.b64decode(request["headers"][name].removeprefix("v1,")).hex()

    tamper.__name__ = f"{name} in hex"
    return tamper


STAMPS = [
    None, "", " ", "nan", "inf", "-inf", "1e400", "1e9", "-1", "+1764000000000", "1764000000.5", "0x10",
    "１７６４", "١٧٦٤", "9" * 16, "9" * 17, "9" * 5000, "1764000000000 ", "1_764_000_000_000", "\xff", "0",
]  # fmt: skip
SIGNATURES = [None, "", " ", ",", "v1", "v1,", "v1,,", "====", "é" * 44, "\udcff", "A" * 44, "A" * 100_000, "null"]

HUBSPOT_TAMPERINGS = [
    *(header(signatures.HUBSPOT_TIMESTAMP, stamp) for stamp in STAMPS),
    *(header(signatures.HUBSPOT_SIGNATURE, text) for text in SIGNATURES),
    flipped(signatures.HUBSPOT_SIGNATURE),
    cut(signatures.HUBSPOT_SIGNATURE, 43),
    cut(signatures.HUBSPOT_SIGNATURE, 1),
    hex_instead(signatures.HUBSPOT_SIGNATURE),
    changed("body", BODY + b" "),
    changed("body", BODY[:-1]),
    changed("body", b""),
    changed("body", b"\xff\xfe"),
    changed("method", "PUT"),
    changed("url", URL + "?a=1"),
    changed("url", URL.replace("https", "http")),
    changed("url", "https://evil.example.com/hooks/hubspot"),
]

STANDARD_TAMPERINGS = [
    *(header("webhook-timestamp", stamp) for stamp in STAMPS),
    *(header("webhook-signature", text) for text in SIGNATURES),
    header("webhook-id", None),
    header("webhook-id", "msg_2"),
    header("webhook-id", "é"),
    flipped("webhook-signature", "v1,"),
    cut("webhook-signature", 3),
    cut("webhook-signature", 46),
    hex_instead("webhook-signature"),
    header("webhook-signature", "v1a,AAAA"),
    header("webhook-signature", "v2,AAAA"),
    header("webhook-signature", "  v1,AAAA v1, v1"),
    changed("body", BODY + b" "),
    changed("body", b""),
    changed("body", b"\xff\xfe"),
]


def named(tampering: Tampering) -> str:
    return tampering.__name__.encode("ascii", "replace").decode()


@pytest.mark.parametrize("secret", HUBSPOT_SECRETS)
@pytest.mark.parametrize("tampering", HUBSPOT_TAMPERINGS, ids=named)
def test_hubspot_refuses_what_was_tampered_with(secret: str, tampering: Tampering) -> None:
    """Untouched it passes; touched it is refused with 401, and nothing else is ever raised."""
    request = hubspot_request(secret)
    verify_hubspot(request)
    tampering(request)
    with pytest.raises(Refused) as caught:
        verify_hubspot(request)
    assert caught.value.status == 401


@pytest.mark.parametrize("secret", STANDARD_SECRETS)
@pytest.mark.parametrize("tampering", STANDARD_TAMPERINGS, ids=named)
def test_standard_webhooks_refuse_what_was_tampered_with(secret: str, tampering: Tampering) -> None:
    """Untouched it passes; touched it is refused with 401, and nothing else is ever raised."""
    request = standard_request(secret)
    verify_standard(request)
    tampering(request)
    with pytest.raises(Refused) as caught:
        verify_standard(request)
    assert caught.value.status == 401


@pytest.mark.parametrize("sign", [1, -1], ids=["past", "future"])
@pytest.mark.parametrize(("milliseconds", "fresh"), [(299_999, True), (300_000, True), (300_001, False)])
@pytest.mark.parametrize("number", [0, 1])
def test_the_window_is_five_minutes_both_ways(sign: int, milliseconds: int, fresh: bool, number: int) -> None:
    """A timestamp of exactly 300 s ago or ahead is the last that passes, whichever secret signed."""
    now = NOW + sign * milliseconds * MILLISECOND
    checks: list[tuple[Callable[..., None], Request]] = [
        (verify_hubspot, hubspot_request(HUBSPOT_SECRETS[number])),
        (verify_standard, standard_request(STANDARD_SECRETS[number])),
    ]
    for verify, request in checks:
        if fresh:
            verify(request, now)
        else:
            with pytest.raises(Refused, match="too far"):
                verify(request, now)


def test_a_secret_that_was_taken_away_signs_no_more() -> None:
    """With the other secret alone, the same request is refused."""
    with pytest.raises(Refused):
        verify_hubspot(hubspot_request(HUBSPOT_SECRETS[0]), secrets=HUBSPOT_SECRETS[1:])
    with pytest.raises(Refused):
        verify_standard(standard_request(STANDARD_SECRETS[0]), secrets=STANDARD_SECRETS[1:])


def test_hubspot_signs_as_its_documentation_says() -> None:
    """base64 of HMAC-SHA256 of method, URI, body and timestamp."""
    headers = hubspot_request()["headers"]
    stamp = str(NOW // 1_000)
    signed = b"POST" + URL.encode() + BODY + stamp.encode()
    mac = hmac.new(HUBSPOT_SECRETS[0].encode(), signed, hashlib.sha256).digest()
    assert headers == {
        "x-hubspot-signature-v3": base64.b64encode(mac).decode(),
        "x-hubspot-request-timestamp": stamp,
    }


@pytest.mark.parametrize(
    ("called", "signed"),
    [
        ("/hooks/hubspot?to=a%3Ab%2Cc", "/hooks/hubspot?to=a:b,c"),
        ("/hooks/hubspot?to=a%3Ab", "/hooks/hubspot?to=a%3Ab"),
        ("/hooks/hub%20spot", "/hooks/hub spot"),
        ("/hooks/hub%20spot?a=%20", "/hooks/hub spot?a=%20"),
        ("/hooks/%40%21%24%27%28%29%2a%3b%3F", "/hooks/@!$'()*;?"),
    ],
)
def test_an_address_with_escapes_may_be_signed_decoded(called: str, signed: str) -> None:
    """HubSpot's documents decode twelve escapes, or the path; its helpers decode nothing. All are one address."""
    request = hubspot_request(url=PUBLIC_URL + called)
    stamp = request["headers"][signatures.HUBSPOT_TIMESTAMP]
    text = b"POST" + (PUBLIC_URL + signed).encode() + BODY + stamp.encode()
    mac = hmac.new(HUBSPOT_SECRETS[0].encode(), text, hashlib.sha256).digest()
    request["headers"][signatures.HUBSPOT_SIGNATURE] = base64.b64encode(mac).decode()
    verify_hubspot(request)


def test_several_signatures_may_stand_side_by_side() -> None:
    """A sender that rotates its secret signs with both; versions other than v1 are passed over."""
    request = standard_request()
    ours = request["headers"]["webhook-signature"]
    request["headers"]["webhook-signature"] = f"v1a,AAAA v1,AAAA {ours}"
    verify_standard(request)


def test_the_signature_is_that_of_the_specification_s_example() -> None:
    """The example that the libraries of Standard Webhooks share."""
    secret, body, at = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}', 1_614_265_330 * SECOND
    headers = signatures.sign_standard_webhook(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", body=body, secret=secret, at=at
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    verify_standard({"headers": headers, "body": body}, at, (secret,))


# The keys of the first two examples of RFC 8032, section 7.1.
KEYS = [
    Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    for seed in (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    )
]
PUBLIC = [f"whpk_{base64.b64encode(key.public_key().public_bytes_raw()).decode()}" for key in KEYS]


def asymmetric_request(*keys: Ed25519PrivateKey, body: bytes = BODY, at: Instant = NOW) -> Request:
    """Signed by version v1a with each of the keys."""
    stamp = str(at // SECOND)
    signed = f"msg_1.{stamp}.".encode() + body
    given = " ".join(f"v1a,{base64.b64encode(key.sign(signed)).decode()}" for key in keys)
    return {
        "headers": {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": given},
        "body": body,
    }


def verify_keys(request: Request, *texts: str, now: Instant = NOW) -> None:
    CloudEventsSender(secrets=texts).verify(
        Incoming("POST", "/hooks/cloudevents", request["headers"], request["body"], now), now, signatures.WINDOW
    )


def test_a_public_key_is_written_as_the_specification_says() -> None:
    """The public half of the RFC's first key."""
    raw = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert PUBLIC[0] == f"whpk_{base64.b64encode(raw).decode()}"
    assert signatures.standard_public_key(PUBLIC[0]).public_bytes_raw() == raw


@pytest.mark.parametrize("number", [0, 1])
def test_a_key_is_replaced_without_a_gap(number: int) -> None:
    """Either key of two verifies, also beside a shared secret, and a sender that signs with both passes for either."""
    request = asymmetric_request(KEYS[number])
    verify_keys(request, *PUBLIC)
    verify_keys(request, PUBLIC[number], STANDARD_SECRETS[0])
    verify_keys(asymmetric_request(*KEYS), PUBLIC[number])
    with pytest.raises(Refused, match="does not match"):
        verify_keys(request, PUBLIC[1 - number])


def test_a_shared_secret_goes_on_beside_a_public_key() -> None:
    """While a sender moves from v1 to v1a it signs with both, and either will do."""
    both = asymmetric_request(KEYS[0])
    both["headers"]["webhook-signature"] += f" {standard_request()['headers']['webhook-signature']}"
    verify_keys(both, STANDARD_SECRETS[0])
    verify_keys(both, PUBLIC[0])
    verify_keys(standard_request(), PUBLIC[0], STANDARD_SECRETS[0])


ASYMMETRIC_TAMPERINGS = [
    *(header("webhook-timestamp", stamp) for stamp in STAMPS),
    *(header("webhook-signature", text) for text in SIGNATURES),
    header("webhook-id", None),
    header("webhook-id", "msg_2"),
    flipped("webhook-signature", "v1a,"),
    cut("webhook-signature", 4),
    cut("webhook-signature", 80),
    header("webhook-signature", "v1a,"),
    header("webhook-signature", "v1a,żółw"),
    header("webhook-signature", standard_request()["headers"]["webhook-signature"]),
    header("webhook-signature", f"v1a,{base64.b64encode(bytes(64)).decode()}"),
    changed("body", BODY + b" "),
    changed("body", b""),
]


@pytest.mark.parametrize("tampering", ASYMMETRIC_TAMPERINGS, ids=named)
def test_a_public_key_refuses_what_was_tampered_with(tampering: Tampering) -> None:
    """Untouched it passes; touched it is refused with 401, and nothing else is ever raised."""
    request = asymmetric_request(KEYS[0])
    verify_keys(request, PUBLIC[0])
    tampering(request)
    with pytest.raises(Refused) as caught:
        verify_keys(request, PUBLIC[0])
    assert caught.value.status == 401


def test_a_public_key_is_no_shared_secret() -> None:
    """Whoever knows what everybody may know signs nothing with it."""
    raw = base64.b64decode(PUBLIC[0].removeprefix("whpk_"))
    forged = signatures.sign_standard_webhook(
        message_id="msg_1", body=BODY, secret=f"whsec_{base64.b64encode(raw).decode()}", at=NOW
    )
    with pytest.raises(Refused):
        verify_keys({"headers": forged, "body": BODY}, PUBLIC[0])


def test_no_request_costs_more_than_a_few_signatures() -> None:
    """Each signature costs a calculation; a header is long enough for a thousand."""
    request = asymmetric_request(*KEYS * 9)
    with pytest.raises(Refused, match="more than 16"):
        verify_keys(request, *PUBLIC)


@pytest.mark.parametrize("key", ["whpk_", "whpk_AAAA", "whpk_not base64!", "whpk_" + "A" * 48, "whsk_" + "A" * 44])
def test_a_public_key_of_another_form_is_a_mistake_of_the_settings(key: str) -> None:
    """whpk_ and 32 bytes in base64; a private key is none, and is not shown."""
    with pytest.raises(UsageError) as caught:
        CloudEventsSender(secrets=[key])
    assert len(key) < 10 or key not in str(caught.value)


@pytest.mark.parametrize("secret", STANDARD_SECRETS)
def test_the_standardwebhooks_package_accepts_what_we_sign(secret: str) -> None:
    """Our signatures are those of Standard Webhooks."""
    now = int(datetime.now(tz=UTC).timestamp()) * SECOND
    headers = signatures.sign_standard_webhook(message_id="msg_1", body=BODY, secret=secret, at=now)
    Webhook(secret).verify(BODY, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers, json_parse=False)


@pytest.mark.parametrize("secret", STANDARD_SECRETS)
def test_we_accept_what_the_standardwebhooks_package_signs(secret: str) -> None:
    """And theirs are ours."""
    at = datetime.fromtimestamp(NOW // SECOND, tz=UTC)
    headers: Mapping[str, str] = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(NOW // SECOND),
        "webhook-signature": Webhook(secret).sign("msg_1", at, BODY.decode()),
    }
    verify_standard({"headers": headers, "body": BODY})


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_AAAA", "whsec_not base64!", "whsec_" + "A" * 92, STANDARD_SECRETS[0].removeprefix("whsec_")],
)
def test_a_secret_of_another_form_is_a_mistake_of_the_settings(secret: str) -> None:
    """whsec_ and 24 to 64 bytes in base64; the text does not show the secret."""
    with pytest.raises(UsageError) as caught:
        CloudEventsSender(secrets=[secret])
    assert len(secret) < 10 or secret not in str(caught.value)


def test_an_empty_secret_or_token_is_a_mistake_of_the_settings() -> None:
    """It would let everybody in."""
    for tokens in ([""], [" a"], ["ż"]):
        with pytest.raises(UsageError):
            CloudEventsSender(tokens=tokens)
    for crm in CRMS:
        with pytest.raises(UsageError):
            crm(mapping=MAPPINGS[crm.crm], secrets=[""])


async def test_behind_a_proxy_the_address_is_that_of_the_settings(gateway: Gateway) -> None:
    """What a request says of its own host proves nothing: not Host, not X-Forwarded-Host."""
    body = b"[" + b"1" + b"]"
    evil = "https://evil.example.com"
    headers = signatures.sign_hubspot(
        method="POST", url=f"{evil}/hooks/hubspot", body=body, secret=HUBSPOT_SECRETS[0], at=NOW
    )
    async with gateway.client() as client:
        spoofed = {"host": "evil.example.com", "x-forwarded-host": "evil.example.com", "x-forwarded-proto": "https"}
        response = await client.post("/hooks/hubspot", content=body, headers={**headers, **spoofed})
        assert response.status_code == 401
    assert (await gateway.hubspot([notification()])).status_code == 202


async def test_without_a_public_address_the_request_s_own_is_taken() -> None:
    """Good enough where no proxy stands in front, as in the demo."""
    gateway = Gateway(public_url=None)
    assert (await gateway.hubspot([notification()], url="http://10.0.0.7:8700/hooks/hubspot")).status_code == 202

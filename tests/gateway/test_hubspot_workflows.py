"""What HubSpot's workflows send: told apart from notifications, proved in ways of their own, read with their times."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from services.errors import BadEvent, Refused, UsageError
from services.gateway import signatures
from services.gateway.crm.hubspot import HubSpot
from services.gateway.mapping import read_mapping
from services.gateway.request import SHOWN, Incoming, from_held, to_hold
from services.translate import to_wire
from tests.gateway.conftest import HUBSPOT_SECRETS, NOW, PUBLIC_URL, Gateway, notification

MAPPING = read_mapping("hubspot")
SAMPLE = (Path(__file__).parent / "samples" / "hubspot" / "workflow-contact.json").read_bytes()
TARGET = "/hooks/hubspot"
OLD = ("an-older-secret", "the-one-before")
KEYS = ("key-that-goes", "key-that-comes")
WINDOW = signatures.WINDOW
NO_HEADERS: Mapping[str, str] = {}


def sender(**given: Any) -> HubSpot:
    return HubSpot(mapping=MAPPING, public_url=PUBLIC_URL, **given)


def incoming(headers: Mapping[str, str] = NO_HEADERS, *, target: str = TARGET, body: bytes = SAMPLE) -> Incoming:
    return Incoming("POST", target, {"content-type": "application/json", **headers}, body, NOW)


def headers_v2(secret: str, target: str = TARGET, body: bytes = SAMPLE, method: str = "POST") -> dict[str, str]:
    return signatures.sign_hubspot_v2(method=method, url=PUBLIC_URL + target, body=body, secret=secret)


def test_the_signature_v2_is_that_of_the_documentation() -> None:
    """Its example, of a request with a body."""
    url, body = "https://www.example.com/webhook_uri", b'{"example_field":"example_value"}'
    secret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
    headers = signatures.sign_hubspot_v2(method="POST", url=url, body=body, secret=secret)
    assert headers["x-hubspot-signature"] == "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"
    signatures.verify_hubspot_v2(method="POST", url=url, headers=headers, body=body, secrets=[secret])


@pytest.mark.parametrize("secret", OLD)
def test_a_signature_v2_is_enough_where_it_is_asked_for(secret: str) -> None:
    """Either of two secrets while one is replaced, whatever the time; whoever did not ask refuses it."""
    request = incoming(headers_v2(secret))
    sender(v2_secrets=OLD).verify(request, NOW, WINDOW)
    for other in (sender(secrets=OLD), sender(secrets=HUBSPOT_SECRETS, v2_secrets=["another"]), sender(keys=KEYS)):
        with pytest.raises(Refused) as caught:
            other.verify(request, NOW, WINDOW)
        assert caught.value.status == 401


@pytest.mark.parametrize(
    "headers",
    [
        headers_v2(OLD[0], "/hooks/hubspot?a=1"),
        headers_v2(OLD[0], body=b"{}"),
        headers_v2(OLD[0], method="GET"),
        {"x-hubspot-signature": ""},
        {"x-hubspot-signature": "ż", "x-hubspot-signature-version": "v2"},
        {},
    ],
    ids=["another address", "another body", "another method", "empty", "no hex", "none"],
)
def test_a_wrong_signature_v2_is_refused(headers: Mapping[str, str]) -> None:
    """It says the method, the address and the body."""
    with pytest.raises(Refused) as caught:
        sender(v2_secrets=OLD).verify(incoming(headers), NOW, WINDOW)
    assert caught.value.status == 401


def test_a_signature_v1_is_taken_by_nobody() -> None:
    """It says nothing of the address; and whatever bears it bears v3 too."""
    headers = signatures.sign_hubspot_v2(method="", url="", body=SAMPLE, secret=OLD[0])
    request = incoming({**headers, "x-hubspot-signature-version": "v1"})
    with pytest.raises(Refused):
        sender(secrets=OLD, v2_secrets=OLD).verify(request, NOW, WINDOW)


def test_what_has_a_signature_v3_stands_or_falls_by_it() -> None:
    """Neither an older signature nor a key makes up for a wrong one."""
    target = f"{TARGET}?code={KEYS[0]}"
    older = incoming(headers_v2(OLD[0], target), target=target)
    wrong = {**older.headers, signatures.HUBSPOT_SIGNATURE: "AAAA", signatures.HUBSPOT_TIMESTAMP: str(NOW // 1_000)}
    lenient = sender(secrets=HUBSPOT_SECRETS, v2_secrets=OLD, keys=KEYS)
    lenient.verify(older, NOW, WINDOW)
    with pytest.raises(Refused):
        lenient.verify(Incoming("POST", older.target, wrong, older.body, NOW), NOW, WINDOW)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_shown_in_a_header_or_in_the_address(key: str) -> None:
    """Either of two while one is replaced; without one that is set, keys prove nothing."""
    for request in (incoming({"x-baton-key": key}), incoming(target=f"{TARGET}?code={key}")):
        sender(keys=KEYS).verify(request, NOW, WINDOW)
        for other in (sender(secrets=HUBSPOT_SECRETS), sender(keys=["another"]), sender(v2_secrets=OLD)):
            with pytest.raises(Refused):
                other.verify(request, NOW, WINDOW)


def test_a_key_is_never_kept() -> None:
    """A request that is refused is kept with the digest, and can be verified again once the key is known."""
    request = incoming(target=f"{TARGET}?code={KEYS[1]}")
    late = sender(keys=KEYS[:1])
    held = to_hold("hubspot", request, "unknown", proofs=late.proofs, shown=late.shown(request))
    assert KEYS[1] not in repr(held)
    assert SHOWN in held.headers
    sender(keys=KEYS).verify(from_held(held), NOW, WINDOW)


def test_an_empty_secret_or_key_is_a_mistake_of_the_settings() -> None:
    """It would let everybody in."""
    for given in ({"v2_secrets": [""]}, {"keys": [""]}):
        with pytest.raises(UsageError):
            sender(**given)


async def test_notifications_and_records_come_to_one_door(gateway: Gateway) -> None:
    """An object that has properties is a record; signed by v3 as workflows do today, it is taken without more."""
    response = await gateway.hubspot(SAMPLE)
    assert (response.status_code, response.json()["events"]) == (202, 5)
    response = await gateway.hubspot([notification()])
    assert response.json()["events"] == 1


async def test_a_record_without_times_waits_for_the_api(gateway: Gateway) -> None:
    """As a dead letter of one record, which can return."""
    record = {"objectType": "CONTACT", "objectId": 151, "properties": {"hs_lead_status": "OPEN"}}
    response = await gateway.hubspot(record)
    assert response.json() == {"events": 0, "ignored": 0, "dead_letters": 1}
    (letter,) = gateway.log.letters
    assert letter.reason == "incomplete"
    assert json.loads(letter.body) == record
    assert (await gateway.door().take_again("hubspot", letter.body)).dead_letters == 1


def test_a_record_tells_the_events_that_notifications_told() -> None:
    """Its properties have their own times, so that neither counts twice."""
    told = notification(objectId=151, propertyName="hubspot_owner_id", propertyValue="7", occurredAt=1462216400000)
    (by_webhook,) = HubSpot(mapping=MAPPING).read(told).events
    events = HubSpot(mapping=MAPPING).read(json.loads(SAMPLE)).events
    assert to_wire(by_webhook) in [to_wire(event) for event in events]


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ({"properties": {}}, "objectType"),
        ({"objectType": "CONTACT", "properties": {}}, "objectId"),
        ({"vid": "x", "properties": {}}, "vid"),
        ({"vid": 1, "properties": {"createdate": {"value": "soon"}}}, "createdate"),
        ({"vid": 1, "properties": {"hs_lead_status": {"versions": [5]}}}, "hs_lead_status.versions"),
        ({"vid": 1, "properties": {"hs_lead_status": {"value": "A", "timestamp": "soon"}}}, "hs_lead_status.timestamp"),
        ({"vid": 1, "properties": {"hs_lead_status": {"value": ["A"], "timestamp": 1462216307945}}}, "hs_lead_status"),
        ({"object": {"objectType": "CONTACT", "objectId": 1}}, "properties"),
        (
            {
                "dealId": 1,
                "associations": {"associatedVids": ["x"]},
                "properties": {"createdate": {"value": "1462216307945"}},
            },
            "associatedVids",
        ),
    ],
    ids=str,
)
def test_a_record_that_cannot_be_read_is_told_by_its_field(record: dict[str, Any], named: str) -> None:
    """The reason names the field that is wrong."""
    with pytest.raises(BadEvent, match=named):
        HubSpot(mapping=MAPPING).read(record)

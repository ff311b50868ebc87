"""CloudEvents over HTTP: three content modes, the handshake, and what is refused."""

import json
from typing import Any

import httpx2
import pytest

from services.gateway.routes import ALLOWED_RATE
from services.ports import DEALS, EVENTS
from services.translate import from_json, from_wire
from tests.gateway.conftest import TOKENS, Gateway, cloud_event

BATCH = "application/cloudevents-batch+json"


async def test_structured_mode(gateway: Gateway) -> None:
    """A canonical event passes as it is."""
    response = await gateway.cloudevents(cloud_event())
    assert (response.status_code, response.json()) == (202, {"events": 1, "ignored": 0, "dead_letters": 0})
    (record,) = gateway.log.records
    assert (record.topic, record.key, record.headers) == (EVENTS, "own:lead:1", {"crm": "cloudevents"})
    assert from_json(record.value) == from_wire(cloud_event())


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
async def test_binary_mode(gateway: Gateway, content_type: str) -> None:
    """Attributes in headers, percent-encoded where they are not plain ASCII; data in the body."""
    headers = {f"ce_{name}": str(value) for name, value in cloud_event(data=None, datacontenttype=None).items()} | {
        "ce_subject": "own:lead:%C5%81%C3%B3d%C5%BA"
    }
    response = await gateway.cloudevents(cloud_event()["data"], content_type, **headers)
    assert response.status_code == 202
    (document,) = gateway.log.documents()
    assert document == cloud_event(subject="own:lead:Łódź")


async def test_binary_mode_without_a_body(gateway: Gateway) -> None:
    """A type that needs no data needs no body."""
    event = cloud_event(type="lead.qualified", data=None, datacontenttype=None)
    headers = {f"ce_{name}": value for name, value in event.items()}
    assert (await gateway.cloudevents(b"", "application/json", **headers)).status_code == 202
    assert [one["type"] for one in gateway.log.documents()] == ["lead.qualified"]


async def test_a_batch_is_appended_at_once(gateway: Gateway) -> None:
    """All events of a request go into the log together, or none."""
    response = await gateway.cloudevents([cloud_event(id=f"evt-{n}") for n in range(100)], BATCH)
    assert response.json()["events"] == 100
    assert [len(records) for records in gateway.log.appended] == [100]


async def test_an_empty_batch_is_fine(gateway: Gateway) -> None:
    """The specification of CloudEvents allows it."""
    response = await gateway.cloudevents([], BATCH)
    assert (response.status_code, gateway.log.appended) == (202, [])


async def test_a_deal_without_its_lead_goes_to_the_topic_of_deals(gateway: Gateway) -> None:
    """It is keyed by the deal until somebody says whose it is; with a lead it goes to the lead's events."""
    deal: dict[str, Any] = {"type": "deal.opened", "data": {"deal": "own:deal:1"}}
    await gateway.cloudevents([cloud_event(subject=None, **deal), cloud_event(id="evt-2", **deal)], BATCH)
    assert [(one.topic, one.key) for one in gateway.log.records] == [(DEALS, "own:deal:1"), (EVENTS, "own:lead:1")]


async def test_an_unknown_type_is_acknowledged_and_counted(gateway: Gateway) -> None:
    """What means nothing here is no mistake of its sender."""
    response = await gateway.cloudevents(cloud_event(type="com.example.something"))
    assert (response.status_code, response.json()) == (202, {"events": 0, "ignored": 1, "dead_letters": 0})
    assert gateway.log.appended == []
    assert gateway.tally.of("baton_events_total", crm="cloudevents", type="other", outcome="ignored") == 1


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"type": None}, "type"),
        ({"type": 3}, "type"),
        ({"specversion": "0.3"}, "specversion"),
        ({"id": None}, "id"),
        ({"subject": None}, "subject"),
        ({"time": None}, "time"),
        ({"time": 1_700_000_000}, "time"),
        ({"time": "2026-11-23 09:00"}, "time"),
        ({"time": "9999-12-31T23:59:59Z"}, "time"),
        ({"time": "1601-01-01T00:00:00Z"}, "time"),
        ({"datacontenttype": "text/xml"}, "datacontenttype"),
        ({"type": "lead.qualified", "data": None, "data_base64": "AAAA"}, "data_base64"),
        ({"type": "deal.won", "data": {"deal": "d", "amount": 10**40}}, "64 bits"),
        ({"type": "lead.rejected", "data": {}}, "reason"),
    ],
)
async def test_an_event_that_cannot_be_used_becomes_a_dead_letter(
    gateway: Gateway, fields: dict[str, Any], named: str
) -> None:
    """It is acknowledged, for it is safe; the letter says what is wrong and can be sent again as it is."""
    response = await gateway.cloudevents(cloud_event(**fields))
    assert (response.status_code, response.json()) == (202, {"events": 0, "ignored": 0, "dead_letters": 1})
    (letter,) = gateway.log.letters
    assert named in letter.detail
    assert letter.content_type == "application/cloudevents+json"
    assert json.loads(letter.body) == cloud_event(**fields)


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/cloudevents+xml", ""])
async def test_other_formats_are_refused(gateway: Gateway, content_type: str) -> None:
    """415 names the formats that are read."""
    response = await gateway.cloudevents(cloud_event(), content_type)
    assert response.status_code == 415
    assert "application/cloudevents+json" in response.json()["detail"]


@pytest.mark.parametrize("token", TOKENS)
async def test_a_bearer_token_will_do(client: httpx2.AsyncClient, token: str) -> None:
    """Either of two tokens, while one replaces the other."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/cloudevents+json"}
    assert (await client.post("/hooks/cloudevents", json=cloud_event(), headers=headers)).status_code == 202


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (f"?access_token={TOKENS[0]}", 202),
        (f"?a=b&access_token={TOKENS[1]}", 202),
        ("?access_token=x", 401),
        ("?a", 401),
    ],
)
async def test_a_token_may_stand_in_the_address(gateway: Gateway, query: str, status: int) -> None:
    """Discouraged, but some senders can do no other; refused, it is not kept."""
    headers = {"content-type": "application/cloudevents+json"}
    async with gateway.client() as client:
        response = await client.post(f"/hooks/cloudevents{query}", json=cloud_event(), headers=headers)
    assert response.status_code == status
    assert not any("access_token" in held.target for held in gateway.quarantine.held())


async def test_a_token_in_the_header_stands_before_one_in_the_address(client: httpx2.AsyncClient) -> None:
    """A request that shows two stands or falls by the header."""
    headers = {"authorization": "Bearer wrong", "content-type": "application/cloudevents+json"}
    target = f"/hooks/cloudevents?access_token={TOKENS[0]}"
    assert (await client.post(target, json=cloud_event(), headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ('"own:lead:a b"', "own:lead:a b"),
        (r'"own:lead:\"a\\b\""', r'own:lead:"a\b"'),
        ('"own:lead:%C5%81"', "own:lead:Ł"),
        ('own:lead:"a"', 'own:lead:"a"'),
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
    ],
)
async def test_a_quoted_header_is_unquoted_before_it_is_decoded(gateway: Gateway, header: str, value: str) -> None:
    """HTTP binding, section 3.1.3.2: senders of older versions quote."""
    named = {f"ce_{name}": str(each) for name, each in cloud_event(data=None, datacontenttype=None).items()}
    response = await gateway.cloudevents({}, "application/json", **{**named, "ce_subject": header})
    assert response.status_code == 202
    assert [document["subject"] for document in gateway.log.documents()] == [value]


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer a-token", f"Basic {TOKENS[0]}", TOKENS[0], "Bearer żółw"]
)
async def test_another_token_will_not(client: httpx2.AsyncClient, authorization: str) -> None:
    """401 says which way to prove oneself."""
    headers = [(b"authorization", authorization.encode()), (b"content-type", b"application/cloudevents+json")]
    response = await client.post("/hooks/cloudevents", content=json.dumps(cloud_event()), headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_wrong_signature_is_not_saved_by_a_token(gateway: Gateway) -> None:
    """A request that is signed stands or falls by its signature."""
    authorization = f"Bearer {TOKENS[0]}"
    changed = {"webhook_signature": "v1,AAAA", "authorization": authorization}
    assert (await gateway.cloudevents(cloud_event(), **changed)).status_code == 401


async def test_the_handshake_lets_a_sender_ask(client: httpx2.AsyncClient) -> None:
    """OPTIONS with WebHook-Request-Origin is answered with who may send and how often."""
    response = await client.options("/hooks/cloudevents", headers={"WebHook-Request-Origin": "eventemitter.example"})
    assert response.status_code == 200
    assert response.headers["webhook-allowed-origin"] == "eventemitter.example"
    assert int(response.headers["webhook-allowed-rate"]) > 0
    assert "POST" in response.headers["allow"]


async def test_whoever_does_not_say_who_asks_is_allowed_nothing(client: httpx2.AsyncClient) -> None:
    """Without an origin there is nobody to allow (HTTP webhooks binding, section 4.1)."""
    response = await client.options("/hooks/cloudevents", headers={"WebHook-Request-Rate": "120"})
    assert not [name for name in response.headers if name.startswith("webhook-")]


async def test_a_rate_that_is_asked_for_is_answered_with_ours(client: httpx2.AsyncClient) -> None:
    """The answer must name a rate where one was asked for; it may be another (section 4.2)."""
    asked = {"WebHook-Request-Origin": "eventemitter.example", "WebHook-Request-Rate": "1000000"}
    response = await client.options("/hooks/cloudevents", headers=asked)
    assert int(response.headers["webhook-allowed-rate"]) == ALLOWED_RATE

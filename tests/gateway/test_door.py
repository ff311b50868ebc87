"""The whole way in over HTTP: what is acknowledged, what is kept, what is answered."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
import structlog
from structlog.testing import capture_logs

from services.domain.instants import SECOND
from services.errors import Refused, Unavailable
from services.gateway.request import Incoming
from services.gateway.signatures import sign_hubspot
from services.ports import DEAD_LETTERS, EVENTS
from tests.gateway.conftest import (
    HUBSPOT_SECRETS,
    NOW,
    PUBLIC_URL,
    STANDARD_SECRETS,
    TOKENS,
    Gateway,
    cloud_event,
    notification,
)

BATCH = "application/cloudevents-batch+json"


async def test_nothing_is_acknowledged_before_the_log_has_it(gateway: Gateway) -> None:
    """The answer waits for the log, however long that takes."""
    gate = asyncio.Event()
    gateway.log.before_append = gate.wait
    answer = asyncio.ensure_future(gateway.hubspot([notification()]))
    await asyncio.sleep(0.05)
    assert not answer.done()
    gate.set()
    assert (await answer).status_code == 202
    assert len(gateway.log.records) == 1


async def test_while_the_log_is_away_nothing_is_taken(gateway: Gateway) -> None:
    """503 with Retry-After, and the sender's retry brings it."""
    gateway.log.away = True
    for payload in ([notification()], b"no JSON"):
        response = await gateway.hubspot(payload)
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) > 0
        assert response.headers["content-type"] == "application/problem+json"
    gateway.log.away = False
    assert (await gateway.hubspot([notification(attemptNumber=1)])).status_code == 202


async def test_one_bad_item_of_a_hundred_costs_no_other(gateway: Gateway) -> None:
    """99 events and one dead letter, in one append."""
    items = [notification(eventId=number) for number in range(100)]
    items[41] = notification(occurredAt="soon")
    response = await gateway.hubspot(items)
    assert (response.status_code, response.json()) == (202, {"events": 99, "ignored": 0, "dead_letters": 1})
    (batch,) = gateway.log.appended
    assert [record.topic for record in batch].count(EVENTS) == 99
    (letter,) = gateway.log.letters
    assert (letter.reason, letter.crm, letter.received_at) == ("invalid", "hubspot", NOW)
    assert json.loads(letter.body) == [items[41]]


async def test_retries_of_a_bad_item_share_one_dead_letter(gateway: Gateway) -> None:
    """Its id does not know which attempt it is; another item has another."""
    await gateway.hubspot([notification(occurredAt="soon")])
    await gateway.hubspot([notification(occurredAt="soon", attemptNumber=3)])
    await gateway.hubspot([notification(occurredAt="later")])
    one, again, other = (letter.id for letter in gateway.log.letters)
    assert one == again != other


async def test_a_signed_body_that_is_no_json_is_kept(gateway: Gateway) -> None:
    """422 says why; the bytes are a dead letter, one for all retries."""
    for _ in range(2):
        response = await gateway.hubspot(b'[{"objectId": 1')
        assert response.status_code == 422
        assert response.headers["content-type"] == "application/problem+json"
        assert "not JSON" in response.json()["detail"]
    one, again = gateway.log.letters
    assert (one.reason, one.body) == ("unreadable", b'[{"objectId": 1')
    assert one.id == again.id


async def test_an_unreadable_body_in_binary_mode_keeps_its_headers(gateway: Gateway) -> None:
    """Without them nobody could tell what it was."""
    response = await gateway.cloudevents(b"{", "application/json", ce_specversion="1.0", ce_id="evt-9")
    assert response.status_code == 422
    (letter,) = gateway.log.letters
    assert json.loads(letter.body) == {"ce-specversion": "1.0", "ce-id": "evt-9", "data_base64": "ew=="}


@pytest.mark.parametrize(("payload", "reason"), [([], "invalid"), ({}, "invalid"), ([{}] * 101, "too_many")])
async def test_a_body_of_another_shape_is_kept(gateway: Gateway, payload: object, reason: str) -> None:
    """HubSpot sends a list of 1 to 100."""
    assert (await gateway.hubspot(payload)).status_code == 422
    assert [letter.reason for letter in gateway.log.letters] == [reason]


@pytest.mark.parametrize(("seconds", "taken"), [(300, True), (301, False)])
async def test_what_is_said_to_happen_in_the_future_waits(gateway: Gateway, seconds: int, taken: bool) -> None:
    """A CRM's clock may be five minutes ahead of ours; more is a mistake, and is not clamped."""
    await gateway.hubspot([notification(occurredAt=(NOW + seconds * SECOND) // 1000)])
    assert [letter.reason for letter in gateway.log.letters] == ([] if taken else ["too_far_ahead"])


async def test_a_dead_letter_can_be_taken_in_again(gateway: Gateway) -> None:
    """Once the time has come or the mapping is mended, its body is a request like any other."""
    await gateway.hubspot([notification(occurredAt=(NOW + 600 * SECOND) // 1000)])
    (letter,) = gateway.log.letters
    door = gateway.door()
    assert (await door.take_again(letter.crm, letter.body)).dead_letters == 1
    assert gateway.log.letters[0].id == gateway.log.letters[1].id
    gateway.clock.at += 600 * SECOND
    assert (await door.take_again(letter.crm, letter.body)).events == 1
    # The tracker's dead letters are canonical events.
    assert (await door.take_again("hubspot", json.dumps(cloud_event()).encode())).events == 1
    assert (await door.take_again("cloudevents", json.dumps([cloud_event()]).encode())).events == 1
    with pytest.raises(Refused, match="no sender"):
        await door.take_again("other", b"[]")


async def test_a_wrong_signature_is_refused_and_kept(gateway: Gateway) -> None:
    """401 says what is wrong, never which secret; the request waits, for our secret may be what is wrong."""
    response = await gateway.hubspot([notification()], secret="a-third-secret")
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "the signature does not match",
    }
    assert "secret" not in response.text
    assert gateway.log.appended == []
    (held,) = gateway.quarantine.held()
    assert (held.crm, held.method, held.target, held.received_at) == ("hubspot", "POST", "/hooks/hubspot", NOW)


async def test_a_missing_signature_is_told_by_its_header(client: httpx2.AsyncClient) -> None:
    """So that whoever sets it up can see what to do."""
    response = await client.post("/hooks/hubspot", json=[])
    assert (response.status_code, response.json()["detail"]) == (401, "the header x-hubspot-signature-v3 is missing")


async def test_refused_requests_pass_once_the_secret_is_right(gateway: Gateway) -> None:
    """They are judged as of when they came, not as of now; what passes is taken in and no longer held."""
    await gateway.hubspot([notification()], secret="the-right-secret")
    await gateway.hubspot(b"no JSON", secret="the-right-secret")
    await gateway.hubspot([notification(eventId=2)], secret="nobody-s")
    await gateway.hubspot([notification(eventId=3)], secret="the-right-secret", at=NOW - 301 * SECOND)
    assert len(gateway.quarantine.held()) == 4
    gateway.clock.at += 24 * 3600 * SECOND

    gateway.hubspot_secrets = ("the-right-secret",)
    result = await gateway.door().verify_again()
    assert (result.verified, result.refused) == (2, 2)
    assert (result.counts.events, result.counts.dead_letters) == (1, 1)
    assert [record.topic for record in gateway.log.records] == [EVENTS, DEAD_LETTERS]
    assert [letter.received_at for letter in gateway.log.letters] == [NOW]
    assert len(gateway.quarantine.held()) == 2


async def test_a_held_request_outlives_a_log_that_is_away(gateway: Gateway) -> None:
    """It is dropped only once the log has it."""
    await gateway.hubspot([notification()], secret="the-right-secret")
    gateway.hubspot_secrets = ("the-right-secret",)
    gateway.log.away = True
    with pytest.raises(Unavailable):
        await gateway.door().verify_again()
    assert len(gateway.quarantine.held()) == 1


async def test_held_cloudevents_can_be_verified_again_and_store_no_token(gateway: Gateway) -> None:
    """Of a bearer token its digest is kept; signatures and ce- headers as they came."""
    gateway.tokens = ()
    gateway.standard_secrets = ()
    await gateway.cloudevents(cloud_event())
    async with gateway.client() as client:
        headers = {"authorization": f"Bearer {TOKENS[1]}", "content-type": "application/json", "cookie": "a=b"}
        binary = {f"ce-{k}": v for k, v in cloud_event(data=None, datacontenttype=None, id="evt-2").items()}
        await client.post("/hooks/cloudevents", json={}, headers={**headers, **binary})
    kept = repr(gateway.quarantine.held())
    assert TOKENS[1] not in kept
    assert "cookie" not in kept
    gateway.tokens, gateway.standard_secrets = TOKENS, STANDARD_SECRETS
    assert (await gateway.door().verify_again()).verified == 2
    assert [document["id"] for document in gateway.log.documents()] == ["evt-1", "evt-2"]


async def test_a_digest_cannot_be_sent_in_place_of_a_token(gateway: Gateway) -> None:
    """What stands in for a token in the quarantine opens no door."""
    async with gateway.client() as client:
        await client.post("/hooks/cloudevents", json={}, headers={"authorization": f"Bearer {TOKENS[0]}x"})
    (held,) = gateway.quarantine.held()
    digest = held.headers[":shown-sha256"]
    async with gateway.client() as client:
        response = await client.post("/hooks/cloudevents", json={}, headers={"authorization": f"Bearer {digest}"})
    assert response.status_code == 401


@pytest.mark.parametrize("crm", ["hubspot", "cloudevents"])
async def test_without_a_secret_everything_is_refused(crm: str) -> None:
    """The server's log names the setting that is missing; the answer does not."""
    gateway = Gateway(hubspot_secrets=(), standard_secrets=(), tokens=())
    structlog.reset_defaults()
    with capture_logs() as logs:
        payload: Any = [notification()] if crm == "hubspot" else cloud_event()
        response = await getattr(gateway, crm)(payload)
    assert response.status_code == 401
    assert f"BATON_{crm.upper()}_SECRETS" in str(logs)
    assert "BATON" not in response.text
    assert len(gateway.quarantine.held()) == 1


async def test_too_many_at_a_time_are_told_to_come_back(gateway: Gateway) -> None:
    """429 with Retry-After; places are free again as soon as others are done."""
    gateway.most_in_work = 2
    gate = asyncio.Event()
    gateway.log.before_append = gate.wait
    app = gateway.app()
    transport = httpx2.ASGITransport(app=app)
    body = json.dumps([notification()]).encode()
    signed = sign_hubspot(
        method="POST", url=f"{PUBLIC_URL}/hooks/hubspot", body=body, secret=HUBSPOT_SECRETS[0], at=NOW
    )
    async with httpx2.AsyncClient(transport=transport, base_url="http://10.0.0.7") as client:
        waiting = [asyncio.ensure_future(client.post("/hooks/hubspot", content=body, headers=signed)) for _ in "12"]
        await asyncio.sleep(0.05)
        third = await client.post("/hooks/hubspot", content=body, headers=signed)
        assert third.status_code == 429
        assert int(third.headers["retry-after"]) > 0
        gate.set()
        assert [one.status_code for one in await asyncio.gather(*waiting)] == [202, 202]
        assert (await client.post("/hooks/hubspot", content=body, headers=signed)).status_code == 202


async def test_a_body_over_the_limit_is_refused(gateway: Gateway) -> None:
    """413, whether it is announced or streamed; nothing of it is kept."""

    async def stream() -> Any:
        for _ in range(100):
            yield b"x" * 1024

    async with gateway.client() as client:
        for content in (b"x" * (gateway.most_bytes + 1), stream()):
            response = await client.post("/hooks/hubspot", content=content)
            assert (response.status_code, response.headers["connection"]) == (413, "close")
    assert gateway.quarantine.held() == []


async def test_an_encoded_body_is_refused(client: httpx2.AsyncClient) -> None:
    """415; nothing is ever inflated."""
    response = await client.post("/hooks/hubspot", content=b"x", headers={"content-encoding": "gzip"})
    assert (response.status_code, response.headers["content-type"]) == (415, "application/problem+json")


async def test_another_content_type_is_refused(gateway: Gateway) -> None:
    """HubSpot sends JSON alone."""
    body = b"a=1"
    signed = sign_hubspot(
        method="POST", url=f"{PUBLIC_URL}/hooks/hubspot", body=body, secret=HUBSPOT_SECRETS[0], at=NOW
    )
    async with gateway.client() as client:
        form = {**signed, "content-type": "application/x-www-form-urlencoded"}
        assert (await client.post("/hooks/hubspot", content=body, headers=form)).status_code == 415


async def test_other_methods_are_not_allowed(client: httpx2.AsyncClient) -> None:
    """405, and nothing is read."""
    assert (await client.get("/hooks/hubspot")).status_code == 405
    assert (await client.put("/hooks/cloudevents")).status_code == 405


async def test_every_answer_is_counted(gateway: Gateway) -> None:
    """By sender and status, with no other label."""
    await gateway.hubspot([notification()])
    await gateway.hubspot([notification()], secret="wrong")
    for status in ("202", "401"):
        assert gateway.tally.of("baton_webhook_requests_total", crm="hubspot", status=status) == 1


async def test_a_fault_of_ours_costs_nothing(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """What our code cannot map, though it should, is kept as a dead letter and told in the log."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("services.gateway.meaning._event", broken)
    structlog.reset_defaults()
    with capture_logs() as logs:
        response = await gateway.hubspot([notification(), notification(propertyValue="subscriber")])
    assert response.json() == {"events": 0, "ignored": 1, "dead_letters": 1}
    assert [letter.reason for letter in gateway.log.letters] == ["fault"]
    assert [entry["event"] for entry in logs] == ["mapping_failed"]


async def test_a_time_lapse_widens_the_window(gateway: Gateway) -> None:
    """The five minutes are for delays that really pass; on a clock 600 times as fast they are fifty hours."""
    gateway.clock.speed = 600
    old = gateway.clock.at - 24 * 3600 * SECOND
    assert (await gateway.hubspot([notification()], at=old)).status_code == 202


async def test_the_door_works_without_http(gateway: Gateway) -> None:
    """A request is a plain value to it."""
    body = json.dumps([notification()]).encode()
    headers = sign_hubspot(
        method="POST", url=f"{PUBLIC_URL}/hooks/hubspot", body=body, secret=HUBSPOT_SECRETS[1], at=NOW
    )
    counts = await gateway.door().receive("hubspot", Incoming("POST", "/hooks/hubspot", headers, body, NOW))
    assert counts.events == 1


def test_the_openapi_document_describes_the_hooks(gateway: Gateway) -> None:
    """Paths, how to sign, and every answer, beside what the app documents itself."""
    app = gateway.app()

    @app.get("/own")
    def own() -> None: ...

    document = app.openapi()
    assert {"/own", "/hooks/hubspot", "/hooks/cloudevents"} <= set(document["paths"])
    post = document["paths"]["/hooks/hubspot"]["post"]
    assert {"202", "401", "413", "415", "422", "429", "503"} <= set(post["responses"])
    used = {name for one in post["security"] for name in one}
    assert used <= set(document["components"]["securitySchemes"])
    assert "options" in document["paths"]["/hooks/cloudevents"]

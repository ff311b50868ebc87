"""Whatever bodies come in, signed or not: never a fault, never lost, and no bad part costs another.

The folder `bad/CRM` holds bodies for its door, named by what becomes of them: `422-` unusable as a whole,
`letter-` each part a dead letter, `ignored-` nothing to be done. The bodies of HubSpot's that are no JSON are tried
at every door.
"""

import asyncio
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from services.gateway.body import MOST_BYTES
from services.gateway.sender import MOST_ITEMS, Counts
from services.gateway.strict_json import UnreadableJson, loads
from tests.gateway.anything import check_log
from tests.gateway.conftest import Gateway
from tests.gateway.payloads import HERE, NAMES, SENDERS, Payload, alone, parts, payloads, sent, together

BAD = payloads("bad")
LETTERS = [payload for payload in BAD if payload.fate == "letter"]
SAMPLES = payloads("samples")
DOORS = sorted(SENDERS)
MODES = ["application/cloudevents+json", "application/cloudevents-batch+json", "application/json"]
MANY = sorted({payload.crm for payload in SAMPLES if together([payload.body]) is not None})
"""The CRMs that put several parts in one request."""
AMONG_OTHERS = [payload for payload in LETTERS if payload.crm in MANY and together([payload.body]) is not None]
"""Bad parts that come in such requests; what HubSpot's workflows send, for one, comes alone."""
CHUNK = 64 * 1024
TOO_MUCH = 10 * 1024 * 1024


def is_json(body: bytes) -> bool:
    try:
        loads(body)
    except UnreadableJson:
        return False
    return True


NO_JSON = [payload for payload in BAD if payload.crm == "hubspot" and not is_json(payload.body)]


@pytest.mark.parametrize("payload", BAD, ids=str)
async def test_each_body_of_the_corpus_has_its_fate(payload: Payload) -> None:
    """By its name: of no use as a whole and kept as it came, kept part by part, or ignored."""
    gateway = Gateway(most_bytes=MOST_BYTES)
    sender = SENDERS[payload.crm]
    response = await sent(gateway, payload.crm, payload.body, payload.headers)
    check_log(gateway)
    if payload.fate == "422":
        answer = sender.unusable()
        assert response.status_code == (422 if answer is None else answer.status)
        assert [letter.body for letter in gateway.log.letters] == [payload.body]
        assert len(gateway.log.records) == 1
        return
    count = len(parts(payload))
    expected = {"letter": Counts(dead_letters=count), "ignored": Counts(ignored=count)}[payload.fate]
    answer = sender.accepted(expected)
    assert (response.status_code, response.content) == (answer.status, answer.body), gateway.log.letters
    assert len(gateway.log.records) == len(gateway.log.letters) == expected.dead_letters


@pytest.mark.parametrize("payload", NO_JSON, ids=str)
@pytest.mark.parametrize("crm", DOORS)
async def test_what_is_no_json_is_kept_at_every_door(crm: str, payload: Payload) -> None:
    """Byte for byte, where it was signed."""
    gateway = Gateway(most_bytes=MOST_BYTES)
    answer = SENDERS[crm].unusable()
    response = await sent(gateway, crm, payload.body)
    assert response.status_code == (422 if answer is None else answer.status)
    assert [letter.body for letter in gateway.log.letters] == [payload.body]
    check_log(gateway)


@pytest.mark.parametrize("payload", [each for each in BAD if each.crm == "hubspot"], ids=str)
@pytest.mark.parametrize("mode", MODES)
async def test_cloudevents_stand_it_in_each_mode(payload: Payload, mode: str) -> None:
    """Kept or understood; never a fault."""
    gateway = Gateway(most_bytes=MOST_BYTES)
    response = await gateway.cloudevents(payload.body, mode, ce_specversion="1.0", ce_type="lead.captured")
    assert response.status_code in (202, 422)
    check_log(gateway)


@pytest.mark.parametrize("payload", [*BAD, *SAMPLES], ids=str)
async def test_without_a_signature_nothing_is_read(payload: Payload) -> None:
    """401 for all, good or bad; the request waits in the quarantine as it came."""
    gateway = Gateway(most_bytes=MOST_BYTES)
    async with gateway.client() as client:
        response = await client.post(f"/hooks/{payload.crm}", content=payload.body, headers=payload.headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == SENDERS[payload.crm].challenge
    assert gateway.log.appended == []
    assert [held.body for held in gateway.quarantine.held()] == [payload.body]


@pytest.mark.parametrize("payload", AMONG_OTHERS, ids=str)
@pytest.mark.parametrize("place", [0, 50, 99])
async def test_a_bad_part_does_not_cost_the_other_99(payload: Payload, place: int) -> None:
    """Wherever it stands among them."""
    good, events = await good_part(payload.crm)
    bad = alone(SENDERS[payload.crm], parts(payload)[0])
    bodies = [good] * (MOST_ITEMS - 1)
    bodies.insert(place, bad)
    body = together(bodies)
    assert body is not None
    gateway = Gateway(most_bytes=MOST_BYTES)
    answer = SENDERS[payload.crm].accepted(Counts(events=events * (MOST_ITEMS - 1), dead_letters=1))
    response = await sent(gateway, payload.crm, body)
    assert (response.status_code, response.content) == (answer.status, answer.body)
    assert len(gateway.log.letters) == 1
    assert len(gateway.log.documents()) == events * (MOST_ITEMS - 1)
    check_log(gateway)


async def good_part(crm: str) -> tuple[bytes, int]:
    """A part of the CRM's samples that gives events and nothing else, as a body, and how many they are."""
    for payload in SAMPLES:
        if payload.crm != crm:
            continue
        for item in parts(payload):
            gateway = Gateway()
            body = alone(SENDERS[crm], item)
            await sent(gateway, crm, body)
            if gateway.log.records and not gateway.log.letters:
                return body, len(gateway.log.records)
    raise AssertionError(f"no sample of {crm} gives events")


@pytest.mark.parametrize("crm", DOORS)
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
async def test_ten_megabytes_are_refused_in_little_memory(crm: str, announced: bool) -> None:
    """413 as soon as it is known, and what is left is not read."""
    gateway = Gateway(most_bytes=MOST_BYTES, most_seconds=60)
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while read < TOO_MUCH:
            read += CHUNK
            yield bytes(CHUNK)

    headers = {"content-type": "application/json", **({"content-length": str(TOO_MUCH)} if announced else {})}
    async with gateway.client() as client:
        tracemalloc.start()
        try:
            response = await client.post(f"/hooks/{crm}", content=body(), headers=headers)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert response.status_code == 413
    assert response.headers["connection"] == "close"
    assert read <= (CHUNK if announced else MOST_BYTES + CHUNK)
    # A growing bytearray takes up to twice what it holds while it moves.
    assert peak < 3 * MOST_BYTES
    assert gateway.log.appended == []
    assert gateway.quarantine.held() == []


@pytest.mark.parametrize("crm", DOORS)
async def test_while_the_log_is_away_every_sender_is_told_to_come_back(crm: str) -> None:
    """503 with Retry-After for good and bad bodies alike, and nothing is taken for safe."""
    gateway = Gateway()
    gateway.log.away = True
    bodies = [payload.body for payload in SAMPLES if payload.crm == crm and payload.is_kept][:5]
    for body in [*bodies, b"no JSON"]:
        response = await sent(gateway, crm, body)
        assert (response.status_code, gateway.log.appended) == (503, [])
        assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize("crm", DOORS)
async def test_a_hundred_bad_requests_at_once_cost_each_other_nothing(crm: str) -> None:
    """Each has its own dead letter, and all share one id."""
    gateway = Gateway(most_in_work=100)
    responses = await asyncio.gather(*(sent(gateway, crm, b"[") for _ in range(100)))
    assert len({response.status_code for response in responses}) == 1
    assert Counter(letter.body for letter in gateway.log.letters) == {b"[": 100}
    assert len({letter.id for letter in gateway.log.letters}) == 1


def test_every_crm_has_a_corpus() -> None:
    """Of bad input of each fate; and no folder is for a CRM that Baton does not know."""
    assert {folder.name for folder in (HERE / "bad").iterdir()} == set(NAMES)
    fates = {crm: {payload.fate for payload in BAD if payload.crm == crm} for crm in NAMES}
    assert fates == {crm: {"422", "letter", "ignored"} for crm in NAMES}

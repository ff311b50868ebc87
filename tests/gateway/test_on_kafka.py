"""The gateway on Kafka and its spool: answers while Kafka is away, and that the largest body passes."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from schemas.dead_letters import DeadLetter
from services.adapters.kafka.client import KafkaConnection
from services.adapters.kafka.log import KafkaLog
from services.adapters.kafka.spooled_log import SpooledLog
from services.adapters.kafka.topics import create_topics, largest_record, plans
from services.adapters.sqlite.spool import Spool
from services.gateway.crm.cloudevents import CloudEventsSender
from services.gateway.door import Door
from services.gateway.routes import RETRY_AFTER, add_routes
from services.ports import DEAD_LETTERS, DEALS, EVENTS, EventLog
from tests.contracts.event_logs import read_topic
from tests.gateway.conftest import TOKENS, FakeClock, FakeQuarantine, FakeTally, cloud_event
from tests.servers.kafka import KafkaCluster
from tests.servers.processes import free_ports

MOST_BYTES = 1024 * 1024
_NUMBERS = itertools.count()


@asynccontextmanager
async def client_of(log: EventLog) -> AsyncIterator[httpx2.AsyncClient]:
    """A sender of CloudEvents, at a gateway that appends to the log."""
    door = Door(
        log=log,
        quarantine=FakeQuarantine(),
        tally=FakeTally(),
        clock=FakeClock(),
        senders={"cloudevents": CloudEventsSender(tokens=TOKENS)},
    )
    app = FastAPI()
    add_routes(app, door, most_bytes=MOST_BYTES)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=True)
    headers = {"authorization": f"Bearer {TOKENS[0]}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://baton", headers=headers) as client:
        yield client


async def post(client: httpx2.AsyncClient, body: bytes, kind: str, **headers: str) -> httpx2.Response:
    """POST a body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/hooks/cloudevents", content=body, headers={"content-type": kind, **named})


async def send(client: httpx2.AsyncClient, number: int) -> httpx2.Response:
    """POST one event."""
    event = cloud_event(id=f"evt-{number}", subject=f"own:lead:{number}")
    return await post(client, json.dumps(event).encode(), "application/cloudevents+json")


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """A broker with the topics of the product."""
    with KafkaCluster(tmp_path_factory.mktemp("gateway")) as cluster:
        cluster.needs_real("topics with settings")
        connection = KafkaConnection(broker=f"kafka://{cluster.bootstrap}")
        asyncio.run(create_topics(connection, plans(partitions=3, replicas=1, max_body_bytes=MOST_BYTES)))
        yield cluster


async def test_kafka_is_away(own_kafka: KafkaCluster, tmp_path: Path) -> None:
    """Senders get 202 all the same, and Kafka gets the events when it is back."""
    kafka = KafkaLog(KafkaConnection(broker=f"kafka://{own_kafka.bootstrap}"))
    spool = Spool(tmp_path / "spool.db", most_bytes=16 * MOST_BYTES)
    log = SpooledLog(kafka=kafka, spool=spool)
    stop = asyncio.Event()
    relay = asyncio.create_task(log.run(stop))
    async with client_of(log) as client:
        assert (await send(client, 0)).status_code == 202
        own_kafka.kill(0)
        try:
            answers = await asyncio.gather(*(send(client, number) for number in range(1, 100)))
            assert {answer.status_code for answer in answers} == {202}
            assert log.waiting >= 99
        finally:
            await asyncio.to_thread(own_kafka.start, 0)
        async with asyncio.timeout(60):
            while log.waiting:  # noqa: ASYNC110 - nothing tells when it is empty
                await asyncio.sleep(0.02)
        assert (await send(client, 100)).status_code == 202
    stop.set()
    await relay
    await kafka.close()
    spool.close()
    keys = {each.key for each in await read_topic(own_kafka, EVENTS)}
    assert {f"own:lead:{number}" for number in range(101)} <= keys


async def test_the_spool_is_nearly_full(tmp_path: Path) -> None:
    """Senders are told to come back, and when; nothing of what they were told 202 for is missing."""
    (port,) = free_ports(1)
    kafka = KafkaLog(KafkaConnection(broker=f"kafka://127.0.0.1:{port}"))
    spool = Spool(tmp_path / "spool.db", most_bytes=100_000)
    accepted = 0
    async with client_of(SpooledLog(kafka=kafka, spool=spool)) as client:
        while (answer := await send(client, accepted)).status_code == 202:
            accepted += 1
    assert accepted > 50
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == str(RETRY_AFTER)
    assert answer.json()["status"] == 503
    assert spool.waiting == accepted
    await kafka.close()
    spool.close()


def largest_bodies() -> Mapping[str, tuple[bytes, str, dict[str, str]]]:
    """Bodies of exactly as many bytes as the gateway reads, by what becomes of them."""
    structured, batch = "application/cloudevents+json", "application/cloudevents-batch+json"
    ce = {"ce_specversion": "1.0", "ce_type": "lead.captured", "ce_subject": "s" * 1000, "ce_note": "n" * 7000}

    def padded(document: object, room: str) -> bytes:
        text = json.dumps(document)
        return text.replace(room, "x" * (MOST_BYTES - len(text) + len(room))).encode()

    event = cloud_event(data={"attributes": {"note": "ROOM"}})
    long_numbers = json.dumps(cloud_event(type="deal.opened", data={"deal": "d", "numbers": "ROOM", "note": "FILL"}))
    long_numbers = long_numbers.replace('"ROOM"', f"[{','.join(['1e15'] * 9000)}]")
    return {
        "an event": (padded(event, "ROOM"), structured, {}),
        "a dead letter of an event": (padded({**event, "time": "soon"}, "ROOM"), structured, {}),
        "a dead letter of a batch": (b"[" + b"\xff" * (MOST_BYTES - 1), batch, {}),
        "a dead letter in binary mode": (b"\xff" * MOST_BYTES, "application/json", ce),
        "numbers that grow": (
            long_numbers.replace("FILL", "y" * (MOST_BYTES - len(long_numbers) + 4)).encode(),
            structured,
            {},
        ),
    }


@pytest.mark.parametrize("name", largest_bodies())
async def test_the_largest_body_passes(own_kafka: KafkaCluster, name: str) -> None:
    """Whatever becomes of a body of the most bytes that are read, its record fits the topics."""
    body, kind, headers = largest_bodies()[name]
    assert len(body) == MOST_BYTES
    log = KafkaLog(KafkaConnection(broker=f"kafka://{own_kafka.bootstrap}"))
    before = await everything(own_kafka)
    async with client_of(log) as client:
        answer = await post(client, body, kind, **headers)
    await log.close()
    assert answer.status_code in (202, 422), answer.text
    (new,) = [each for each in await everything(own_kafka) if each not in before]
    assert 0.99 * MOST_BYTES < len(new) < largest_record(MOST_BYTES)


async def everything(cluster: KafkaCluster) -> list[bytes]:
    """What stands in the topics that the gateway writes to."""
    return [each.value for topic in (EVENTS, DEALS, DEAD_LETTERS) for each in await read_topic(cluster, topic)]


async def test_one_byte_more_is_refused(own_kafka: KafkaCluster) -> None:
    """So that the largest that passes is the largest there is."""
    log = KafkaLog(KafkaConnection(broker=f"kafka://{own_kafka.bootstrap}"))
    async with client_of(log) as client:
        answer = await post(client, b"x" * (MOST_BYTES + 1), "application/cloudevents+json")
    assert answer.status_code == 413
    await log.close()


def test_a_dead_letter_within_a_dead_letter() -> None:
    """The bound on records follows from how a letter holds a body: base64 of a document that holds it as base64."""
    inner = json.dumps({"data_base64": base64.b64encode(bytes(MOST_BYTES)).decode()}).encode()
    letter = DeadLetter(
        id="x" * 64,
        crm="cloudevents",
        reason="unreadable",
        detail="x" * 1000,
        received_at=0,
        content_type="application/json",
        body=inner,
    )
    assert len(letter.model_dump_json()) < largest_record(MOST_BYTES)

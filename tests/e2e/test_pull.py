"""`baton pull salesforce` as a process: from the Pub/Sub API, a topic, a file; what ends it, and what it leaves."""

import asyncio
import gzip
import json
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from services.domain.events import EventType
from services.ports import EVENTS
from services.settings import read_settings
from services.wiring.embedded import Embedded
from tests.command import BATON, baton, environment
from tests.contracts.certificates import Certificates, make_certificates
from tests.contracts.event_logs import read_topic
from tests.crm.change_events import CHANNEL, LEAD, ORGANIZATION, header, payload
from tests.crm.pubsub_fake import FakePubSub
from tests.e2e.running import Running
from tests.servers.kafka import KafkaCluster

# Apprise loads all its services at the first use, and one of them asks whether this module is there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

CHARTER = """
charter: 1
version: e2e
effective_from: 2020-01-01T00:00:00Z
agreed: [{side: marketing, by: A, on: 2019-12-01}, {side: sales, by: B, on: 2019-12-01}]
calendars:
  always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}, day: 24h}
clocks:
  touch:
    says: Sales touches every lead
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.touched]
    calendar: always
    targets: [{within: 1h}]
"""
NOW_MS = time.time_ns() // 1_000_000 - 3_600_000
"""An hour ago: the events are of these days."""
_SECONDS = 60


def created(number: int) -> bytes:
    """The event of a lead that was made, as the Pub/Sub API has it."""
    head = header(
        changeType="CREATE",
        recordIds=[lead_id(number)],
        transactionKey=f"00006bec-ce66-0611-9018-{number:012d}",
        commitTimestamp=NOW_MS + number,
    )
    return payload(LEAD, head, LeadSource="Web", CreatedDate=NOW_MS + number)


def told(number: int, **fields: Any) -> dict[str, Any]:
    """The same event as JSON."""
    head = header(
        changeType="CREATE",
        recordIds=[lead_id(number)],
        transactionKey=f"00006bec-ce66-0611-9018-{number:012d}",
        commitTimestamp=NOW_MS + number,
    )
    return {"ChangeEventHeader": {**head, **fields}, "LeadSource": "Web", "CreatedDate": NOW_MS + number}


def lead_id(number: int) -> str:
    return f"00Q5f00000{number:05d}EAV"


def leads(numbers: Sequence[int]) -> set[str]:
    """The keys of leads."""
    return {f"salesforce:Lead:{lead_id(number)}" for number in numbers}


def logged(data: Path) -> list[str]:
    """The leads of the events in the log, those that came twice twice."""
    if not (data / "log.db").is_file():
        return []
    with closing(sqlite3.connect(data / "log.db")) as log:
        try:
            rows = log.execute("SELECT value FROM records WHERE topic = ? ORDER BY offset", (EVENTS,)).fetchall()
        except sqlite3.OperationalError:
            return []  # it is just being made
    events = [json.loads(value) for (value,) in rows]
    return [event["subject"] for event in events if event["type"] == "lead.captured"]


def judged(data: Path, charter: Path) -> dict[str, int]:
    """How many times each lead was captured, once all of the log is judged."""
    with closing(Embedded(read_settings(data=data, charter=charter), board_url="http://127.0.0.1:1")) as embedded:
        while embedded.loop.step():
            continue
        found = {}
        for key in set(logged(data)):
            lead = embedded.views.lead(key)
            assert lead is not None
            found[key] = sum(event.type == EventType.LEAD_CAPTURED for event in lead.events)
        return found


def written(path: Path, *lines: Any) -> Path:
    """A file of JSON Lines, gzipped where its name says so; texts as they are."""
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def charter(tmp_path: Path) -> Path:
    path = tmp_path / "charter.yaml"
    path.write_text(CHARTER)
    return path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@dataclass
class Salesforce:
    """The sign-in and the Pub/Sub API."""

    api: FakePubSub
    settings: dict[str, str]
    signed_in: list[str] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Give a token for any form."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        self.signed_in.append((await reader.readexactly(length)).decode())
        said = {
            "access_token": "token-1",
            "instance_url": "https://company.my.salesforce.com",
            "id": f"https://login.salesforce.com/id/{ORGANIZATION}/0055f000005mc66AAA",
        }
        body = json.dumps(said).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def salesforce(certificates: Certificates) -> AsyncIterator[Salesforce]:
    async with FakePubSub().running(certificates) as api:
        made = Salesforce(api, {})
        async with await asyncio.start_server(made.answer, "127.0.0.1", 0) as server:
            made.settings = {
                "BATON_SALESFORCE_API_URL": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
                "BATON_SALESFORCE_CLIENT_ID": "baton",
                "BATON_SALESFORCE_CLIENT_SECRET": "s3cr3t",
                "BATON_SALESFORCE_PUBSUB": api.address,
                "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(certificates.authority),
            }
            yield made


@asynccontextmanager
async def pulling(*arguments: str | Path, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A puller in a process; ended, by its id, when the block is left."""
    child = await asyncio.create_subprocess_exec(
        BATON,
        "pull",
        "salesforce",
        *arguments,
        env=environment(**settings),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def stopped(child: asyncio.subprocess.Process) -> str:
    """Tell it to stop, as a container's runtime would; what it said, once it has ended well."""
    child.send_signal(signal.SIGTERM)
    async with asyncio.timeout(_SECONDS):
        _, said = await child.communicate()
    assert child.returncode == 0, said.decode()
    assert b"Traceback" not in said
    return said.decode()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(_SECONDS):
        while not holds():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.05)


async def test_the_pubsub_api_to_the_log_of_a_folder(salesforce: Salesforce, data: Path, charter: Path) -> None:
    """Over TLS, signed in, until it is told to stop; the next start goes on where this one was."""
    salesforce.api.add(*(created(number) for number in range(40)))
    async with pulling("--data", data, **salesforce.settings) as child:
        await until(lambda: len(logged(data)) == 40)
        await salesforce.api.publish(created(40))
        await until(lambda: len(logged(data)) == 41)
        said = await stopped(child)
    assert f"Baton pulls from {salesforce.api.address}" in said
    assert "0 dead letters; told to stop" in said
    assert "s3cr3t" not in said
    assert "token-1" not in said
    salesforce.api.add(created(41))
    async with pulling("--data", data, **salesforce.settings) as child:
        await until(lambda: len(logged(data)) >= 42)
        await stopped(child)
    assert len(logged(data)) == 42
    assert judged(data, charter) == dict.fromkeys(leads(range(42)), 1)


@pytest.mark.parametrize("deadly", [1, 3])
async def test_killed_between_the_log_and_the_place(deadly: int, data: Path, charter: Path) -> None:
    """Nothing is lost: what was appended last comes again, and counts once."""
    async with FakePubSub().running() as api:
        api.add(*(created(number) for number in range(50)))
        for number in (deadly, 0):
            command = ["-m", "tests.crm.pull_program", api.address, str(data), str(number)]
            child = await asyncio.create_subprocess_exec(sys.executable, *command)
            async with asyncio.timeout(_SECONDS):
                assert await child.wait() == (-signal.SIGKILL if number else 0)
            assert len(logged(data)) == (10 * deadly if number else 60)
    assert set(logged(data)) == leads(range(50))
    assert judged(data, charter) == dict.fromkeys(leads(range(50)), 1)


async def test_baton_up_pulls_by_itself(salesforce: Salesforce, data: Path, charter: Path) -> None:
    """Where a channel is set; a lead is on the board without a second process."""
    salesforce.api.add(*(created(number) for number in range(5)))
    settings = {**salesforce.settings, "BATON_SALESFORCE_CHANNEL": CHANNEL}
    up = Running("up", "--data", data, "--charter", charter, "--port", "0", **settings)
    running = await asyncio.to_thread(up.__enter__)
    try:
        await until(lambda: len(logged(data)) == 5)
        await asyncio.to_thread(running.wait_until_judged)
        key = next(iter(leads([3])))
        found = await asyncio.to_thread(running.get, f"/api/v1/leads/{key}")
        assert found["key"] == key
        assert await asyncio.to_thread(running.terminate) == 0
    finally:
        await asyncio.to_thread(up.__exit__, None, None, None)


def test_up_with_half_of_the_settings(data: Path, charter: Path) -> None:
    """It says which are missing, before anything is served."""
    given = {"BATON_SALESFORCE_API_URL": "https://company.test", "BATON_SALESFORCE_CHANNEL": CHANNEL}
    done = baton("up", "--data", data, "--charter", charter, "--port", "0", **given)
    assert done.returncode == 2
    assert done.stderr.startswith("BATON_SALESFORCE_CLIENT_ID, BATON_SALESFORCE_CLIENT_SECRET: not given")


def test_a_file(tmp_path: Path, data: Path, charter: Path) -> None:
    """It is read to its end; read again, nothing counts twice."""
    path = written(tmp_path / "changes.jsonl.gz", *(told(number) for number in range(250)))
    for _ in range(2):
        done = baton("pull", "salesforce", "--from", path, "--data", data)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.splitlines()[-1] == "500 events, 0 changes without meaning, 0 dead letters"
    assert judged(data, charter) == dict.fromkeys(leads(range(250)), 1)


def test_a_file_with_lines_that_cannot_be_used(tmp_path: Path, data: Path) -> None:
    """They are dead letters, of which it says where they stand; the others count."""
    path = written(tmp_path / "changes.jsonl", told(1), "no JSON", {"hello": "world"}, told(2, entityName="Account"))
    done = baton("pull", "salesforce", "--from", path, "--data", data)
    assert done.returncode == 1
    assert f"{path}:2" in done.stderr
    assert done.stderr.splitlines()[-1] == "2 events, 1 changes without meaning, 2 dead letters"
    assert set(logged(data)) == leads([1])


async def test_standard_input(data: Path) -> None:
    """Line by line, as another program writes it."""
    child = await asyncio.create_subprocess_exec(
        *(BATON, "pull", "salesforce", "--from", "-", "--data", data),
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    for number in (1, 2):
        child.stdin.write(json.dumps(told(number)).encode() + b"\n")
        await child.stdin.drain()
        await until(lambda number=number: len(logged(data)) == number)  # type: ignore[misc]
    child.stdin.close()
    async with asyncio.timeout(_SECONDS):
        assert await child.wait() == 0


def kafka_topic(cluster: KafkaCluster, name: str, *changes: Any) -> str:
    """A topic of changes, and its address."""
    cluster.create_topic(name, partitions=2)
    add_to(cluster, name, *changes)
    return f"kafka://{cluster.bootstrap}/{name}"


def add_to(cluster: KafkaCluster, topic: str, *changes: Any) -> None:
    """Append changes."""
    producer = Producer({"bootstrap.servers": cluster.bootstrap})
    for each in changes:
        producer.produce(topic, value=json.dumps(each).encode())
    assert producer.flush(_SECONDS) == 0


async def test_a_topic_of_kafka(kafka: KafkaCluster, data: Path) -> None:
    """Until it is told to stop; the group's offsets say where the next start goes on."""
    source = await asyncio.to_thread(kafka_topic, kafka, "pulled-changes", *(told(number) for number in range(100)))
    async with pulling("--from", source, "--data", data) as child:
        await until(lambda: len(logged(data)) == 100)
        await stopped(child)
    await asyncio.to_thread(add_to, kafka, "pulled-changes", told(100))
    async with pulling("--from", source, "--data", data) as child:
        await until(lambda: len(logged(data)) >= 101)
        await stopped(child)
    assert sorted(logged(data)) == sorted(leads(range(101)))


async def test_to_kafka(kafka: KafkaCluster, tmp_path: Path, data: Path) -> None:
    """Where the log is Kafka, nothing else of it is needed."""
    kafka.needs_real("topics with settings")
    broker = f"kafka://{kafka.bootstrap}"
    made = await asyncio.to_thread(
        baton, "topics", "create", "--partitions", "2", "--replicas", "1", BATON_BROKER=broker
    )
    assert made.returncode == 0, made.stderr
    path = written(tmp_path / "changes.jsonl", *(told(number) for number in range(900, 910)))
    done = await asyncio.to_thread(baton, "pull", "salesforce", "--from", path, "--data", data, BATON_BROKER=broker)
    assert done.returncode == 0, done.stderr
    assert leads(range(900, 910)) <= {record.key for record in await read_topic(kafka, EVENTS)}


def test_a_source_that_is_none(data: Path) -> None:
    """Exit 2, and one line that says why."""
    done = baton("pull", "salesforce", "--from", "nowhere.jsonl", "--data", data)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "no such file: nowhere.jsonl")


async def test_a_folder_that_is_in_use(salesforce: Salesforce, data: Path, tmp_path: Path) -> None:
    """By another puller: exit 2, and it says so."""
    path = written(tmp_path / "changes.jsonl", told(1))
    salesforce.api.add(created(2))
    async with pulling("--data", data, **salesforce.settings) as child:
        await until(lambda: len(logged(data)) == 1)
        done = await asyncio.to_thread(baton, "pull", "salesforce", "--from", path, "--data", data)
        assert done.returncode == 2
        assert "is in use by another baton process" in done.stderr
        await stopped(child)


_WITHOUT = """
import sys
for name in ("grpc", "google.protobuf", "fastavro"):
    sys.modules[name] = None
from services.cli.main import main
sys.argv = ["baton", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("from_file", [True, False])
async def test_without_the_libraries(from_file: bool, tmp_path: Path, data: Path) -> None:
    """Files are pulled all the same; for the Pub/Sub API it says what to install."""
    path = written(tmp_path / "changes.jsonl", told(1))
    given = {
        "BATON_SALESFORCE_API_URL": "https://company.test",
        "BATON_SALESFORCE_CLIENT_ID": "baton",
        "BATON_SALESFORCE_CLIENT_SECRET": "s3cr3t",
    }
    source = ["--from", str(path)] if from_file else []
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _WITHOUT, "pull", "salesforce", *source, "--data", str(data)),
        env=environment(**given),
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(_SECONDS):
        _, said = await child.communicate()
    if from_file:
        assert child.returncode == 0, said.decode()
    else:
        assert child.returncode == 2
        assert said.decode().splitlines()[-1].endswith('pip install "baton[salesforce]"')

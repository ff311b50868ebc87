"""What the wiring of `baton pull` refuses before anything is pulled, and that it asks for what changes lack."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from services.adapters.kafka.client import KafkaConnection
from services.adapters.kafka.topics import create_topics, plans
from services.adapters.sqlite.fetch_queue import SqliteFetchQueue
from services.domain.instants import Instant
from services.errors import UsageError
from services.ports import EVENTS, Found, Reference
from services.settings import Settings, read_settings, variable
from services.wiring import embedded, pull
from services.wiring.embedded import Embedded
from services.wiring.pull import pull_salesforce
from services.wiring.pulls import SALESFORCE, channels_of
from services.wiring.returning import returning
from tests.contracts.event_logs import read_topic
from tests.crm.change_events import header
from tests.databases import empty
from tests.servers.kafka import KafkaCluster
from tests.tracker.support import CHARTER

# Apprise loads all its services at the first use, and one of them asks whether this module is there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine that runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    monkeypatch.chdir(tmp_path)


async def refused(source: str | None, **settings: object) -> str:
    """What is said of it."""
    with pytest.raises(UsageError) as wrong:
        await pull_salesforce(read_settings(data=Path("data"), **settings), source, asyncio.Event())
    return str(wrong.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nowhere.jsonl", "no such file: nowhere.jsonl"),
        ("kafka://127.0.0.1:9092", "--from: write kafka://HOST:PORT/TOPIC"),
        ("kafka://127.0.0.1/topic", "--from: broker 1 is not HOST:PORT; write kafka://HOST:PORT,HOST:PORT"),
        ("kafka://user:s3cr3t@127.0.0.1:9092/topic", "--from: write kafka://HOST:PORT without a user"),
    ],
)
async def test_a_source_that_is_none(source: str, said: str) -> None:
    """One line that says what to write, without what may be a secret."""
    told = await refused(source)
    assert told.startswith(said)
    assert "s3cr3t" not in told


async def test_without_settings() -> None:
    """It says which are needed."""
    assert await refused(None) == (
        "BATON_SALESFORCE_API_URL, BATON_SALESFORCE_CLIENT_ID, BATON_SALESFORCE_CLIENT_SECRET: not given; Salesforce's "
        "Pub/Sub API is signed in to with them"
    )


async def test_what_was_taken_is_let_go() -> None:
    """Whatever was refused: the folder is free for the next try."""
    for _ in range(2):
        assert "in use" not in await refused("nowhere.jsonl")


def test_several_channels() -> None:
    """Parted by blanks; none where none is set."""
    assert channels_of(read_settings(salesforce_channel="/data/A /data/B__chn")) == ["/data/A", "/data/B__chn"]
    assert channels_of(read_settings()) == []


LEAD = "00Q5f00000AbCdEEAV"
API = {
    "salesforce_api_url": "https://company.test",
    "salesforce_client_id": "baton",
    "salesforce_client_secret": "s3cr3t",
}


class FakeApi:
    """Salesforce's API, which knows one lead."""

    crm = SALESFORCE

    def __init__(self) -> None:
        self.asked: list[Reference] = []

    async def changed_since(self, since: Instant) -> AsyncIterator[Sequence[Found]]:
        raise AssertionError(since)
        yield ()

    async def fetch(self, references: Sequence[Reference]) -> Sequence[Found]:
        self.asked += references
        times = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), "2026-10-05T09:00:00.000+0000")
        return [Found("Lead", {"attributes": {"type": "Lead"}, "Id": LEAD, "IsDeleted": False, **times})]

    async def close(self) -> None:
        return


class AtOnce:
    """Stands for trackers that are quick: the store has whatever the log has."""

    def __init__(self, **_: object) -> None:
        pass

    def mark(self) -> Callable[[], bool]:
        return lambda: True


def gap_file() -> str:
    """A file that says only that the lead was changed."""
    gap = {"ChangeEventHeader": header(changeType="GAP_UPDATE", recordIds=[LEAD])}
    Path("changes.jsonl").write_text(json.dumps(gap), encoding="utf-8")
    return "changes.jsonl"


async def test_to_kafka_what_changes_lack_is_asked_for(
    kafka: KafkaCluster, postgres_tables: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it ends, though nothing else would ask on its folder."""
    kafka.needs_real("topics with settings")
    empty(postgres_tables)
    broker, api = f"kafka://{kafka.bootstrap}", FakeApi()
    await create_topics(KafkaConnection(broker=broker), plans(partitions=2, replicas=1, max_body_bytes=1_048_576))
    monkeypatch.setattr(pull, "salesforce_api", lambda _: api)
    monkeypatch.setattr(pull, "AppliedByTime", AtOnce)
    given = read_settings(data=Path("data"), broker=broker, database=postgres_tables, **API)
    async with asyncio.timeout(120):
        ended = await pull_salesforce(given, gap_file(), asyncio.Event())
    assert ended.is_whole
    assert api.asked == [Reference("Lead", LEAD)]
    assert f"salesforce:Lead:{LEAD}" in {record.key for record in await read_topic(kafka, EVENTS)}


async def test_in_a_folder_what_changes_lack_waits_for_baton_up() -> None:
    """It is on the list of that folder."""
    given = read_settings(data=Path("data"), **API)
    assert (await pull_salesforce(given, gap_file(), asyncio.Event())).is_whole
    queue = SqliteFetchQueue(Path("data/fetches.db"))
    assert [each.reference for each in queue.waiting(SALESFORCE, 10)] == [Reference("Lead", LEAD)]
    queue.close()


async def test_to_kafka_with_an_api_and_without_a_database() -> None:
    """What the API says could not be compared with what Baton has."""
    told = await refused("changes.jsonl", broker="kafka://127.0.0.1:9092", **API)
    assert told.startswith("BATON_DATABASE: not given, but the API of salesforce is set up")


def charter_file() -> Path:
    """A charter, without which nothing is judged."""
    path = Path("charter.yaml")
    path.write_text(CHARTER, encoding="utf-8")
    return path


@pytest.mark.parametrize("has_api", [False, True])
async def test_a_gap_that_is_a_dead_letter_returns_with_an_api(has_api: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once somebody can be asked; until then it stays."""
    given = read_settings(data=Path("data"), charter=charter_file())
    assert (await pull_salesforce(given, gap_file(), asyncio.Event())).counts.dead_letters == 1
    with closing(Embedded(given, board_url="")) as judging:
        while judging.loop.step():
            continue
    api = FakeApi()
    monkeypatch.setattr(embedded, "apis_of", lambda _: {SALESFORCE: api} if has_api else {})
    async with returning(given) as door:
        (letter,) = door.views.dead_letters(None, 10)
        assert letter.reason == "incomplete"
        assert await door.take_in(letter) is has_api
    assert api.asked == [Reference("Lead", LEAD)] * has_api

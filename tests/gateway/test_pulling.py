"""Pulling a stream of changes into the log: in order, none lost, whatever ends or is away meanwhile."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.errors import Unavailable, UsageError
from services.gateway.api_letters import read_letter
from services.gateway.change_door import ChangeDoor
from services.gateway.pulling import Puller
from services.gateway.sender import Counts
from services.metric_table import EVENTS_TOTAL
from services.ports import FetchQueue, Found, Pulled, Reference, Wanted
from tests.gateway.conftest import NOW, FakeClock, FakeLog, FakeTally, Gateway

COMMITTED = "2026-11-20T09:00:00.000Z"
_SECONDS = 20


def change(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A lead that was made, as a change event says it."""
    header = {
        "entityName": "Lead",
        "recordIds": [f"00Q5f00000{number:05d}EAV"],
        "changeType": "CREATE",
        "transactionKey": f"00006bec-ce66-0611-9018-{number:012d}",
        "sequenceNumber": 1,
        "commitTimestamp": 1_795_165_200_000,
        "changedFields": [],
        **fields.pop("header", {}),
    }
    return {"ChangeEventHeader": header, "CreatedDate": COMMITTED, **fields}


def gap(number: int = 1) -> dict[str, Any]:
    """An event that says only that a lead was changed."""
    return {"ChangeEventHeader": change(number, header={"changeType": "GAP_UPDATE"})["ChangeEventHeader"]}


@dataclass
class FakeStream:
    """A stream that goes on where it was kept, and is away when it is told to."""

    batches: list[Pulled]
    kept: int = 0
    """Batches that need not come again."""
    opened: int = 0
    away: list[Exception] = field(default_factory=list)
    """What the next attempts to read raise."""
    cannot_keep: list[Exception] = field(default_factory=list)
    endless: bool = False
    on_keep: Callable[[], None] = lambda: None

    async def pulled(self) -> AsyncGenerator[Pulled, None]:
        self.opened += 1
        if self.away:
            raise self.away.pop(0)
        for each in self.batches[self.kept :]:
            yield each
        if self.endless:
            await asyncio.Event().wait()

    async def keep(self, pulled: Pulled) -> None:
        if self.cannot_keep:
            raise self.cannot_keep.pop(0)
        assert pulled is self.batches[self.kept]
        self.kept += 1
        self.on_keep()

    async def close(self) -> None:
        return


@dataclass
class FakeQueue:
    """What is to be asked for."""

    put_references: list[Reference] = field(default_factory=list)
    away: list[Exception] = field(default_factory=list)

    def put(self, crm: str, references: Sequence[Reference]) -> None:
        assert crm == "salesforce"
        if self.away:
            raise self.away.pop(0)
        self.put_references += references

    def waiting(self, crm: str, limit: int) -> Sequence[Wanted]:
        raise NotImplementedError

    def done(self, numbers: Sequence[int]) -> None:
        raise NotImplementedError


@dataclass
class Pulling:
    """A puller with its fakes."""

    stream: FakeStream
    queue: FakeQueue | None = field(default_factory=FakeQueue)
    log: FakeLog = field(default_factory=FakeLog)
    tally: FakeTally = field(default_factory=FakeTally)
    is_patient: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def puller(self) -> Puller:
        fetches: dict[str, FetchQueue] = {} if self.queue is None else {"salesforce": self.queue}
        door = ChangeDoor(
            log=self.log, tally=self.tally, clock=FakeClock(), senders=Gateway().senders(), fetches=fetches
        )
        return Puller(
            crm="salesforce",
            name="changes",
            stream=self.stream,
            door=door,
            fetches=fetches.get("salesforce"),
            is_patient=self.is_patient,
            pauses=(0.001,),
        )

    async def run(self) -> tuple[bool, Counts]:
        """Pull to the end; whether it came there, and the counts."""
        puller = self.puller()
        async with asyncio.timeout(_SECONDS):
            return await puller.run(self.stop), puller.counts

    @property
    def leads(self) -> list[str]:
        return [document["subject"] for document in self.log.documents()]


def batches(*items: Any) -> list[Pulled]:
    """A batch for each."""
    return [Pulled([item]) for item in items]


def lead(number: int) -> str:
    return f"salesforce:Lead:00Q5f00000{number:05d}EAV"


async def test_all_changes_come_to_the_log_in_their_order() -> None:
    """Each batch is left behind once the log has it."""
    pulling = Pulling(FakeStream(batches(change(1), change(2), change(3))))
    seen: list[int] = []
    pulling.stream.on_keep = lambda: seen.append(len(pulling.log.records))
    assert await pulling.run() == (True, Counts(events=3))
    assert pulling.leads == [lead(1), lead(2), lead(3)]
    assert seen == [1, 2, 3]
    assert pulling.stream.kept == 3


async def test_lines_of_json_are_read() -> None:
    """Also a list of changes; with the wrapping in which other tools put them."""
    raw = [json.dumps(change(1)), json.dumps([change(2), change(3)]), json.dumps({"payload": change(4), "event": {}})]
    pulling = Pulling(FakeStream(batches(*(each.encode() for each in raw))))
    assert await pulling.run() == (True, Counts(events=4))
    assert pulling.leads == [lead(number) for number in (1, 2, 3, 4)]


async def test_what_means_nothing_is_counted() -> None:
    """It is ignored, as a webhook would be."""
    other = change(header={"entityName": "Account"})
    pulling = Pulling(FakeStream(batches(other)))
    assert await pulling.run() == (True, Counts(ignored=1))
    assert pulling.tally.of(EVENTS_TOTAL.name, crm="salesforce", type="other", outcome="ignored") == 1


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"{", b"5", b"[5]", b'{"a": NaN}', b"[" * 100_000, b'{"a":1,"a":2}'])
async def test_what_cannot_be_read_is_a_dead_letter(raw: bytes) -> None:
    """Whole, under an id that follows from what it is, with its place; it costs no other."""
    stream = FakeStream([Pulled([raw, json.dumps(change(2)).encode()], places=["file:7", "file:8"])])
    pulling = Pulling(stream)
    with capture_logs() as logs:
        assert await pulling.run() == (True, Counts(events=1, dead_letters=1))
    (letter,) = pulling.log.letters
    assert letter.detail.startswith("file:7: ")
    assert letter.reason == "unreadable"
    kept = read_letter(letter.body)
    assert isinstance(kept, Found)
    assert base64.b64decode(kept.content["content_base64"]) == raw
    assert [entry["place"] for entry in logs if entry["event"] == "change unreadable"] == ["file:7"]
    again = Pulling(FakeStream(batches(raw)))
    await again.run()
    assert again.log.letters[0].id == letter.id


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"hello": "world"}, "ChangeEventHeader: missing"),
        ({"unreadable": "the event is not of its schema", "payload_base64": "AA=="}, "the event is not of its schema"),
        (change(header={"recordIds": ["not an id"]}), "recordIds: not the id of a record"),
        (change(header={"commitTimestamp": 5}, CreatedDate="2031-01-01T00:00:00Z"), "which is to come"),
        ({**change(), "Company": "a\0b"}, "a text"),
    ],
)
async def test_what_cannot_be_used_is_a_dead_letter(bad: dict[str, Any], why: str) -> None:
    """It says why, and costs no other; told again it is the same letter, which can be read again."""
    pulling = Pulling(FakeStream([Pulled([bad, change(2)]), Pulled([bad])]))
    assert (await pulling.run())[1].dead_letters == 2
    first, second = pulling.log.letters
    assert first.id == second.id
    assert why in first.detail
    assert pulling.leads == [lead(2)]


async def test_a_gap_is_asked_for() -> None:
    """Once the log has what came with it, and before it is left behind."""
    pulling = Pulling(FakeStream(batches(gap(1))))
    assert pulling.queue is not None
    assert await pulling.run() == (True, Counts())
    assert pulling.queue.put_references == [Reference("Lead", "00Q5f0000000001EAV")]


async def test_a_gap_without_an_api_is_a_dead_letter() -> None:
    """Nobody can be asked; it says what to set up."""
    pulling = Pulling(FakeStream(batches(gap(1))), queue=None)
    assert await pulling.run() == (True, Counts(dead_letters=1))
    assert pulling.log.letters[0].reason == "incomplete"


async def test_lost_changes_are_asked_for() -> None:
    """All that was modified since; the question is on disk before the place moves."""
    pulling = Pulling(FakeStream([Pulled(lost_since=NOW), *batches(change(1))]))
    queue = pulling.queue
    assert queue is not None
    queue.away = [Unavailable("the disk is full")]
    pulling.stream.on_keep = lambda: seen.append(len(queue.put_references))
    seen: list[int] = []
    assert await pulling.run() == (True, Counts(events=1))
    assert queue.put_references == [Reference("", "", NOW)]
    assert seen == [1, 1]


async def test_lost_changes_without_an_api_end_it() -> None:
    """Nobody would ever know of them: somebody has to decide."""
    pulling = Pulling(FakeStream([Pulled(lost_since=NOW)]), queue=None)
    with pytest.raises(UsageError, match="has lost changes since 2026-11-23T09:00:00Z; set up its API"):
        await pulling.run()
    assert pulling.stream.kept == 0


async def test_the_log_is_away() -> None:
    """The batch waits for it, and the stream is not asked anew: a pipe could not say it again."""
    pulling = Pulling(FakeStream(batches(change(1), change(2))))
    failures = iter([True, True, True, False, False])

    async def be_away() -> None:
        pulling.log.away = next(failures)

    pulling.log.before_append = be_away
    assert await pulling.run() == (True, Counts(events=2))
    assert pulling.leads == [lead(1), lead(2)]
    assert pulling.stream.opened == 1


async def test_the_stream_is_away() -> None:
    """It is asked again, and told of once, and when it is over."""
    pulling = Pulling(FakeStream(batches(change(1)), away=[Unavailable("no answer")] * 3))
    with capture_logs() as logs:
        assert await pulling.run() == (True, Counts(events=1))
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["pull waits", "pull goes on"]


async def test_the_place_cannot_be_kept() -> None:
    """The stream begins anew after what it has kept: what comes twice counts once by its id."""
    pulling = Pulling(FakeStream(batches(change(1), change(2)), cannot_keep=[Unavailable("rebalanced")]))
    assert (await pulling.run())[0]
    assert pulling.leads == [lead(1), lead(1), lead(2)]
    ids = [(document["source"], document["id"]) for document in pulling.log.documents()]
    assert len(set(ids)) == 2


async def test_an_end_between_log_and_place() -> None:
    """Whatever ended it: the next one has it again, under the same id."""
    stream = FakeStream(batches(change(1), change(2)), cannot_keep=[RuntimeError("killed")])
    first = Pulling(stream)
    with pytest.raises(RuntimeError):
        await first.run()
    second = Pulling(stream)
    await second.run()
    assert first.log.documents() == second.log.documents()[:1]
    assert second.leads == [lead(1), lead(2)]


@pytest.mark.parametrize("is_patient", [False, True])
async def test_credentials_that_are_refused(is_patient: bool) -> None:
    """They end a command; a process that does other things waits until they are mended."""
    stream = FakeStream(batches(change(1)), away=[UsageError("BATON_X: refused")])
    pulling = Pulling(stream, is_patient=is_patient)
    if not is_patient:
        with pytest.raises(UsageError, match="BATON_X"):
            await pulling.run()
        return
    assert await pulling.run() == (True, Counts(events=1))


async def test_a_stop_ends_it_at_once() -> None:
    """While nothing comes; what has come is in the log and left behind."""
    pulling = Pulling(FakeStream(batches(change(1), change(2)), endless=True))
    running = asyncio.create_task(pulling.run())
    async with asyncio.timeout(_SECONDS):
        while pulling.stream.kept < 2:  # noqa: ASYNC110 - nothing tells when it is kept
            await asyncio.sleep(0.001)
    pulling.stop.set()
    assert await running == (False, Counts(events=2))


async def test_a_stop_in_the_middle_of_a_batch() -> None:
    """The batch is brought to the log and left behind first, and no other is begun."""
    pulling = Pulling(FakeStream(batches(change(1), change(2))))

    async def told_to_stop() -> None:
        pulling.stop.set()

    pulling.log.before_append = told_to_stop
    assert await pulling.run() == (False, Counts(events=1))
    assert pulling.stream.kept == 1


async def test_a_stop_while_the_log_is_away() -> None:
    """It does not wait for the log, and nothing is left behind."""
    pulling = Pulling(FakeStream(batches(change(1))))

    async def away_and_told_to_stop() -> None:
        pulling.log.away = True
        pulling.stop.set()

    pulling.log.before_append = away_and_told_to_stop
    assert await pulling.run() == (False, Counts())
    assert pulling.stream.kept == 0


async def test_the_same_change_twice_is_one_event() -> None:
    """By another way, in another order, in another batch: its id says what happened, and when."""
    told = [change(1), change(1, header={"transactionKey": "another", "sequenceNumber": 3}), change(2)]
    pulling = Pulling(FakeStream(batches(*told)))
    await pulling.run()
    assert len({(document["source"], document["id"]) for document in pulling.log.documents()}) == 2

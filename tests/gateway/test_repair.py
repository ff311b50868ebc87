"""The repair of one CRM: what is read from its API gets into the log once, and nothing of it is lost."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from services.domain.events import Event
from services.domain.instants import SECOND, Instant, format_exact
from services.errors import BadEvent, Unavailable, UsageError
from services.gateway.api_door import ApiDoor
from services.gateway.api_letters import read_letter
from services.gateway.repair import OVERLAP, Repair
from services.gateway.repairing import Pace, Repairing
from services.metric_table import API_EVENTS_TOTAL, API_FAILURES_TOTAL
from services.ports import DEALS, EVENTS, Found, Reference, Wanted
from services.storage import stream_of
from services.translate import from_json
from tests.gateway.conftest import NOW, FakeClock, FakeLog, FakeTally
from tests.gateway.crm_double import CRM, MAPPING, Double, DoubleApi

HOUR = 3600 * SECOND
LONG_AGO = "2026-11-23T07:00:00Z"
"""Two hours before NOW: webhooks about it have come or are lost."""


@dataclass
class FakeSeen:
    """What a store would have that has applied all of a log."""

    log: FakeLog
    reconciled: dict[str, Instant] = field(default_factory=dict)
    last: Instant | None = None
    away: bool = False

    def events(self, streams: Collection[str]) -> Mapping[str, Sequence[Event]]:
        if self.away:
            raise Unavailable("the database is away")
        stored = [from_json(each.value) for each in self.log.records if each.topic in (EVENTS, DEALS)]
        return {stream: [event for event in stored if stream_of(event) == stream] for stream in streams}

    def reconciled_until(self, crm: str) -> Instant | None:
        return self.reconciled.get(crm)

    def note_reconciled(self, crm: str, until: Instant) -> None:
        self.reconciled[crm] = max(until, self.reconciled.get(crm, 0))

    def last_event_of(self, crm: str) -> Instant | None:
        assert crm == CRM
        return self.last


@dataclass
class FakeApplied:
    """How often it is looked until the store has come up with the log."""

    looks: int = 0
    marks: int = 0

    def mark(self) -> Callable[[], bool]:
        self.marks += 1
        left = self.looks

        def is_applied() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        return is_applied


@dataclass
class FakeQueue:
    """A fetch queue in memory."""

    wanted: list[Wanted] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)

    def put(self, crm: str, references: Sequence[Reference]) -> None:
        self.wanted += [Wanted(len(self.wanted) + number, crm, each) for number, each in enumerate(references)]

    def waiting(self, crm: str, limit: int) -> Sequence[Wanted]:
        return [each for each in self.wanted if each.crm == crm and each.number not in self.forgotten][:limit]

    def done(self, numbers: Sequence[int]) -> None:
        self.forgotten += numbers


@dataclass
class Bench:
    """A repair with all that it needs."""

    api: DoubleApi = field(default_factory=DoubleApi)
    log: FakeLog = field(default_factory=FakeLog)
    tally: FakeTally = field(default_factory=FakeTally)
    clock: FakeClock = field(default_factory=FakeClock)
    applied: FakeApplied = field(default_factory=FakeApplied)
    queue: FakeQueue = field(default_factory=FakeQueue)

    def __post_init__(self) -> None:
        self.seen = FakeSeen(self.log)
        self.door = ApiDoor(
            log=self.log,
            tally=self.tally,
            clock=self.clock,
            senders={CRM: Double(mapping=MAPPING)},
            seen=self.seen,
            applied=self.applied,
            patience=0.3,
        )
        self.repair = Repair(api=self.api, door=self.door, seen=self.seen, clock=self.clock, every=HOUR)

    def types(self) -> list[str]:
        return [document["type"] for document in self.log.documents()]

    def counted(self, outcome: str) -> int:
        return self.tally.of(API_EVENTS_TOTAL.name, crm=CRM, outcome=outcome)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def person(number: object, modified: str = LONG_AGO, *, lacks: Sequence[Sequence[str]] = (), **fields: Any) -> Found:
    """What the API says of a person."""
    return Found("person", {"id": number, "modified": modified, "lacks": lacks, "fields": fields})


def told(number: str, at: str, **fields: Any) -> Found:
    """A change that the API tells with its own time, in the form of a webhook."""
    return Found("", {"object": "person", "id": number, "kind": "updated", "at": at, "fields": fields})


async def test_what_was_missed_gets_into_the_log(bench: Bench) -> None:
    """Of a page that tells what is known too, only what is not; the second time nothing."""
    bench.api.pages = [[person(1, stage="ready", source="webinar")], [person(2, stage="ready")]]
    await bench.door.take(CRM, [told("1", "2026-11-23T06:00:00Z", stage="ready")])
    said = await bench.repair.reconcile(0)
    assert (said.records, said.new, said.known, said.bad) == (2, 2, 1, 0)
    assert bench.types() == ["lead.handed_off", "lead.updated", "lead.handed_off"]
    again = await bench.repair.reconcile(0)
    assert (again.new, again.known) == (0, 3)
    assert (bench.counted("new"), bench.counted("known")) == (3, 4)
    assert all(each.headers == {"crm": CRM} for each in bench.log.records)


async def test_an_answer_that_says_the_same_twice_counts_once(bench: Bench) -> None:
    """In one page, before the store has any of it."""
    said = await bench.door.take(CRM, [person(1, stage="ready"), person(1, stage="ready")])
    assert (said.new, said.known) == (1, 1)


async def test_a_change_with_its_time_goes_before_the_state(bench: Bench) -> None:
    """Told both ways in one answer, a value counts once, with its own time."""
    await bench.door.take(CRM, [person(1, stage="ready"), told("1", "2026-11-23T06:00:00Z", stage="ready")])
    (document,) = bench.log.documents()
    assert document["time"] == "2026-11-23T06:00:00Z"


async def test_what_changed_a_moment_ago_is_left_for_the_next_time(bench: Bench) -> None:
    """Its webhook may be under way: the state's time is another than the webhook's, and it would count twice."""
    bench.api.pages = [
        [person(1, format_exact(NOW - 60 * SECOND), stage="ready"), person(2, stage="ready")],
        [told("3", format_exact(NOW - 60 * SECOND), stage="ready")],
    ]
    said = await bench.repair.reconcile()
    assert (said.records, said.new, said.later) == (3, 2, 1)
    assert [document["subject"] for document in bench.log.documents()] == [f"{CRM}:person:2", f"{CRM}:person:3"]
    assert bench.repair.begins_at() < NOW - 60 * SECOND


async def test_a_record_that_cannot_be_used_costs_no_other(bench: Bench) -> None:
    """It is a dead letter that can be taken in again as it was, and is the same one the next time."""
    bad = Found("person", {"id": 1, "modified": "yesterday", "fields": {"stage": "ready"}})
    fault = Found("person", {"id": 2, "modified": LONG_AGO, "fault": 1})
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"deeper": deep}
    found = [bad, person(3, stage="ready"), fault, Found("person", deep), Found("", {"object": "person"})]
    said = await bench.door.take(CRM, found)
    assert (said.new, said.bad) == (1, 4)
    assert [each.reason for each in bench.log.letters] == ["invalid", "fault", "unreadable", "invalid"]
    assert [read_letter(each.body) for each in bench.log.letters] == [bad, fault, None, None]
    assert json.loads(bench.log.letters[3].body) == {"object": "person"}
    ids = {each.id for each in bench.log.letters}
    await bench.door.take(CRM, found)
    assert {each.id for each in bench.log.letters} == ids


async def test_a_time_to_come_is_a_mistake_here_too(bench: Bench) -> None:
    """The clocks of CRMs may differ by five minutes, not by a day."""
    said = await bench.door.take(CRM, [told("1", "2026-11-24T09:00:00Z", stage="ready")])
    assert (said.bad, bench.log.letters[0].reason) == (1, "too_far_ahead")


async def test_what_an_answer_lacks_is_fetched_at_once(bench: Bench) -> None:
    """Each object once, though they lack each other; one that is gone is left out."""
    bench.api.pages = [[person(1, stage="ready", lacks=[("person", "2"), ("person", "404")])]]
    bench.api.objects["person", "2"] = person(2, stage="ready", lacks=[("person", "3"), ("person", "2")])
    bench.api.objects["person", "3"] = person(3, stage="ready", lacks=[("person", "2")])
    said = await bench.repair.reconcile(0)
    assert (said.records, said.new) == (3, 3)
    assert bench.api.fetched == [["2", "404"], ["3"]]


async def test_a_schedule_leaves_no_hole(bench: Bench) -> None:
    """It goes on where it came to, a little before; the first time a period back, or at the last event."""
    await bench.repair.reconcile()
    bench.clock.at += 2 * HOUR
    await bench.repair.reconcile()
    assert bench.api.asked_since == [NOW - HOUR - OVERLAP, NOW - OVERLAP]
    assert bench.repair.reconciled_until == bench.seen.reconciled[CRM] == NOW + 2 * HOUR
    bench.seen.reconciled.clear()
    bench.seen.last = NOW - 9 * HOUR
    assert bench.repair.begins_at() == NOW - 9 * HOUR - OVERLAP
    bench.seen.last = bench.clock.at
    assert bench.repair.begins_at() == NOW + HOUR - OVERLAP


async def test_a_look_that_fails_midway_is_made_again(bench: Bench) -> None:
    """What it brought stays, and what it did not is not taken for done."""
    bench.api.pages = [[person(1, stage="ready")], [person(2, stage="ready")]]
    for failure in (Unavailable("away"), UsageError("refused"), BadEvent("invalid", "wrong")):
        bench.api.failures = [failure]
        with pytest.raises(type(failure)):
            await bench.repair.reconcile()
    assert bench.seen.reconciled == {}
    bench.log.away = True
    with pytest.raises(Unavailable):
        await bench.repair.reconcile()
    bench.log.away = False
    await bench.repair.reconcile()
    assert (bench.types(), bench.seen.reconciled) == (["lead.handed_off", "lead.handed_off"], {CRM: NOW})


async def test_a_look_from_later_on_is_not_taken_for_the_whole(bench: Bench) -> None:
    """By hand it can begin anywhere; what lies before stays to be looked at."""
    await bench.repair.reconcile(NOW - 60 * SECOND)
    assert bench.seen.reconciled == {}
    await bench.repair.reconcile(NOW - 30 * HOUR)
    assert bench.seen.reconciled == {CRM: NOW}


async def test_the_store_is_waited_for(bench: Bench) -> None:
    """What is in the log and not yet judged would be taken for missing. Once is enough for all pages of a look."""
    bench.applied.looks = 1
    bench.api.pages = [[person(1, stage="ready")], [person(2, stage="ready")]]
    await bench.repair.reconcile()
    assert bench.applied.marks == 1
    bench.applied.looks = 100
    with pytest.raises(Unavailable, match="behind the event log"):
        await bench.repair.reconcile()


async def test_references_without_an_id_mean_all_that_changed(bench: Bench) -> None:
    """Since the earliest of the times; where one has none, since the last look."""
    await bench.repair.fetch([Reference("person", "", since=NOW - 5), Reference("person", "", since=NOW - 9)])
    await bench.repair.fetch([Reference("person", "", since=NOW - 5), Reference("person", "")])
    assert bench.api.asked_since == [NOW - 9, NOW - HOUR - OVERLAP]


async def test_a_reference_that_the_api_refuses_holds_up_no_other(bench: Bench) -> None:
    """It becomes a dead letter that says what was asked for; the others are fetched."""
    bench.api.refuses = {"x"}
    bench.api.objects = {("person", each): person(each, stage="ready") for each in "123"}
    said = await bench.repair.fetch([Reference("person", each) for each in ("1", "2", "x", "3")])
    assert said.new == 3
    (letter,) = bench.log.letters
    assert (letter.reason, read_letter(letter.body)) == ("invalid", Reference("person", "x"))
    assert "x is no id" in letter.detail


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"baton_found":1}', b'{"baton_wanted":{"id":1}}', b'{"baton_found":'])
def test_other_letters_are_not_of_an_api(body: bytes) -> None:
    """Neither webhooks nor what only looks like one."""
    assert read_letter(body) is None


PACE = Pace(look=0.01, gather=0.0, away=(0.01,), refused=0.01, batch=2)


async def until(what: Callable[[], bool], *work: Callable[[asyncio.Event], Any]) -> None:
    """Let the work go on until it is so."""
    stop = asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        for each in work:
            tasks.create_task(each(stop))
        while not what():  # noqa: ASYNC110 - what is waited for are facts of fakes
            await asyncio.sleep(0.005)
        stop.set()


def repairing(bench: Bench, every: float = 0.01) -> Repairing:
    return Repairing(repair=bench.repair, queue=bench.queue, tally=bench.tally, every=every, pace=PACE)


async def test_what_webhooks_ask_for_is_fetched_and_forgotten(bench: Bench) -> None:
    """In batches, the oldest first."""
    bench.queue.put(CRM, [Reference("person", each) for each in "123"])
    bench.api.objects = {("person", each): person(each, stage="ready") for each in "123"}
    await until(lambda: len(bench.queue.forgotten) == 3, repairing(bench).fetch)
    assert bench.api.fetched == [["1", "2"], ["3"]]
    assert bench.types() == ["lead.handed_off"] * 3


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Unavailable("away"), "away"),
        (UsageError("BATON_DOUBLE_API_TOKEN: refused"), "refused"),
        (BadEvent("invalid", "wrong"), "wrong"),
        (KeyError("a fault of the client's"), "wrong"),
    ],
)
async def test_a_failing_api_ends_nothing_and_loses_nothing(bench: Bench, failure: Exception, kind: str) -> None:
    """It is counted, and asked again until it answers."""
    bench.api.pages = [[person(1, stage="ready")]]
    bench.api.failures = [failure, failure, failure]
    await until(lambda: CRM in bench.seen.reconciled, repairing(bench, every=9).reconcile)
    assert bench.types() == ["lead.handed_off"]
    assert bench.tally.of(API_FAILURES_TOTAL.name, crm=CRM, failure=kind) == 3


async def test_a_fetch_that_fails_is_made_again(bench: Bench) -> None:
    """What was to be fetched stays in the queue."""
    bench.queue.put(CRM, [Reference("person", "1")])
    bench.api.objects = {("person", "1"): person(1, stage="ready")}
    bench.api.failures = [Unavailable("away"), UsageError("refused")]
    await until(lambda: bool(bench.queue.forgotten), repairing(bench).fetch)
    assert bench.types() == ["lead.handed_off"]


async def test_the_schedule_goes_on(bench: Bench) -> None:
    """At once, and then every so often."""
    await until(lambda: len(bench.api.asked_since) >= 3, repairing(bench).reconcile)


async def test_a_stop_waits_for_no_answer(bench: Bench) -> None:
    """An API that does not answer keeps no process from ending; what was asked for is asked again after the start."""
    asked = asyncio.Event()

    class Silent(DoubleApi):
        async def fetch(self, references: Sequence[Reference]) -> Sequence[Found]:
            asked.set()
            await asyncio.sleep(3600)
            return await super().fetch(references)

    bench.repair = Repair(api=Silent(), door=bench.door, seen=bench.seen, clock=bench.clock, every=HOUR)
    bench.queue.put(CRM, [Reference("person", "1")])
    await until(asked.is_set, repairing(bench).fetch)
    assert bench.queue.forgotten == []

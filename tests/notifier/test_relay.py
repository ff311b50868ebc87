"""What the topics of leads and transitions get: everything, under keys that stay the same, also over crashes."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pytest

from schemas.topics import LeadMessage, TransitionMessage
from services.adapters.sql.relay import SqlRelay
from services.errors import Unavailable
from services.notifier.relay import BATCH, Relay
from services.ports import LEADS, TRANSITIONS, Record
from services.views import ToRelay
from tests.notifier.support import Crash
from tests.tracker.support import Bench, at, event

LEAD = "crm:lead:1"


class MemoryTopics:
    """A log that keeps what it takes; while it is away it takes nothing, and it may crash when it has taken it."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.is_away = False
        self.crashes = False

    async def append(self, records: Sequence[Record]) -> None:
        """Keep them."""
        if self.is_away:
            raise Unavailable("no broker")
        self.records += records
        if self.crashes:
            raise Crash

    def of(self, topic: str) -> list[Record]:
        """Those of one topic."""
        return [each for each in self.records if each.topic == topic]

    def compacted(self) -> dict[str, LeadMessage | None]:
        """The latest view of each lead."""
        return {
            each.key: None if each.is_tombstone else LeadMessage.model_validate_json(each.value)
            for each in self.of(LEADS)
        }

    def told(self) -> dict[str, TransitionMessage]:
        """The latest of each transition."""
        return {each.key: TransitionMessage.model_validate_json(each.value) for each in self.of(TRANSITIONS)}


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A tracker whose changes are relayed."""
    bench = Bench(relays=True)
    yield bench
    bench.database.close()


@pytest.fixture
def topics() -> MemoryTopics:
    return MemoryTopics()


@pytest.fixture
def relay(bench: Bench, topics: MemoryTopics) -> Relay:
    return Relay(outbox=SqlRelay(bench.database), topics=topics)


async def all_of_it(relay: Relay) -> None:
    """Relay until nothing waits."""
    while await relay.relay():
        pass


async def test_a_lead_and_what_was_told_of_it(bench: Bench, relay: Relay, topics: MemoryTopics) -> None:
    """The lead's view with its open clocks, and each transition as a CloudEvents document, in the lead's order."""
    bench.feed([event("lead.handed_off", "09:00", attributes={"priority": "hot", "source": "webinar"})], "09:00")
    bench.tick("09:20")
    await all_of_it(relay)
    lead = topics.compacted()[LEAD]
    assert lead is not None
    assert (lead.handoff, lead.handed_off_at, lead.priority) == (1, "2026-10-05T09:00:00Z", "hot")
    assert [(each.clock, each.due_at, each.paused) for each in lead.clocks] == [
        ("touch", "2026-10-05T09:15:00Z", False)
    ]
    assert [each.key for each in topics.of(TRANSITIONS)] == [
        f"{LEAD}/touch/1/{name}" for name in ("started", "at_risk", "overdue", "escalated/1")
    ]
    assert {each.ordered_by for each in topics.of(TRANSITIONS)} == {LEAD}
    escalated = topics.told()[f"{LEAD}/touch/1/escalated/1"]
    assert (escalated.type, escalated.subject, escalated.time) == (
        "baton.clock.escalated",
        LEAD,
        "2026-10-05T09:15:00.000001Z",  # the first instant after it was due
    )
    assert (escalated.data.level, escalated.data.promised_by, escalated.data.standing) == (1, "sales", True)


async def test_a_stall_is_told_of_its_handoff(bench: Bench, relay: Relay, topics: MemoryTopics) -> None:
    """With the instant at which the silence began as its level; nobody in particular has promised it."""
    said: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}
    bench.feed([event("lead.handed_off", "09:00"), event("lead.touched", "09:30", **said)], "09:30")
    bench.tick("11:30")
    await all_of_it(relay)
    stalled = topics.told()[f"{LEAD}/handoff/1/stalled/{at('09:30')}"]
    assert (stalled.type, stalled.time) == ("baton.handoff.stalled", "2026-10-05T11:30:00Z")
    assert (stalled.data.clock, stalled.data.number, stalled.data.level) == ("handoff", 1, at("09:30"))
    assert (stalled.data.promised_by, stalled.data.standing) == (None, True)


async def test_a_transition_that_no_longer_stands_is_told_again(
    bench: Bench, relay: Relay, topics: MemoryTopics
) -> None:
    """Under the key that it had, with `standing` false; the correction says what the verdict was and is."""
    bench.feed([event("lead.handed_off", "09:00")], "09:00")
    bench.tick("10:30")
    await all_of_it(relay)
    assert topics.told()[f"{LEAD}/touch/1/overdue"].data.standing
    bench.feed([event("lead.touched", "09:30", kind="call", direction="outbound", connected=True)], "10:31")
    await all_of_it(relay)
    assert not topics.told()[f"{LEAD}/touch/1/overdue"].data.standing
    corrected = topics.told()[f"{LEAD}/touch/1/corrected"].data
    assert (corrected.before, corrected.after) == ("overdue", "met")


async def test_a_lead_of_which_nothing_is_left_is_a_tombstone(bench: Bench, relay: Relay, topics: MemoryTopics) -> None:
    """Its only deal turned out to be another lead's: whoever reads the compacted topic forgets it."""
    bench.feed([event("deal.opened", "10:00", "crm:lead:2", deal="d")], "10:00")
    await all_of_it(relay)
    assert topics.compacted()["crm:lead:2"] is not None
    bench.feed([event("deal.opened", "09:00", LEAD, deal="d")], "10:01")
    await all_of_it(relay)
    assert topics.compacted()["crm:lead:2"] is None
    assert topics.compacted()[LEAD] is not None


async def test_a_lead_that_waits_often_is_sent_once(bench: Bench, relay: Relay, topics: MemoryTopics) -> None:
    """What the topic gets is its present view, so earlier ones are not owed."""
    for minute in range(5):
        bench.feed([event("lead.updated", f"09:0{minute}", attributes={"owner": str(minute)})], f"09:0{minute}")
    await all_of_it(relay)
    lead = topics.compacted()[LEAD]
    assert [each.key for each in topics.of(LEADS)] == [LEAD]
    assert lead is not None
    assert lead.owner == "4"


async def test_batch_after_batch(bench: Bench, relay: Relay, topics: MemoryTopics) -> None:
    """More than one batch is relayed whole, and then nothing waits."""
    leads = [f"crm:lead:{number}" for number in range(BATCH + 100)]
    bench.feed([event("lead.captured", "09:00", lead, attributes={}) for lead in leads], "09:00")
    assert SqlRelay(bench.database).unsent() == len(leads)
    await all_of_it(relay)
    assert sorted(topics.compacted()) == sorted(leads)
    assert SqlRelay(bench.database).unsent() == 0


async def test_an_outage_loses_nothing(bench: Bench, relay: Relay, topics: MemoryTopics) -> None:
    """While the log is away everything waits."""
    bench.feed([event("lead.handed_off", "09:00")], "09:00")
    topics.is_away = True
    with pytest.raises(Unavailable):
        await relay.relay()
    topics.is_away = False
    await all_of_it(relay)
    assert set(topics.told()) == {f"{LEAD}/touch/1/started"}


async def test_a_crash_after_sending_sends_the_same_again(bench: Bench, relay: Relay, topics: MemoryTopics) -> None:
    """At least once: what comes again is the same under the same key."""
    bench.feed([event("lead.handed_off", "09:00")], "09:00")
    topics.crashes = True
    with pytest.raises(Crash):
        await relay.relay()
    topics.crashes = False
    first = list(topics.records)
    await all_of_it(relay)
    assert topics.records == first * 2


async def test_it_runs_until_it_is_stopped(bench: Bench, topics: MemoryTopics, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits out an outage of the log, and relays what comes while it runs."""
    monkeypatch.setattr("services.notifier.relay._BACK_OFF", (0.01,))
    monkeypatch.setattr("services.notifier.relay._LOOK_EVERY", 0.01)
    outbox = _Noticed(SqlRelay(bench.database))
    stop, topics.is_away = asyncio.Event(), True
    bench.feed([event("lead.handed_off", "09:00")], "09:00")
    running = asyncio.create_task(Relay(outbox=outbox, topics=topics).run(stop))
    async with asyncio.timeout(20):
        await outbox.asked.wait()
        topics.is_away = False
        await outbox.forgot.wait()
        stop.set()
        await running
    assert topics.told()


class _Noticed:
    """An outbox that tells what was done to it."""

    def __init__(self, outbox: SqlRelay) -> None:
        self._outbox = outbox
        self._loop = asyncio.get_running_loop()
        self.asked, self.forgot = asyncio.Event(), asyncio.Event()

    def waiting(self, limit: int) -> Sequence[ToRelay]:
        """Pass it on."""
        self._loop.call_soon_threadsafe(self.asked.set)
        return self._outbox.waiting(limit)

    def sent(self, ids: Collection[int]) -> None:
        """Pass it on."""
        self._outbox.sent(ids)
        self._loop.call_soon_threadsafe(self.forgot.set)

    def unsent(self) -> int:
        """Pass it on."""
        return self._outbox.unsent()

"""What a tracker counts of its own work, and when the embedded loop looks again."""

import asyncio
from collections.abc import Sequence

import pytest

from services.domain.instants import Instant
from services.errors import PositionLost
from services.metrics.tally import ProcessTally
from services.ports import LogRecord
from services.tracker.loop import LONGEST_SLEEP, SHORTEST_SLEEP, Loop
from services.tracker.tracker import Tracker
from tests.notifier.support import HandClock
from tests.tracker.support import Bench, at, event


def counting() -> tuple[Bench, ProcessTally]:
    """A bench whose tracker counts."""
    bench, tally = Bench(), ProcessTally()
    bench.tracker = Tracker(store=bench.store, charters=bench.charters, tally=tally)
    return bench, tally


def counts(tally: ProcessTally, name: str) -> dict[str, int]:
    """What is counted under a name, by the value of its first label; of a histogram how often."""
    found: dict[str, int] = {}
    for (counter, labels), amount in tally.counts().items():
        if counter in (name, f"{name}_bucket"):
            label = labels[0][1] if labels else ""
            found[label] = found.get(label, 0) + amount
    return found


def test_all_of_it_is_there_from_the_start() -> None:
    """At 0."""
    _, tally = counting()
    assert set(tally.counts().values()) == {0}
    assert {name for name, _ in tally.counts()} == {
        "baton_batch_duration_seconds_sum",
        "baton_records_judged_total",
        "baton_refolds_total",
    }


def test_batches_and_records_are_counted() -> None:
    """A batch once, its records by topic, those that could not be used too; a look at nobody who is due is no batch."""
    bench, tally = counting()
    bench.feed([event("lead.handed_off", "09:00", "a"), event("lead.handed_off", "09:00", "b")], "09:00")
    bench.feed_raw([b"{"], "09:01")
    bench.tick("09:01")
    assert counts(tally, "baton_batch_duration_seconds") == {"records": 2}
    bench.tick("11:30")
    assert counts(tally, "baton_batch_duration_seconds") == {"records": 2, "due": 1}
    assert counts(tally, "baton_records_judged_total") == {
        "baton.events": 3,
        "baton.deals": 0,
        "baton.dead-letters": 0,
    }
    assert counts(tally, "baton_refolds_total") == {"": 0}


def test_leads_that_are_judged_anew_are_counted() -> None:
    """One whose event comes out of order; and both of a merge."""
    bench, tally = counting()
    bench.feed([event("lead.handed_off", "09:00", "a"), event("lead.handed_off", "09:00", "b")], "09:00")
    bench.feed([event("lead.captured", "08:00", "a")], "09:10")
    assert counts(tally, "baton_refolds_total") == {"": 1}
    bench.feed([event("lead.merged", "09:20", "a", into="b")], "09:20")
    assert counts(tally, "baton_refolds_total") == {"": 3}


def test_a_batch_that_is_refused_counts_nothing() -> None:
    """It is judged anew, and counted then."""
    bench, tally = counting()
    bench.feed([event("lead.handed_off", "09:00")], "09:00")
    bench.offset = 0
    with pytest.raises(PositionLost):
        bench.feed([event("lead.handed_off", "09:00", "b")], "09:01")
    assert counts(tally, "baton_batch_duration_seconds") == {"records": 1}


def test_what_comes_through_a_door_that_there_is_not_is_other() -> None:
    """A foreign producer may write any name, and each would be a series."""
    bench, _ = counting()
    bench.tracker = Tracker(store=bench.store, charters=bench.charters, doors={"hubspot"})
    bench.feed([event("lead.handed_off", "09:00", "a")], "09:00")
    for number in range(20):
        record = LogRecord("baton.events", 0, 1 + number, "k", b"{", {"crm": f"crm{number}"}, at("09:01"))
        bench.tracker.apply([record], at("09:01"))
    doors = {dict(labels).get("crm") for _, labels in bench.store_counters()} - {None}
    assert doors == {"hubspot"}
    assert {letter.crm for letter in bench.views.dead_letters(None, 100)} == {"other"}


class QuietLog:
    """A log with nothing in it, which notes how long somebody would wait for it, and then stops him."""

    def __init__(self, stop: asyncio.Event) -> None:
        self.waits: list[float] = []
        self._stop = stop

    def read(self, topic: str, offset: int, limit: int) -> Sequence[LogRecord]:
        """Nothing."""
        del topic, offset, limit
        return []

    def end(self, topic: str) -> int:
        """At its beginning."""
        del topic
        return 0

    async def wait_for_records(self, timeout_seconds: float) -> None:
        """Note it, and let it be the last."""
        self.waits.append(timeout_seconds)
        self._stop.set()


async def waited(bench: Bench, now: str) -> float:
    """How long the loop waits at that time, with nothing to do."""
    stop = asyncio.Event()
    log = QuietLog(stop)
    clock = HandClock(now)
    await Loop(tracker=bench.tracker, log=log, store=bench.store, clock=clock).run(stop)
    return log.waits[0]


async def test_the_loop_wakes_when_the_next_lead_is_due() -> None:
    """Just after its time, and not a second later; but not for each lead of a crowd."""
    bench = Bench()
    assert await waited(bench, "09:00") == LONGEST_SLEEP
    bench.feed([event("lead.handed_off", "09:00")], "09:00")
    assert await waited(bench, "09:10") == LONGEST_SLEEP
    until = (at("09:45") - at("09:44:59.4")) / 1_000_000
    assert until <= await waited(bench, "09:44:59.4") < until + 0.01
    assert await waited(bench, "09:44:59.999") == SHORTEST_SLEEP


async def test_the_loop_says_when_something_was_judged() -> None:
    """And not when there was nothing."""
    bench = Bench()
    bench.feed([event("lead.handed_off", "09:00")], "09:00")
    told: list[Instant] = []
    clock = HandClock("09:10")

    async def run() -> None:
        stop = asyncio.Event()
        loop = Loop(
            tracker=bench.tracker,
            log=QuietLog(stop),
            store=bench.store,
            clock=clock,
            judged=lambda: told.append(clock.now()),
        )
        await loop.run(stop)

    await run()
    assert told == []
    clock.set("10:00:01")
    await run()
    assert told == [at("10:00:01")]

"""A tracker tells of leads that lie still: once each, whatever comes in whatever order."""

import itertools
from typing import Any

import orjson
import pytest

from services.domain.instants import SECOND
from services.metric_table import HANDOFF_TRANSITIONS_TOTAL
from services.outgoing import PendingAlert
from services.storage import TransitionRow
from tests.tracker.support import Bench, at, event

TOUCH: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}
HANDED = event("lead.handed_off", "09:00", attributes={"team": "inbound", "owner": "jan"})
TOUCHED = event("lead.touched", "09:30", **TOUCH)
STALLED = f"crm:lead:1/handoff/1/stalled/{at('09:30')}"


@pytest.fixture
def bench() -> Bench:
    """A lead that was touched once after its handoff; two hours of silence are a stall."""
    bench = Bench()
    bench.feed([HANDED, TOUCHED], "09:30")
    return bench


def told(bench: Bench) -> list[TransitionRow]:
    """What was told of the handoff."""
    rows = [row for row in bench.store.transitions(["crm:lead:1"]) if row.clock == "handoff"]
    return sorted(rows, key=lambda row: row.at)


def alerts(bench: Bench) -> list[PendingAlert]:
    """What waits to be told of the handoff."""
    return [each for each in bench.outbox().due(at("23:59"), 100) if each.row.clock == "handoff"]


def counted(bench: Bench, transition: str, team: str = "inbound") -> int:
    """How often the counter has counted."""
    labels = (("team", team), ("priority", "other"), ("transition", transition))
    return bench.store_counters().get((HANDOFF_TRANSITIONS_TOTAL.name, labels), 0)


def test_a_silence_wakes_the_tracker_and_is_told_once(bench: Bench) -> None:
    """With an alert that holds, a row that stands, and one count."""
    assert bench.tick("11:29:59") == 0
    assert bench.tick("11:30") == 1
    assert bench.tick("12:00") == 0
    (row,) = told(bench)
    assert (row.id, row.at, row.standing) == (STALLED, at("11:30"), True)
    (alert,) = alerts(bench)
    assert (alert.row.transition, alert.row.kind, alert.row.not_before, alert.holds) == (
        STALLED,
        "stalled",
        at("11:30"),
        True,
    )
    assert {name: alert.row.details[name] for name in ("since", "within", "calendar", "owner", "team")} == {
        "since": at("09:30"),
        "within": "2h",
        "calendar": "always",
        "owner": "jan",
        "team": "inbound",
    }
    assert counted(bench, "stalled") == 1


def test_an_event_ends_it_and_another_silence_is_another_stall(bench: Bench) -> None:
    """What was told stays told: it did lie still. The alert holds no more."""
    bench.tick("11:30")
    bench.feed([event("lead.touched", "12:00", **TOUCH)], "12:00")
    assert [row.standing for row in told(bench)] == [True]
    assert [each.holds for each in alerts(bench)] == [False]
    bench.tick("14:00")
    assert [row.name for row in told(bench)] == [f"stalled/{at('09:30')}", f"stalled/{at('12:00')}"]
    assert [each.holds for each in alerts(bench)] == [False, True]
    assert counted(bench, "stalled") == 2


def test_the_close_of_the_handoff_ends_it(bench: Bench) -> None:
    """It was so, and is over."""
    bench.tick("11:30")
    bench.feed([event("lead.rejected", "12:00", reason="wrong_fit")], "12:00")
    assert [row.standing for row in told(bench)] == [True]
    assert [each.holds for each in alerts(bench)] == [False]


def test_a_late_event_corrects_it(bench: Bench) -> None:
    """The correction says what arrived, and is told whether or not the lead lies still again by now."""
    bench.tick("11:30")
    late = event("lead.touched", "10:30", **TOUCH)
    bench.feed([late], "11:40")
    stall, corrected = told(bench)
    assert (stall.standing, corrected.name, corrected.before, corrected.after) == (
        False,
        "corrected",
        "stalled",
        "open",
    )
    assert corrected.because == f"lead.touched /crm {late.id}"
    assert [(each.row.kind, each.holds) for each in alerts(bench)] == [("stalled", False), ("corrected", True)]
    assert (counted(bench, "stalled"), counted(bench, "corrected")) == (1, 1)
    bench.tick("12:30")
    assert [row.name for row in told(bench) if row.standing] == ["corrected", f"stalled/{at('10:30')}"]


def test_a_stall_that_turns_out_to_be_of_another_handoff_is_told_of_that_one(bench: Bench) -> None:
    """A late handoff of before takes the number: what was told under it is taken back."""
    bench.tick("11:30")
    bench.feed([event("lead.handed_off", "08:00"), event("lead.rejected", "08:10", reason="wrong_fit")], "11:31")
    rows = {(row.number, row.name.partition("/")[0]): row for row in told(bench)}
    assert {name: row.standing for name, row in rows.items()} == {
        (1, "stalled"): False,
        (1, "corrected"): True,
        (2, "stalled"): True,
    }
    assert (rows[1, "corrected"].before, rows[1, "corrected"].after) == ("stalled", "closed")
    assert [(each.row.kind, each.row.number, each.holds) for each in alerts(bench)] == [
        ("stalled", 1, False),
        ("corrected", 1, True),
        ("stalled", 2, True),
    ]


def test_a_handoff_that_never_was_is_corrected_to_none(bench: Bench) -> None:
    """One handoff less: an earlier one turns out to have been open all the time."""
    bench.feed([event("lead.handed_off", "09:10", "crm:lead:2")], "09:30")
    bench.feed([event("lead.rejected", "09:20", "crm:lead:2", reason="wrong_fit", id="taken back")], "09:30")
    bench.feed(
        [event("lead.handed_off", "09:25", "crm:lead:2"), event("lead.touched", "09:26", "crm:lead:2", **TOUCH)],
        "09:30",
    )
    bench.tick("11:30")
    bench.feed([event("lead.updated", "09:15", "crm:lead:2", id="taken back", attributes={})], "11:40")
    rows = {
        (row.number, row.name.partition("/")[0]): row
        for row in bench.store.transitions(["crm:lead:2"])
        if row.clock == "handoff"
    }
    assert (rows[2, "corrected"].after, rows[2, "stalled"].standing, rows[1, "stalled"].standing) == (
        "none",
        False,
        True,
    )
    assert counted(bench, "corrected", "other") == 1


def test_what_an_overdue_promise_has_told_is_not_told_again() -> None:
    """Nobody touched the lead within the hour: that is overdue, and no stall an hour later."""
    bench = Bench()
    bench.feed([HANDED], "09:00")
    bench.tick("10:00:01")
    bench.tick("12:00")
    assert "touch/1/overdue" in bench.told()
    assert told(bench) == []


def test_history_read_in_wakes_nobody_but_is_told() -> None:
    """A stall of long ago is on record, and so is one that an event has ended before anybody looked."""
    bench = Bench()
    old = at("09:00") - 3 * 86_400 * SECOND
    bench.feed([event("lead.handed_off", old), event("lead.touched", old + 60 * SECOND, **TOUCH), TOUCHED], "09:30")
    assert [row.name for row in told(bench)] == [f"stalled/{old + 60 * SECOND}"]
    assert alerts(bench) == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_any_order_with_ticks_and_restarts_ends_in_the_same_stalls(order: tuple[int, ...]) -> None:
    """Two silences, duplicates and restarts between."""
    events = [HANDED, TOUCHED, event("lead.touched", "12:00", **TOUCH), event("lead.accepted", "15:00")]
    bench = Bench()
    for number in order:
        bench.feed([events[number], events[number]], "16:00")
        bench.tick("16:00")
        bench.restart()
    assert [row.name for row in told(bench) if row.standing and "corrected" not in row.name] == [
        f"stalled/{at('09:30')}",
        f"stalled/{at('12:00')}",
    ]


def test_a_state_of_the_version_before_is_judged_anew(bench: Bench) -> None:
    """Its snapshot notes no stalls; woken by the migration, the tracker finds and tells those that had been."""
    bench.feed([event("lead.touched", "12:00", **TOUCH)], "12:00")
    with bench.database.writing() as connection:
        ((stored,),) = connection.exec_driver_sql("SELECT state FROM leads").all()
        state = orjson.loads(stored)
        for name in ("stalls", "ever", "standing"):
            del state["lead"]["handoff"][name]
        connection.exec_driver_sql("UPDATE leads SET wake_at = 0, state = ?", (orjson.dumps(state),))
        connection.exec_driver_sql("DELETE FROM transitions WHERE clock = 'handoff'")
    assert bench.tick("12:01") == 1
    assert [row.name for row in told(bench)] == [f"stalled/{at('09:30')}"]

"""Who is told what and how often, on a real store: whatever fails, comes late, or ends in between."""

import asyncio
import functools
from typing import Any

import pytest

from services.errors import Unavailable
from services.notifier.notifier import Notifier
from services.outgoing import Outbox
from tests.notifier.support import BOARD, Crash, Desk, HandClock, MemorySink, Tripwire, WiredOutbox, WiredSink
from tests.tracker.support import CHARTER, Bench, at, event

TOUCH: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}
OVERDUE = ["touch/1/at_risk", "touch/1/overdue", "touch/1/escalated/1"]


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.bench.feed([event("lead.handed_off", "09:00")], "09:00")
    return desk


def outcomes(desk: Desk) -> list[str | None]:
    """What became of each alert, in the order in which they were told."""
    with desk.bench.database.reading() as connection:
        return list(connection.exec_driver_sql("SELECT outcome FROM alerts ORDER BY id").scalars())


def test_each_sink_gets_each_alert_once(desk: Desk) -> None:
    """What is told once is delivered once, to every sink, however often the notifier looks."""
    desk.tell("09:45")
    desk.tell("10:00:01")
    desk.tell("10:30:01")
    for _ in range(3):
        desk.wait(3600)
    assert desk.mail.ids == desk.chat.ids == [*OVERDUE, "touch/1/escalated/2"]
    assert outcomes(desk) == ["sent"] * 4


def test_sinks_of_one_name_are_one() -> None:
    """A URL that is listed twice is told once."""
    bench, clock, sink = Bench(), HandClock("09:45"), MemorySink("mail")
    bench.feed([event("lead.handed_off", "09:00")], "09:45")
    Notifier(outbox=bench.outbox(), sinks=[sink, sink], clock=clock, board_url=BOARD).deliver_due()
    assert sink.ids == ["touch/1/at_risk"]


def test_a_failing_sink_is_tried_again_while_the_other_has_it_once(desk: Desk) -> None:
    """The sink that was away gets what it missed; the other gets nothing twice."""
    desk.mail.is_away = True
    desk.tell("09:45")
    desk.tell("10:00:01")
    assert (desk.mail.ids, desk.chat.ids) == ([], OVERDUE)
    desk.mail.is_away = False
    desk.wait(15)
    assert sorted(desk.mail.ids) == sorted(OVERDUE)
    assert desk.chat.ids == OVERDUE
    assert desk.bench.outbox().unsettled() == 0


def test_a_failing_sink_is_left_alone_for_longer_and_longer(desk: Desk) -> None:
    """It is tried after 5 seconds, then 15, then every minute, and nothing is ever given up."""
    desk.mail.is_away = True
    desk.tell("09:45")
    tried_at = []
    for second in range(300):
        before = desk.mail.tries
        desk.notifier.deliver_due()
        if desk.mail.tries > before:
            tried_at.append(second)
        desk.clock.pass_by(1)
    assert desk.chat.tries == 1
    assert tried_at == [5, 20, 80, 140, 200, 260]
    desk.mail.is_away = False
    desk.wait(60)
    assert desk.mail.ids == ["touch/1/at_risk"]


def test_a_hanging_sink_is_waited_for_once_whatever_waits_for_it() -> None:
    """With a hundred alerts due, the healthy sink gets them all while the other has cost one time-out."""
    desk = Desk()
    desk.bench.feed([event("lead.handed_off", "09:00", f"crm:lead:{number}") for number in range(100)], "09:00")
    desk.mail.is_away = True
    desk.tell("09:45")
    assert desk.mail.tries == 1
    assert len(desk.chat.taken) == 100
    desk.mail.is_away = False
    desk.wait(5)
    assert len(desk.mail.taken) == len({message.id for message in desk.mail.taken}) == 100
    assert len(desk.chat.taken) == 100


def test_an_alert_that_a_sink_will_not_take_holds_up_no_other() -> None:
    """The service may refuse one text for ever: all the others are told, those that come later too."""
    desk = Desk()
    desk.bench.feed([event("lead.handed_off", "09:00", f"crm:lead:{number}") for number in range(5)], "09:00")
    desk.mail.refused = {"crm:lead:0/touch/1/at_risk"}
    desk.tell("09:45")
    desk.wait(5)
    assert len(desk.mail.taken) == 4
    desk.bench.feed([event("lead.handed_off", "09:01", "crm:lead:9")], "09:46")
    desk.tell("09:46:01")
    desk.wait(5)
    assert "crm:lead:9/touch/1/at_risk" in {message.id for message in desk.mail.taken}
    desk.mail.refused = set()
    desk.wait(60)
    assert len(desk.mail.taken) == 6


def test_what_no_longer_stands_is_told_to_nobody(desk: Desk) -> None:
    """A proof that comes before anybody was alerted leaves nothing to say, nor to take back."""
    desk.bench.tick("10:00:01")
    desk.bench.feed([event("lead.touched", "09:30", **TOUCH)], "10:05")
    desk.tell("10:05")
    assert desk.mail.ids == desk.chat.ids == []
    assert outcomes(desk) == ["moot"] * 4


def test_what_is_over_is_told_to_nobody(desk: Desk) -> None:
    """An overdue promise that was kept late, before the alert went out, wakes nobody any more."""
    desk.bench.tick("10:00:01")
    desk.bench.feed([event("lead.touched", "10:05", **TOUCH)], "10:05")
    desk.tell("10:05")
    assert "touch/1/missed" in desk.bench.told()
    assert desk.mail.ids == desk.chat.ids == []
    assert outcomes(desk) == ["moot"] * 3


def test_a_correction_goes_to_those_who_were_warned(desk: Desk) -> None:
    """A late proof is told to the sink that had the alert; the one that never heard of it hears nothing."""
    desk.mail.is_away = True
    desk.tell("10:00:01")
    desk.mail.is_away = False
    desk.bench.feed([event("lead.touched", "09:50", **TOUCH)], "10:05")
    desk.tell("10:05")
    assert desk.chat.ids == [*OVERDUE, "touch/1/corrected"]
    assert desk.mail.ids == []
    assert desk.bench.outbox().unsettled() == 0


def test_a_correction_is_of_one_instance(desk: Desk) -> None:
    """Who was warned of one lead is not told that another lead's verdict changed."""
    desk.tell("09:45")
    desk.bench.feed([event("lead.handed_off", "09:00", "crm:lead:2")], "09:50")
    desk.bench.tick("10:00:01")
    desk.bench.feed([event("lead.touched", "09:30", "crm:lead:2", **TOUCH)], "10:05")
    desk.tell("10:05")
    assert not [message for message in desk.mail.taken if message.lead == "crm:lead:2"]


def test_a_correction_is_tried_again_like_any_alert(desk: Desk) -> None:
    """The warned sink that is away gets the correction when it is back."""
    desk.tell("10:00:01")
    desk.mail.is_away = True
    desk.bench.feed([event("lead.touched", "09:50", **TOUCH)], "10:05")
    desk.tell("10:05")
    desk.mail.is_away = False
    desk.wait(10)
    assert desk.mail.ids == desk.chat.ids == [*OVERDUE, "touch/1/corrected"]


def test_settle_delays_the_alert_and_not_the_verdict() -> None:
    """With `settle` the board shows overdue at once; people are told when the time to settle has passed."""
    desk = Desk(CHARTER.replace("    objective: 90%", "    settle: 10m"))
    desk.bench.feed([event("lead.handed_off", "09:00")], "09:00")
    desk.tell("10:00:01")
    assert "touch/1/overdue" in desk.bench.told()
    assert desk.mail.ids == ["touch/1/at_risk"]
    desk.tell("10:10")
    assert desk.mail.ids == ["touch/1/at_risk"]
    desk.tell("10:10:01")
    assert desk.mail.ids == OVERDUE


def test_a_proof_that_comes_while_it_settles_saves_the_alert() -> None:
    """A touch made in time that syncs some minutes late alarms nobody: only who was warned at risk hears of it."""
    desk = Desk(CHARTER.replace("    objective: 90%", "    settle: 10m"))
    desk.bench.feed([event("lead.handed_off", "09:00")], "09:00")
    desk.tell("10:00:01")
    desk.bench.feed([event("lead.touched", "09:58", **TOUCH)], "10:05")
    desk.tell("10:20")
    assert desk.mail.ids == ["touch/1/at_risk", "touch/1/corrected"]


STEPS = ["due", "send mail", "note mail", "send chat", "note chat", "settle"]


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("crash_at", range(len(STEPS)), ids=STEPS)
def test_a_crash_at_any_step_loses_nothing(desk: Desk, crash_at: int, is_before: bool) -> None:
    """The next process tells what was not told; twice, with the same id, only what was sent and not yet noted."""
    desk.clock.set("09:45")
    desk.bench.tick("09:45")
    wire = Tripwire(crash_at, is_before=is_before)
    outbox: Outbox = WiredOutbox(desk.bench.outbox(), wire)
    sinks = [WiredSink(desk.mail, wire), WiredSink(desk.chat, wire)]
    with pytest.raises(Crash):
        Notifier(outbox=outbox, sinks=sinks, clock=desk.clock, board_url=BOARD).deliver_due()
    assert wire.steps == STEPS[: crash_at + 1]

    desk.new_notifier().deliver_due()
    for sink in (desk.mail, desk.chat):
        was_sent_unnoted = (STEPS[crash_at], is_before) in ((f"send {sink.name}", False), (f"note {sink.name}", True))
        assert sink.ids == ["touch/1/at_risk"] * (2 if was_sent_unnoted else 1)
    assert outcomes(desk) == ["sent"]


class _AwayOnce(WiredOutbox):
    """An outbox whose database is away at the first look."""

    def due(self, now: int, limit: int) -> Any:
        """Raise the first time."""
        found = super().due(now, limit)
        if len(self._wire.steps) == 1:
            raise Unavailable("database: disk I/O error")
        return found


async def test_an_outage_of_the_database_is_waited_out(desk: Desk) -> None:
    """The notifier goes on when the database is back, and ends when it is told to."""
    desk.clock.set("09:45")
    desk.bench.tick("09:45")
    outbox = _AwayOnce(desk.bench.outbox(), Tripwire(None, is_before=True))
    notifier = Notifier(outbox=outbox, sinks=[desk.mail], clock=desk.clock, board_url=BOARD)
    stop = asyncio.Event()
    desk.mail.on_taken = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set)
    async with asyncio.timeout(10):
        await notifier.run(stop)
    assert desk.mail.ids == ["touch/1/at_risk"]


async def test_a_stop_does_not_wait_for_all_that_is_due() -> None:
    """Told to stop in the middle of a hundred alerts, the notifier finishes one and leaves the rest to the next."""
    desk = Desk()
    desk.bench.feed([event("lead.handed_off", "09:00", f"crm:lead:{number}") for number in range(100)], "09:00")
    desk.bench.tick("09:45")
    desk.clock.set("09:45")
    stop = asyncio.Event()
    # Set in the notifier's own thread, so that it is set before the next alert.
    desk.mail.on_taken = stop.set
    await Notifier(outbox=desk.bench.outbox(), sinks=[desk.mail], clock=desk.clock, board_url=BOARD).run(stop)
    assert len(desk.mail.taken) == 1
    assert desk.bench.outbox().unsettled() == 99


def test_a_fault_of_baton_itself_is_not_taken_for_an_outage(desk: Desk) -> None:
    """What a sink raises besides Unavailable ends the notifier, and nothing is marked as delivered."""
    desk.mail.fault = TypeError("a fault")
    desk.bench.tick("09:45")
    desk.clock.set("09:45")
    with pytest.raises(TypeError):
        desk.notifier.deliver_due()
    (pending,) = desk.bench.outbox().due(at("23:59"), 10)
    assert not pending.delivered_to

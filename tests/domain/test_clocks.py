"""How a clock is judged: verdicts at an instant, pauses, at risk, and the transitions that are told."""

from fractions import Fraction

import pytest

from services.domain.clocks import ENDINGS, Kind, Passage, Role, Status, passages, wake_at
from services.domain.instants import SECOND
from tests.domain.histories import (
    ACCEPTED,
    ASSIGNED,
    OFFICE,
    PAUSED,
    RECYCLED,
    RESUMED,
    at,
    clock,
    escalations,
    event,
    handed_off,
    names,
    on,
    pausable,
    target,
    the_instance,
)

# The clock of these tests: four hours, started at 09:00 and so due at 13:00, at risk from 12:00.
DUE = at("13:00")


# --- Open instances -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "status"),
    [
        (at("09:00"), Status.RUNNING),
        (at("12:00") - 1, Status.RUNNING),
        (at("12:00"), Status.AT_RISK),
        (DUE, Status.AT_RISK),
        (DUE + 1, Status.OVERDUE),
        (at("09:00", day=29), Status.OVERDUE),
    ],
)
def test_an_open_instance_is_running_then_at_risk_then_overdue(as_of: int, status: Status) -> None:
    """It is at risk from the very instant at which the share is counted, and overdue only after due_at."""
    assert the_instance(clock("4h"), handed_off("09:00")).status(as_of) is status


@pytest.mark.parametrize(
    ("share", "first"),
    [
        (Fraction(0), at("09:00")),
        (Fraction(1, 2), at("11:00")),
        (Fraction(1, 3), at("10:20")),
        (Fraction(1), DUE),
        (Fraction(1, 7), at("09:00") + -(-4 * 3600 * SECOND // 7)),  # no whole microsecond: the first after it
    ],
)
def test_at_risk_begins_exactly_at_its_share(share: Fraction, first: int) -> None:
    """The first instant at which counted time is at least the share of the target; no float comes in between."""
    instance = the_instance(clock("4h", at_risk=share), handed_off("09:00"))
    assert instance.status(first) is Status.AT_RISK
    assert instance.status(first - 1) is Status.RUNNING


def test_more_than_all_of_the_target_is_never_at_risk() -> None:
    """With at_risk over 100 % an instance is overdue before it can be at risk."""
    instance = the_instance(clock("4h", at_risk=Fraction(2)), handed_off("09:00"))
    assert [instance.status(each) for each in (DUE, DUE + 1, at("18:00"))] == [
        Status.RUNNING,
        Status.OVERDUE,
        Status.OVERDUE,
    ]


def test_due_at_is_counted_by_the_calendar_of_the_target() -> None:
    """Four hours of a working week from Monday 15:00 are reached on Tuesday at 11:00."""
    assert the_instance(clock(targets=[target("4h", OFFICE)]), handed_off("15:00")).due_at == at("11:00", day=16)


def test_an_instance_that_starts_outside_the_hours_counts_from_the_next_window() -> None:
    """A handoff on Sunday counts nothing until Monday morning."""
    instance = the_instance(clock(targets=[target("1h", OFFICE)]), handed_off("12:00", day=14))
    assert (instance.started_at, instance.due_at) == (at("12:00", day=14), at("10:00"))
    assert instance.counted_at(at("09:00")) == 0


def test_counted_time_goes_up_to_the_end_or_to_now() -> None:
    """An open instance has counted up to `as_of`, one that ended up to its end."""
    assert the_instance(clock(), handed_off("09:00")).counted_at(at("10:30")) == 5400 * SECOND
    ended = the_instance(clock(), handed_off("09:00"), event(ACCEPTED, "09:10"))
    assert ended.counted_at(at("10:30")) == 600 * SECOND


# --- How it ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ended_at", "verdict"),
    [
        (at("09:00"), Status.MET),
        (at("10:00"), Status.MET),
        (DUE, Status.MET),
        (DUE + 1, Status.MISSED),
        (at("18:00"), Status.MISSED),
    ],
)
def test_a_stop_is_met_up_to_due_at_and_missed_after_it(ended_at: int, verdict: Status) -> None:
    """Met exactly at due_at; missed one microsecond later."""
    instance = the_instance(clock("4h"), handed_off("09:00"), event(ACCEPTED, ended_at))
    assert (instance.verdict, instance.ended_at, instance.due_at) == (verdict, ended_at, DUE)
    assert instance.status(at("09:00", day=29)) is verdict


@pytest.mark.parametrize(
    ("ended_at", "verdict"),
    [(at("10:00"), Status.CANCELLED), (DUE, Status.CANCELLED), (DUE + 1, Status.MISSED)],
)
def test_a_cancel_past_due_is_missed(ended_at: int, verdict: Status) -> None:
    """Taking a lead back cancels the clock, but not one that is already past due."""
    instance = the_instance(clock("4h", cancelled_by=on(RECYCLED)), handed_off("09:00"), event(RECYCLED, ended_at))
    assert (instance.verdict, instance.role) == (verdict, Role.CANCEL)


def test_the_endings_are_a_table_in_the_order_of_precedence() -> None:
    """A stop comes before a cancel before a restart; only a restart opens the next; past due is always missed."""
    assert list(ENDINGS) == [Role.STOP, Role.CANCEL, Role.RESTART]
    assert [ending.in_time for ending in ENDINGS.values()] == [Status.MET, Status.CANCELLED, Status.CANCELLED]
    assert {ending.past_due for ending in ENDINGS.values()} == {Status.MISSED}
    assert [role for role, ending in ENDINGS.items() if ending.opens_next] == [Role.RESTART]


# --- Pauses -------------------------------------------------------------------------------------------------------


def test_a_pause_counts_nothing_and_moves_due_at() -> None:
    """An hour of pause makes due_at an hour later."""
    instance = the_instance(pausable("4h"), handed_off("09:00"), event(PAUSED, "10:00"), event(RESUMED, "11:00"))
    assert instance.due_at == at("14:00")
    assert instance.counted_at(at("10:30")) == 3600 * SECOND
    assert instance.counted_at(at("12:00")) == 2 * 3600 * SECOND


def test_a_clock_that_is_not_pausable_counts_on() -> None:
    """Pauses of the lead are nothing to it."""
    instance = the_instance(clock("4h"), handed_off("09:00"), event(PAUSED, "10:00"))
    assert instance.due_at == DUE
    assert not instance.is_paused
    assert instance.counted_at(at("12:00")) == 3 * 3600 * SECOND


def test_while_paused_before_the_target_there_is_no_due_at() -> None:
    """What counts nothing until somebody resumes it is due at no instant, and is paused however late it gets."""
    instance = the_instance(pausable("4h"), handed_off("09:00"), event(PAUSED, "10:00"))
    assert instance.due_at is None
    assert instance.status(at("09:30", day=29)) is Status.PAUSED


def test_paused_comes_before_at_risk() -> None:
    """One that is paused after the share was counted is paused, not at risk."""
    instance = the_instance(pausable("4h"), handed_off("09:00"), event(PAUSED, "12:30"))
    assert instance.status(at("12:45")) is Status.PAUSED


def test_overdue_stays_overdue_while_paused() -> None:
    """A pause after due_at changes neither the verdict nor due_at."""
    instance = the_instance(pausable("4h"), handed_off("09:00"), event(PAUSED, "13:30"))
    assert (instance.due_at, instance.status(at("14:00"))) == (DUE, Status.OVERDUE)


def test_a_pause_at_due_at_finds_the_target_reached() -> None:
    """Paused at the very instant of due_at it keeps it: paused then, overdue a microsecond later."""
    instance = the_instance(pausable("4h"), handed_off("09:00"), event(PAUSED, DUE))
    assert instance.due_at == DUE
    assert [instance.status(DUE), instance.status(DUE + 1)] == [Status.PAUSED, Status.OVERDUE]


@pytest.mark.parametrize("stop", ["10:00", "12:00", "23:00"])
def test_a_stop_while_paused_is_met(stop: str) -> None:
    """Counted time has not reached the target, however late the stop comes."""
    instance = the_instance(pausable("4h"), handed_off("09:00"), event(PAUSED, "10:00"), event(ACCEPTED, stop))
    assert (instance.verdict, instance.due_at, instance.counted_at(at("23:30"))) == (Status.MET, None, 3600 * SECOND)


def test_a_stop_while_paused_past_due_is_missed() -> None:
    """A pause after due_at excuses nothing."""
    paused_late = [handed_off("09:00"), event(PAUSED, "13:30"), event(ACCEPTED, "14:00")]
    assert the_instance(pausable("4h"), *paused_late).verdict is Status.MISSED


def test_a_cancel_while_paused_is_cancelled() -> None:
    """Without a due_at nothing can be past due."""
    by = pausable("4h", cancelled_by=on(RECYCLED))
    assert the_instance(by, handed_off("09:00"), event(PAUSED, "10:00"), event(RECYCLED, "23:00")).verdict is (
        Status.CANCELLED
    )


def test_several_pauses_add_up() -> None:
    """Each stretch is taken out; the last may still last."""
    history = [
        handed_off("09:00"),
        event(PAUSED, "10:00"),
        event(RESUMED, "10:30"),
        event(PAUSED, "11:00"),
        event(RESUMED, "12:00"),
    ]
    assert the_instance(pausable("4h"), *history).due_at == at("14:30")
    lasting = the_instance(pausable("4h"), *history, event(PAUSED, "14:00"))
    assert (lasting.due_at, lasting.counted_at(at("20:00"))) == (None, int(3.5 * 3600) * SECOND)


def test_a_pause_outside_the_hours_takes_nothing_away() -> None:
    """Only counted time is lost to a pause: one overnight moves nothing."""
    by = pausable(targets=[target("8h", OFFICE)])
    instance = the_instance(by, handed_off("15:00"), event(PAUSED, "18:00"), event(RESUMED, "08:00", day=16))
    assert instance.due_at == at("15:00", day=16)


# --- Transitions --------------------------------------------------------------------------------------------------


def test_an_open_instance_goes_through_its_thresholds_as_time_passes() -> None:
    """Started, at risk when reached, overdue and each escalation a microsecond after it is reached."""
    instance = the_instance(clock("4h", escalate=escalations(100, 150)), handed_off("09:00"))
    assert passages(instance, at("20:00")) == [
        Passage(Kind.STARTED, 0, at("09:00")),
        Passage(Kind.AT_RISK, 0, at("12:00")),
        Passage(Kind.OVERDUE, 0, DUE + 1),
        Passage(Kind.ESCALATED, 1, DUE + 1),
        Passage(Kind.ESCALATED, 2, at("15:00") + 1),
    ]
    assert names(passages(instance, DUE)) == ["started", "at_risk"]
    assert names(passages(instance, at("12:00") - 1)) == ["started"]


def test_what_an_end_forestalls_is_not_told() -> None:
    """Thresholds at or after the end were never passed: at that instant the end decides."""
    by = clock("4h", escalate=escalations(100))
    ended_at_risk = the_instance(by, handed_off("09:00"), event(ACCEPTED, "12:00"))
    assert names(passages(ended_at_risk, at("20:00"))) == ["started", "met"]
    ended_late = the_instance(by, handed_off("09:00"), event(ACCEPTED, DUE + 2))
    assert names(passages(ended_late, at("20:00"))) == ["started", "at_risk", "overdue", "escalated/1", "missed"]
    ended_at_once = the_instance(by, handed_off("09:00"), event(ACCEPTED, DUE + 1))
    assert names(passages(ended_at_once, at("20:00"))) == ["started", "at_risk", "missed"]


def test_pauses_are_told_with_their_number() -> None:
    """The second pause of an instance is `paused/2`: each has an id of its own."""
    history = [
        handed_off("09:00"),
        event(PAUSED, "10:00"),
        event(RESUMED, "10:30"),
        event(PAUSED, "11:00"),
        event(RESUMED, "11:15"),
    ]
    told = names(passages(the_instance(pausable("4h"), *history), at("11:30")))
    assert told == ["started", "paused", "resumed", "paused/2", "resumed/2"]


def test_a_pause_past_due_is_not_told() -> None:
    """It stays overdue: nothing has passed from one state to another."""
    instance = the_instance(pausable("4h"), handed_off("09:00"), event(PAUSED, "13:30"), event(RESUMED, "14:00"))
    assert names(passages(instance, at("15:00"))) == ["started", "at_risk", "overdue"]


def test_a_lasting_pause_keeps_later_thresholds_away() -> None:
    """What had been reached before the pause was told; what would come after it was not."""
    instance = the_instance(pausable("4h"), handed_off("09:00"), event(PAUSED, "12:30"))
    assert names(passages(instance, at("20:00"))) == ["started", "at_risk", "paused"]
    assert wake_at(instance, at("12:30")) is None


def test_an_escalation_beyond_a_lasting_pause_is_not_reached() -> None:
    """Past due and then paused, it is escalated at what was counted before the pause and at no more."""
    by = pausable("4h", escalate=escalations(100, 150))
    instance = the_instance(by, handed_off("09:00"), event(PAUSED, "14:00"))
    assert names(passages(instance, at("20:00"))) == ["started", "at_risk", "overdue", "escalated/1"]


def test_an_instance_that_is_paused_twice_or_resumed_twice_is_so_once() -> None:
    """A second pause or resume changes nothing in it."""
    instance = the_instance(pausable("4h"), handed_off("09:00"))
    instance.resume(at("09:30"))
    instance.pause(at("10:00"))
    instance.pause(at("10:30"))
    instance.resume(at("11:00"))
    instance.resume(at("11:30"))
    assert [(pause.since, pause.until) for pause in instance.pauses] == [(at("10:00"), at("11:00"))]
    assert instance.due_at == at("14:00")


def test_an_open_instance_says_when_to_wake_it() -> None:
    """Each time the next threshold after the given instant; none after the last, none when it has ended."""
    by = clock("4h", escalate=escalations(150))
    instance = the_instance(by, handed_off("09:00"))
    woken, now = [], at("09:00")
    while (wake := wake_at(instance, now)) is not None:
        woken.append(wake)
        now = wake
    assert woken == [at("12:00"), DUE + 1, at("15:00") + 1]
    assert wake_at(the_instance(by, handed_off("09:00"), event(ACCEPTED, "10:00")), at("10:00")) is None


def test_the_instance_remembers_what_started_and_ended_it() -> None:
    """The orders of both events, for the timeline and for telling whether an end still stands."""
    started, ended = handed_off("09:00"), event(ASSIGNED, "10:00")
    instance = the_instance(clock(stops_on=on(ASSIGNED)), started, ended)
    assert (instance.started_by, instance.ended_by, instance.role) == (started.order, ended.order, Role.STOP)

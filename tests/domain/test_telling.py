"""What is told of an instance: each transition once, and a correction when it turns out wrong."""

from services.domain.clocks import Instance
from services.domain.events import Event
from services.domain.telling import Telling, Told, tell, verdict
from tests.domain.histories import (
    ACCEPTED,
    PAUSED,
    RESUMED,
    UPDATED,
    at,
    clock,
    escalations,
    event,
    handed_off,
    judged,
    pausable,
    the_instance,
)


class Listener:
    """Someone who is told of one instance, as its events become known."""

    def __init__(self) -> None:
        self.told = Told()

    def hears(self, instance: Instance | None, as_of: str) -> list[str]:
        """The names of what is told now; a correction with the verdict before and after."""
        return [_words(telling) for telling in tell(instance, self.told, at(as_of))]


def _words(telling: Telling) -> str:
    return telling.passage.name + (f": {telling.before} to {telling.after}" if telling.before else "")


def of(*events: Event) -> Instance:
    """The instance of a clock of four hours that escalates when it is overdue."""
    return the_instance(clock("4h", escalate=escalations(100)), handed_off("09:00"), *events)


def test_each_transition_is_told_once() -> None:
    """What was told before is not told again, however often one looks."""
    listener, instance = Listener(), of()
    assert listener.hears(instance, "09:00") == ["started"]
    assert listener.hears(instance, "11:00") == []
    assert listener.hears(instance, "12:00") == ["at_risk"]
    assert listener.hears(instance, "14:00") == ["overdue", "escalated/1"]
    assert listener.hears(instance, "14:00") == []
    assert listener.hears(of(event(ACCEPTED, "15:00")), "15:00") == ["missed"]
    assert listener.hears(of(event(ACCEPTED, "15:00")), "20:00") == []


def test_who_looks_late_hears_everything_in_order() -> None:
    """Transitions that were slept through are told by their instants."""
    assert Listener().hears(of(event(ACCEPTED, "15:00")), "20:00") == [
        "started",
        "at_risk",
        "overdue",
        "escalated/1",
        "missed",
    ]


def test_a_late_touch_that_was_in_time_turns_overdue_into_corrected_and_met() -> None:
    """Whoever was alerted is told that it is off, and which verdict holds."""
    listener = Listener()
    listener.hears(of(), "14:00")
    in_time = of(event(ACCEPTED, "12:30"))
    assert listener.hears(in_time, "14:05") == ["corrected: overdue to met", "met"]
    assert listener.hears(in_time, "14:10") == []


def test_a_second_correction_is_corrected_2() -> None:
    """Each correction has an id of its own."""
    listener = Listener()
    listener.hears(of(), "14:00")
    listener.hears(of(event(ACCEPTED, "12:30")), "14:05")
    assert listener.hears(of(), "14:10") == ["corrected/2: met to overdue"]
    assert listener.hears(of(event(ACCEPTED, "12:30")), "14:15") == ["corrected/3: overdue to met"]


def test_what_holds_again_is_told_as_a_correction_not_as_itself() -> None:
    """`overdue` was told once; that it is so again is in the correction."""
    listener = Listener()
    listener.hears(of(), "14:00")
    listener.hears(of(event(ACCEPTED, "12:30")), "14:05")
    assert "overdue" in listener.told.ever
    assert listener.hears(of(), "14:10") == ["corrected/2: met to overdue"]


def test_a_verdict_that_turns_into_another_is_corrected() -> None:
    """Met becomes missed when a late event shows that the clock started earlier."""
    listener = Listener()
    met = the_instance(clock("4h"), handed_off("12:00"), event(ACCEPTED, "15:00"))
    assert listener.hears(met, "15:00") == ["started", "met"]
    started_earlier = judged(clock("4h"), handed_off("12:00"), event(ACCEPTED, "15:00"), handed_off("09:00")).instances
    assert listener.hears(started_earlier[0], "15:05") == ["corrected: met to missed", "at_risk", "overdue", "missed"]


def test_an_instance_that_vanishes_is_corrected_to_none() -> None:
    """A late event can take away the very start of what was told."""
    listener = Listener()
    listener.hears(of(), "14:00")
    assert listener.hears(None, "14:05") == ["corrected: overdue to none"]
    assert listener.hears(None, "14:10") == []


def test_an_instance_that_comes_back_is_corrected_back() -> None:
    """From none to what it is now."""
    listener = Listener()
    listener.hears(of(), "14:00")
    listener.hears(None, "14:05")
    assert listener.hears(of(), "14:10") == ["corrected/2: none to overdue"]


def test_a_start_that_vanishes_without_a_verdict_is_no_correction() -> None:
    """Nobody was alerted of it: there is nothing to take back."""
    listener = Listener()
    listener.hears(of(), "10:00")
    assert listener.hears(None, "10:05") == []
    assert listener.hears(None, "10:10") == []


def test_of_an_instance_that_never_was_nothing_is_told() -> None:
    """No start, no end."""
    assert Listener().hears(None, "10:00") == []


def test_a_pause_that_turns_out_to_have_been_is_no_correction_of_a_verdict() -> None:
    """Pauses that come and go among the events are told once and never corrected."""
    listener = Listener()
    paused = the_instance(pausable("4h"), handed_off("09:00"), event(PAUSED, "10:00"))
    assert listener.hears(paused, "10:00") == ["started", "paused"]
    assert listener.hears(the_instance(pausable("4h"), handed_off("09:00")), "10:30") == []


def test_a_late_pause_takes_overdue_back() -> None:
    """Counted time had not reached the target after all: at 14:00 three hours are, and that is at risk."""
    listener = Listener()
    listener.hears(the_instance(pausable("4h"), handed_off("09:00")), "14:00")
    history = [handed_off("09:00"), event(PAUSED, "10:00"), event(RESUMED, "12:00")]
    assert listener.hears(the_instance(pausable("4h"), *history), "14:00") == [
        "corrected: overdue to at_risk",
        "paused",
        "resumed",
    ]


def test_events_that_are_nothing_to_the_clock_are_told_nothing_of() -> None:
    """An update of the lead is no transition."""
    listener = Listener()
    listener.hears(of(), "09:00")
    assert listener.hears(of(event(UPDATED, "09:30")), "09:30") == []


def test_the_verdict_that_people_believe_is_the_last_that_was_told() -> None:
    """From none over running, at risk and overdue to the final ones."""
    assert [
        verdict(told)
        for told in (
            [],
            ["started"],
            ["started", "paused"],
            ["started", "at_risk"],
            ["started", "at_risk", "overdue", "escalated/2"],
            ["started", "at_risk", "overdue", "missed"],
            ["started", "met"],
            ["started", "overdue", "cancelled"],
        )
    ] == ["none", "running", "running", "at_risk", "overdue", "missed", "met", "cancelled"]


def test_what_was_told_is_kept_by_name() -> None:
    """Names are the ends of the ids under which transitions are told."""
    listener = Listener()
    listener.hears(of(), "14:00")
    assert listener.told.standing == {"started", "at_risk", "overdue", "escalated/1"}

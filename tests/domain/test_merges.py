"""Leads that were merged: what the survivor carries on, and which leads belong together."""

from collections.abc import Iterable
from itertools import permutations

import pytest

from services.domain.charter import Charters
from services.domain.clocks import Instance, Status, passages
from services.domain.events import Event, EventType
from services.domain.fold import Lead, fold, fold_together
from services.domain.merges import links_of, together
from services.domain.telling import Told, tell
from tests.domain.histories import (
    ACCEPTED,
    LEAD,
    PAUSED,
    REJECTED,
    RESUMED,
    TOUCHED,
    UPDATED,
    at,
    clock,
    escalations,
    event,
    handed_off,
    in_force,
    names,
    on,
    pausable,
    verdicts,
)

MERGED, WON, OPENED = EventType.LEAD_MERGED, EventType.DEAL_WON, EventType.DEAL_OPENED
GONE, SURVIVOR, OTHER = LEAD, "hubspot:contact:2", "hubspot:contact:3"
BY = in_force(pausable("4h", cancelled_by=on(MERGED), escalate=escalations(100)))


def merged(when: str, into: str = SURVIVOR) -> Event:
    """A merge into the survivor."""
    return event(MERGED, when, into=into)


def leads(
    gone: Iterable[Event], survivor: Iterable[Event] = (), other: Iterable[Event] = (), *, by: Charters = BY
) -> dict[str, Lead]:
    """The states of all three."""
    return fold_together({GONE: gone, SURVIVOR: survivor, OTHER: other}, by)


def carried(survivor: Lead) -> Instance:
    """The only instance of the survivor."""
    (instance,) = survivor.instances
    return instance


def test_a_lead_alone_is_folded_as_ever() -> None:
    """Without merges each lead is what its own events make of it."""
    mine, theirs = [handed_off("09:00"), event(ACCEPTED, "10:00")], [handed_off("11:00")]
    both = leads(mine, theirs)
    assert verdicts(both[GONE]) == verdicts(fold(GONE, mine, BY))
    assert verdicts(both[SURVIVOR]) == verdicts(fold(SURVIVOR, theirs, BY))


def test_what_a_merge_cancels_is_carried_on_by_the_survivor() -> None:
    """The clock of the lead that goes is cancelled, and runs on at the survivor from its own start."""
    both = leads([handed_off("09:00"), merged("10:00")], [event(ACCEPTED, "12:00")])
    assert verdicts(both[GONE]) == [("accept", 1, "cancelled")]
    instance = carried(both[SURVIVOR])
    assert (instance.started_at, instance.due_at, instance.ended_at) == (at("09:00"), at("13:00"), at("12:00"))
    assert (instance.number, instance.verdict, instance.carried_at) == (1, Status.MET, at("10:00"))


def test_a_promise_cannot_be_escaped_by_a_merge() -> None:
    """Merged an hour before it is due, it is overdue at the survivor."""
    both = leads([handed_off("09:00"), merged("12:00")])
    assert carried(both[SURVIVOR]).status(at("13:00") + 1) is Status.OVERDUE


def test_an_instance_past_due_at_the_merge_is_missed_and_not_carried_on() -> None:
    """It has its verdict."""
    both = leads([handed_off("09:00"), merged("14:00")])
    assert (verdicts(both[GONE]), both[SURVIVOR].instances) == ([("accept", 1, "missed")], [])


def test_the_survivors_own_instance_stays() -> None:
    """A lead has one open instance of a clock: that of the lead that goes is cancelled and no more."""
    both = leads([handed_off("09:00"), merged("10:00")], [handed_off("09:30")])
    assert carried(both[SURVIVOR]).started_at == at("09:30")


def test_the_numbers_of_the_survivor_go_on() -> None:
    """What it carries on is its next instance and its next handoff."""
    both = leads(
        [handed_off("09:00"), merged("10:00")], [handed_off("08:00"), event(REJECTED, "08:30"), handed_off("11:00")]
    )
    assert [(each.number, each.started_at) for each in both[SURVIVOR].instances] == [(1, at("08:00")), (2, at("09:00"))]
    assert [(each.number, each.opened_at) for each in both[SURVIVOR].handoffs] == [(1, at("08:00")), (2, at("09:00"))]


def test_a_clock_that_a_merge_does_not_cancel_stays_where_it_is() -> None:
    """The charter decides whether a merge is anything to a clock."""
    both = leads([handed_off("09:00"), merged("10:00")], by=in_force(clock("4h")))
    assert verdicts(both[GONE]) == [("accept", 1, None)]
    assert both[SURVIVOR].instances == []


def test_a_clock_that_a_merge_stops_is_over() -> None:
    """Stopped is not cancelled: nothing is carried on."""
    both = leads([handed_off("09:00"), merged("10:00")], by=in_force(clock("4h", stops_on=on(MERGED))))
    assert (verdicts(both[GONE]), both[SURVIVOR].instances) == ([("accept", 1, "met")], [])


@pytest.mark.parametrize("survivor_is_paused", [True, False])
@pytest.mark.parametrize("gone_was_paused", [True, False])
def test_pauses_before_the_merge_are_those_of_the_lead_that_goes_and_later_ones_the_survivors(
    survivor_is_paused: bool, gone_was_paused: bool
) -> None:
    """Paused for an hour at the one or the other from the merge on, it counts an hour less."""
    gone = [handed_off("09:00"), *([event(PAUSED, "09:00")] if gone_was_paused else []), merged("10:00")]
    paused = [event(PAUSED, "08:00"), event(RESUMED, "11:00")] if survivor_is_paused else []
    assert carried(leads(gone, paused)[SURVIVOR]).due_at == at(f"{13 + gone_was_paused + survivor_is_paused}:00")


def test_a_carried_instance_tells_only_what_happens_after_the_merge() -> None:
    """Start, risk and alarms before it were told of the lead that went."""
    both = leads([handed_off("09:00"), merged("12:30")])
    assert names(passages(both[GONE].instances[0], at("15:00"))) == ["started", "at_risk", "cancelled"]
    instance = carried(both[SURVIVOR])
    assert names(passages(instance, at("15:00"))) == ["overdue", "escalated/1"]
    assert [each.passage.name for each in tell(instance, Told(), at("15:00"))] == ["overdue", "escalated/1"]


def test_the_open_handoff_is_carried_on() -> None:
    """It closes as merged at the lead that goes and is open, with all that was noted, at the survivor."""
    both = leads(
        [handed_off("09:00", priority="hot"), event(TOUCHED, "09:30", direction="outbound"), merged("10:00")],
        [event(ACCEPTED, "11:00")],
    )
    closed, open_ = both[GONE].handoffs[0], both[SURVIVOR].handoffs[0]
    assert (closed.outcome, closed.closed_at, closed.accepted_at) == (MERGED, at("10:00"), None)
    assert (open_.outcome, open_.closed_at, open_.opened_at) == (None, None, at("09:00"))
    assert (open_.touched_at, open_.accepted_at, open_.attributes) == (at("09:30"), at("11:00"), {"priority": "hot"})
    assert both[SURVIVOR].handoff is open_


def test_the_survivors_own_open_handoff_stays() -> None:
    """A lead has one open handoff."""
    both = leads([handed_off("09:00"), merged("10:00")], [handed_off("09:30")])
    assert [each.opened_at for each in both[SURVIVOR].handoffs] == [at("09:30")]


def test_a_handoff_that_was_closed_before_the_merge_stays_closed() -> None:
    """Only what the merge itself closed is carried on."""
    both = leads([handed_off("09:00"), event(REJECTED, "09:30"), merged("10:00")])
    assert both[SURVIVOR].handoffs == []


@pytest.mark.parametrize("named", ["", SURVIVOR])
def test_a_deal_goes_with_its_lead(named: str) -> None:
    """A deal of the lead that went, won after the merge, closes the survivor's handoff."""
    won = event(WON, "11:00", deal="d1")._replace(lead=named)
    both = leads([handed_off("09:00"), event(OPENED, "09:30", deal="d1"), merged("10:00"), won])
    assert both[SURVIVOR].handoffs[0].outcome == WON
    assert both[GONE].handoffs[0].outcome == MERGED


def test_a_deals_event_that_names_the_lead_that_went_stays_with_it() -> None:
    """It is an event of that lead's timeline, and closes nothing of the survivor's."""
    won = event(WON, "11:00", deal="d1")
    both = leads([handed_off("09:00"), event(OPENED, "09:30", deal="d1"), merged("10:00"), won])
    assert both[SURVIVOR].handoffs[0].outcome is None
    assert both[GONE].last == won.order


def test_what_the_survivor_does_not_know_it_learns() -> None:
    """Its own attributes are stronger; one that it had set to null is unknown, and learnt."""
    both = leads(
        [event(UPDATED, "09:00", attributes={"score": 10, "region": "north", "segment": "b"}), merged("10:00")],
        [event(UPDATED, "09:30", attributes={"score": 80, "region": None})],
    )
    assert both[SURVIVOR].attributes == {"score": 80, "region": "north", "segment": "b"}


def test_merges_in_a_chain_carry_on_to_the_last() -> None:
    """First into the second, the second into the third: clock, handoff and deals are with the third."""
    three = leads(
        [handed_off("09:00"), merged("10:00"), event(OPENED, "11:30", deal="d1")._replace(lead="")],
        [merged("11:00", into=OTHER)],
        [event(ACCEPTED, "12:00")],
    )
    assert verdicts(three[SURVIVOR]) == [("accept", 1, "cancelled")]
    assert verdicts(three[OTHER]) == [("accept", 1, "met")]
    assert three[OTHER].handoffs[0].opportunity_at == at("11:30")


def test_merges_in_a_circle_end() -> None:
    """CRMs should not, but two leads may be merged into each other; each event is still used once."""
    both = leads(
        [handed_off("09:00"), merged("10:00"), event(OPENED, "12:00", deal="d1")], [merged("11:00", into=GONE)]
    )
    assert verdicts(both[SURVIVOR]) == [("accept", 1, "cancelled")]
    assert verdicts(both[GONE]) == [("accept", 1, "cancelled"), ("accept", 2, None)]


@pytest.mark.parametrize("into", [GONE, "hubspot:contact:unheard-of"])
def test_a_merge_into_itself_or_into_nobody_known_carries_nothing_on(into: str) -> None:
    """The clock is cancelled and that is all."""
    both = leads([handed_off("09:00"), merged("10:00", into=into)])
    assert (verdicts(both[GONE]), both[SURVIVOR].instances) == ([("accept", 1, "cancelled")], [])


def test_the_arrival_of_the_events_of_merged_leads_changes_nothing() -> None:
    """Each lead's events in any order, some twice."""
    gone = [handed_off("09:00"), event(PAUSED, "09:15"), merged("10:00")]
    survivor = [event(RESUMED, "10:30"), event(ACCEPTED, "11:00"), handed_off("12:00")]
    outcomes = {
        tuple(
            (each.number, each.started_at, each.due_at, each.verdict)
            for lead in leads([*mine, mine[0]], [*theirs, theirs[1]]).values()
            for each in lead.instances
        )
        for mine in permutations(gone)
        for theirs in permutations(survivor)
    }
    assert len(outcomes) == 1


def test_leads_that_were_merged_over_others_belong_together() -> None:
    """Links go both ways and over any number of leads."""
    links = links_of([("a", "b"), ("c", "b"), ("d", "c"), ("x", "y")])
    assert {key: together(key, links) for key in "abcdxyz"} == {
        **{key: {"a", "b", "c", "d"} for key in "abcd"},
        **{key: {"x", "y"} for key in "xy"},
        "z": {"z"},
    }

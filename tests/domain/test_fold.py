"""A lead's state from its events: the rules of judging, one by one."""

from itertools import permutations
from typing import Any

import pytest

from services.domain.charter import Charter, Charters, Clock, Trigger
from services.domain.clocks import Status
from services.domain.conditions import When
from services.domain.events import Event, EventType
from services.domain.fold import in_order
from tests.domain import build
from tests.domain.histories import (
    ACCEPTED,
    ASSIGNED,
    ERASED,
    HANDED_OFF,
    PAUSED,
    RECYCLED,
    REJECTED,
    RESUMED,
    TOUCHED,
    UPDATED,
    at,
    clock,
    event,
    handed_off,
    in_force,
    judged,
    on,
    pausable,
    target,
    the_instance,
    verdicts,
)

# --- Rule 1: the order --------------------------------------------------------------------------------------------


def test_events_are_judged_by_their_time_whatever_their_arrival() -> None:
    """Every order of arrival gives the same verdicts."""
    history = [handed_off("09:00"), event(ACCEPTED, "10:00"), handed_off("11:00"), event(REJECTED, "20:00")]
    outcomes = {tuple(verdicts(judged(clock("4h"), *arrived))) for arrived in permutations(history)}
    assert outcomes == {(("accept", 1, "met"), ("accept", 2, "missed"))}


def test_an_event_that_comes_twice_counts_once() -> None:
    """Same source and id: a duplicate, however often it arrives."""
    history = [handed_off("09:00"), event(REJECTED, "10:00")] * 3
    lead = judged(clock(), *history)
    assert (verdicts(lead), lead.handoffs_opened) == ([("accept", 1, "met")], 1)


def test_the_same_id_of_another_source_is_another_event() -> None:
    """Ids are unique within their source alone."""
    lead = judged(clock(), event(HANDED_OFF, "09:00", id="1"), event(ACCEPTED, "10:00", id="1", source="erp"))
    assert verdicts(lead) == [("accept", 1, "met")]


def test_of_contradictory_duplicates_the_same_one_counts_whichever_came_first() -> None:
    """Where events with the same source and id differ, the first in the canonical order stays."""
    early, late = event(ACCEPTED, "10:00", id="7"), event(ACCEPTED, "20:00", id="7")
    other = early._replace(data={"by": "ann"})
    kept = {tuple(repr(each) for each in in_order(arrived)) for arrived in permutations([late, early, other])}
    assert len(kept) == 1
    assert in_order([late, early])[0] == early


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # At the same instant the smaller type number comes first, whatever the ids say.
        ((HANDED_OFF, "z"), (ACCEPTED, "a"), [("accept", 1, "met")]),
        ((HANDED_OFF, "z"), (REJECTED, "a"), [("accept", 1, "met")]),
        ((HANDED_OFF, "a"), (UPDATED, "z"), [("accept", 1, None)]),
    ],
)
def test_ties_are_broken_by_the_number_of_the_type(
    first: tuple[EventType, str], second: tuple[EventType, str], expected: list[tuple[str, int, str | None]]
) -> None:
    """lead.captured (1) before lead.updated (2) before lead.handed_off (3) and so on to ceremony.held (22)."""
    history = [event(kind, "09:00", id=id) for kind, id in (first, second)]  # noqa: A001
    assert verdicts(judged(clock(), *history)) == expected
    assert verdicts(judged(clock(), *reversed(history))) == expected


def test_ties_of_one_type_are_broken_by_source_and_then_id() -> None:
    """Of two assignments at one instant the one with the later source, then the later id, has the last word."""
    history = [
        event(ASSIGNED, "09:00", source="b", id="1", owner="last"),
        event(ASSIGNED, "09:00", source="a", id="3", owner="second"),
        event(ASSIGNED, "09:00", source="a", id="2", owner="first"),
    ]
    assert [one.data["owner"] for one in in_order(history)] == ["first", "second", "last"]
    assert judged(clock(), *history).attributes["owner"] == "last"


# --- Rule 2: starts -----------------------------------------------------------------------------------------------


def test_only_one_instance_of_a_clock_is_open_at_a_time() -> None:
    """A start while one is open starts nothing."""
    lead = judged(clock(), handed_off("09:00"), handed_off("10:00"))
    assert [each.started_at for each in lead.instances] == [at("09:00")]


def test_instances_are_numbered_from_1_by_their_start() -> None:
    """Each clock of a lead counts its own."""
    other = clock(name="touch", starts_on=on(ACCEPTED), stops_on=on(TOUCHED))
    history = [handed_off("09:00"), event(ACCEPTED, "09:10"), handed_off("09:20"), event(ACCEPTED, "09:30")]
    assert verdicts(judged(in_force(clock(), other), *history)) == [
        ("accept", 1, "met"),
        ("touch", 1, None),
        ("accept", 2, "met"),
    ]


TARGETS = [
    target("15m", when={"priority": "hot"}),
    target("1h", when={"score": {"gte": 80}}),
    target("4h"),
]


@pytest.mark.parametrize(
    ("attributes", "number"),
    [({"priority": "hot", "score": 90}, 0), ({"priority": "warm", "score": 90}, 1), ({"score": 10}, 2), ({}, 2)],
)
def test_the_first_target_that_holds_is_chosen(attributes: dict[str, Any], number: int) -> None:
    """In the order of the charter; the last has no `when`."""
    instance = the_instance(clock(targets=TARGETS), handed_off("09:00", **attributes))
    assert (instance.target_number, instance.target.text) == (number, TARGETS[number].text)


def test_the_attributes_of_the_starting_event_count_for_its_target() -> None:
    """What was known before and what the event itself says, the event being stronger."""
    known = event(UPDATED, "08:00", attributes={"priority": "hot"})
    assert the_instance(clock(targets=TARGETS), known, handed_off("09:00")).target_number == 0
    assert the_instance(clock(targets=TARGETS), known, handed_off("09:00", priority="cold")).target_number == 2


def test_an_attribute_that_is_set_to_null_is_unknown_again() -> None:
    """Null takes back what was known."""
    known = event(UPDATED, "08:00", attributes={"priority": "hot"})
    assert the_instance(clock(targets=TARGETS), known, handed_off("09:00", priority=None)).target_number == 2


def test_a_target_once_chosen_stays() -> None:
    """Attributes that change later change nothing in an instance that is open."""
    history = [handed_off("09:00"), event(UPDATED, "09:05", attributes={"priority": "hot"})]
    assert the_instance(clock(targets=TARGETS), *history).due_at == at("13:00")


def test_owner_and_team_of_an_event_are_attributes() -> None:
    """A target may depend on the team that a lead was assigned to."""
    by = clock(starts_on=on(ASSIGNED), targets=[target("1h", when={"team": "inbound"}), target("4h")])
    instance = the_instance(by, event(ASSIGNED, "09:00", owner="ann", team="inbound"))
    assert instance.due_at == at("10:00")


def test_a_start_may_depend_on_the_events_data() -> None:
    """`{type: lead.touched, when: {...}}` starts only where the data are so."""
    calls = Trigger(TOUCHED, build.when({"kind": ["call", "meeting"], "connected": True}))
    by = clock(starts_on=[calls])
    history = [
        event(TOUCHED, "09:00", kind="email", connected=True),
        event(TOUCHED, "09:10", kind="call", connected=False),
        event(TOUCHED, "09:20", kind="meeting", connected=True),
    ]
    assert the_instance(by, *history).started_at == at("09:20")


def test_one_of_several_triggers_is_enough() -> None:
    """The items of a list are joined by "or", those of one type too."""
    by = clock(
        starts_on=[
            Trigger(TOUCHED, build.when({"kind": "visit"})),
            Trigger(TOUCHED, build.when({"kind": "call"})),
            Trigger(ASSIGNED),
        ]
    )
    assert the_instance(by, event(TOUCHED, "09:00", kind="call")).started_at == at("09:00")
    assert the_instance(by, event(ASSIGNED, "09:00")).started_at == at("09:00")


def test_a_clock_whose_last_target_has_a_condition_is_refused() -> None:
    """A charter must say what holds for every other lead; such a clock is an error, not an instance without target."""
    with pytest.raises(ValueError, match="the last target must have no `when`"):
        judged(clock(targets=TARGETS[:1]), handed_off("09:00"))


# --- Rule 3: restarts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "verdict"),
    [(at("10:00"), "cancelled"), (at("13:00"), "cancelled"), (at("13:00") + 1, "missed")],
)
def test_a_restart_ends_the_open_instance_and_opens_the_next(time: int, verdict: str) -> None:
    """In time, up to due_at itself, the old one is cancelled; past due it is missed."""
    lead = judged(clock("4h", restarts_on=on(ASSIGNED)), handed_off("09:00"), event(ASSIGNED, time))
    assert verdicts(lead) == [("accept", 1, verdict), ("accept", 2, None)]
    assert [each.started_at for each in lead.instances] == [at("09:00"), time]


def test_a_restart_without_an_open_instance_does_nothing() -> None:
    """It restarts what runs, it does not start."""
    lead = judged(clock(restarts_on=on(ASSIGNED)), event(ASSIGNED, "09:00"))
    assert lead.instances == []


def test_a_restart_chooses_the_target_anew() -> None:
    """By the attributes known at the restart."""
    by = clock(restarts_on=on(ASSIGNED), targets=[target("1h", when={"team": "inbound"}), target("4h")])
    lead = judged(by, handed_off("09:00"), event(ASSIGNED, "10:00", team="inbound"))
    assert [each.target.text for each in lead.instances] == ["4h", "1h"]


def test_an_event_that_restarts_and_starts_opens_one_instance() -> None:
    """Restarted, it is open; the start finds it so."""
    lead = judged(clock(restarts_on=on(HANDED_OFF)), handed_off("09:00"), handed_off("10:00"))
    assert verdicts(lead) == [("accept", 1, "cancelled"), ("accept", 2, None)]


# --- Rule 4: stops ------------------------------------------------------------------------------------------------


def test_the_first_stop_ends_an_instance() -> None:
    """Later stops find nothing open."""
    lead = judged(clock("4h"), handed_off("09:00"), event(ACCEPTED, "10:00"), event(REJECTED, "20:00"))
    assert (verdicts(lead), lead.instances[0].ended_at) == ([("accept", 1, "met")], at("10:00"))


def test_a_stop_before_the_start_does_not_count() -> None:
    """Neither one of an earlier time, nor one of the same time that stands before it in the order."""
    by = clock(starts_on=on(REJECTED), stops_on=on(ACCEPTED))
    lead = judged(by, event(ACCEPTED, "08:00"), event(ACCEPTED, "09:00"), event(REJECTED, "09:00"))
    assert verdicts(lead) == [("accept", 1, None)]


def test_a_stop_at_the_instant_of_the_start_counts_if_it_comes_after_it_in_the_order() -> None:
    """Handed off and accepted in the same minute: met with no time counted."""
    lead = judged(clock(), event(ACCEPTED, "09:00"), handed_off("09:00"))
    assert verdicts(lead) == [("accept", 1, "met")]


def test_a_stop_may_depend_on_the_events_data() -> None:
    """Only a call that connected stops a clock that says so."""
    by = clock(stops_on=[Trigger(TOUCHED, build.when({"connected": True}))])
    history = [handed_off("09:00"), event(TOUCHED, "10:00", connected=False), event(TOUCHED, "11:00", connected=True)]
    assert the_instance(by, *history).ended_at == at("11:00")


# --- Rule 5: cancels, and events that are several things ----------------------------------------------------------


def every_role(**changed: Any) -> Clock:
    """A clock to which `lead.recycled` is everything that is not taken out by `changed`."""
    return clock(
        "4h", **{"stops_on": on(RECYCLED), "cancelled_by": on(RECYCLED), "restarts_on": on(RECYCLED), **changed}
    )


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (every_role(), [("accept", 1, "met")]),
        (every_role(stops_on=on(ACCEPTED)), [("accept", 1, "cancelled")]),
        (every_role(stops_on=on(ACCEPTED), cancelled_by=[]), [("accept", 1, "cancelled"), ("accept", 2, None)]),
    ],
    ids=["a stop", "a cancel", "a restart"],
)
def test_an_event_that_is_several_things_is_a_stop_before_a_cancel_before_a_restart(
    by: Clock, expected: list[tuple[str, int, str | None]]
) -> None:
    """It is the first of them alone: a stop or a cancel that is a restart too opens nothing."""
    assert verdicts(judged(by, handed_off("09:00"), event(RECYCLED, "10:00"))) == expected


def test_a_role_whose_condition_fails_is_none() -> None:
    """An event that would be a stop were its data others is the cancel that it is as well."""
    by = every_role(stops_on=[Trigger(RECYCLED, build.when({"reason": "won"}))], restarts_on=[])
    assert verdicts(judged(by, handed_off("09:00"), event(RECYCLED, "10:00", reason="cold"))) == [
        ("accept", 1, "cancelled")
    ]
    assert verdicts(judged(by, handed_off("09:00"), event(RECYCLED, "10:00", reason="won"))) == [("accept", 1, "met")]


@pytest.mark.parametrize(("time", "verdict"), [("10:00", "cancelled"), ("13:00", "cancelled"), ("14:00", "missed")])
def test_erased_cancels_every_open_instance(time: str, verdict: str) -> None:
    """Whatever the charter says of it; past due an instance is missed as with any cancel."""
    clocks = in_force(clock("4h"), clock("4h", name="touch", stops_on=on(TOUCHED)))
    lead = judged(clocks, handed_off("09:00"), event(ERASED, time))
    assert verdicts(lead) == [("accept", 1, verdict), ("touch", 1, verdict)]
    assert (lead.erased_at, lead.open) == (at(time), {})


def test_erased_that_the_charter_calls_a_restart_is_a_cancel() -> None:
    """A cancel comes before a restart: no clock runs on for a person who asked to be forgotten."""
    lead = judged(clock(restarts_on=on(ERASED)), handed_off("09:00"), event(ERASED, "10:00"))
    assert verdicts(lead) == [("accept", 1, "cancelled")]


def test_erased_that_the_charter_calls_a_stop_is_a_stop() -> None:
    """A stop comes before a cancel."""
    lead = judged(clock(stops_on=on(ERASED)), handed_off("09:00"), event(ERASED, "10:00"))
    assert verdicts(lead) == [("accept", 1, "met")]


# --- Rule 6: pauses of the lead -----------------------------------------------------------------------------------


def test_a_second_pause_changes_nothing() -> None:
    """Nor does a resume of a lead that is not paused."""
    history = [
        handed_off("09:00"),
        event(RESUMED, "09:30"),
        event(PAUSED, "10:00"),
        event(PAUSED, "10:30"),
        event(RESUMED, "11:00"),
        event(RESUMED, "11:30"),
    ]
    instance = the_instance(pausable("4h"), *history)
    assert [(pause.since, pause.until) for pause in instance.pauses] == [(at("10:00"), at("11:00"))]
    assert instance.due_at == at("14:00")


def test_an_instance_that_starts_while_the_lead_is_paused_is_paused() -> None:
    """It counts nothing until the lead is resumed."""
    history = [event(PAUSED, "08:00"), handed_off("09:00")]
    waiting = the_instance(pausable("4h"), *history)
    assert (waiting.due_at, waiting.status(at("10:00"))) == (None, Status.PAUSED)
    assert the_instance(pausable("4h"), *history, event(RESUMED, "10:00")).due_at == at("14:00")
    assert the_instance(clock("4h"), *history).due_at == at("13:00")


def test_a_pause_and_the_stop_of_the_same_instant_come_in_the_order_of_their_types() -> None:
    """Paused (5) is before accepted (7): the clock is stopped while it is paused."""
    instance = the_instance(pausable("4h"), handed_off("09:00"), event(ACCEPTED, "10:00"), event(PAUSED, "10:00"))
    assert (instance.verdict, instance.due_at) == (Status.MET, None)


def test_the_instances_of_a_paused_lead_that_ended_are_left_alone() -> None:
    """A pause after the end changes nothing in what has ended."""
    instance = the_instance(pausable("4h"), handed_off("09:00"), event(ACCEPTED, "10:00"), event(PAUSED, "11:00"))
    assert (instance.pauses, instance.due_at) == ([], at("13:00"))


# --- Rule 8: one event, an end and a start ------------------------------------------------------------------------


def test_an_event_that_stops_and_starts_ends_first() -> None:
    """A rejection stops the first round and starts the next, both at one instant."""
    by = clock("4h", starts_on=on(HANDED_OFF, REJECTED))
    lead = judged(by, handed_off("09:00"), event(REJECTED, "10:00"))
    assert verdicts(lead) == [("accept", 1, "met"), ("accept", 2, None)]
    assert lead.instances[0].ended_by == lead.instances[1].started_by


def test_an_event_does_not_stop_what_it_starts_itself() -> None:
    """The start stands open until a later event."""
    by = clock(starts_on=on(ACCEPTED), stops_on=on(ACCEPTED))
    lead = judged(by, event(ACCEPTED, "09:00"), event(ACCEPTED, "10:00"))
    assert verdicts(lead) == [("accept", 1, "met"), ("accept", 2, None)]


def test_an_event_may_stop_one_clock_and_start_another() -> None:
    """Accepting stops the clock of accepting and starts that of touching."""
    touch = clock(name="touch", starts_on=on(ACCEPTED), stops_on=on(TOUCHED))
    lead = judged(in_force(clock(), touch), handed_off("09:00"), event(ACCEPTED, "10:00"))
    assert verdicts(lead) == [("accept", 1, "met"), ("touch", 1, None)]


# --- Rule 9: the charter in force ---------------------------------------------------------------------------------


def two_charters(old: Clock, new: Clock) -> Charters:
    """The new charter is in force from noon on."""
    return Charters([build.charter(new, version="new", effective_from=at("12:00")), build.charter(old, version="old")])


def test_the_charter_in_force_at_the_start_judges_to_the_end() -> None:
    """An instance that started before noon keeps its target, stops and cancels after the new charter came."""
    charters = two_charters(clock("8h"), clock("1h", stops_on=on(TOUCHED), cancelled_by=on(ACCEPTED)))
    started = judged(charters, handed_off("11:59"), event(TOUCHED, "13:30"), event(ACCEPTED, "14:00"))
    assert [(each.charter.version, each.verdict) for each in started.instances] == [("old", Status.MET)]
    later = judged(charters, handed_off("12:00"), event(TOUCHED, "13:30"), event(ACCEPTED, "14:00"))
    assert [(each.charter.version, each.verdict) for each in later.instances] == [("new", Status.MISSED)]


def test_a_charter_is_in_force_from_its_very_instant() -> None:
    """The old one judges what starts a microsecond before."""
    charters = two_charters(clock("8h"), clock("1h"))
    assert [charters.in_force(each) for each in (at("12:00") - 1, at("12:00"))] == [
        charters.by_version["old"],
        charters.by_version["new"],
    ]
    assert charters.latest.version == "new"


def test_instances_are_numbered_through_the_charters() -> None:
    """A clock of the same name is the same clock: one open instance, one row of numbers."""
    charters = two_charters(clock("8h"), clock("1h"))
    lead = judged(charters, handed_off("11:00"), handed_off("12:30"), event(ACCEPTED, "13:00"), handed_off("13:30"))
    assert [(each.number, each.charter.version) for each in lead.instances] == [(1, "old"), (2, "new")]


def test_a_restart_opens_the_next_by_the_charter_in_force() -> None:
    """The old charter says that it restarts, the new one judges what begins."""
    charters = two_charters(clock("8h", restarts_on=on(ASSIGNED)), clock("1h"))
    lead = judged(charters, handed_off("11:00"), event(ASSIGNED, "13:00"))
    assert [(each.charter.version, each.due_at) for each in lead.instances] == [
        ("old", at("19:00")),
        ("new", at("14:00")),
    ]


def test_a_restart_of_a_clock_that_the_new_charter_lacks_only_ends_it() -> None:
    """There is nothing by which to judge the next."""
    charters = two_charters(clock("8h", restarts_on=on(ASSIGNED)), clock("1h", name="other"))
    assert verdicts(judged(charters, handed_off("11:00"), event(ASSIGNED, "13:00"))) == [("accept", 1, "cancelled")]


def test_before_the_first_charter_nothing_is_started() -> None:
    """What happened before both sides agreed is known of the lead and judged by nobody."""
    charters = Charters([build.charter(clock("4h"), effective_from=at("12:00"))])
    lead = judged(charters, handed_off("09:00", priority="hot"))
    assert (lead.instances, lead.attributes, lead.handoffs_opened) == ([], {"priority": "hot"}, 1)


def test_one_charter_may_judge_the_whole_history() -> None:
    """Replay and what-if ask what the charter would have said, whatever its date."""
    charter = build.charter(clock("4h"), effective_from=at("12:00", day=29))
    lead = judged(Charters([charter], whole_history=True), handed_off("09:00"))
    assert verdicts(lead) == [("accept", 1, None)]


def _charter(version: str, effective_from: int) -> Charter:
    return build.charter(version=version, effective_from=effective_from)


@pytest.mark.parametrize(
    ("versions", "whole_history", "message"),
    [
        ([], False, "no charter"),
        ([_charter("a", 1), _charter("a", 2)], False, "share a version"),
        ([_charter("a", 1), _charter("b", 1)], False, "share a version or an effective_from"),
        ([_charter("a", 1), _charter("b", 2)], True, "only one charter"),
    ],
)
def test_charters_that_leave_open_which_one_judges_are_refused(
    versions: list[Charter], whole_history: bool, message: str
) -> None:
    """There must be one, and exactly one at any instant."""
    with pytest.raises(ValueError, match=message):
        Charters(versions, whole_history=whole_history)


def test_a_charter_without_both_sides_is_a_draft() -> None:
    """Marketing and sales have to agree before it may be put in force."""
    agreed = build.charter(clock())
    assert not agreed.is_draft
    assert Charter(version="1", effective_from=0, calendars={}, clocks={}).is_draft


def test_labels_show_only_what_the_charter_lists() -> None:
    """Team and priority of an instance are labels of metrics: what the charter does not list is `other`."""
    charter = build.charter(clock(), labels={"team": frozenset({"inbound"}), "priority": frozenset({"hot"})})
    listed = the_instance(charter, handed_off("09:00", team="inbound", priority="hot"))
    assert (listed.team, listed.priority) == ("inbound", "hot")
    unlisted = the_instance(charter, handed_off("09:00", team="Ann's team"))
    assert (unlisted.team, unlisted.priority) == ("other", "other")
    assert charter.label("priority", 5) == "other"


# --- What else is known of a lead ---------------------------------------------------------------------------------


def test_the_last_word_on_an_attribute_counts_and_others_are_kept() -> None:
    """Attributes gather; those that nobody names stay as they are."""
    lead = judged(
        clock(),
        event(EventType.LEAD_CAPTURED, "08:00", attributes={"source": "webinar", "score": 10}),
        event(UPDATED, "08:30", attributes={"score": 80, "shoe_size": 43}),
        event(ASSIGNED, "08:40", owner="ann"),
    )
    assert lead.attributes == {"source": "webinar", "score": 80, "shoe_size": 43, "owner": "ann"}


def test_a_merged_lead_knows_its_survivor() -> None:
    """`lead.merged` names the lead that lives on."""
    assert judged(clock(), event(EventType.LEAD_MERGED, "09:00", into="hubspot:contact:2")).merged_into == (
        "hubspot:contact:2"
    )


def test_the_state_knows_the_last_event_applied() -> None:
    """So that an event out of order is noticed."""
    last: Event = event(ACCEPTED, "10:00")
    assert judged(clock(), last, handed_off("09:00")).last == last.order
    assert judged(clock()).last is None


def test_triggers_without_conditions_always_hold() -> None:
    """An item of a list that is a type alone is a trigger with an empty `when`."""
    assert Trigger(TOUCHED).when == When()

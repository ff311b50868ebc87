"""A lead's state as plain values, and back."""

import orjson
import pytest

from services.domain.charter import Charters
from services.domain.events import EventType
from services.domain.fold import Lead, apply
from services.domain.snapshot import ToldByInstance, UnknownCharter, freeze, thaw
from services.domain.telling import Told, tell
from tests.domain import build
from tests.domain.histories import (
    ACCEPTED,
    ERASED,
    LEAD,
    PAUSED,
    REJECTED,
    RESUMED,
    TOUCHED,
    at,
    clock,
    event,
    handed_off,
    in_force,
    judged,
    on,
    pausable,
)

BY = in_force(pausable("4h", stops_on=on(ACCEPTED)), clock("1h", name="touch", stops_on=on(TOUCHED)))
HISTORY = [
    handed_off("09:00", priority="hot", score=80.5, customer=False, region=None),
    event(TOUCHED, "09:30", direction="outbound"),
    event(PAUSED, "10:00"),
    event(RESUMED, "10:30"),
    event(EventType.DEAL_OPENED, "10:40", deal="d1"),
    event(EventType.FEEDBACK_GIVEN, "10:45", verdict="good"),
    event(PAUSED, "11:00"),
]


def through_json(lead: Lead, told: ToldByInstance, by: Charters = BY) -> tuple[Lead, ToldByInstance]:
    """The state as it comes back from where it was stored."""
    return thaw(lead.key, orjson.loads(orjson.dumps(freeze(lead, told))), by)


def test_what_is_open_survives_with_all_that_is_known() -> None:
    """The open handoff and instances, pauses, attributes and numbers come back as they were."""
    lead = judged(BY, *HISTORY)
    back, _ = through_json(lead, {})
    (before,), (after,) = lead.open.values(), back.open.values()
    assert (after.clock, after.charter, after.target) == (before.clock, before.charter, before.target)
    for name in ("number", "started_at", "started_by", "due_at", "pauses", "team", "priority", "ended_at", "verdict"):
        assert getattr(after, name) == getattr(before, name)
    for name in ("attributes", "paused_at", "last", "handoffs_opened", "started"):
        assert getattr(back, name) == getattr(lead, name)
    for name in ("number", "opened_at", "attributes", "touched_at", "opportunity_at", "verdict", "open_deals"):
        assert getattr(back.handoff, name) == getattr(lead.handoff, name)
    assert freeze(back, {}) == freeze(lead, {})


def test_what_has_ended_is_left_out() -> None:
    """The store has it; the state of a lead stays small however long its history."""
    lead = judged(BY, *HISTORY, event(RESUMED, "11:10"), event(ACCEPTED, "11:15"), event(REJECTED, "11:20"))
    back, _ = through_json(lead, {})
    assert (back.instances, back.handoffs, back.handoff, back.open) == ([], [], None, {})
    assert (back.started, back.handoffs_opened) == ({"accept": 1, "touch": 1}, 1)


def test_numbers_go_on_after_a_state_came_back() -> None:
    """The next instance and the next handoff are the second."""
    back, _ = through_json(judged(BY, handed_off("09:00"), event(ACCEPTED, "10:00"), event(REJECTED, "11:00")), {})
    apply(back, handed_off("12:00"), BY)
    assert [(each.clock.name, each.number) for each in back.instances] == [("touch", 1), ("accept", 2)]
    assert [each.number for each in back.handoffs] == [2]


def test_what_was_told_comes_back_with_the_instance() -> None:
    """So that nothing is told twice after a restart."""
    lead = judged(BY, handed_off("09:00"))
    told: ToldByInstance = {("accept", 1): Told()}
    first = tell(lead.open["accept"], told["accept", 1], at("13:30"))
    back, told_back = through_json(lead, told)
    assert len(first) == 3
    assert told_back == {("accept", 1): told["accept", 1], ("touch", 1): Told()}
    assert tell(back.open["accept"], told_back["accept", 1], at("13:30")) == []


def test_an_empty_state_survives() -> None:
    """A lead of which nothing has happened yet."""
    back, told = through_json(Lead(LEAD), {})
    assert (freeze(back, told), back.last, told) == (freeze(Lead(LEAD), {}), None, {})


def test_erased_and_merged_are_remembered() -> None:
    """When the person was forgotten, and who lives on."""
    history = [event(EventType.LEAD_MERGED, "09:00", into="hubspot:contact:2"), event(ERASED, "10:00")]
    back, _ = through_json(judged(BY, *history), {})
    assert (back.merged_into, back.erased_at) == ("hubspot:contact:2", at("10:00"))


def test_a_frozen_state_does_not_change_with_the_lead() -> None:
    """What was frozen is a copy: the lead goes on without it."""
    lead = judged(BY, handed_off("09:00"))
    frozen = freeze(lead, {})
    before = orjson.dumps(frozen)
    later = [
        event(TOUCHED, "09:30", direction="outbound"),
        event(PAUSED, "10:00"),
        event(ACCEPTED, "11:00"),
    ]
    for each in [*later, event(REJECTED, "12:00"), handed_off("13:00", priority="cold")]:
        apply(lead, each, BY)
    assert orjson.dumps(frozen) == before


@pytest.mark.parametrize(
    "charters",
    [Charters([build.charter(clock(), version="another")]), in_force(clock(name="another"))],
    ids=["the version is gone", "the clock is gone"],
)
def test_a_state_judged_by_an_unknown_charter_is_not_taken(charters: Charters) -> None:
    """The caller folds the lead anew instead of judging it by something else."""
    with pytest.raises(UnknownCharter, match="charter '1' with clock 'accept'"):
        through_json(judged(in_force(clock()), handed_off("09:00")), {}, charters)

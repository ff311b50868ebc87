"""What is carried on at a merge is the survivor's own from then on; the lead that went keeps what it had."""

import orjson

from services.domain.charter import Trigger
from services.domain.clocks import Kind, Passage, Pause, passages
from services.domain.events import Event, EventType
from services.domain.fold import Lead, fold, fold_together
from services.domain.snapshot import freeze, thaw
from tests.domain import build
from tests.domain.histories import (
    ACCEPTED,
    HANDED_OFF,
    LEAD,
    PAUSED,
    REJECTED,
    at,
    clock,
    event,
    handed_off,
    in_force,
    judged,
    on,
    pausable,
    verdicts,
)

MERGED, OPENED, LOST = EventType.LEAD_MERGED, EventType.DEAL_OPENED, EventType.DEAL_LOST
SURVIVOR = "hubspot:contact:2"
BY = in_force(pausable("4h", cancelled_by=on(MERGED)))


def merge(*gone: Event, survivor: tuple[Event, ...] = ()) -> tuple[Lead, Lead]:
    """The lead that went and the one that stayed."""
    both = fold_together({LEAD: gone, SURVIVOR: survivor}, BY)
    return both[LEAD], both[SURVIVOR]


def test_a_state_knows_whose_it_is() -> None:
    """Folded alone or together, and read back, a lead has its key."""
    assert fold(LEAD, [], BY).key == LEAD
    assert [lead.key for lead in merge()] == [LEAD, SURVIVOR]
    assert thaw(LEAD, freeze(Lead(LEAD), {}), BY)[0].key == LEAD


def test_a_threshold_at_the_instant_of_the_merge_is_told_of_the_survivor() -> None:
    """It is told once: the lead that went has ended at that instant."""
    gone, survivor = merge(handed_off("09:00"), event(MERGED, "12:00", into=SURVIVOR))
    assert [passage.kind for passage in passages(gone.instances[0], at("12:00"))] == [Kind.STARTED, Kind.CANCELLED]
    assert passages(survivor.instances[0], at("12:00")) == [Passage(Kind.AT_RISK, 0, at("12:00"))]


def test_the_carried_clock_is_open_and_its_pauses_are_its_own() -> None:
    """The survivor is not paused: its clock counts again from the merge, that of the lead that went never did."""
    gone, survivor = merge(handed_off("09:00"), event(PAUSED, "09:30"), event(MERGED, "10:00", into=SURVIVOR))
    (before,), (after,) = gone.instances, survivor.instances
    assert before.pauses == [Pause(at("09:30"))]
    assert after.pauses == [Pause(at("09:30"), at("10:00"))]
    assert (after.ended_at, after.ended_by, after.verdict, after.role) == (None, None, None, None)
    assert after.carried_at == at("10:00")


def test_the_carried_handoff_is_open_and_its_deals_are_its_own() -> None:
    """Why the merge closed the old one is not a reason of the new one, and its deals leave those of the old alone."""
    gone, survivor = merge(
        handed_off("09:00"),
        event(OPENED, "09:30", deal="d1"),
        event(MERGED, "10:00", into=SURVIVOR, reason="duplicate"),
        survivor=(event(OPENED, "11:00", deal="d2", id="theirs"),),
    )
    (before,), (after,) = gone.handoffs, survivor.handoffs
    assert (before.reason, before.open_deals) == ("duplicate", {"d1"})
    assert (after.reason, after.outcome, after.closed_at, after.closed_by) == (None, None, None, None)
    assert after.open_deals == {"d1", "d2"}


def test_the_survivor_has_seen_the_merge() -> None:
    """What comes next must be later than the merge, or the leads are folded anew."""
    _, survivor = merge(handed_off("09:00"), event(MERGED, "10:00", into=SURVIVOR))
    assert survivor.last == event(MERGED, "10:00", into=SURVIVOR).order


def test_a_chain_that_runs_into_a_circle_ends() -> None:
    """The first is merged into the second, which is merged to and fro with a third: its deal finds an end."""
    second, third = "hubspot:contact:2", "hubspot:contact:3"
    leads = fold_together(
        {
            LEAD: [
                event(MERGED, "09:00", into=second),
                event(OPENED, "11:00", deal="d1")._replace(lead=""),
            ],
            second: [event(MERGED, "09:30", into=third, id="second")],
            third: [event(MERGED, "10:00", into=second, id="third")],
        },
        BY,
    )
    assert sum(lead.last is not None and lead.last.type == OPENED for lead in leads.values()) == 1


def test_a_carried_clock_and_handoff_survive_being_stored() -> None:
    """When it was carried on is kept, and the open handoff is among the lead's handoffs."""
    _, survivor = merge(handed_off("09:00"), event(MERGED, "10:00", into=SURVIVOR))
    back, _ = thaw(SURVIVOR, orjson.loads(orjson.dumps(freeze(survivor, {}))), BY)
    assert back.instances[0].carried_at == at("10:00")
    assert back.handoffs == [back.handoff]


def test_a_cancel_under_a_condition_needs_it() -> None:
    """A rejection for another reason is nothing to the clock."""
    wrong_fit = clock(
        "4h", stops_on=on(ACCEPTED), cancelled_by=[Trigger(REJECTED, build.when({"reason": "wrong_fit"}))]
    )
    for reason, verdict in (("wrong_fit", "cancelled"), ("no_budget", None)):
        lead = judged(wrong_fit, handed_off("09:00"), event(REJECTED, "10:00", reason=reason))
        assert verdicts(lead) == [("accept", 1, verdict)]


def test_a_restart_under_a_condition_needs_it() -> None:
    """A handoff of another priority leaves the clock as it is."""
    hot = clock("4h", restarts_on=[Trigger(HANDED_OFF, build.when({"owner": "ann"}))])
    lead = judged(hot, handed_off("09:00"), event(HANDED_OFF, "10:00", owner="bob"))
    assert verdicts(lead) == [("accept", 1, None)]

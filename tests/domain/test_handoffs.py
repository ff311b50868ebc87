"""Handoffs: how one opens, what happens in it, and how it closes."""

import pytest

from services.domain.events import Event, EventType
from services.domain.fold import Lead
from services.domain.handoffs import CLOSERS, Handoff
from tests.domain.histories import (
    ACCEPTED,
    ASSIGNED,
    ERASED,
    RECYCLED,
    REJECTED,
    TOUCHED,
    UPDATED,
    at,
    clock,
    event,
    handed_off,
    judged,
)

OPENED, MOVED = EventType.DEAL_OPENED, EventType.DEAL_MOVED
WON, LOST = EventType.DEAL_WON, EventType.DEAL_LOST


def after(*events: Event) -> Lead:
    """The lead after a handoff at 09:00 and the events."""
    return judged(clock(), handed_off("09:00", priority="hot"), *events)


def the_handoff(*events: Event) -> Handoff:
    """Its only handoff."""
    (handoff,) = after(*events).handoffs
    return handoff


def test_handed_off_opens_a_handoff_with_what_is_known_then() -> None:
    """It is the first, and keeps the attributes of its opening."""
    handoff = the_handoff(event(UPDATED, "09:30", attributes={"priority": "cold"}))
    assert (handoff.number, handoff.opened_at, handoff.closed_at) == (1, at("09:00"), None)
    assert handoff.attributes == {"priority": "hot"}


def test_handed_off_while_one_is_open_only_updates_attributes() -> None:
    """No second handoff opens."""
    lead = after(handed_off("10:00", priority="cold"))
    assert (lead.handoffs_opened, lead.attributes) == (1, {"priority": "cold"})


def test_handoffs_are_numbered_from_1() -> None:
    """After a close the next one opens a new handoff."""
    lead = after(event(REJECTED, "10:00"), handed_off("11:00"))
    assert [(each.number, each.opened_at, each.closed_at) for each in lead.handoffs] == [
        (1, at("09:00"), at("10:00")),
        (2, at("11:00"), None),
    ]
    assert lead.handoff is lead.handoffs[1]


@pytest.mark.parametrize(
    "closer",
    [
        REJECTED,
        RECYCLED,
        EventType.LEAD_WITHDRAWN,
        EventType.LEAD_MERGED,
        WON,
        LOST,
    ],
)
def test_six_types_close_a_handoff_and_are_its_outcome(closer: EventType) -> None:
    """Rejected, recycled, withdrawn, merged, won, and lost where no deal is open."""
    lead = after(event(closer, "10:00", deal="d1", into="hubspot:contact:2"))
    assert lead.handoff is None
    assert (lead.handoffs[0].closed_at, lead.handoffs[0].outcome) == (at("10:00"), closer)
    assert closer in CLOSERS


@pytest.mark.parametrize("kind", sorted(set(EventType) - CLOSERS))
def test_no_other_type_closes_a_handoff(kind: EventType) -> None:
    """Being erased, accepted, paused or told about a ceremony leaves it open."""
    assert the_handoff(event(kind, "10:00", deal="d1")).closed_at is None


def test_a_lost_deal_closes_only_when_no_other_is_open() -> None:
    """The last of the handoff's deals to be lost closes it."""
    deals = [event(OPENED, "10:00", deal="d1"), event(OPENED, "10:30", deal="d2"), event(LOST, "11:00", deal="d1")]
    assert the_handoff(*deals).closed_at is None
    closed = the_handoff(*deals, event(LOST, "12:00", deal="d2"))
    assert (closed.closed_at, closed.outcome) == (at("12:00"), LOST)


def test_a_deal_that_was_only_moved_is_open_as_well() -> None:
    """An opening that nobody told of is no reason to close."""
    deals = [event(OPENED, "10:00", deal="d1"), event(MOVED, "10:30", deal="d2"), event(LOST, "11:00", deal="d1")]
    assert the_handoff(*deals).closed_at is None


def test_a_lost_deal_that_moves_again_is_open_again() -> None:
    """Deals are reopened in CRMs; then the other one that is lost does not close."""
    deals = [
        event(OPENED, "10:00", deal="d1"),
        event(OPENED, "10:01", deal="d2"),
        event(LOST, "10:02", deal="d1"),
        event(MOVED, "10:03", deal="d1"),
        event(LOST, "10:04", deal="d2"),
    ]
    assert the_handoff(*deals).closed_at is None


def test_a_won_deal_closes_though_another_is_open() -> None:
    """One win is the outcome."""
    closed = the_handoff(
        event(OPENED, "10:00", deal="d1"), event(OPENED, "10:30", deal="d2"), event(WON, "11:00", deal="d1")
    )
    assert (closed.closed_at, closed.outcome) == (at("11:00"), WON)


def test_the_deals_of_an_earlier_handoff_are_not_those_of_the_next() -> None:
    """A deal left open in the first does not keep the second from closing."""
    lead = after(
        event(OPENED, "10:00", deal="d1"),
        event(RECYCLED, "11:00"),
        handed_off("12:00"),
        event(OPENED, "13:00", deal="d2"),
        event(LOST, "14:00", deal="d2"),
    )
    assert [each.outcome for each in lead.handoffs] == [RECYCLED, LOST]


def test_events_between_handoffs_belong_to_none() -> None:
    """After a close and before the next opening nothing is noted on either."""
    lead = after(
        event(REJECTED, "10:00", reason="wrong_fit"),
        event(ACCEPTED, "10:10"),
        event(TOUCHED, "10:20", direction="outbound"),
        event(EventType.LEAD_QUALIFIED, "10:30"),
        event(OPENED, "10:40", deal="d1"),
        event(EventType.FEEDBACK_GIVEN, "10:45", verdict="poor"),
        event(RECYCLED, "10:50", reason="cold"),
        handed_off("11:00"),
    )
    for handoff in lead.handoffs:
        noted = (handoff.accepted_at, handoff.touched_at, handoff.qualified_at, handoff.opportunity_at)
        assert (noted, handoff.verdict, handoff.open_deals) == ((None,) * 4, None, set())
    assert (lead.handoffs[0].outcome, lead.handoffs[0].reason) == (REJECTED, "wrong_fit")


def test_events_before_the_first_handoff_belong_to_none() -> None:
    """Marketing's own work on a lead is no handoff."""
    lead = judged(clock(), event(TOUCHED, "08:00", direction="outbound"), handed_off("09:00"))
    assert lead.handoffs[0].touched_at is None


def test_the_first_of_each_step_is_noted() -> None:
    """Accepted, touched, qualified and opportunity keep the time of the first such event."""
    handoff = the_handoff(
        *(
            event(kind, f"1{hour}:00", deal="d1", direction="outbound")
            for kind in (ACCEPTED, TOUCHED, EventType.LEAD_QUALIFIED, OPENED)
            for hour in (0, 1)
        )
    )
    first = at("10:00")
    assert (handoff.accepted_at, handoff.touched_at, handoff.qualified_at, handoff.opportunity_at) == (first,) * 4


def test_only_an_outbound_touch_is_a_touch() -> None:
    """A call from the lead is none of sales' doing."""
    inbound, outbound = (
        event(TOUCHED, time, direction=way) for time, way in (("10:00", "inbound"), ("11:00", "outbound"))
    )
    assert the_handoff(inbound).touched_at is None
    assert the_handoff(inbound, outbound).touched_at == at("11:00")


def test_a_moved_deal_is_no_new_opportunity() -> None:
    """Opportunities are counted where they open."""
    assert the_handoff(event(MOVED, "10:00", deal="d1")).opportunity_at is None


def test_the_last_verdict_on_the_leads_quality_counts() -> None:
    """Sales may change its mind."""
    given = [event(EventType.FEEDBACK_GIVEN, f"1{hour}:00", verdict=word) for hour, word in enumerate(("poor", "good"))]
    assert the_handoff(*given).verdict == "good"
    assert the_handoff(event(EventType.FEEDBACK_GIVEN, "10:00")).verdict is None


def test_a_reason_is_kept_where_the_close_gives_one() -> None:
    """A close without a reason has none."""
    assert the_handoff(event(REJECTED, "10:00", reason="no_budget")).reason == "no_budget"
    assert the_handoff(event(REJECTED, "10:00")).reason is None


def test_a_close_and_an_opening_at_one_instant_come_in_the_order_of_their_types() -> None:
    """Handed off (3) comes before rejected (13): the handoff only updates, then closes."""
    lead = after(event(REJECTED, "10:00"), handed_off("10:00", priority="cold"))
    assert (lead.handoffs_opened, lead.handoff) == (1, None)


def test_assigning_changes_the_lead_not_the_handoff() -> None:
    """The handoff keeps what was known when it opened."""
    lead = after(event(ASSIGNED, "10:00", owner="ann"), event(ERASED, "11:00"))
    assert (lead.attributes["owner"], lead.handoffs[0].attributes) == ("ann", {"priority": "hot"})

"""The canonical events: their types, their order, and what they say of a lead."""

from itertools import permutations

import pytest

from services.domain.events import TYPES_BY_WIRE_NAME, Event, EventType, Order, attributes_of

CANONICAL_ORDER = [
    "lead.captured",
    "lead.updated",
    "lead.handed_off",
    "lead.assigned",
    "lead.paused",
    "lead.resumed",
    "lead.accepted",
    "lead.touched",
    "lead.qualified",
    "deal.opened",
    "deal.moved",
    "feedback.given",
    "lead.rejected",
    "feedback.answered",
    "feedback.settled",
    "deal.won",
    "deal.lost",
    "lead.recycled",
    "lead.withdrawn",
    "lead.merged",
    "lead.erased",
    "ceremony.held",
]


def test_there_are_22_types_in_the_canonical_order() -> None:
    """The numbers are those of the contract, from 1 on."""
    assert [kind.wire for kind in sorted(EventType)] == CANONICAL_ORDER
    assert [int(kind) for kind in sorted(EventType)] == list(range(1, 23))


def test_every_name_on_the_wire_leads_back_to_its_type() -> None:
    """Names on the wire and types are one to one."""
    assert {name: TYPES_BY_WIRE_NAME[name].wire for name in CANONICAL_ORDER} == {name: name for name in CANONICAL_ORDER}


def test_events_are_ordered_by_time_then_type_then_source_then_id() -> None:
    """Each tie is broken by the next of the four."""
    ordered = [
        Order(1, EventType.LEAD_ERASED, "z", "z"),
        Order(2, EventType.LEAD_TOUCHED, "z", "z"),
        Order(2, EventType.LEAD_REJECTED, "a", "b"),
        Order(2, EventType.LEAD_REJECTED, "b", "a"),
        Order(2, EventType.LEAD_REJECTED, "b", "b"),
    ]
    assert [sorted(events) for events in permutations(ordered)] == [ordered] * 120


def test_an_event_knows_its_place() -> None:
    """The order is the event's first four fields."""
    event = Event(1, EventType.LEAD_TOUCHED, "crm", "7", "lead", {"kind": "call"})
    assert event.order == Order(1, EventType.LEAD_TOUCHED, "crm", "7")
    assert tuple(event.order) == event[:4]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, {}),
        ({"attributes": {"score": 80, "region": None}}, {"score": 80, "region": None}),
        ({"owner": "ann", "team": "inbound"}, {"owner": "ann", "team": "inbound"}),
        ({"attributes": {"owner": "bob"}, "owner": "ann"}, {"owner": "ann"}),
        ({"attributes": "none", "owner": None, "team": 5}, {}),
    ],
)
def test_what_an_event_says_of_the_lead(data: dict[str, object], said: dict[str, object]) -> None:
    """Its `attributes`, and its owner and team, which are stronger."""
    assert attributes_of(Event(1, EventType.LEAD_HANDED_OFF, "crm", "1", "lead", data)) == said

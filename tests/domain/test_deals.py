"""Which lead a deal belongs to."""

from itertools import permutations

from services.domain.deals import deal_of, owners
from services.domain.events import Event, EventType


def deal(time: int, deal: object, lead: str, id: str = "1") -> Event:  # noqa: A002 - the name in CloudEvents
    """An event of a deal."""
    return Event(time, EventType.DEAL_MOVED, "crm", id, lead, {"deal": deal})


def test_an_event_names_its_deal_by_a_text() -> None:
    """What is no text names no deal."""
    assert deal_of(deal(1, "d1", "")) == "d1"
    assert deal_of(deal(1, 7, "")) is None
    assert deal_of(Event(1, EventType.LEAD_TOUCHED, "crm", "1", "lead", {})) is None


def test_any_event_that_names_both_joins_a_deal_to_its_lead() -> None:
    """Events without a lead, or without a deal, join nothing."""
    assert owners([deal(1, "d1", ""), deal(2, "d1", "lead"), deal(3, None, "lead"), deal(4, "d2", "")]) == {
        "d1": "lead"
    }


def test_the_first_event_in_the_canonical_order_decides() -> None:
    """Where events disagree, the first by time, type, source and id wins, whichever arrived first."""
    events = [deal(2, "d1", "late"), deal(1, "d1", "b", id="2"), deal(1, "d1", "a", id="1"), deal(1, "d1", "z", id="1")]
    assert {owners(arrived)["d1"] for arrived in permutations(events)} == {"a"}

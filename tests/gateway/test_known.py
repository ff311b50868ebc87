"""What is new of what a CRM's API says, given what Baton has seen."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.events import Event, attributes_of
from services.domain.fold import in_order
from services.domain.instants import SECOND, Instant, parse_instant
from services.gateway.changes import Change, Kind
from services.gateway.known import Known, unseen
from services.gateway.meaning import events_of
from services.translate import from_wire
from tests.gateway.crm_double import CRM, MAPPING

NINE = parse_instant("2026-10-05T09:00:00Z")
LEAD = f"{CRM}:person:1"
DEAL = f"{CRM}:deal:9"


def meant(change: Change) -> Sequence[Event]:
    return events_of(CRM, change, MAPPING)


def change(minute: float, kind: Kind = Kind.UPDATED, **fields: Any) -> Change:
    """What a webhook tells of the person, so many minutes after nine."""
    return Change(object="person", id="1", kind=kind, at=at(minute), lead=LEAD, changed=fields, record=fields)


def state(minute: float, **fields: Any) -> Change:
    """What the API says of the person, last modified so many minutes after nine."""
    return replace(change(minute, **fields), is_state=True)


def at(minute: float) -> Instant:
    return NINE + round(minute * 60 * SECOND)


def new(said: Change, *seen: Change | Event) -> list[tuple[str, Any]]:
    """Type and data of what is new, given what was seen."""
    stored = [event for each in seen for event in (meant(each) if isinstance(each, Change) else [each])]
    found = unseen(said, meant(said), Known(stored), mapping=MAPPING, meaning=meant)
    assert all(event.time <= said.at for event in found)
    return [(event.type.wire, dict(event.data)) for event in found]


Told = tuple[str, dict[str, object]]
HANDED_OFF: Told = ("lead.handed_off", {})
ACCEPTED: Told = ("lead.accepted", {})


def test_a_value_that_was_told_is_not_new() -> None:
    """Whenever the object was modified since, for whatever else."""
    assert new(state(10, stage="ready"), change(0, stage="ready")) == []


def test_a_value_that_was_not_told_is_new() -> None:
    """The one that was is not: of each field the latest counts."""
    assert new(state(10, stage="taken", owner="7"), change(0, stage="ready"), change(1, owner="7")) == [ACCEPTED]
    assert new(state(10, stage="ready")) == [HANDED_OFF]


def test_a_value_that_returned_is_new() -> None:
    """It was told once, but another one after it."""
    assert new(state(10, stage="ready"), change(0, stage="ready"), change(1, stage="taken")) == [HANDED_OFF]


def test_an_empty_field_of_which_nothing_is_known_is_not_new() -> None:
    """What was never set was not cleared."""
    assert new(state(10, owner="", stage=None)) == []
    cleared = [("lead.updated", {"attributes": {"owner": None}})]
    assert new(state(10, owner=""), change(0, owner="7")) == cleared
    assert new(state(10, owner=""), change(0, owner="7"), change(1, owner=None)) == []


def test_an_answer_that_is_behind_is_compared_with_what_was_known_then() -> None:
    """A search index may still have yesterday's value, while a webhook has told today's."""
    seen = (change(0, stage="ready"), change(20, stage="taken"))
    assert new(state(10, stage="ready"), *seen) == []
    assert new(state(10, stage="no"), *seen) == [("lead.rejected", {"reason": "wrong_fit"})]


def test_clocks_that_differ_a_little_double_nothing() -> None:
    """The time of modification may be before that of the webhook, or cut to the second."""
    assert new(state(10, stage="taken"), change(0, stage="ready"), change(10.01, stage="taken")) == []


def test_a_value_that_is_a_time_counts_once_by_itself() -> None:
    """It says when it happened, whoever tells it."""
    called = "2026-10-05T08:00:00Z"
    assert new(state(10, called=called), change(0, called=called)) == []
    assert [kind for kind, _ in new(state(10, called=called), change(0, called="2026-10-05T07:00:00Z"))] == [
        "lead.touched"
    ]


def test_only_attributes_that_are_new_are_told() -> None:
    """And the event's id says what it tells."""
    seen = change(0, source="webinar", score="80")
    assert new(state(10, source="webinar", score=80, town="Kraków"), seen) == [
        ("lead.updated", {"attributes": {"region": "Kraków"}})
    ]
    assert new(state(10, source="webinar", score=80), seen) == []
    (event,) = unseen(
        state(10, source="webinar", town="K"), meant(state(10, source="webinar", town="K")), Known(meant(seen)),
        mapping=MAPPING, meaning=meant,
    )  # fmt: skip
    assert event.id == "person:1:attributes:region=K:2026-10-05T09:10:00Z"


def test_an_attribute_that_another_source_changed_stays_changed() -> None:
    """What the CRM told before is no news, though the lead has another value by now."""
    other = from_wire(
        {
            "specversion": "1.0",
            "id": "1",
            "source": "/warehouse",
            "type": "lead.updated",
            "subject": LEAD,
            "time": "2026-10-05T09:05:00Z",
            "data": {"attributes": {"source": "referral"}},
        }
    )
    assert new(state(10, source="webinar"), change(0, source="webinar"), other) == []
    assert new(state(10, source="referral"), change(0, source="webinar"), other) == []
    assert new(state(10, source="event"), change(0, source="webinar"), other) == [
        ("lead.updated", {"attributes": {"source": "event"}})
    ]


def test_an_attribute_that_was_never_there_is_not_cleared() -> None:
    """Empty fields of the CRM say nothing; one that was cleared does."""
    assert new(state(10, town="")) == []
    assert new(state(10, town=""), change(0, town="K")) == [("lead.updated", {"attributes": {"region": None}})]


def test_yes_is_not_one() -> None:
    """JSON tells them apart, and so do the charter's conditions."""
    assert new(state(10, source=True), change(0, source=1)) == [("lead.updated", {"attributes": {"source": True}})]


@pytest.mark.parametrize("is_state", [True, False])
def test_a_creation_is_known_by_the_object(is_state: bool) -> None:
    """The API may say another instant than the webhook did."""
    created = replace(change(-1, Kind.CREATED), is_state=is_state)
    assert new(created) == [("lead.captured", {})]
    assert new(created, change(0, Kind.CREATED)) == []


def test_a_link_is_known_by_both_ends() -> None:
    """Whoever told it, and when."""
    linked = replace(change(10, Kind.LINKED), deal=DEAL)
    assert new(linked, replace(linked, at=at(0))) == []
    assert [kind for kind, _ in new(linked, replace(linked, deal=f"{CRM}:deal:8"))] == ["deal.opened"]


def test_a_deal_has_a_history_of_its_own() -> None:
    """It is looked up by the deal, whichever lead it belongs to."""
    won = Change(object="deal", id="9", kind=Kind.UPDATED, at=at(5), deal=DEAL, changed={"status": "won"})
    told = replace(won, at=at(9), is_state=True)
    assert new(told, won) == []
    assert new(told, replace(won, changed={"status": "lost"})) == [("deal.won", {"deal": DEAL})]
    assert new(told, replace(won, deal=f"{CRM}:deal:8", id="8")) == [("deal.won", {"deal": DEAL})]


def test_an_activity_is_one_touch() -> None:
    """However often it is read."""
    call = Change(object="call", id="5", kind=Kind.UPDATED, at=at(5), lead=LEAD, is_state=True)
    assert [kind for kind, _ in new(call)] == ["lead.touched"]
    assert new(replace(call, at=at(9)), call) == []


def test_a_change_with_a_time_of_its_own_is_new_unless_it_is_there() -> None:
    """That a later value was seen does not make it old; that it was seen itself does."""
    assert new(change(5, stage="ready"), change(9, stage="ready")) == [HANDED_OFF]
    assert new(change(5, stage="ready"), change(5, stage="ready")) == []


def test_of_two_events_with_one_id_the_preferred_stays() -> None:
    """Told again with an earlier time it takes the place of the other, as it does when both are webhooks."""
    first = Change(object="call", id="5", kind=Kind.UPDATED, at=at(5), lead=LEAD)
    assert new(replace(first, at=at(4)), first) == [
        ("lead.touched", {"kind": "call", "direction": "outbound", "connected": True})
    ]
    assert new(replace(first, at=at(6)), first) == []


def test_odd_values_are_read_back_from_ids_as_they_are() -> None:
    """Values may have what parts an id: colons, slashes, line breaks, a whole time; and be long."""
    for value in ("a:b", "x=y", "5/1", "two\nlines", "7:2026-10-05T09:00:00Z", "ż" * 200, " "):
        assert new(state(10, owner=value), change(0, owner=value)) == [], value
        assert new(state(10, owner=f"{value}!"), change(0, owner=value)), value


STAGES = st.sampled_from(["ready", "taken", "no", "unknown to the mapping", ""])
MINUTES = st.integers(0, 600)
CHANGES = st.one_of(
    st.builds(lambda minute, value: change(minute, stage=value), MINUTES, STAGES),
    st.builds(lambda minute, value: change(minute, owner=value), MINUTES, st.sampled_from(["7", "8", ""])),
    st.builds(lambda minute, value: change(minute, source=value), MINUTES, st.sampled_from(["webinar", "event", None])),
    st.builds(lambda minute, value: change(minute, score=value), MINUTES, st.integers(0, 3)),
    st.just(change(0, Kind.CREATED)),
)
HISTORIES = st.lists(CHANGES, max_size=12, unique_by=lambda each: (each.at, tuple(each.changed)))


@given(history=HISTORIES, data=st.data())
def test_with_the_times_of_changes_the_whole_history_is_there_again(history: list[Change], data: st.DataObject) -> None:
    """Whatever part of it was seen, and in whatever order: then Baton has all events, and each once."""
    seen = [each for each in history if data.draw(st.booleans())]
    stored = [event for each in seen for event in meant(each)]
    for said in data.draw(st.permutations(history)):
        stored += unseen(said, meant(said), Known(stored), mapping=MAPPING, meaning=meant)
    whole = in_order(event for each in history for event in meant(each))
    assert in_order(stored) == whole
    assert len(stored) == len(whole) + _twice(seen)


def _twice(seen: list[Change]) -> int:
    """Events of what was seen that have the id of another: nobody looks at those."""
    events = [event for each in seen for event in meant(each)]
    return len(events) - len({(event.source, event.id) for event in events})


@given(history=HISTORIES, data=st.data())
def test_a_state_brings_baton_up_to_it_once(history: list[Change], data: st.DataObject) -> None:
    """Whatever was seen: afterwards the latest values are those of the CRM, and the same state says nothing more."""
    ordered = sorted(history, key=lambda each: each.at)
    fields: dict[str, Any] = {}
    for each in ordered:
        fields |= each.changed
    said = state(601, **fields)
    seen = [each for each in ordered if data.draw(st.booleans())]
    stored = [event for each in seen for event in meant(each)]
    stored += unseen(said, meant(said), Known(stored), mapping=MAPPING, meaning=meant)
    assert unseen(said, meant(said), Known(stored), mapping=MAPPING, meaning=meant) == []
    attributes: dict[str, object] = {}
    for event in in_order(stored):
        attributes |= attributes_of(event)
    assert [attributes.get(name) or None for name in ("source", "score", "owner")] == [
        fields.get(name) or None for name in ("source", "score", "owner")
    ]
    if seen == ordered:
        assert len(stored) == len([event for each in seen for event in meant(each)])

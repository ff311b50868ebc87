"""Where a lead's time went: one thing is waited for at a time, and the parts are the whole."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.board.waits import IMPORTED_AFTER, Stretch, Wait, parts, stretches
from services.domain.events import Event, EventType
from services.domain.fold import in_order
from services.domain.instants import SECOND, Instant
from tests.board.world import HOUR, MINUTE, NOW, OFFICE, Story, at

unhurried = settings(deadline=None)

KEY = "crm:1"
E = EventType
Step = tuple[str, EventType, dict[str, object]]
OUT: dict[str, object] = {"kind": "call", "direction": "outbound"}
IN: dict[str, object] = {"kind": "email", "direction": "inbound"}


def _events(*steps: Step) -> list[Event]:
    book = Story()
    for when, kind, data in steps:
        book.tell(KEY, f"10-12 {when}", kind, **data)
    return book.events[KEY]


def _told(*steps: Step, until: str = "12:00") -> list[tuple[str, int]]:
    found = stretches(_events(*steps), {}, at(f"10-12 {until}"))
    return [(each.wait.value, each.length // MINUTE) for each in found]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (
            [
                ("08:00", E.LEAD_CAPTURED, {}),
                ("08:30", E.LEAD_HANDED_OFF, {}),
                ("09:00", E.LEAD_ASSIGNED, {"owner": "ewa"}),
                ("09:20", E.LEAD_ACCEPTED, {}),
                ("10:00", E.LEAD_TOUCHED, OUT),
                ("11:00", E.LEAD_TOUCHED, IN),
            ],
            [("handoff", 30), ("owner", 30), ("answer", 20), ("touch", 40), ("customer", 60), ("touch", 60)],
        ),
        (
            [("08:00", E.LEAD_HANDED_OFF, {"owner": "ewa"}), ("09:00", E.LEAD_REJECTED, {"reason": "x"})],
            [("answer", 240)],
        ),
        (
            [
                ("08:00", E.LEAD_HANDED_OFF, {"owner": "ewa"}),
                ("09:00", E.LEAD_REJECTED, {"reason": "x"}),
                ("10:00", E.FEEDBACK_ANSWERED, {"answer": "agreed"}),
                ("11:00", E.LEAD_HANDED_OFF, {}),
            ],
            [("answer", 120), ("handoff", 60), ("answer", 60)],
        ),
        (
            [
                ("08:00", E.LEAD_HANDED_OFF, {"owner": "ewa"}),
                ("09:00", E.LEAD_PAUSED, {}),
                ("10:00", E.LEAD_RESUMED, {}),
            ],
            [("answer", 60), ("customer", 60), ("answer", 120)],
        ),
        (
            [
                ("08:00", E.LEAD_HANDED_OFF, {"owner": "ewa"}),
                ("09:00", E.DEAL_WON, {"deal": "1"}),
                ("11:00", E.LEAD_HANDED_OFF, {}),
            ],
            [("answer", 60), ("nothing", 120), ("answer", 60)],
        ),
        ([("08:00", E.LEAD_HANDED_OFF, {}), ("09:00", E.LEAD_WITHDRAWN, {})], [("owner", 60)]),
        ([("08:00", E.LEAD_CAPTURED, {}), ("09:00", E.LEAD_ERASED, {})], [("handoff", 60)]),
    ],
    ids=["the way of a lead", "an answer is owed", "back again", "paused", "won, and again", "withdrawn", "forgotten"],
)
def test_a_lead_waits_for_one_thing_at_a_time(steps: list[Step], told: list[tuple[str, int]]) -> None:
    """For an owner, an answer, a touch or the customer; a lead that is closed ends the account."""
    assert _told(*steps) == told


def test_news_on_its_way_is_nobodys_wait() -> None:
    """Until the news of a handoff has reached Baton nobody can be told; the wait begins after it."""
    (handed,) = _events(("08:00", E.LEAD_HANDED_OFF, {"owner": "ewa"}))
    received = {(handed.source, handed.id): handed.time + 25 * MINUTE}
    found = stretches([handed], received, handed.time + HOUR)
    assert [(each.wait, each.length) for each in found] == [(Wait.TRANSIT, 25 * MINUTE), (Wait.ANSWER, 35 * MINUTE)]


def test_news_that_was_overtaken_fills_its_stretch_alone() -> None:
    """A late event is in transit until the next thing happened, not beyond."""
    events = _events(("08:00", E.LEAD_HANDED_OFF, {}), ("09:00", E.LEAD_ACCEPTED, {}))
    received = {(events[0].source, events[0].id): events[0].time + 5 * HOUR}
    found = stretches(events, received, events[1].time + HOUR)
    assert [(each.wait, each.length) for each in found] == [(Wait.TRANSIT, HOUR), (Wait.TOUCH, HOUR)]


def test_what_was_imported_was_not_in_transit() -> None:
    """A history that is read from an export months later is told by when it happened."""
    (handed,) = _events(("08:00", E.LEAD_HANDED_OFF, {}))
    received = {(handed.source, handed.id): handed.time + IMPORTED_AFTER + SECOND}
    assert [each.wait for each in stretches([handed], received, NOW)] == [Wait.OWNER]


def test_nothing_has_no_parts() -> None:
    """Before the first event there is nothing to tell."""
    assert stretches([], {}, NOW) == []
    assert stretches(_events(("13:00", E.LEAD_HANDED_OFF, {})), {}, NOW) == []
    assert parts([], OFFICE) == []


def test_parts_are_told_in_one_order_with_counted_time() -> None:
    """Two stretches of one kind are one part; the night is no counted time."""
    found = [
        Stretch(Wait.TOUCH, at("10-09 16:00"), at("10-12 10:00")),
        Stretch(Wait.OWNER, at("10-12 10:00"), at("10-12 10:30")),
        Stretch(Wait.TOUCH, at("10-12 10:30"), at("10-12 11:00")),
    ]
    owner, touch = parts(found, OFFICE)
    assert (owner.wait, owner.length, owner.counted) == (Wait.OWNER, 30 * MINUTE, 30 * MINUTE)
    assert (touch.wait, touch.length, touch.counted) == (Wait.TOUCH, 66 * HOUR + 30 * MINUTE, 2 * HOUR + 30 * MINUTE)
    assert owner.share + touch.share == pytest.approx(1)


_KINDS = [kind for kind in EventType if kind is not EventType.CEREMONY_HELD]
_DATA = st.fixed_dictionaries(
    {},
    optional={
        "owner": st.sampled_from(["ewa", "jan"]),
        "direction": st.sampled_from(["inbound", "outbound"]),
        "deal": st.sampled_from(["1", "2"]),
    },
)


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[Event], dict[tuple[str, str], Instant]]:
    events, received = [], {}
    for number in range(draw(st.integers(1, 12))):
        time = NOW - draw(st.integers(0, 50)) * HOUR
        event = Event(time, draw(st.sampled_from(_KINDS)), "//crm", str(number), KEY, draw(_DATA))
        events.append(event)
        received["//crm", str(number)] = time + draw(st.sampled_from([0, SECOND, MINUTE, 3 * HOUR, 40 * HOUR]))
    return in_order(events), received


@unhurried
@given(_histories())
def test_the_parts_add_up_to_the_whole(history: tuple[list[Event], dict[tuple[str, str], Instant]]) -> None:
    """The stretches follow each other without a hole from the first event on, and their sum is that of the parts."""
    events, received = history
    found = stretches(events, received, NOW)
    assert all(each.length > 0 for each in found)
    assert all(one.until == other.since for one, other in pairwise(found))
    if found:
        assert found[0].since == events[0].time
        assert found[-1].until <= NOW
        assert found[-1].wait is not Wait.NOTHING
        told = parts(found, OFFICE)
        assert sum(part.length for part in told) == found[-1].until - found[0].since
        assert sum(part.counted for part in told) == OFFICE.counted(found[0].since, found[-1].until)
        assert all(0 <= part.counted <= part.length for part in told)


@unhurried
@given(_histories())
def test_without_delays_nothing_is_in_transit(history: tuple[list[Event], dict[tuple[str, str], Instant]]) -> None:
    """News that comes at once leaves the time to whoever was waited for, and changes no other border."""
    events, received = history
    prompt = stretches(events, {}, NOW)
    assert all(each.wait is not Wait.TRANSIT for each in prompt)
    delayed = stretches(events, received, NOW)
    if prompt and delayed:
        assert (delayed[0].since, delayed[-1].until) == (prompt[0].since, prompt[-1].until)

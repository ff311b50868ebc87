"""The silences in a handoff that come to a stall, and what is told of them."""

import orjson
import pytest

from services.domain.charter import Charters, Clock, Side, StalledAfter
from services.domain.events import Event, EventType
from services.domain.fold import Lead, fold, fold_together
from services.domain.instants import SECOND
from services.domain.snapshot import freeze, thaw
from services.domain.stalls import lies_still, stalls_of
from services.domain.telling import Telling, Told, tell_stalls
from tests.domain import build
from tests.domain.histories import (
    ACCEPTED,
    ALWAYS,
    ERASED,
    LEAD,
    OFFICE,
    REJECTED,
    TOUCHED,
    at,
    clock,
    event,
    handed_off,
    on,
)

MERGED = EventType.LEAD_MERGED
SURVIVOR = "hubspot:contact:2"
TWO_HOURS = StalledAfter(2 * 3600 * SECOND, ALWAYS, "2h")


def charters(*clocks: Clock, after: StalledAfter | None = TWO_HOURS) -> Charters:
    """A charter under which two hours of silence are a stall."""
    return Charters([build.charter(*clocks, stalled_after=after)])


def stalls(lead: Lead, by: Charters, as_of: str, number: int = 1) -> list[tuple[int, int]]:
    """When each silence of a handoff began that came to a stall, and when it did."""
    return [(stall.level, stall.at) for stall in stalls_of(lead, lead.handoffs[number - 1], by, at(as_of))]


def heard(*events: Event, as_of: str, by: Charters | None = None) -> list[tuple[int, int]]:
    """The stalls of the first handoff."""
    charter = by or charters()
    return stalls(fold(LEAD, events, charter), charter, as_of)


def test_a_silence_comes_to_a_stall_once_its_time_has_passed() -> None:
    """Not a microsecond earlier; it is named by the instant at which it began."""
    lead = fold(LEAD, [handed_off("09:00")], charters())
    assert stalls_of(lead, lead.handoffs[0], charters(), at("11:00") - 1) == []
    (stall,) = stalls_of(lead, lead.handoffs[0], charters(), at("11:00"))
    assert (stall.kind, stall.at, stall.name) == ("stalled", at("11:00"), f"stalled/{at('09:00')}")


def test_each_silence_is_a_stall_of_its_own() -> None:
    """After an event the lead may lie still again; what has been stays."""
    history = [handed_off("09:00"), event(TOUCHED, "11:30"), event(TOUCHED, "12:00")]
    assert heard(*history, as_of="13:00") == [(at("09:00"), at("11:00"))]
    assert heard(*history, as_of="14:00") == [(at("09:00"), at("11:00")), (at("12:00"), at("14:00"))]


def test_at_the_very_instant_of_an_event_the_event_decides() -> None:
    """As for every threshold."""
    assert heard(handed_off("09:00"), event(TOUCHED, "11:00"), as_of="12:00") == []
    assert heard(handed_off("09:00"), event(TOUCHED, at("11:00") + 1), as_of="12:00") == [(at("09:00"), at("11:00"))]


def test_the_close_of_the_handoff_ends_its_last_silence() -> None:
    """Before the next handoff nobody has to call."""
    history = [handed_off("09:00"), event(REJECTED, "12:00"), event(TOUCHED, "15:00"), handed_off("16:00")]
    assert heard(*history, as_of="20:00") == [(at("09:00"), at("11:00"))]
    lead = fold(LEAD, history, charters())
    assert stalls(lead, charters(), "20:00", number=2) == [(at("16:00"), at("18:00"))]


def test_counted_is_the_time_of_its_calendar() -> None:
    """Two hours from Monday 16:00 are over on Tuesday at 10:00."""
    by = charters(after=StalledAfter(2 * 3600 * SECOND, OFFICE, "2h"))
    history = [handed_off("16:00"), event(TOUCHED, "11:00", day=16)]
    assert heard(history[0], as_of="23:00", by=by) == []
    lead = fold(LEAD, history, by)
    assert [stall.at for stall in stalls_of(lead, lead.handoffs[0], by, at("12:00", day=16))] == [at("10:00", day=16)]


def test_what_an_overdue_promise_of_sales_has_told_is_no_stall() -> None:
    """One fact is told once. Overdue later, or kept, or marketing's, the promise has told nothing before."""
    early, late = clock("1h"), clock("3h")
    assert heard(handed_off("09:00"), as_of="20:00", by=charters(early)) == []
    assert heard(handed_off("09:00"), as_of="20:00", by=charters(late)) == [(at("09:00"), at("11:00"))]
    assert heard(handed_off("09:00"), event(ACCEPTED, "09:30"), as_of="20:00", by=charters(early)) == [
        (at("09:30"), at("11:30"))
    ]
    assert heard(handed_off("09:00"), as_of="20:00", by=charters(clock("1h", promised_by=Side.MARKETING))) == [
        (at("09:00"), at("11:00"))
    ]


def test_a_promise_due_at_the_very_instant_has_not_told_yet() -> None:
    """It is overdue a microsecond after the silence is a stall."""
    assert heard(handed_off("09:00"), as_of="20:00", by=charters(clock("2h"))) == [(at("09:00"), at("11:00"))]
    (short,) = clock("2h").targets
    before = clock(targets=[type(short)(short.when, short.within - 1, short.calendar, "2h")])
    assert heard(handed_off("09:00"), as_of="20:00", by=charters(before)) == []


def test_nobody_lies_still_who_was_forgotten_or_under_no_such_agreement() -> None:
    """Nor before the first charter."""
    assert heard(handed_off("09:00"), event(ERASED, "10:00"), event(TOUCHED, "15:00"), as_of="20:00") == []
    assert heard(handed_off("09:00"), as_of="20:00", by=charters(after=None)) == []
    later = Charters([build.charter(stalled_after=TWO_HOURS, effective_from=at("10:00"))])
    assert heard(handed_off("09:00"), event(TOUCHED, "15:00"), as_of="20:00", by=later) == [(at("15:00"), at("17:00"))]


def test_a_merge_ends_the_silences_of_both() -> None:
    """The survivor carries on the handoff from then on; what had been is told of whom it was of."""
    gone = [handed_off("09:00"), event(MERGED, "12:00", into=SURVIVOR)]
    by = charters()
    leads = fold_together({LEAD: gone, SURVIVOR: [event(TOUCHED, "08:00", id="theirs")]}, by)
    assert stalls(leads[LEAD], by, "20:00") == [(at("09:00"), at("11:00"))]
    assert stalls(leads[SURVIVOR], by, "20:00") == [(at("12:00"), at("14:00"))]
    theirs = fold_together({LEAD: gone, SURVIVOR: [handed_off("08:00")]}, by)
    assert stalls(theirs[SURVIVOR], by, "20:00") == [(at("08:00"), at("10:00")), (at("12:00"), at("14:00"))]


def test_past_stalls_and_what_was_told_survive_being_stored() -> None:
    """Of the open handoff, so that the next stall is told of and the last one is not told again."""
    lead = fold(LEAD, [handed_off("09:00"), event(TOUCHED, "12:00")], charters())
    told = {("handoff", 1): Told()}
    tell_stalls(stalls_of(lead, lead.handoffs[0], charters(), at("13:00")), told["handoff", 1], at("13:00"), now="open")
    back, told_back = thaw(LEAD, orjson.loads(orjson.dumps(freeze(lead, told))), charters())
    assert stalls(back, charters(), "13:00") == [(at("09:00"), at("11:00"))]
    assert told_back == told
    assert told["handoff", 1].standing == {f"stalled/{at('09:00')}"}


class Listener:
    """Someone who is told of a handoff, as its events become known."""

    def __init__(self) -> None:
        self.told = Told()

    def hears(self, *events: Event, as_of: str) -> list[str]:
        """What is told now."""
        lead = fold(LEAD, events, charters())
        handoff = lead.handoffs[0] if lead.handoffs else None
        happened = stalls_of(lead, handoff, charters(), at(as_of)) if handoff is not None else []
        present = lies_still(lead, charters())
        state = "none" if handoff is None else "closed" if lead.handoff is None else "open"
        if present is not None and present.at <= at(as_of):
            state = "stalled"
        return [_words(each) for each in tell_stalls(happened, self.told, at(as_of), now=state)]


def _words(telling: Telling) -> str:
    kind, _, since = telling.passage.name.partition("/")
    name = f"stalled since {int(since) - at('00:00')}" if kind == "stalled" else telling.passage.name
    return name + (f": {telling.before} to {telling.after}" if telling.before else "")


NINE, TEN = (f"stalled since {at(when) - at('00:00')}" for when in ("09:00", "10:00"))


def test_a_stall_is_told_once_and_an_event_after_it_takes_nothing_back() -> None:
    """It did lie still; that it no longer does is no correction."""
    listener = Listener()
    assert listener.hears(handed_off("09:00"), as_of="10:59") == []
    assert listener.hears(handed_off("09:00"), as_of="11:00") == [NINE]
    assert listener.hears(handed_off("09:00"), as_of="12:00") == []
    assert listener.hears(handed_off("09:00"), event(TOUCHED, "12:00"), as_of="12:30") == []


def test_who_looks_late_hears_of_every_stall() -> None:
    """Those that an event has ended before anybody looked too."""
    history = [handed_off("09:00"), event(TOUCHED, "11:30"), event(REJECTED, "14:00")]
    assert len(Listener().hears(*history, as_of="20:00")) == 2


def test_a_late_event_that_shows_that_it_did_not_lie_still_corrects_it() -> None:
    """Whether it is open, closed, or lies still again by another silence."""
    late = event(TOUCHED, "10:00")
    for then, as_of, expected in (
        ((), "11:30", ["corrected: stalled to open"]),
        ((), "12:00", ["corrected: stalled to stalled", TEN]),
        ((event(REJECTED, "11:45"),), "12:00", ["corrected: stalled to closed"]),
        ((event(TOUCHED, "11:45"),), "12:00", ["corrected: stalled to open"]),
    ):
        listener = Listener()
        listener.hears(handed_off("09:00"), as_of="11:00")
        assert listener.hears(handed_off("09:00"), late, *then, as_of=as_of) == expected
        assert listener.hears(handed_off("09:00"), late, *then, as_of=as_of) == []


def test_a_stall_that_holds_again_is_told_as_a_correction() -> None:
    """The event turned out to be of another lead, say; each correction has an id of its own."""
    listener = Listener()
    listener.hears(handed_off("09:00"), as_of="11:00")
    listener.hears(handed_off("09:00"), event(TOUCHED, "10:00"), as_of="11:30")
    assert listener.hears(handed_off("09:00"), as_of="11:40") == ["corrected/2: open to stalled"]


def test_a_handoff_that_never_was_is_corrected_to_none() -> None:
    """A late event can take away the handoff itself; what was never told is not taken back."""
    listener = Listener()
    listener.hears(handed_off("09:00"), as_of="11:00")
    assert listener.hears(as_of="11:30") == ["corrected: stalled to none"]
    assert Listener().hears(as_of="11:30") == []


@pytest.mark.parametrize("when", ["09:00", "10:59"])
def test_where_in_the_silence_the_late_event_lies_does_not_matter(when: str) -> None:
    """At its very beginning it is the same silence, though another event begins it."""
    listener = Listener()
    listener.hears(handed_off("09:00"), as_of="11:00")
    told = listener.hears(handed_off("09:00"), event(TOUCHED, when), as_of="11:00")
    assert told == ([] if when == "09:00" else ["corrected: stalled to open"])


def test_the_instances_of_sales_at_the_stall_are_those_of_then() -> None:
    """A promise that starts with the event that ends the silence has told nothing of it."""
    by = charters(clock("1h", starts_on=on(TOUCHED)))
    assert heard(handed_off("09:00"), event(TOUCHED, "12:00"), as_of="20:00", by=by) == [(at("09:00"), at("11:00"))]

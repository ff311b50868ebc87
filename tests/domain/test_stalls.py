"""When a handed-off lead counts as stalled."""

from services.domain.charter import Charters, Clock, Side, StalledAfter
from services.domain.events import Event
from services.domain.instants import SECOND
from services.domain.stalls import stalls_at
from tests.domain import build
from tests.domain.histories import (
    ACCEPTED,
    ERASED,
    OFFICE,
    PAUSED,
    REJECTED,
    TOUCHED,
    at,
    clock,
    event,
    handed_off,
    judged,
    pausable,
)

EIGHT_HOURS = StalledAfter(8 * 3600 * SECOND, OFFICE, "8h")


def charters(*clocks: Clock, after: StalledAfter | None = EIGHT_HOURS) -> Charters:
    """A charter under which a lead stalls after a working day of silence."""
    return Charters([build.charter(*clocks, stalled_after=after)])


def stalls(by: Charters, *events: Event) -> int | None:
    """When the lead is stalled."""
    return stalls_at(judged(by, *events), by)


def test_a_lead_stalls_after_so_much_counted_time_without_an_event() -> None:
    """A day of eight hours from Monday 15:00 is over on Tuesday at 15:00."""
    assert stalls(charters(), handed_off("15:00")) == at("15:00", day=16)


def test_any_event_begins_the_silence_anew() -> None:
    """What counts is the last event of the lead."""
    history = [handed_off("09:00"), event(TOUCHED, "15:00", direction="inbound")]
    assert stalls(charters(), *history) == at("15:00", day=16)


def test_a_lead_stalls_as_soon_as_a_clock_of_sales_is_overdue() -> None:
    """A microsecond after due_at, long before the silence is."""
    assert stalls(charters(clock("4h")), handed_off("09:00")) == at("13:00") + 1


def test_the_first_of_several_clocks_decides() -> None:
    """Whichever is overdue first."""
    both = charters(clock("4h"), clock("1h", name="touch"))
    assert stalls(both, handed_off("09:00")) == at("10:00") + 1


def test_an_overdue_clock_of_marketing_stalls_no_lead() -> None:
    """Sales is not late by it."""
    by = charters(clock("1h", promised_by=Side.MARKETING))
    assert stalls(by, handed_off("09:00")) == at("17:00")


def test_a_clock_that_has_ended_stalls_no_lead() -> None:
    """Only open instances can be overdue."""
    assert stalls(charters(clock("4h")), handed_off("09:00"), event(ACCEPTED, "15:00")) == at("15:00", day=16)


def test_a_paused_clock_stalls_no_lead() -> None:
    """It is due at no instant; the silence still counts."""
    by = charters(pausable("4h"), after=None)
    assert stalls(by, handed_off("09:00"), event(PAUSED, "10:00")) is None


def test_without_an_open_handoff_nothing_stalls() -> None:
    """Neither before a handoff nor after its close, and not after a person is forgotten."""
    assert stalls(charters(clock("4h"))) is None
    assert stalls(charters(clock("4h")), event(TOUCHED, "09:00")) is None
    assert stalls(charters(clock("4h")), handed_off("09:00"), event(REJECTED, "10:00")) is None
    assert stalls(charters(clock("4h")), handed_off("09:00"), event(ERASED, "10:00")) is None


def test_a_charter_may_leave_silence_out() -> None:
    """Then only overdue clocks stall a lead."""
    assert stalls(charters(after=None), handed_off("09:00")) is None


def test_before_the_first_charter_nothing_stalls() -> None:
    """Nobody has agreed how long silence may last."""
    by = Charters([build.charter(stalled_after=EIGHT_HOURS, effective_from=at("09:00", day=20))])
    assert stalls(by, handed_off("09:00")) is None

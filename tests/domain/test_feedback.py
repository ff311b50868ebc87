"""Which complaint an answer is to, and which dispute a settlement ends."""

from services.domain.events import Event, EventType
from services.domain.feedback import Exchange, State, exchanges

REJECTED, GIVEN = EventType.LEAD_REJECTED, EventType.FEEDBACK_GIVEN
ANSWERED, SETTLED = EventType.FEEDBACK_ANSWERED, EventType.FEEDBACK_SETTLED


def told(*said: tuple[EventType, dict[str, object]]) -> list[Exchange]:
    """The exchanges of events that come one after the other."""
    return exchanges(Event(at, kind, "//crm", f"e{at}", "crm:1", data) for at, (kind, data) in enumerate(said))


def states(found: list[Exchange]) -> list[State]:
    """How far each has come."""
    return [each.state for each in found]


def test_a_rejection_waits_for_an_answer() -> None:
    """And so does a verdict of poor; one of good is no complaint."""
    assert states(told((REJECTED, {"reason": "no_budget"}))) == [State.UNANSWERED]
    assert states(told((GIVEN, {"verdict": "poor"}))) == [State.UNANSWERED]
    assert told((GIVEN, {"verdict": "good"})) == []


def test_an_answer_agrees_or_disputes() -> None:
    """A dispute stays open until it is settled; what is agreed is done."""
    assert states(told((REJECTED, {}), (ANSWERED, {"answer": "agreed", "action": "Tighten"}))) == [State.AGREED]
    disputed = told((REJECTED, {}), (ANSWERED, {"answer": "disputed"}))
    assert states(disputed) == [State.DISPUTED]
    settled = told((REJECTED, {}), (ANSWERED, {"answer": "disputed"}), (SETTLED, {"outcome": "upheld"}))
    assert states(settled) == [State.SETTLED]
    assert settled[0].settlement is not None
    assert settled[0].settlement.data == {"outcome": "upheld"}


def test_one_answer_is_to_all_that_wait() -> None:
    """A rejection after a poor verdict is not two things to answer; what was answered stays as it was."""
    found = told((GIVEN, {"verdict": "poor"}), (REJECTED, {}), (ANSWERED, {"answer": "disputed"}), (REJECTED, {}))
    assert states(found) == [State.DISPUTED, State.DISPUTED, State.UNANSWERED]
    again = told((REJECTED, {}), (ANSWERED, {"answer": "agreed"}), (ANSWERED, {"answer": "disputed"}))
    assert states(again) == [State.AGREED]


def test_one_settlement_ends_every_dispute() -> None:
    """Those that come later are disputes of their own."""
    found = told(
        (REJECTED, {}),
        (ANSWERED, {"answer": "disputed"}),
        (REJECTED, {}),
        (ANSWERED, {"answer": "disputed"}),
        (SETTLED, {"outcome": "withdrawn"}),
        (REJECTED, {}),
        (ANSWERED, {"answer": "disputed"}),
    )
    assert states(found) == [State.SETTLED, State.SETTLED, State.DISPUTED]


def test_a_good_verdict_takes_back_a_poor_one() -> None:
    """Unless it was answered, or is a rejection."""
    assert told((GIVEN, {"verdict": "poor"}), (GIVEN, {"verdict": "good"})) == []
    answered = told((GIVEN, {"verdict": "poor"}), (ANSWERED, {"answer": "agreed"}), (GIVEN, {"verdict": "good"}))
    assert states(answered) == [State.AGREED]
    assert states(told((REJECTED, {}), (GIVEN, {"verdict": "good"}))) == [State.UNANSWERED]


def test_what_is_said_to_nothing_is_nothing() -> None:
    """An answer without a complaint and a settlement without a dispute come from CRMs, and change nothing."""
    assert told((ANSWERED, {"answer": "disputed"}), (SETTLED, {"outcome": "upheld"})) == []
    assert states(told((REJECTED, {}), (SETTLED, {"outcome": "upheld"}))) == [State.UNANSWERED]

"""Deals of a lead, and a lead that is back with whoever rejected it."""

from services.board.dealings import Rejection, back_with_who_rejected, dealings
from services.domain.events import Event, EventType
from tests.board.world import Story, at

E = EventType
KEY = "crm:1"
Step = tuple[str, EventType, dict[str, object]]


def _events(*steps: Step) -> list[Event]:
    book = Story()
    for when, kind, data in steps:
        book.tell(KEY, f"10-12 {when}", kind, **data)
    return book.events[KEY]


def test_a_deal_is_told_as_far_as_it_went() -> None:
    """Its stages in order, the last amount, and how it ended; each deal by itself."""
    one, other = dealings(
        _events(
            ("08:00", E.LEAD_HANDED_OFF, {}),
            ("09:00", E.DEAL_OPENED, {"deal": "1", "stage": "offer", "amount": 100, "currency": "PLN"}),
            ("09:30", E.DEAL_OPENED, {"deal": "2", "new_customer": True}),
            ("10:00", E.DEAL_MOVED, {"deal": "1", "stage": "contract", "amount": 80}),
            ("11:00", E.DEAL_LOST, {"deal": "1", "reason": "price"}),
        )
    )
    assert (one.deal, one.state, one.amount, one.currency, one.reason) == ("1", E.DEAL_LOST, 80, "PLN", "price")
    assert one.stages == [(at("10-12 09:00"), "offer"), (at("10-12 10:00"), "contract")]
    assert (one.opened_at, one.last_at) == (at("10-12 09:00"), at("10-12 11:00"))
    assert (other.deal, other.state, other.new_customer) == ("2", E.DEAL_OPENED, True)


REJECTED: list[Step] = [
    ("08:00", E.LEAD_HANDED_OFF, {"owner": "ewa"}),
    ("09:00", E.LEAD_REJECTED, {"reason": "wrong_fit"}),
]


def test_a_lead_back_with_who_rejected_it_is_noticed() -> None:
    """With when and why, as long as the handoff is open."""
    again: Step = ("10:00", E.LEAD_HANDED_OFF, {})
    assert back_with_who_rejected(_events(*REJECTED, again)) == Rejection(at("10-12 09:00"), "wrong_fit")
    assert back_with_who_rejected(_events(*REJECTED)) is None
    assert back_with_who_rejected(_events(*REJECTED, again, ("11:00", E.LEAD_RECYCLED, {}))) is None


def test_a_lead_with_somebody_else_is_as_it_should_be() -> None:
    """Another owner than the one who rejected it; or nobody yet."""
    other: Step = ("10:00", E.LEAD_HANDED_OFF, {"owner": "jan"})
    assert back_with_who_rejected(_events(*REJECTED, other)) is None
    unowned: list[Step] = [
        ("08:00", E.LEAD_HANDED_OFF, {}),
        ("09:00", E.LEAD_REJECTED, {}),
        ("10:00", E.LEAD_HANDED_OFF, {}),
    ]
    assert back_with_who_rejected(_events(*unowned)) is None


def test_who_rejected_it_counts_even_if_it_was_not_theirs() -> None:
    """`by` names who rejected a lead that had no owner."""
    events = _events(
        ("08:00", E.LEAD_HANDED_OFF, {}),
        ("09:00", E.LEAD_REJECTED, {"by": "ewa"}),
        ("10:00", E.LEAD_HANDED_OFF, {"owner": "ewa"}),
    )
    assert back_with_who_rejected(events) == Rejection(at("10-12 09:00"), None)

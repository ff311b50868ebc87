"""The contract of `services.outgoing.Outbox`."""

import pytest

from services.outgoing import Outbox
from services.storage import Store
from tests.contracts.rows import alert, changes, clock, commit, ended, lead, stall, transition


@pytest.fixture
def told(store: Store) -> Store:
    """A store with an instance that is open and overdue, and two alerts of it."""
    commit(
        store,
        changes(
            clocks=[clock()],
            transitions=[transition(name="at_risk"), transition()],
            alerts=[alert(kind="at_risk", not_before=5), alert(not_before=12)],
        ),
    )
    return store


def test_nothing_waits(outbox: Outbox) -> None:
    """A fresh outbox is empty."""
    assert outbox.due(100, 10) == []
    assert outbox.unsettled() == 0


@pytest.mark.usefixtures("told")
def test_due_from_its_time_on(outbox: Outbox) -> None:
    """An alert is due from `not_before` on, those told first come first, and at most `limit`."""
    assert outbox.due(4, 10) == []
    assert [each.row for each in outbox.due(5, 10)] == [alert(kind="at_risk", not_before=5)]
    both = outbox.due(12, 10)
    assert [each.row.kind for each in both] == ["at_risk", "overdue"]
    assert [each.row.kind for each in outbox.due(12, 1)] == ["at_risk"]
    assert both[1].row.details == {"to": "sales"}
    assert outbox.unsettled() == 2


@pytest.mark.usefixtures("told")
def test_delivered(outbox: Outbox) -> None:
    """An alert says which sinks have it, and who has an earlier one of its instance; twice counts once."""
    first, second = outbox.due(12, 10)
    outbox.delivered(first.id, "mail", 13)
    outbox.delivered(first.id, "mail", 14)
    outbox.delivered(second.id, "chat", 14)
    first, second = outbox.due(12, 10)
    assert (first.delivered_to, first.warned) == (frozenset({"mail"}), frozenset())
    assert (second.delivered_to, second.warned) == (frozenset({"chat"}), frozenset({"mail"}))


def test_warned_of_this_instance_alone(told: Store, outbox: Outbox) -> None:
    """What was delivered of another lead, clock or number warned nobody of this instance."""
    others = [
        alert("a:lead:2"),
        alert(clock="touch", transition="a:lead:1/touch/1/overdue"),
        alert(number=2, transition="a:lead:1/accept/2/overdue"),
    ]
    commit(told, changes(1, alerts=[*others, alert(kind="corrected")]))
    *earlier, correction = outbox.due(100, 10)
    for each in earlier[2:]:
        outbox.delivered(each.id, "elsewhere", 20)
    outbox.delivered(earlier[0].id, "mail", 20)
    assert outbox.due(100, 10)[-1].warned == {"mail"}
    assert correction.row.kind == "corrected"


@pytest.mark.usefixtures("told")
def test_postponed(outbox: Outbox) -> None:
    """An alert that was not taken waits for its next try, and counts its attempts."""
    first, _ = outbox.due(12, 10)
    assert first.attempts == 0
    outbox.postpone(first.id, 30, "timeout")
    assert [each.row.kind for each in outbox.due(29, 10)] == ["overdue"]
    outbox.postpone(first.id, 40, "timeout")
    again, _ = outbox.due(40, 10)
    assert (again.id, again.attempts) == (first.id, 2)


@pytest.mark.usefixtures("told")
def test_settled(outbox: Outbox) -> None:
    """A settled alert never comes back, whatever is said of it afterwards."""
    first, second = outbox.due(12, 10)
    outbox.settle(first.id, "sent", 13)
    outbox.postpone(first.id, 14, "too late")
    assert [each.id for each in outbox.due(100, 10)] == [second.id]
    assert outbox.unsettled() == 1


def test_settled_alerts_still_warned(told: Store, outbox: Outbox) -> None:
    """Whoever got an alert that is settled by now is still owed its correction."""
    for each in outbox.due(12, 10):
        outbox.delivered(each.id, "mail", 13)
        outbox.settle(each.id, "sent", 13)
    commit(told, changes(1, alerts=[alert(kind="corrected")]))
    (correction,) = outbox.due(20, 10)
    assert (correction.warned, correction.delivered_to) == (frozenset({"mail"}), frozenset())


def test_holds(told: Store, outbox: Outbox) -> None:
    """An alert holds while its transition stands and its instance is open."""
    assert [each.holds for each in outbox.due(12, 10)] == [True, True]
    commit(told, changes(1, transitions=[transition(standing=False)]))
    assert [each.holds for each in outbox.due(12, 10)] == [True, False]
    commit(told, changes(2, transitions=[transition()], clocks=[ended()]))
    assert [each.holds for each in outbox.due(12, 10)] == [False, False]


def test_holds_no_more_without_its_instance(told: Store, outbox: Outbox) -> None:
    """An alert of an instance that turns out never to have been does not hold."""
    commit(told, changes(1, refolded=["a:lead:1"]))
    assert [each.holds for each in outbox.due(12, 10)] == [False, False]


def test_levels(told: Store, outbox: Outbox) -> None:
    """An escalation is looked up by its level."""
    commit(
        told,
        changes(
            1,
            transitions=[transition(name="escalated/1", standing=False), transition(name="escalated/2")],
            alerts=[
                alert(kind="escalated", transition="a:lead:1/accept/1/escalated/1"),
                alert(kind="escalated", transition="a:lead:1/accept/1/escalated/2"),
            ],
        ),
    )
    assert [each.holds for each in outbox.due(12, 10)] == [True, True, False, True]


def test_corrections_always_hold(told: Store, outbox: Outbox) -> None:
    """A correction is told though its instance has ended."""
    commit(told, changes(1, clocks=[ended()], alerts=[alert(kind="corrected")]))
    assert [each.holds for each in outbox.due(12, 10)] == [False, False, True]


def test_a_stall_holds_while_the_lead_lies_still_by_that_silence(store: Store, outbox: Outbox) -> None:
    """Not once another event has come, the handoff has closed, or the stall was taken back; each by its own silence."""
    alerts = [
        alert(kind="stalled", clock="handoff", transition=f"a:lead:1/handoff/1/stalled/{since}") for since in (5, 7)
    ]
    still = lead(handoff=1, last_event_at=5)
    commit(store, changes(leads=[still], transitions=[stall(5), stall(7)], alerts=alerts))
    assert [each.holds for each in outbox.due(12, 10)] == [True, False]
    commit(store, changes(1, leads=[lead(handoff=1, last_event_at=7)]))
    assert [each.holds for each in outbox.due(12, 10)] == [False, True]
    commit(store, changes(2, leads=[lead(last_event_at=7)]))
    assert [each.holds for each in outbox.due(12, 10)] == [False, False]
    commit(store, changes(3, leads=[still], transitions=[stall(5, standing=False)]))
    assert [each.holds for each in outbox.due(12, 10)] == [False, False]

"""The contract of `services.outgoing.HeldAlerts`."""

import pytest

from services.adapters.sql.database import Database
from services.adapters.sql.held_alerts import SqlHeldAlerts
from services.outgoing import HeldAlert, HeldAlerts
from services.storage import Store
from tests.contracts.rows import changes, clock, commit, ended, lead, stall, transition

OVERDUE = "a:lead:1/accept/1/overdue"


@pytest.fixture
def held(database: Database) -> SqlHeldAlerts:
    """What one place shows."""
    return SqlHeldAlerts(database, sink="here")


@pytest.fixture
def told(store: Store) -> Store:
    """A store with an instance that is open, told of as overdue."""
    commit(store, changes(clocks=[clock()], transitions=[transition()]))
    return store


def hold(held: HeldAlerts) -> None:
    """Have the overdue instance shown."""
    held.hold(OVERDUE, "a:lead:1", "accept", 1, b'{"a": 1}')


def is_firing(held: HeldAlerts) -> bool:
    """Whether the one alert that is held holds."""
    (one,) = held.held()
    return one.is_firing


@pytest.mark.usefixtures("told")
def test_it_is_held_once_as_it_came_first(held: HeldAlerts) -> None:
    """A second time changes nothing of what is shown."""
    assert held.held() == []
    hold(held)
    held.hold(OVERDUE, "a:lead:1", "accept", 1, b"other")
    assert held.held() == [HeldAlert(OVERDUE, b'{"a": 1}', is_firing=True, resolved_at=None)]


@pytest.mark.usefixtures("told")
def test_each_place_has_its_own(held: HeldAlerts, database: Database) -> None:
    """What another place shows is no concern of this one."""
    elsewhere = SqlHeldAlerts(database, sink="elsewhere")
    hold(held)
    hold(elsewhere)
    elsewhere.resolve([OVERDUE], 5)
    elsewhere.settle([OVERDUE], 6)
    assert elsewhere.held() == []
    assert [each.resolved_at for each in held.held()] == [None]


def test_it_holds_while_the_instance_is_open_and_the_transition_stands(told: Store, held: HeldAlerts) -> None:
    """An end takes it away, so does a correction, and so does the loss of the instance."""
    hold(held)
    commit(told, changes(1, clocks=[ended()]))
    assert not is_firing(held)
    commit(told, changes(2, clocks=[clock()]))
    assert is_firing(held)
    commit(told, changes(3, transitions=[transition(standing=False)]))
    assert not is_firing(held)
    commit(told, changes(4, transitions=[transition()], refolded=["a:lead:1"]))
    assert not is_firing(held)


def test_a_pause_holds_back_what_is_not_yet_due(told: Store, held: HeldAlerts) -> None:
    """Nobody has to hurry meanwhile; an instance past due stays overdue in a pause."""
    hold(held)
    commit(told, changes(1, clocks=[clock(paused=True, due_at=None)]))
    assert not is_firing(held)
    commit(told, changes(2, clocks=[clock(paused=True)]))
    assert is_firing(held)


@pytest.mark.usefixtures("told")
def test_resolved_and_settled(held: HeldAlerts) -> None:
    """It says since when it is shown as over, until that is taken back or it is settled; and can be looked at again."""
    hold(held)
    held.resolve([OVERDUE], 5)
    assert [each.resolved_at for each in held.held()] == [5]
    held.resolve([OVERDUE], None)
    assert [each.resolved_at for each in held.held()] == [None]
    held.settle([OVERDUE], 6)
    assert held.held() == []
    held.look_again("a:lead:1", "accept", 11)
    held.look_again("a:lead:1", "acc", 1)
    held.look_again("a:lead:2", "accept", 1)
    assert held.held() == []
    held.look_again("a:lead:1", "accept", 1)
    assert [each.transition for each in held.held()] == [OVERDUE]


def test_an_escalation_is_found_by_its_level(told: Store, held: HeldAlerts) -> None:
    """`escalated/2` is the name of a transition, and not of two."""
    commit(told, changes(1, transitions=[transition(name="escalated/2")]))
    held.hold("a:lead:1/accept/1/escalated/2", "a:lead:1", "accept", 1, b"{}")
    assert is_firing(held)


def test_a_stall_is_held_while_the_lead_lies_still_by_that_silence(store: Store, held: HeldAlerts) -> None:
    """Another event ends it, so does the close of the handoff, a correction, and the loss of the lead."""
    still = lead(handoff=1, last_event_at=5)
    commit(store, changes(leads=[still], transitions=[stall(5)]))
    held.hold("a:lead:1/handoff/1/stalled/5", "a:lead:1", "handoff", 1, b"{}")
    assert is_firing(held)
    for number, other in enumerate([lead(handoff=1, last_event_at=6), lead(last_event_at=5), lead(handoff=2)], 1):
        commit(store, changes(2 * number - 1, leads=[other]))
        assert not is_firing(held)
        commit(store, changes(2 * number, leads=[still]))
        assert is_firing(held)
    commit(store, changes(7, transitions=[stall(5, standing=False)]))
    assert not is_firing(held)
    commit(store, changes(8, transitions=[stall(5)], gone=[("a:lead:1", 0)]))
    assert not is_firing(held)

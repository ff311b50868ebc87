"""The contract of `services.outgoing.WebhookQueue`."""

import pytest

from services.adapters.sql.database import Database
from services.adapters.sql.views import SqlViews
from services.adapters.sql.webhook_queue import SqlWebhookQueue
from services.outgoing import QueuedWebhook, WebhookQueue
from services.storage import Store
from tests.contracts.rows import changes, clock, commit, ended, lead, stall, transition

OVERDUE = "a:lead:1/accept/1/overdue"
CORRECTED = "a:lead:1/accept/1/corrected"


@pytest.fixture
def queue(database: Database) -> SqlWebhookQueue:
    """What one receiver has yet to get."""
    return SqlWebhookQueue(database, sink="here")


@pytest.fixture
def told(store: Store) -> Store:
    """A store with an instance that is open, told of as overdue."""
    commit(store, changes(clocks=[clock()], transitions=[transition()]))
    return store


def put(queue: WebhookQueue, transition: str = OVERDUE, *, always_holds: bool = False, at: int = 5) -> None:
    """Have it delivered."""
    queue.put(transition, "a:lead:1", "accept", 1, always_holds=always_holds, body=b"{}", at=at)


@pytest.mark.usefixtures("told")
def test_it_waits_once(queue: WebhookQueue) -> None:
    """Put again it is neither doubled nor changed, nor told again once it is settled."""
    assert queue.due(100, 10) == []
    put(queue)
    put(queue, at=7)
    assert queue.due(4, 10) == []
    assert queue.due(5, 10) == [QueuedWebhook(OVERDUE, b"{}", holds=True, attempts=0)]
    queue.settle(OVERDUE, "sent", 6)
    put(queue)
    assert queue.due(100, 10) == []


@pytest.mark.usefixtures("told")
def test_the_longest_due_comes_first(queue: WebhookQueue) -> None:
    """And at most as many as asked for."""
    put(queue, at=6)
    put(queue, CORRECTED, always_holds=True, at=5)
    assert [each.transition for each in queue.due(10, 10)] == [CORRECTED, OVERDUE]
    assert [each.transition for each in queue.due(10, 1)] == [CORRECTED]


@pytest.mark.usefixtures("told")
def test_postponed_it_counts_its_attempts(queue: WebhookQueue) -> None:
    """It is due again at that time, and what is settled is never postponed."""
    put(queue)
    queue.postpone(OVERDUE, 30, "it answers 500")
    queue.postpone(OVERDUE, 40, "it answers 500")
    assert queue.due(39, 10) == []
    assert [each.attempts for each in queue.due(40, 10)] == [2]
    queue.settle(OVERDUE, "given_up", 41)
    queue.postpone(OVERDUE, 42, "late")
    assert queue.due(100, 10) == []


def test_it_holds_as_the_alert_does(told: Store, queue: WebhookQueue) -> None:
    """While the transition stands and the instance is open; a correction always."""
    put(queue)
    put(queue, CORRECTED, always_holds=True)
    assert [each.holds for each in queue.due(5, 10)] == [True, True]
    commit(told, changes(1, transitions=[transition(standing=False)]))
    assert {each.transition: each.holds for each in queue.due(5, 10)} == {CORRECTED: True, OVERDUE: False}
    commit(told, changes(2, transitions=[transition()], clocks=[ended()]))
    assert {each.transition: each.holds for each in queue.due(5, 10)} == {CORRECTED: True, OVERDUE: False}


@pytest.mark.usefixtures("told")
def test_each_receiver_has_its_own(queue: WebhookQueue, database: Database) -> None:
    """Of another it knows neither what waits nor that it is disabled."""
    elsewhere = SqlWebhookQueue(database, sink="elsewhere")
    put(queue)
    put(elsewhere)
    elsewhere.settle(OVERDUE, "sent", 6)
    elsewhere.disable(6)
    elsewhere.disable(7)
    assert elsewhere.is_disabled()
    assert not queue.is_disabled()
    assert [each.transition for each in queue.due(5, 10)] == [OVERDUE]


def test_a_stall_holds_while_the_lead_lies_still_by_that_silence(store: Store, queue: WebhookQueue) -> None:
    """An event or a correction ends it."""
    stalled = "a:lead:1/handoff/1/stalled/5"
    commit(store, changes(leads=[lead(handoff=1, last_event_at=5)], transitions=[stall(5)]))
    queue.put(stalled, "a:lead:1", "handoff", 1, always_holds=False, body=b"{}", at=5)
    assert [each.holds for each in queue.due(10, 10)] == [True]
    commit(store, changes(1, leads=[lead(handoff=1, last_event_at=6)]))
    assert [each.holds for each in queue.due(10, 10)] == [False]
    commit(store, changes(2, leads=[lead(handoff=1, last_event_at=5)], transitions=[stall(5, standing=False)]))
    assert [each.holds for each in queue.due(10, 10)] == [False]


@pytest.mark.usefixtures("told")
def test_what_becomes_of_webhooks_is_counted_once(database: Database) -> None:
    """In the transaction that settles them, from 0 on; a second word on the same webhook counts nothing."""
    sent, given_up = (("webhooks", (("receiver", "here"), ("outcome", outcome))) for outcome in ("sent", "given_up"))
    queue = SqlWebhookQueue(database, sink="here", counters={"sent": sent, "given_up": given_up})
    views = SqlViews(database)
    queue.count_from_zero()
    assert views.counters() == {sent: 0, given_up: 0}
    put(queue)
    put(queue, CORRECTED, always_holds=True)
    assert queue.waiting() == 2
    queue.settle(OVERDUE, "given_up", 6)
    queue.settle(OVERDUE, "sent", 7)
    queue.settle(CORRECTED, "moot", 7)
    queue.count_from_zero()
    assert views.counters() == {sent: 0, given_up: 1}
    assert queue.waiting() == 0

"""Webhooks of ours: what is posted and how often, whatever fails or ends in between, on a real store and over HTTP."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from schemas.webhooks import AlertEvent
from services.adapters.sql.webhook_queue import SqlWebhookQueue
from services.adapters.webhook_receiver import HttpReceiver
from services.domain.instants import SECOND, Instant
from services.notifier.notifier import Notifier
from services.notifier.webhooks import TRIES_AFTER, Deliverer, WebhookSink, webhook_id
from services.outgoing import Outbox, QueuedWebhook, WebhookQueue
from services.ports import Receipt, WebhookReceiver
from services.wiring.alerting import signer
from tests.notifier.support import BOARD, Crash, HandClock, Tripwire, WiredOutbox
from tests.notifier.webhook_server import SECRET, WebhookServer
from tests.tracker.support import Bench, event

OTHER_SECRET = "whsec_" + "QW5vdGhlciBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyE="


class WiredQueue:
    """A queue on a tripwire."""

    def __init__(self, queue: WebhookQueue, wire: Tripwire) -> None:
        self._queue = queue
        self._wire = wire

    def put(
        self, transition: str, lead: str, clock: str, number: int, *, always_holds: bool, body: bytes, at: Instant
    ) -> None:
        """Pass it on."""
        with self._wire.step("put"):
            self._queue.put(transition, lead, clock, number, always_holds=always_holds, body=body, at=at)

    def due(self, now: Instant, limit: int) -> Sequence[QueuedWebhook]:
        """Pass it on."""
        with self._wire.step("due webhooks"):
            return self._queue.due(now, limit)

    def postpone(self, transition: str, until: Instant, error: str) -> None:
        """Pass it on."""
        with self._wire.step("postpone webhook"):
            self._queue.postpone(transition, until, error)

    def settle(self, transition: str, outcome: str, at: Instant) -> None:
        """Pass it on."""
        with self._wire.step("settle webhook"):
            self._queue.settle(transition, outcome, at)

    def disable(self, at: Instant) -> None:
        """Pass it on."""
        self._queue.disable(at)

    def is_disabled(self) -> bool:
        """Pass it on."""
        return self._queue.is_disabled()

    def waiting(self) -> int:
        """Pass it on."""
        return self._queue.waiting()

    def count_from_zero(self) -> None:
        """Pass it on."""
        with self._wire.step("count"):
            self._queue.count_from_zero()


class WiredReceiver:
    """A receiver on a tripwire."""

    def __init__(self, receiver: WebhookReceiver, wire: Tripwire) -> None:
        self._receiver = receiver
        self._wire = wire

    def deliver(self, message_id: str, body: bytes) -> Receipt:
        """Pass it on."""
        with self._wire.step("deliver"):
            return self._receiver.deliver(message_id, body)


class Post:
    """A tracker, its store, a notifier with one webhook, and what delivers it to a server."""

    def __init__(self, server: WebhookServer) -> None:
        self.server = server
        self.bench = Bench()
        self.bench.feed([event("lead.handed_off", "09:00", attributes={"team": "inbound"})], "09:00")
        self.clock = HandClock("09:00")
        self.receiver = HttpReceiver(server.url, sign=signer([SECRET]), allow_private=True)
        self.queue = SqlWebhookQueue(self.bench.database, sink="webhook:1")
        self.restart()

    def restart(self, wire: Tripwire | None = None) -> None:
        """Another process on the same store."""
        outbox: Outbox = self.bench.outbox()
        queue: WebhookQueue = self.queue
        receiver: WebhookReceiver = self.receiver
        if wire is not None:
            outbox, queue, receiver = WiredOutbox(outbox, wire), WiredQueue(queue, wire), WiredReceiver(receiver, wire)
        sink = WebhookSink(name="webhook:1", queue=queue, real=self.clock)
        self.notifier = Notifier(outbox=outbox, sinks=[sink], clock=self.clock, board_url=BOARD)
        self.deliverer = Deliverer(
            name="webhook:1", queue=queue, receiver=receiver, real=self.clock, chance=lambda: 0.0
        )

    def work(self) -> None:
        """Take what is due one way, and then the other."""
        self.notifier.deliver_due()
        self.deliverer.deliver_due()

    def at(self, now: str) -> None:
        """Judge and deliver at that time."""
        self.clock.set(now)
        self.bench.tick(now)
        self.work()

    def outcomes(self) -> list[str | None]:
        """What became of each webhook, in the order of their ids."""
        with self.bench.database.reading() as connection:
            return list(connection.exec_driver_sql("SELECT outcome FROM webhooks ORDER BY transition").scalars())


@pytest.fixture
def post() -> Iterator[Post]:
    with WebhookServer() as server:
        post = Post(server)
        yield post
        post.receiver.close()


def test_a_webhook_is_a_signed_event(post: Post) -> None:
    """The body is a CloudEvent of the schema, and the library of Standard Webhooks finds its signature good."""
    post.at("10:00:01")
    assert len(post.server.posted) == len(post.server.once) == 3
    headers, _ = post.server.posted[0]
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    overdue = post.server.once[webhook_id("crm:lead:1/touch/1/overdue")]
    assert AlertEvent.model_validate(overdue).id == overdue["id"]
    assert overdue == {
        "specversion": "1.0",
        "id": "crm:lead:1/touch/1/overdue",
        "source": "baton",
        "type": "baton.transition",
        "subject": "crm:lead:1",
        "time": "2026-10-05T10:00:00.000001Z",
        "datacontenttype": "application/json",
        "data": {
            "lead": "crm:lead:1",
            "clock": "touch",
            "number": 1,
            "transition": "overdue",
            "title": "Overdue: touch on crm:lead:1",
            "url": f"{BOARD}/leads/crm%3Alead%3A1",
            "promised_by": "sales",
            "team": "inbound",
        },
    }


STEPS = ["due", "put", "note webhook:1", "settle", "count", "due webhooks", "deliver", "settle webhook"]


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("crash_at", range(len(STEPS)), ids=STEPS)
def test_killed_at_any_step_it_is_told_once(post: Post, crash_at: int, is_before: bool) -> None:
    """A receiver that knows ids gets the webhook once; it is posted again only where it was posted and not noted."""
    post.clock.set("09:45")
    post.bench.tick("09:45")
    wire = Tripwire(crash_at, is_before=is_before)
    post.restart(wire)
    with pytest.raises(Crash):
        post.work()
    assert wire.steps == STEPS[: crash_at + 1]

    post.restart()
    for _ in range(3):
        post.work()
        post.clock.pass_by(3600)
    was_posted_unnoted = (STEPS[crash_at], is_before) in (("deliver", False), ("settle webhook", True))
    assert len(post.server.posted) == (2 if was_posted_unnoted else 1)
    assert [each["data"]["transition"] for each in post.server.once.values()] == ["at_risk"]
    assert post.outcomes() == ["sent"]


def test_it_is_tried_over_more_than_a_day_under_the_same_id(post: Post) -> None:
    """At once, after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h; then it is given up. Restarts do not begin anew."""
    post.server.status = 400
    post.clock.set("09:45")
    post.bench.tick("09:45")
    post.notifier.deliver_due()
    for number, wait in enumerate([0, *TRIES_AFTER]):
        if wait:
            post.clock.pass_by(wait / SECOND - 1)
            post.deliverer.deliver_due()
            assert len(post.server.posted) == number
            post.restart()
            post.clock.pass_by(1)
        post.deliverer.deliver_due()
        assert len(post.server.posted) == number + 1
    assert sum(TRIES_AFTER) > 24 * 3600 * SECOND
    assert post.outcomes() == ["given_up"]
    assert {headers["webhook-id"] for headers, _ in post.server.posted} == {webhook_id("crm:lead:1/touch/1/at_risk")}
    assert len({body for _, body in post.server.posted}) == 1
    assert post.server.once == {}


def test_gone_disables_the_receiver_for_good(post: Post) -> None:
    """After a 410 nothing is posted any more: not what waits, nor what comes later, nor after a restart."""
    post.server.status = 410
    post.at("10:00:01")
    assert len(post.server.posted) == 1
    post.server.status = 204
    post.restart()
    post.at("10:30:01")
    assert len(post.server.posted) == 1
    assert post.outcomes() == ["disabled"] * 4


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_kept(post: Post, status: int) -> None:
    """Asked to come back in ten minutes, nothing is posted before; then all of it is."""
    post.server.status, post.server.headers = status, {"Retry-After": "600"}
    post.at("10:00:01")
    assert len(post.server.posted) == 1
    post.server.status, post.server.headers = 204, {}
    post.clock.pass_by(599)
    post.deliverer.deliver_due()
    assert len(post.server.posted) == 1
    post.clock.pass_by(1)
    post.deliverer.deliver_due()
    assert len(post.server.once) == 3


def test_a_receiver_that_is_away_is_tried_once_whatever_waits(post: Post) -> None:
    """A hanging one costs one time-out; when it is back it gets all."""
    away = HttpReceiver("http://127.0.0.1:9/", sign=signer([SECRET]), allow_private=True)
    post.notifier.deliver_due()
    with closing(away):
        wire = Tripwire(None, is_before=True)
        post.receiver, here = away, post.receiver
        post.restart(wire)
        post.at("10:00:01")
        assert wire.steps.count("deliver") == 1
        post.clock.pass_by(1)
        post.deliverer.deliver_due()
        assert wire.steps.count("deliver") == 1
    post.receiver = here
    post.restart()
    post.clock.pass_by(10)
    post.work()
    assert len(post.server.once) == 3


def test_one_that_is_refused_holds_up_no_other(post: Post) -> None:
    """An error that is about a message leaves the others their turn."""
    post.server.status = 400
    post.at("10:00:01")
    assert len(post.server.posted) == 3


def test_what_no_longer_holds_is_not_posted(post: Post) -> None:
    """An alert whose turn comes when it is over wakes nobody; its correction is posted."""
    post.server.status = 500
    post.at("10:00:01")
    post.server.status = 204
    touch: dict[str, Any] = {"direction": "outbound", "connected": True, "kind": "call"}
    post.bench.feed([event("lead.touched", "09:30", **touch)], "10:05")
    post.at("10:10")
    assert [each["data"]["transition"] for each in post.server.once.values()] == ["corrected"]
    (corrected,) = post.server.once.values()
    assert (corrected["data"]["before"], corrected["data"]["after"]) == ("overdue", "met")
    assert sorted(str(each) for each in post.outcomes()) == ["moot", "moot", "moot", "sent"]


def test_two_secrets_sign_both() -> None:
    """While one is replaced, a receiver that knows either finds a good signature."""
    with WebhookServer() as server:
        receiver = HttpReceiver(server.url, sign=signer([OTHER_SECRET, SECRET]), allow_private=True)
        with closing(receiver):
            assert receiver.deliver("msg_1", b"{}").is_taken
        ((headers, _),) = server.posted
        assert len(headers["webhook-signature"].split(" ")) == 2

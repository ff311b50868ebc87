"""Subscriptions to a CRM's webhooks that end unless they are renewed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import structlog

from services.domain.instants import DAY, SECOND, Instant
from services.errors import BadEvent, Unavailable, UsageError
from services.gateway.subscriptions import SubscriptionKeeper
from tests.gateway.conftest import NOW, FakeClock

HOUR = 3600 * SECOND


@dataclass
class FakeSubscription:
    """A subscription that remembers what was asked of it, and may be troublesome."""

    ends: Instant | None = None
    crm: str = "zoho"
    lifetime: int = 6 * DAY
    is_ours_to_make: bool = True
    renewed: list[Instant] = field(default_factory=list)
    checks: int = 0
    trouble: Exception | None = None
    shortens: int | None = None
    """The CRM gives no more than this."""
    closed: bool = False

    async def ends_at(self) -> Instant | None:
        self.checks += 1
        return self.ends

    async def renew(self, until: Instant) -> Instant:
        if self.trouble is not None:
            raise self.trouble
        self.renewed.append(until)
        self.ends = until if self.shortens is None else NOW + self.shortens
        return self.ends

    async def close(self) -> None:
        self.closed = True


class Passing:
    """Stands for `asyncio.sleep`: lets the clock pass, does something each time, and stops after some."""

    def __init__(self, clock: FakeClock, times: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.slept: list[float] = []
        self.stop = asyncio.Event()
        self._clock = clock
        self._times = times
        self._meanwhile = meanwhile

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock.at += round(seconds * SECOND)
        self._meanwhile()
        if len(self.slept) >= self._times:
            self.stop.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)


async def kept(subscription: FakeSubscription, passing: Passing, clock: FakeClock) -> SubscriptionKeeper:
    """Keep it until the time has passed."""
    keeper = SubscriptionKeeper(subscriptions=[subscription], clock=clock, sleep=passing)
    await asyncio.wait_for(keeper.run(passing.stop), 10)
    return keeper


async def test_at_the_start_it_is_made_where_there_is_none() -> None:
    """For all of its lifetime."""
    clock, subscription = FakeClock(), FakeSubscription()
    keeper = await kept(subscription, Passing(clock, 1), clock)
    assert subscription.renewed == [NOW + 6 * DAY]
    assert keeper.expiries() == {("zoho",): (NOW + 6 * DAY) / SECOND}


async def test_one_that_lasts_for_long_is_left_alone() -> None:
    """A restart renews nothing, nor does another process."""
    clock, subscription = FakeClock(), FakeSubscription(NOW + 4 * DAY)
    keeper = await kept(subscription, Passing(clock, 3), clock)
    assert (subscription.checks, subscription.renewed) == (3, [])
    assert keeper.expiries() == {("zoho",): (NOW + 4 * DAY) / SECOND}


async def test_it_is_renewed_when_half_of_its_time_has_passed() -> None:
    """So that there are days in which a renewal may fail."""
    clock, subscription = FakeClock(), FakeSubscription()
    await kept(subscription, Passing(clock, 24 * 7), clock)
    first, second, third = subscription.renewed
    assert 3 * DAY <= second - first <= 3 * DAY + HOUR
    assert 3 * DAY <= third - second <= 3 * DAY + HOUR


async def test_one_that_was_ended_is_made_anew_within_an_hour() -> None:
    """Somebody ended it in the CRM."""

    def end() -> None:
        subscription.ends = None

    clock, subscription = FakeClock(), FakeSubscription(NOW + 5 * DAY)
    passing = Passing(clock, 2, end)
    with structlog.testing.capture_logs() as logs:
        await kept(subscription, passing, clock)
    assert passing.slept == [3600, 3600]
    assert subscription.renewed == [NOW + HOUR + 6 * DAY]
    assert logs == [
        {
            "log_level": "error",
            "event": "crm_subscription_was_lost",
            "crm": "zoho",
            "until": "2026-11-29T10:00:00Z",
            "mend": "see that the CRM can reach us: it sends again, but ends what it cannot deliver for days",
        }
    ]


@pytest.mark.parametrize(
    ("is_ours_to_make", "event"), [(True, "crm_subscription_renewed"), (False, "crm_subscription_was_lost")]
)
async def test_at_the_start_none_is_an_end_only_where_somebody_else_makes_it(is_ours_to_make: bool, event: str) -> None:
    """What Baton makes itself is not there at first."""
    clock, subscription = FakeClock(), FakeSubscription(is_ours_to_make=is_ours_to_make)
    with structlog.testing.capture_logs() as logs:
        await kept(subscription, Passing(clock, 1), clock)
    assert [each["event"] for each in logs] == [event]


async def test_one_that_cannot_be_looked_at_ends_as_last_seen() -> None:
    """So it comes near by itself while nobody knows better."""

    class Unseen(FakeSubscription):
        async def ends_at(self) -> Instant | None:
            if self.checks:
                raise Unavailable("away")
            return await super().ends_at()

    clock, subscription = FakeClock(), Unseen(NOW + 5 * DAY)
    keeper = await kept(subscription, Passing(clock, 3), clock)
    assert keeper.expiries() == {("zoho",): (NOW + 5 * DAY) / SECOND}


async def test_one_that_gets_less_time_is_renewed_in_half_of_that() -> None:
    """The CRM decides; but not more often than once a minute."""
    clock, subscription = FakeClock(), FakeSubscription(shortens=HOUR)
    passing = Passing(clock, 3)
    await kept(subscription, passing, clock)
    assert passing.slept == [1800, 900, 450]
    assert len(subscription.renewed) == 3
    clock, subscription = FakeClock(), FakeSubscription(shortens=0)
    passing = Passing(clock, 2)
    await kept(subscription, passing, clock)
    assert passing.slept == [60, 60]


@pytest.mark.parametrize("trouble", [Unavailable("away"), UsageError("a setting"), BadEvent("invalid", "refused")])
async def test_a_renewal_that_fails_is_told_and_tried_again(trouble: Exception) -> None:
    """With back-off, up to a quarter of an hour; it says until when webhooks come, and what happens then."""
    clock, subscription = FakeClock(), FakeSubscription(NOW + DAY, trouble=trouble)
    passing = Passing(clock, 8)
    with structlog.testing.capture_logs() as logs:
        keeper = await kept(subscription, passing, clock)
    assert passing.slept == [30, 60, 120, 240, 480, 900, 900, 900]
    assert len(logs) == 8
    assert logs[0]["log_level"] == "error"
    assert logs[0]["event"] == "crm_subscription_not_renewed"
    assert logs[0]["why"] == str(trouble)
    assert logs[0]["until"] == "2026-11-24T09:00:00Z"
    assert "API" in logs[0]["mend"]
    assert keeper.expiries() == {("zoho",): (NOW + DAY) / SECOND}


async def test_after_a_failure_it_goes_on_as_before() -> None:
    """The back-off begins anew."""

    def mend() -> None:
        subscription.trouble = None

    clock, subscription = FakeClock(), FakeSubscription(trouble=Unavailable("away"))
    passing = Passing(clock, 2, mend)
    await kept(subscription, passing, clock)
    assert passing.slept == [30, 3600]
    assert len(subscription.renewed) == 1


async def test_one_that_is_gone_and_cannot_be_made_is_seen_as_zero() -> None:
    """So that an alert speaks."""
    clock, subscription = FakeClock(), FakeSubscription(trouble=Unavailable("away"))
    keeper = await kept(subscription, Passing(clock, 1), clock)
    assert keeper.expiries() == {("zoho",): 0.0}


async def test_its_connections_are_closed_at_the_end() -> None:
    """Also of one that waits for its CRM just then."""

    class Hanging(FakeSubscription):
        async def ends_at(self) -> Instant | None:
            stop.set()
            await asyncio.Event().wait()
            return None

    stop = asyncio.Event()
    hanging = Hanging()
    keeper = SubscriptionKeeper(subscriptions=[hanging], clock=FakeClock())
    await asyncio.wait_for(keeper.run(stop), 10)
    assert hanging.closed


async def test_without_subscriptions_there_is_nothing_to_keep() -> None:
    """It waits for the end like everybody."""
    stop = asyncio.Event()
    stop.set()
    keeper = SubscriptionKeeper(subscriptions=[], clock=FakeClock())
    await asyncio.wait_for(keeper.run(stop), 10)
    assert keeper.expiries() == {}


async def test_a_fault_ends_it() -> None:
    """What nobody expected is not tried again for ever."""
    subscription = FakeSubscription(trouble=ZeroDivisionError())
    keeper = SubscriptionKeeper(subscriptions=[subscription], clock=FakeClock())
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(keeper.run(asyncio.Event()), 10)
    assert caught.group_contains(ZeroDivisionError)
    assert subscription.closed

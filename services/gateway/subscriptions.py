"""Keeps alive what ends by itself: a CRM's sending of webhooks to us, which is to be renewed, or ends by failures."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from services.domain.instants import SECOND, Instant, format_instant
from services.errors import BadEvent, Unavailable, UsageError
from services.ports import Subscription, WallClock

_CHECK = 3600 * SECOND
"""Between two looks whether it is still there: somebody may have ended it, in the CRM or with another Baton."""
_SHORTEST = 60 * SECOND
"""Between two looks, however soon it ends."""
_FIRST_PAUSE = 30 * SECOND
_LONGEST_PAUSE = 900 * SECOND
"""Between two tries while renewing fails: a CRM that was away is back in minutes, and there are days to go."""

Sleep = Callable[[float], Awaitable[object]]
"""Waits so many seconds."""

_log = structlog.get_logger()


class SubscriptionKeeper:
    """Checks subscriptions, and renews each when half of its time has passed.

    Several processes may keep the same one: renewed twice it is what it was.
    """

    def __init__(
        self, *, subscriptions: Sequence[Subscription], clock: WallClock, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._subscriptions = subscriptions
        self._clock = clock
        self._sleep = sleep
        self._ends: dict[str, Instant] = {each.crm: 0 for each in subscriptions}

    def expiries(self) -> Mapping[tuple[str, ...], float]:
        """By CRM, when its subscription ends, in seconds since 1970; 0 where there is none, as far as is known."""
        return {(crm,): ends / SECOND for crm, ends in self._ends.items()}

    async def run(self, stop: asyncio.Event) -> None:
        """Keep them until `stop` is set, then let go of their connections."""
        try:
            async with asyncio.TaskGroup() as tasks:
                keeping = [tasks.create_task(self._keep(each)) for each in self._subscriptions]
                await stop.wait()
                for task in keeping:
                    # It may be waiting for a CRM that is away; nothing is lost where it is cut off.
                    task.cancel()
        finally:
            for each in self._subscriptions:
                await each.close()

    async def _keep(self, subscription: Subscription) -> None:
        failures = 0
        while True:
            try:
                await self._checked(subscription)
            except (Unavailable, UsageError, BadEvent) as error:
                pause = min(_FIRST_PAUSE * 2**failures, _LONGEST_PAUSE)
                failures = min(failures + 1, 10)
                self._tell(subscription, error)
            else:
                failures = 0
                left = self._ends[subscription.crm] - self._clock.now()
                pause = max(_SHORTEST, min(_CHECK, left // 2))
            await self._sleep(self._clock.real_seconds(pause))

    async def _checked(self, subscription: Subscription) -> None:
        ends = await subscription.ends_at()
        was_there = self._ends[subscription.crm] > 0 or not subscription.is_ours_to_make
        self._ends[subscription.crm] = ends or 0
        now = self._clock.now()
        if ends is not None and ends - now > subscription.lifetime // 2:
            return
        renewed = await subscription.renew(now + subscription.lifetime)
        self._ends[subscription.crm] = renewed
        until = format_instant(renewed)
        if ends is None and was_there:
            _log.error(
                "crm_subscription_was_lost",
                crm=subscription.crm,
                until=until,
                mend="see that the CRM can reach us: it sends again, but ends what it cannot deliver for days",
            )
        else:
            _log.info("crm_subscription_renewed", crm=subscription.crm, until=until, was_there=ends is not None)

    def _tell(self, subscription: Subscription, error: Exception) -> None:
        ends = self._ends[subscription.crm]
        _log.error(
            "crm_subscription_not_renewed",
            crm=subscription.crm,
            why=str(error),
            until=format_instant(ends) if ends else None,
            mend="see that the CRM can reach us and takes the credentials; what it does not send its API tells later",
        )

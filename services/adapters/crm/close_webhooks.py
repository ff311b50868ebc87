"""The webhooks through which Close tells us its events. It pauses one to which it delivers nothing for three days."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from services.adapters.crm.api import ApiClient, Sleep
from services.adapters.crm.close import PLAIN, RATE, sign_in
from services.adapters.crm.webhooks import listed, sends_to
from services.domain.instants import DAY, Instant
from services.errors import Unavailable, UsageError
from services.ports import WallClock

_PATH = "/api/v1/webhook/"


class CloseWebhooks:
    """Those to our address. Baton makes none, for only who makes one is told its key, but it resumes them."""

    crm = "close"
    # "Automatically pause failing webhook subscriptions", the changelog of 2021-06-07.
    lifetime = 3 * DAY
    is_ours_to_make = False

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        address: str,
        clock: WallClock,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`token` is an API key, `address` ours, without what may follow it."""
        self._address = address
        self._clock = clock
        self._client = ApiClient(
            crm=self.crm,
            base_url=base_url,
            authorization=sign_in(token),
            rate=RATE,
            transport=transport,
            sleep=sleep,
        )

    async def ends_at(self) -> Instant | None:
        """Three days from now, for Close does not tell how it delivers; None where there is none, or one is paused."""
        ours = await self._ours()
        if not ours or any(_is_paused(each) for each in ours):
            return None
        return self._clock.now() + self.lifetime

    async def renew(self, until: Instant) -> Instant:  # noqa: ARG002 - Close decides
        """Resume those that are paused. Raises UsageError where there is none."""
        ours = await self._ours()
        if not ours:
            raise UsageError(
                f"close: no webhook sends to {self._address}; make one, and give its key as BATON_CLOSE_SECRETS"
            )
        for each in ours:
            number = str(each.get("id"))
            if not _is_paused(each) or not PLAIN.fullmatch(number):
                continue
            answer = await self._client.put(f"{_PATH}{number}/", {"status": "active"})
            if not isinstance(answer, Mapping) or _is_paused(answer):
                raise Unavailable(f"close: the webhook {number} stays paused")
        return self._clock.now() + self.lifetime

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.close()

    async def _ours(self) -> Sequence[Mapping[str, Any]]:
        found: dict[object, Mapping[str, Any]] = {}
        while True:
            before = len(found)
            answer = await self._client.get(_PATH, {"_skip": before} if before else None)
            found |= {each.get("id"): each for each in listed(answer)}
            # Whether this list has pages as others do is not documented: one that is the same again is the last.
            if len(found) == before or answer.get("has_more") is not True:
                return [each for each in found.values() if sends_to(each.get("url"), self._address)]


def _is_paused(webhook: Mapping[str, Any]) -> bool:
    return webhook.get("status") != "active"

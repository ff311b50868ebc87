"""The webhooks through which Pipedrive tells us its events. It deletes one to which it delivers nothing for three days.

By its guide to webhooks v2 and the reference of `/v1/webhooks`.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import httpx2

from services.adapters.crm.api import ApiClient, FixedHeaders, Sleep
from services.adapters.crm.pipedrive import RATE
from services.adapters.crm.webhooks import listed, sends_to
from services.domain.instants import DAY, Instant
from services.errors import Unavailable
from services.ports import WallClock

_PATH = "/api/v1/webhooks"
_OBJECTS = ("person", "organization", "lead", "deal", "activity")
"""Of those that webhooks tell about, whom a mapping may name."""
_ACTIONS = ({"create", "change", "delete"}, {"added", "updated", "deleted"})
"""All that there are, in the words of version 2 and of version 1."""
_EVERY = "*"


class PipedriveWebhooks:
    """One for each object that the mapping names. What lacks is made, for all actions and in version 2."""

    crm = "pipedrive"
    lifetime = 3 * DAY
    is_ours_to_make = True

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        address: str,
        secret: str,
        objects: Collection[str],
        clock: WallClock,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`address` is ours, `secret` the `user:password` that is shown there, `objects` those of the mapping."""
        self._address = address
        self._user, _, self._password = secret.partition(":")
        self._objects = [name for name in _OBJECTS if name in objects]
        self._clock = clock
        self._well: Instant | None = None
        self._client = ApiClient(
            crm=self.crm,
            base_url=base_url,
            authorization=FixedHeaders({"x-api-token": token}),
            rate=RATE,
            transport=transport,
            sleep=sleep,
        )

    async def ends_at(self) -> Instant | None:
        """Three days after they were last seen to deliver; None where one lacks."""
        ours = await self._ours()
        return None if self._lacking(ours) else self._end_of(ours)

    async def renew(self, until: Instant) -> Instant:  # noqa: ARG002 - Pipedrive decides
        """Make those that lack. Raises Unavailable where none lacks, but deliveries fail."""
        made = [(name, await self._make(name)) for name in self._lacking(await self._ours())]
        ours = await self._ours()
        unseen = self._lacking(ours)
        for name, number in made:
            # Another process, or an earlier try, may have made the same; the first of them stays. One that is not as it
            # must be is not left, else there would be another one with each look.
            if number is not None and (name in unseen or number > min(_ids(ours, name), default=number)):
                await self._client.delete(f"{_PATH}/{number}")
        if unseen:
            raise Unavailable(f"pipedrive: it tells no webhook for {', '.join(unseen)} to {self._address}, though made")
        failing = _failing(ours)
        if failing and not made:
            raise Unavailable(f"pipedrive: the last delivery to {self._address} was answered with {failing[0]}")
        return self._end_of(ours)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.close()

    async def _ours(self) -> Sequence[Mapping[str, Any]]:
        """Those to our address that are neither off nor removed."""
        return [
            each
            for each in listed(await self._client.get(_PATH))
            if sends_to(each.get("subscription_url"), self._address)
            and each.get("is_active", True) in (True, "1")
            and not each.get("remove_time")
        ]

    def _lacking(self, ours: Sequence[Mapping[str, Any]]) -> Sequence[str]:
        """The objects of which not all actions are told."""
        return [name for name in self._objects if not _is_told(name, ours)]

    def _end_of(self, ours: Sequence[Mapping[str, Any]]) -> Instant:
        now = self._clock.now()
        if self._well is None or not _failing(ours):
            # At the start a failure is one of a Baton that was away, as far as is known.
            self._well = now
        return self._well + self.lifetime

    async def _make(self, name: str) -> int | None:
        """Its number, where Pipedrive tells that."""
        wanted = {
            "subscription_url": self._address,
            "event_action": _EVERY,
            "event_object": name,
            "version": "2.0",
            "http_auth_user": self._user,
            "http_auth_password": self._password,
            "name": f"Baton: {name}",
        }
        answer = await self._client.post(_PATH, wanted)
        made = answer.get("data") if isinstance(answer, Mapping) else None
        number = made.get("id") if isinstance(made, Mapping) else None
        return number if isinstance(number, int) else None


def _is_told(name: str, ours: Sequence[Mapping[str, Any]]) -> bool:
    told: set[object] = set()
    for each in ours:
        # Version 1 has no leads.
        is_old = str(each.get("version")).startswith("1")
        if each.get("event_object") in (name, _EVERY) and not (is_old and name == "lead"):
            told.add(each.get("event_action"))
    return _EVERY in told or any(told.issuperset(every) for every in _ACTIONS)


def _ids(ours: Sequence[Mapping[str, Any]], name: str) -> Sequence[int]:
    """Of those that are as we make them."""
    wanted = (_EVERY, name, "2.0")
    alike = [
        each for each in ours if (each.get("event_action"), each.get("event_object"), each.get("version")) == wanted
    ]
    return [each["id"] for each in alike if isinstance(each.get("id"), int)]


def _failing(ours: Sequence[Mapping[str, Any]]) -> Sequence[int]:
    """What the last deliveries were answered with, where that is told and no success."""
    answers = (each.get("last_http_status") for each in ours)
    return [status for status in answers if isinstance(status, int) and status >= 300]

"""The channel through which Zoho CRM notifies us. It lasts a week at most, and is renewed by whoever keeps it."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import httpx2

from services.adapters.crm.api import ApiClient, Authorization, Sleep
from services.adapters.crm.zoho import PREFIX, RATE, SETTINGS
from services.domain.instants import DAY, Instant, parse_instant, to_datetime
from services.errors import BadEvent, Unavailable, UsageError

_PATH = f"{PREFIX}/actions/watch"
_LONGEST_TOKEN = 50
"""Characters, by the documentation of notifications."""


class ZohoChannel:
    """One channel for all modules, known by a number that follows from the address."""

    crm = "zoho"
    # A channel that asks for more than a week gets an hour. A day is left to clocks that differ, and to whatever week
    # Zoho means.
    lifetime = 6 * DAY
    is_ours_to_make = True

    def __init__(
        self,
        *,
        url: str,
        authorization: Authorization,
        notify_url: str,
        token: str,
        modules: Sequence[str],
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`notify_url` is our address, `token` what Zoho shows there. Raises UsageError where Zoho takes no such."""
        if len(token) > _LONGEST_TOKEN:
            raise UsageError(
                f"BATON_ZOHO_SECRETS: the first has {len(token)} characters; Zoho takes {_LONGEST_TOKEN} at most"
            )
        self._client = ApiClient(
            crm=self.crm,
            base_url=url,
            authorization=authorization,
            rate=RATE,
            transport=transport,
            settings=SETTINGS,
            sleep=sleep,
        )
        self._modules = tuple(modules)
        # A second Baton, with another address, has another channel.
        number = int(hashlib.sha256(notify_url.encode()).hexdigest()[:12], 16)
        self.channel_id = str(1_000_000_000_000_000 + number)
        self._wanted = {
            "channel_id": self.channel_id,
            "events": [f"{module}.all" for module in self._modules],
            "notify_url": notify_url,
            "token": token,
            # Else every change of an account is told of each of its contacts as well.
            "notify_on_related_action": False,
            "return_affected_field_values": True,
        }

    async def ends_at(self) -> Instant | None:
        """When the channel ends; None where there is none, or one for other modules, another address or token."""
        try:
            answer = await self._client.get(_PATH, {"channel_id": self.channel_id})
        except BadEvent:
            # How Zoho answers where it knows no such channel is not documented for every version.
            return None
        channels = [each for each in _listed(answer, "watch") if str(each.get("channel_id")) == self.channel_id]
        watched = {str(event).partition(".")[0] for each in channels for event in each.get("events") or ()}
        watched |= {str(each.get("resource_name")) for each in channels}
        if not channels or not watched.issuperset(self._modules):
            return None
        for name in ("notify_url", "token"):
            # A value that Zoho does not tell may be the right one.
            if any(each.get(name) not in (None, self._wanted[name]) for each in channels):
                return None
        return _earliest(channels)

    async def renew(self, until: Instant) -> Instant:
        """Prolong the channel, or make it where there is none."""
        wanted = {**self._wanted, "channel_expiry": to_datetime(until).astimezone(UTC).isoformat(timespec="seconds")}
        document = {"watch": [wanted]}
        try:
            ends = _told(await self._client.patch(_PATH, document))
        except BadEvent:
            # Where there is no such channel, Zoho says so with the status 202 or 400.
            ends = None
        if ends is not None:
            return ends
        answer = await self._client.post(_PATH, document)
        ends = _told(answer)
        if ends is None:
            codes = ", ".join(str(each.get("code")) for each in _listed(answer, "watch")) or "nothing"
            raise Unavailable(f"zoho: the channel of notifications is not enabled: {codes:.80}")
        return ends

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.close()


def _told(answer: Any) -> Instant | None:
    """When the channel of an answer ends; None where it says that it failed."""
    results = _listed(answer, "watch")
    if not results or any(each.get("code") != "SUCCESS" for each in results):
        return None
    return _earliest([event for each in results for event in _listed(each.get("details"), "events")])


def _earliest(channels: Sequence[Mapping[str, Any]]) -> Instant | None:
    try:
        return min(parse_instant(str(each.get("channel_expiry"))) for each in channels)
    except ValueError:
        # None is told, or none that can be read.
        return None


def _listed(answer: Any, name: str) -> Sequence[Mapping[str, Any]]:
    listed = answer.get(name) if isinstance(answer, Mapping) else None
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []

"""Close's API: its event log, which tells changes with their own times, and single objects."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Mapping, Sequence

import httpx2

from services.adapters.crm.api import ApiClient, Authorization, FixedHeaders, Rate, Sleep
from services.domain.instants import Instant, format_exact
from services.ports import Found, Reference

RATE = Rate(20, 1.0)
"""What "Rate Limits" names as a key's limit. It may be another for each group of paths, and is told only by answers."""
_EVENTS = "/api/v1/event/"
_MOST_IN_PAGE = 50
_PATHS: Mapping[str, str] = {
    "lead_status_change": "status_change/lead",
    "opportunity_status_change": "status_change/opportunity",
    "custom_activity": "custom",
}
"""Activities whose path is not called as they are in events."""
PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""What a webhook says becomes a part of a path only as this."""


class CloseApi:
    """One organization, by the API key of an admin: others see nothing of events that are older than an hour."""

    crm = "close"

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`token` is an API key."""
        self._api = ApiClient(
            crm=self.crm,
            base_url=base_url,
            authorization=sign_in(token),
            rate=RATE,
            transport=transport,
            sleep=sleep,
        )

    async def changed_since(self, since: Instant) -> AsyncIterator[Sequence[Found]]:
        """All events since then, the latest first, page by page. The log has those of the last thirty days."""
        params = {"date_updated__gte": format_exact(since), "_limit": _MOST_IN_PAGE}
        cursor: object = None
        while True:
            answer = await self._api.get(_EVENTS, {**params, "_cursor": cursor} if cursor else params)
            page = answer if isinstance(answer, dict) else {}
            events = page.get("data")
            yield [Found("", {"event": event}) for event in events] if isinstance(events, list) else []
            cursor = page.get("cursor_next")
            if not cursor:
                return

    async def fetch(self, references: Sequence[Reference]) -> Sequence[Found]:
        """What these objects are now; those that are gone, or of a kind that cannot be asked for, are left out."""
        wanted = dict.fromkeys((each.object, each.id) for each in references if each.id)
        found: list[Found] = []
        for kind, number in wanted:
            path = _path(kind) if PLAIN.fullmatch(number) else None
            answer = await self._api.get(f"/api/v1/{path}/{number}/") if path else None
            if isinstance(answer, dict):
                found.append(Found(kind, answer))
        return found

    async def close(self) -> None:
        """Let go of its connections."""
        await self._api.close()


def sign_in(token: str) -> Authorization:
    """An API key as a user's name without a password."""
    basic = base64.b64encode(f"{token}:".encode()).decode()
    return FixedHeaders({"authorization": f"Basic {basic}"})


def _path(kind: str) -> str | None:
    family, _, name = kind.partition(".")
    if family == "activity" and PLAIN.fullmatch(name):
        return f"activity/{_PATHS.get(name, name)}"
    return family if family in ("lead", "contact", "opportunity", "task") else None

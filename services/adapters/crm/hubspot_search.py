"""HubSpot's search for what was modified since an instant, however many that are: one search gives 10,000 at most."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from services.adapters.crm.api import ApiClient, Rate
from services.adapters.crm.hubspot_items import Record
from services.domain.instants import Instant, parse_instant
from services.errors import Unavailable

_RATE = Rate(5, 1.0)
"""Searches of an account in a second (developers.hubspot.com/docs/guides/api/crm/search, "Limits")."""
_MOST_IN_PAGE = 200
_MOST_OF_ONE = 10_000
_MILLISECOND = 1_000


class HubspotSearch:
    """Searches of one account. What was modified within the last seconds it may not find yet."""

    def __init__(self, client: Callable[[Rate], ApiClient]) -> None:
        """`client` makes a client for a limit."""
        self._api = client(_RATE)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._api.close()

    async def modified(
        self, kind: str, since: Instant, properties: Iterable[str] = ()
    ) -> AsyncIterator[Sequence[Record]]:
        """The objects modified since then with these properties, by the time of their modification, in pages.

        An object that is modified meanwhile may come twice.
        """
        # Contacts are older than the other objects, and have a name of their own for it.
        name = "lastmodifieddate" if kind == "contact" else "hs_lastmodifieddate"
        asked = sorted({*properties, name})
        start = since // _MILLISECOND
        while True:
            count, last = 0, start
            async for page in self._pages(kind, [_filter(name, "GTE", start)], name, asked):
                yield page
                count += len(page)
                last = _milliseconds(page[-1], name)
            if count < _MOST_OF_ONE:
                return
            if last == start:
                # An import modifies more in one millisecond than a search can give.
                async for page in self._of_instant(kind, name, start, asked):
                    yield page
                last += 1
            start = last

    async def _of_instant(
        self, kind: str, name: str, instant: int, asked: Sequence[str]
    ) -> AsyncIterator[Sequence[Record]]:
        """All that were modified in one millisecond, by their ids."""
        last = "0"
        count = _MOST_OF_ONE
        while count >= _MOST_OF_ONE:
            count = 0
            filters = [_filter(name, "EQ", instant), _filter("hs_object_id", "GT", last)]
            async for page in self._pages(kind, filters, "hs_object_id", asked):
                yield page
                count += len(page)
                last = str(page[-1]["id"])

    async def _pages(
        self, kind: str, filters: Sequence[Any], sorted_by: str, asked: Sequence[str]
    ) -> AsyncIterator[Sequence[Record]]:
        """The pages of one search that are not empty, up to the most that it gives."""
        search: dict[str, Any] = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": sorted_by, "direction": "ASCENDING"}],
            "properties": asked,
            "limit": _MOST_IN_PAGE,
        }
        count = 0
        while count < _MOST_OF_ONE:
            answer = await self._api.post(f"/crm/v3/objects/{path_of(kind)}/search", json=search) or {}
            page = answer.get("results", [])
            if page:
                yield page
            count += len(page)
            following = answer.get("paging", {}).get("next")
            if not page or not following:
                return
            search["after"] = following["after"]


def path_of(kind: str) -> str:
    """What stands in addresses for an object: its plural, or the number of its type."""
    if kind[:1].isdigit():
        return kind
    return "companies" if kind == "company" else f"{kind}s"


def _filter(name: str, operator: str, value: object) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _milliseconds(record: Record, name: str) -> int:
    value = record.get("properties", {}).get(name)
    try:
        return parse_instant(value) // _MILLISECOND
    except (TypeError, ValueError):
        raise Unavailable(f"hubspot: an answer lacks {name}") from None

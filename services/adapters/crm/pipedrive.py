"""Pipedrive's API: what persons, leads, deals and activities that have changed are now, and single ones.

It tells states, not changes. Deals and activities say themselves when they were won, moved or done; a change log of
each deal would cost the daily budget of tokens, and there is none of leads.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx2

from services.adapters.crm.api import ApiClient, FixedHeaders, Rate, Sleep, by_object
from services.domain.instants import Instant, format_instant, parse_instant
from services.ports import Found, Reference

RATE = Rate(20, 2.0)
"""Of a token of the smallest plan, by "Rate limiting". A page of a list costs 10 or 20 of the day's 30,000 tokens."""
_MOST_IN_PAGE = 500
_MOST_IDS = 100
_LISTS: Mapping[str, Sequence[str]] = {
    "person": ("/api/v2/persons",),
    # Neither list has what the other has.
    "deal": ("/api/v2/deals", "/api/v2/deals/archived"),
    "activity": ("/api/v2/activities",),
}
"""What can be asked for by the time of its last change, with the object's name in webhooks."""
_LEADS = ("/api/v1/leads", "/api/v1/leads/archived")
"""Version 2 of the API lists no leads."""
_PLAIN = re.compile(r"[A-Za-z0-9-]{1,100}")
"""Numbers and UUIDs: what a webhook says becomes a part of an address only as this."""
_NEWEST_FIRST = "update_time DESC"


class PipedriveApi:
    """One company's account, by the API token of a user who may see everything."""

    crm = "pipedrive"

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`base_url` is the company's own, such as https://company.pipedrive.com."""
        self._api = ApiClient(
            crm=self.crm,
            base_url=base_url,
            authorization=FixedHeaders({"x-api-token": token}),
            rate=RATE,
            transport=transport,
            sleep=sleep,
        )

    async def changed_since(self, since: Instant) -> AsyncIterator[Sequence[Found]]:
        """Everything that changed since then, page by page: who a lead is before what happened to it."""
        for kind, paths in _LISTS.items():
            for path in paths:
                async for page in self._pages(path, {"updated_since": format_instant(since)}):
                    yield [Found(kind, record) for record in page]
            if kind == "person":
                for path in _LEADS:
                    async for leads in self._leads(path, since):
                        yield leads

    async def fetch(self, references: Sequence[Reference]) -> Sequence[Found]:
        """What these objects are now; those that are gone are left out."""
        found: list[Found] = []
        wanted = [each for each in references if _PLAIN.fullmatch(each.id)]
        for kind, ids in by_object(wanted, _MOST_IDS):
            if kind in _LISTS:
                path = _LISTS[kind][0]
                records = [each async for page in self._pages(path, {"ids": ",".join(ids)}) for each in page]
                found += [Found(kind, record) for record in records]
                # An archived deal is in no list that can be asked for ids.
                rest = {*ids} - {str(record.get("id")) for record in records} if kind == "deal" else set()
                found += [one for number in sorted(rest) async for one in self._one(kind, f"{path}/{number}")]
            elif kind == "lead":
                found += [one for number in ids async for one in self._one(kind, f"{_LEADS[0]}/{number}")]
        return found

    async def close(self) -> None:
        """Let go of its connections."""
        await self._api.close()

    async def _one(self, kind: str, path: str) -> AsyncIterator[Found]:
        answer = await self._api.get(path)
        record = answer.get("data") if isinstance(answer, dict) else None
        if isinstance(record, dict):
            yield Found(kind, record)

    async def _pages(self, path: str, params: Mapping[str, Any]) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """The records of a list of version 2, which goes on from a cursor."""
        cursor: object = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            answer = await self._api.get(path, {**params, "limit": _MOST_IN_PAGE, **more})
            yield _records(answer)
            cursor = _additional(answer).get("next_cursor")
            if not cursor:
                return

    async def _leads(self, path: str, since: Instant) -> AsyncIterator[Sequence[Found]]:
        """Leads, which cannot be asked for by time: the last to change first, until one that changed before."""
        start: object = 0
        while isinstance(start, int):
            answer = await self._api.get(path, {"start": start, "limit": _MOST_IN_PAGE, "sort": _NEWEST_FIRST})
            records = _records(answer)
            fresh = [record for record in records if _is_fresh(record, since)]
            yield [Found("lead", record) for record in fresh]
            about = _additional(answer)
            pages = about.get("pagination", about)
            is_last = len(fresh) < len(records) or not records or pages.get("more_items_in_collection") is not True
            # One that changes meanwhile moves to the front, and none is passed over.
            start = None if is_last else start + len(records)


def _records(answer: Any) -> Sequence[Mapping[str, Any]]:
    """The records of a page; an empty one may be null."""
    data = answer.get("data") if isinstance(answer, dict) else None
    return [record for record in data if isinstance(record, dict)] if isinstance(data, list) else []


def _additional(answer: Any) -> Mapping[str, Any]:
    about = answer.get("additional_data") if isinstance(answer, dict) else None
    return about if isinstance(about, dict) else {}


def _is_fresh(record: Mapping[str, Any], since: Instant) -> bool:
    try:
        return parse_instant(str(record.get("update_time"))) >= since
    except ValueError:
        # What cannot be read is told all the same, and becomes a dead letter where it matters.
        return True

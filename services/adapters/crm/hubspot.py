"""HubSpot's API: what changed since an instant, and what single objects have to tell.

Objects are found by search, by their time of modification. Then they are read with the histories of the properties that
the mapping asks for, for a search has none. Objects are called as in mappings: `contact`, or by the number of a type.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import httpx2

from schemas.mapping import CrmMapping
from services.adapters.crm import hubspot_items as items
from services.adapters.crm.api import ApiClient, FixedHeaders, Rate, Sleep, by_object
from services.adapters.crm.hubspot_items import Record
from services.adapters.crm.hubspot_search import HubspotSearch, path_of
from services.domain.instants import Instant
from services.ports import Found, Reference

_RATE = Rate(140, 10.0)
"""A private app may make 190 calls in 10 s (changelog "Increasing our API limits"); searches have their part of it."""
_MOST_WITH_HISTORY = 50
"""Objects in a batch read with histories: HubSpot refuses more ("The maximum number of inputs supported in a batch
request for property histories is 50")."""
_MOST_IN_PAGE = 100
_CONTACT = "contact"
_COMPANY = "company"


class HubspotApi:
    """One account, by the token of a private app."""

    crm = "hubspot"

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        mapping: CrmMapping,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`mapping` says which objects, and which of their properties, are asked for."""
        authorization = FixedHeaders({"authorization": f"Bearer {token}"})

        def client(rate: Rate) -> ApiClient:
            return ApiClient(
                crm=self.crm,
                base_url=base_url,
                authorization=authorization,
                rate=rate,
                transport=transport,
                sleep=sleep,
            )

        self._api = client(_RATE)
        self._search = HubspotSearch(client)
        self._mapping = mapping
        asked = mapping.leads[_CONTACT].fields() if _CONTACT in mapping.leads else frozenset()
        self._of_company = {name.removeprefix(items.OF_COMPANY) for name in asked if name.startswith(items.OF_COMPANY)}

    async def changed_since(self, since: Instant) -> AsyncIterator[Sequence[Found]]:
        """Everything that changed since then, page by page."""
        for kind in (*self._mapping.leads, *self._mapping.deals):
            merged: set[str] = set()
            async for found in self._search.modified(kind, since):
                for ids in _batches((record["id"] for record in found), _MOST_WITH_HISTORY):
                    yield await self._told(kind, ids, since, merged)
            async for page in self._deleted(kind, since, merged):
                yield page
        for kind, activity in self._mapping.activities.items():
            async for found in self._search.modified(kind, since, activity.fields()):
                yield await self._with_leads(kind, found)
        if self._of_company:
            async for found in self._search.modified(_COMPANY, since):
                for ids in _batches((record["id"] for record in found), _MOST_WITH_HISTORY):
                    yield await self._of_companies(ids, since)

    async def fetch(self, references: Sequence[Reference]) -> Sequence[Found]:
        """What these objects have to tell, from their beginnings on; those that are gone are left out."""
        found: list[Found] = []
        for kind, ids in by_object(references, _MOST_WITH_HISTORY):
            activity = self._mapping.activities.get(kind)
            if activity is not None:
                found += await self._with_leads(kind, await self._read(kind, ids, activity.fields()))
            elif kind in self._mapping.leads or kind in self._mapping.deals:
                found += await self._told(kind, ids, None, set())
            elif kind == _COMPANY:
                found += await self._of_companies(ids, None)
        return found

    async def close(self) -> None:
        """Let go of its connections."""
        await self._api.close()
        await self._search.close()

    async def _told(self, kind: str, ids: Sequence[str], since: Instant | None, merged: set[str]) -> Sequence[Found]:
        """The changes of leads or deals; `merged` gets the ids of those that went into one of them."""
        meaning = self._mapping.leads.get(kind) or self._mapping.deals[kind]
        names = {name for name in meaning.fields() if not name.startswith(items.OF_COMPANY)}
        more = {items.COMPANY} if kind == _CONTACT and self._of_company else set()
        records = await self._read(kind, ids, names | more, history={*names, *more, items.MERGED})
        found = [one for record in records for one in items.changes_of(kind, record, names, since)]
        merged.update(number for record in records for number in items.merged_into(record))
        if kind in self._mapping.deals:
            found += await self._links(kind, records)
        if more:
            found += await self._companies_of(records, since)
        return found

    async def _links(self, deal_kind: str, deals: Sequence[Record]) -> Sequence[Found]:
        by_id = {str(deal["id"]): deal for deal in deals}
        return [
            items.link_of(lead_kind, lead, deal_kind, by_id[deal])
            for lead_kind in self._mapping.leads
            for deal, leads in (await self._associated(deal_kind, lead_kind, [*by_id])).items()
            for lead in leads
        ]

    async def _with_leads(self, kind: str, records: Sequence[Record]) -> Sequence[Found]:
        """Activities, each with its leads; those without are left out."""
        leads: dict[str, dict[str, Any]] = {}
        for lead_kind in self._mapping.leads:
            found = await self._associated(kind, lead_kind, [str(record["id"]) for record in records])
            for activity, ids in found.items():
                leads.setdefault(activity, {})[lead_kind] = {"results": [{"id": each} for each in ids]}
        return [
            Found(kind, {**record, "associations": leads[str(record["id"])]})
            for record in records
            if str(record["id"]) in leads
        ]

    async def _companies_of(self, contacts: Sequence[Record], since: Instant | None) -> Sequence[Found]:
        """What is to be told of the companies of contacts."""
        wanted = [*dict.fromkeys(number for number in map(items.company_of, contacts) if number is not None)]
        read = [one for ids in _batches(wanted, _MOST_WITH_HISTORY) for one in await self._company_records(ids)]
        by_id = {str(company["id"]): company for company in read}
        return [
            one
            for contact in contacts
            for number in [items.company_of(contact)]
            if number is None or number in by_id
            for one in items.company_changes(contact, by_id.get(number or ""), self._of_company, since)
        ]

    async def _of_companies(self, ids: Sequence[str], since: Instant | None) -> Sequence[Found]:
        """What is to be told of companies to the contacts whose first one they are."""
        companies = {str(company["id"]): company for company in await self._company_records(ids)}
        contacts = await self._associated(_COMPANY, _CONTACT, [*companies])
        found: list[Found] = []
        for batch in _batches(dict.fromkeys(each for ids in contacts.values() for each in ids), _MOST_WITH_HISTORY):
            for contact in await self._read(_CONTACT, batch, {items.COMPANY}, history={items.COMPANY}):
                company = companies.get(items.company_of(contact) or "")
                if company is not None:
                    found += items.company_changes(contact, company, self._of_company, since)
        return found

    async def _company_records(self, ids: Sequence[str]) -> Sequence[Record]:
        return await self._read(_COMPANY, ids, self._of_company, history=self._of_company)

    async def _read(
        self, kind: str, ids: Sequence[str], properties: Iterable[str], history: Iterable[str] = ()
    ) -> Sequence[Record]:
        """The records under these ids. Of what was merged it is the one that stays, under its own id, once."""
        asked: dict[str, Any] = {"inputs": [{"id": each} for each in ids], "properties": sorted(properties)}
        if history:
            asked["propertiesWithHistory"] = sorted(history)
        answer = await self._api.post(f"/crm/v3/objects/{path_of(kind)}/batch/read", json=asked)
        return [*{record["id"]: record for record in (answer or {}).get("results", [])}.values()]

    async def _associated(self, kind: str, other: str, ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Of each, the ids of the others that it is associated with, where there are any."""
        found: dict[str, list[str]] = {}
        path = f"/crm/v4/associations/{path_of(kind)}/{path_of(other)}/batch/read"
        for batch in _batches(ids, _MOST_IN_PAGE):
            inputs = [{"id": each} for each in batch]
            while inputs:
                results = (await self._api.post(path, json={"inputs": inputs}) or {}).get("results", [])
                for result in results:
                    found.setdefault(str(result["from"]["id"]), []).extend(str(to["toObjectId"]) for to in result["to"])
                inputs = [
                    {"id": str(result["from"]["id"]), "after": result["paging"]["next"]["after"]}
                    for result in results
                    if result.get("paging", {}).get("next")
                ]
        return {number: [*dict.fromkeys(others)] for number, others in found.items() if others}

    async def _deleted(self, kind: str, since: Instant, merged: set[str]) -> AsyncIterator[Sequence[Found]]:
        """Those in the list of what was deleted, but for what went into another. No search finds them."""
        meaning = self._mapping.leads.get(kind) or self._mapping.deals[kind]
        params: dict[str, Any] | None = {"archived": "true", "limit": _MOST_IN_PAGE} if meaning.deleted else None
        while params is not None:
            answer = await self._api.get(f"/crm/v3/objects/{path_of(kind)}", params=params) or {}
            gone = [record for record in answer.get("results", []) if str(record["id"]) not in merged]
            yield [one for record in gone for one in items.deletion_of(kind, record, since)]
            following = answer.get("paging", {}).get("next")
            params = {**params, "after": following["after"]} if following else None


def _batches(ids: Iterable[str], size: int) -> Iterable[Sequence[str]]:
    rest = iter(ids)
    while batch := [*islice(rest, size)]:
        yield batch

"""Zoho CRM's API v8: what changed since an instant, with the times of its history, and what records are now."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC
from typing import Any

import httpx2

from schemas.mapping import CrmMapping
from services.adapters.crm import zoho_history
from services.adapters.crm.api import ApiClient, Authorization, OAuthToken, Rate, Sleep, by_object
from services.domain.instants import Instant, to_datetime
from services.errors import BadEvent, UsageError
from services.ports import Found, Reference

PREFIX = "/crm/v8"
SETTINGS = "BATON_ZOHO_CLIENT_ID, BATON_ZOHO_CLIENT_SECRET, BATON_ZOHO_REFRESH_TOKEN"
RATE = Rate(120, 60.0)
"""Zoho limits calls at a time (5 in its free edition) and credits a day (5,000 there, 50,000 and more in Enterprise):
one call after another, and one a second at most, leaves most of both to others."""

_PAGE = 200
"""Records of a page, the most that there may be."""
_IDS = 100
"""Ids in one request, the most that there may be."""
_MOST_FIELDS = 50
_TIMES = ("Created_Time", "Modified_Time")
_OF_LEADS = ("Converted__s", "Converted_Deal", "Converted_Contact", "Converted_Date_Time")
_OF_ACTIVITIES = ("Who_Id", "What_Id", "$se_module", "Call_Duration")


def sign_in(
    accounts_url: str,
    *,
    client_id: str,
    client_secret: str,
    refresh_token: str,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> OAuthToken:
    """Access tokens of an hour each, for the refresh token."""
    form = {
        "grant_type": "refresh_token",
        "client_id": client_id,
        "client_secret": client_secret,
        "refresh_token": refresh_token,
    }
    return OAuthToken(f"{accounts_url}/oauth/v2/token", form=form, scheme="Zoho-oauthtoken", transport=transport)


class ZohoApi:
    """What Zoho's API tells of the modules that the mapping names."""

    crm = "zoho"

    def __init__(
        self,
        *,
        url: str,
        authorization: Authorization,
        mapping: CrmMapping,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`url` is that of the API in the company's data centre. Raises UsageError where the mapping asks too much."""
        self._client = ApiClient(
            crm=self.crm,
            base_url=url,
            authorization=authorization,
            rate=RATE,
            transport=transport,
            settings=SETTINGS,
            sleep=sleep,
        )
        self._mapping = mapping
        self._fields = {
            **{name: _names(name, one.fields(), _OF_LEADS) for name, one in mapping.leads.items()},
            **{name: _names(name, one.fields(), ()) for name, one in mapping.deals.items()},
            **{name: _names(name, one.fields(), _OF_ACTIVITIES) for name, one in mapping.activities.items()},
        }

        self._checked: set[str] = set()

    async def changed_since(self, since: Instant) -> AsyncIterator[Sequence[Found]]:
        """Everything that changed since then, page by page: deletions first, so that what came back is there again."""
        modified = {"If-Modified-Since": to_datetime(since).astimezone(UTC).isoformat(timespec="seconds")}
        for module in (*self._mapping.leads, *self._mapping.deals):
            async for gone in self._deleted(module, modified):
                yield gone
        for module in self._fields:
            async for records in self._records(module, modified):
                found: list[Found] = []
                for record in records:
                    found += await self._with_history(module, record, since)
                yield found

    async def fetch(self, references: Sequence[Reference]) -> Sequence[Found]:
        """What these records are now; those that are gone, and those of modules that mean nothing, are left out."""
        found: list[Found] = []
        for module, ids in by_object([each for each in references if each.object in self._fields], _IDS):
            records = await self._by_ids(module, ids, "both")
            left = [each for each in ids if each not in {str(record.get("id")) for record in records}]
            if left and module in self._mapping.leads:
                # One converted lead is there for whoever asks for converted ones, and for nobody else.
                records += await self._by_ids(module, left, "true")
            found += [Found(module, record) for record in records]
        return found

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.close()

    async def _records(self, module: str, headers: Mapping[str, str]) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        asked: dict[str, Any] = {
            "per_page": _PAGE,
            "sort_by": "Modified_Time",
            "sort_order": "asc",
        }
        if module in self._mapping.leads:
            asked["converted"] = "both"
        page = asked
        while True:
            answer = await self._asked(module, page, headers)
            yield records_of(answer)
            token = next_page(answer)
            if token is None:
                return
            # Pages by their number end at 2,000 records.
            page = {**asked, "page_token": token}

    async def _deleted(self, module: str, headers: Mapping[str, str]) -> AsyncIterator[Sequence[Found]]:
        page = 1
        while True:
            answer = await self._client.get(
                f"{PREFIX}/{module}/deleted", {"type": "all", "per_page": _PAGE, "page": page}, headers
            )
            gone = {str(each.get("id")): each for each in records_of(answer)}
            if module in self._mapping.leads and gone:
                # Whether a converted lead counts as deleted is not documented.
                for ids in (list(gone)[start : start + _IDS] for start in range(0, len(gone), _IDS)):
                    for record in await self._by_ids(module, ids, "true"):
                        gone.pop(str(record.get("id")), None)
            yield [Found("", _deletion(module, number, each.get("deleted_time"))) for number, each in gone.items()]
            if not _info(answer).get("more_records"):
                return
            page += 1

    async def _by_ids(self, module: str, ids: Sequence[str], converted: str) -> list[Mapping[str, Any]]:
        asked = {"ids": ",".join(ids)}
        if module in self._mapping.leads:
            asked["converted"] = converted
        return list(records_of(await self._asked(module, asked)))

    async def _asked(self, module: str, params: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:
        """The answer to a request for records, with the fields that the mapping asks for and the module has.

        Whether Zoho minds a field that there is not (a company need not have those of Baton's own) is not documented:
        where it refuses a request, it is asked once which fields there are.
        """
        path = f"{PREFIX}/{module}"
        try:
            return await self._client.get(path, {"fields": ",".join(self._fields[module]), **params}, headers)
        except BadEvent:
            if module in self._checked:
                raise
        answer = await self._client.get(f"{PREFIX}/settings/fields", {"module": module})
        there = {str(each.get("api_name")) for each in records_of(answer, "fields")}
        self._fields[module] = [each for each in self._fields[module] if each in there or each.startswith("$")]
        self._checked.add(module)
        return await self._client.get(path, {"fields": ",".join(self._fields[module]), **params}, headers)

    async def _with_history(self, module: str, record: Mapping[str, Any], since: Instant) -> Sequence[Found]:
        """The record, and before it what changed since then of the properties that mean something."""
        meaning = self._mapping.leads.get(module) or self._mapping.deals.get(module)
        number = str(record.get("id"))
        if meaning is None or not meaning.properties or record.get("Created_Time") == record.get("Modified_Time"):
            return [Found(module, record)]
        entries = []
        asked: dict[str, Any] = {"per_page": _PAGE}
        while True:
            try:
                answer = await self._client.get(f"{PREFIX}/{module}/{number}/__timeline", asked)
            except BadEvent:
                # Not every module, and maybe not every edition, has one.
                return [Found(module, record)]
            page = [each for each in zoho_history.entries_of(answer) if each.at >= since]
            entries += page
            token = next_page(answer)
            # The newest come first: a page of which all are older ends it.
            if token is None or not page:
                return [Found(module, each) for each in zoho_history.told(record, entries, meaning.properties)]
            asked = {"page_token": token}


def records_of(answer: Any, name: str = "data") -> Sequence[Mapping[str, Any]]:
    """The records of an answer; none where it has none (204, 304)."""
    data = answer.get(name) if isinstance(answer, Mapping) else None
    return [each for each in data if isinstance(each, Mapping)] if isinstance(data, list) else []


def next_page(answer: Any) -> str | None:
    """The token of the next page; None where this is the last."""
    info = _info(answer)
    token = info.get("next_page_token")
    return token if info.get("more_records") and isinstance(token, str) and token else None


def _info(answer: Any) -> Mapping[str, Any]:
    info = answer.get("info") if isinstance(answer, Mapping) else None
    return info if isinstance(info, Mapping) else {}


def _deletion(module: str, number: str, at: Any) -> Mapping[str, Any]:
    """A deletion as a notification tells it."""
    return {"module": module, "operation": "delete", "ids": [number], "server_time": at}


def _names(module: str, meant: frozenset[str], beside: Sequence[str]) -> list[str]:
    """The fields that a request for records names, which it must."""
    names = {name.partition(".")[0] for name in meant}
    names -= {name for name in names if name.startswith("$")}
    listed = [*_TIMES, *beside, *sorted(names - {*_TIMES, *beside})]
    if len(listed) > _MOST_FIELDS:
        raise UsageError(
            f"BATON_ZOHO_MAPPING: {module} asks for {len(listed)} fields; Zoho gives {_MOST_FIELDS} at most"
        )
    return listed

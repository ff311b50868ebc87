"""The Web API of Dataverse: rows of Dynamics 365 as they are, those that changed and those that are asked for.

Rows that were deleted are not told: Dataverse tells of them by change tracking alone, whose tokens would have to be
kept from one call to the next.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx2

from schemas.mapping import CrmMapping
from services.adapters.crm.api import ApiClient, Authorization, OAuthToken, Rate, Sleep, by_object
from services.domain.instants import Instant, format_instant
from services.errors import Unavailable
from services.ports import Found, Reference

RATE = Rate(6_000, 300.0)
"""Service protection limits: so many requests of a user in a sliding window of five minutes."""
PAGE = 500
"""Rows of a page. Dataverse gives up to 5,000, but all columns of so many would be a hundred megabytes."""
BATCH = 20
"""Ids in one query: so many conditions fit into an address with ease."""

_SIGN_IN = "https://login.microsoftonline.com"
_SETS: Mapping[str, str] = {
    "lead": "leads",
    "opportunity": "opportunities",
    "phonecall": "phonecalls",
    "email": "emails",
    "appointment": "appointments",
    "task": "tasks",
}
"""What the Web API calls the rows of a table, where it need not be asked for that."""
_ACTIVITIES = frozenset({"phonecall", "email", "appointment", "task"})
_NOT_OF_ALL: Mapping[str, Collection[str]] = {"email": ("senton",), "phonecall": ("leftvoicemail",)}
_COLUMNS = (
    *("activityid", "_regardingobjectid_value", "_ownerid_value", "subject", "prioritycode", "isworkflowcreated"),
    *("statecode", "statuscode", "scheduledstart", "scheduledend", "actualstart", "actualend"),
    *("createdon", "modifiedon"),
)
"""Of activities: all but what they say, which can be megabytes and is nobody's business here."""
_PREFER = (
    f"odata.maxpagesize={PAGE},"
    'odata.include-annotations="OData.Community.Display.V1.FormattedValue,Microsoft.Dynamics.CRM.lookuplogicalname"'
)
_REGARDING = "regardingobjectid"
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


class DynamicsApi:
    """A `CrmApi` for one environment of Dynamics 365."""

    crm = "dynamics"

    def __init__(
        self,
        *,
        base_url: str,
        tenant: str,
        client_id: str,
        client_secret: str,
        mapping: CrmMapping,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`base_url` is the environment's, such as https://company.crm4.dynamics.com; the mapping names the tables."""
        self._tables = (*mapping.leads, *mapping.deals, *mapping.activities)
        self._columns = {name: sorted(activity.fields()) for name, activity in mapping.activities.items()}
        self._sets = dict(_SETS)
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
            "scope": f"{base_url}/.default",
        }
        token = OAuthToken(f"{_SIGN_IN}/{quote(tenant, safe='')}/oauth2/v2.0/token", form=form, transport=transport)
        self._client = ApiClient(
            crm=self.crm,
            base_url=f"{base_url}/api/data/v9.2/",
            authorization=_Preferring(token),
            rate=RATE,
            transport=transport,
            settings="BATON_DYNAMICS_TENANT, BATON_DYNAMICS_CLIENT_ID, BATON_DYNAMICS_CLIENT_SECRET",
            sleep=sleep,
        )

    async def changed_since(self, since: Instant) -> AsyncIterator[Sequence[Found]]:
        """All rows that were modified since then, page by page, in that order within a table."""
        for table in self._tables:
            async for page in self._changed(table, since):
                yield page

    async def fetch(self, references: Sequence[Reference]) -> Sequence[Found]:
        """What these rows are now; those that are gone are left out."""
        found: list[Found] = []
        for table, ids in by_object(references, BATCH):
            key = "activityid" if table in _ACTIVITIES else f"{table}id"
            wanted = " or ".join(f"{key} eq {one}" for one in ids if _ID.fullmatch(one))
            if wanted:
                async for page in self._rows(table, wanted, key):
                    found += page
        for reference in references:
            if not reference.id and reference.since is not None:
                async for page in self._changed(reference.object, reference.since):
                    found += page
        return found

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.close()

    def _changed(self, table: str, since: Instant) -> AsyncIterator[Sequence[Found]]:
        return self._rows(table, f"modifiedon ge {format_instant(since)}", "modifiedon")

    async def _rows(self, table: str, which: str, order: str) -> AsyncIterator[Sequence[Found]]:
        """Rows of a table, page by page."""
        path: str | None = await self._set_of(table)
        params: Mapping[str, str] | None = {"$filter": which, "$orderby": f"{order} asc", **self._selection(table)}
        while path is not None:
            answer = await self._client.get(path, params)
            if answer is None:
                return
            rows = answer.get("value") if isinstance(answer, dict) else None
            if not isinstance(rows, list):
                raise Unavailable("dynamics: the answer to a query has no rows")
            yield [Found(table, row) for row in rows if isinstance(row, dict)]
            following = answer.get("@odata.nextLink")
            path, params = (following, None) if isinstance(following, str) else (None, None)

    def _selection(self, table: str) -> Mapping[str, str]:
        if table in _ACTIVITIES:
            direction = () if table in ("appointment", "task") else ("directioncode",)
            asked = [name for name in self._columns.get(table, ()) if _NAME.fullmatch(name) and name != _REGARDING]
            return {"$select": ",".join(dict.fromkeys((*_COLUMNS, *direction, *_NOT_OF_ALL.get(table, ()), *asked)))}
        if table == "opportunity":
            # The code of the currency stands in its own table alone.
            return {"$expand": "transactioncurrencyid($select=isocurrencycode)"}
        return {}

    async def _set_of(self, table: str) -> str | None:
        """What the Web API calls the rows of a table; None where there is no such table."""
        if table not in self._sets and _NAME.fullmatch(table):
            path = f"EntityDefinitions(LogicalName='{table}')"
            answer: Any = await self._client.get(path, {"$select": "EntitySetName"})
            name = answer.get("EntitySetName") if isinstance(answer, dict) else None
            if isinstance(name, str):
                self._sets[table] = name
        return self._sets.get(table)


class _Preferring:
    """The token, and that labels and the tables of lookups are told too."""

    def __init__(self, token: Authorization) -> None:
        self._token = token

    async def headers(self) -> Mapping[str, str]:
        """Those of the token and of OData."""
        odata = {"prefer": _PREFER, "odata-version": "4.0", "odata-maxversion": "4.0"}
        return {**await self._token.headers(), **odata}

    def forget(self) -> None:
        """Have another token next time."""
        self._token.forget()

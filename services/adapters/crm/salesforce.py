"""Salesforce's REST API: what changed since an instant, and what single records are.

Records are found by SOQL, by their time of modification, and read with the fields that the mapping asks for, as far as
the organization has them and lets Baton see them. Their histories come before them, for those have times of their own.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence

import httpx2

from schemas.mapping import CrmMapping
from services.adapters.crm.api import ApiClient, OAuthToken, Rate, Sleep, by_object
from services.adapters.crm.salesforce_history import Row, field_changes, history_of, stage_changes
from services.domain.instants import Instant, format_instant
from services.errors import Unavailable, UsageError
from services.ports import Found, Reference, WallClock

_SETTINGS = "BATON_SALESFORCE_API_URL, BATON_SALESFORCE_CLIENT_ID, BATON_SALESFORCE_CLIENT_SECRET"
_VERSION = "v62.0"
_RATE = Rate(100_000, 86_400.0)
"""An organization of the Enterprise Edition may make 100,000 calls a day, and more with its users."""
_MOST_IDS = 200
"""In a query, whose whole address may have 16,384 characters."""
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_NEEDED = (
    "Id",
    "IsDeleted",
    "CreatedDate",
    "LastModifiedDate",
    "SystemModstamp",
    "MasterRecordId",
    "ConvertedOpportunityId",
    "ConvertedOpportunity.CreatedDate",
    "LeadId",
    "WhoId",
    "OwnerId",
    "ActivityDateTime",
)
"""What tells of which record, when and about whom, beside what the mapping asks for."""
_OPPORTUNITY = "Opportunity"
_CONTACT = "003"
_ENDS = "EndDateTime"


class SalesforceApi:
    """One organization, as a connected app's user sees it."""

    crm = "salesforce"

    def __init__(
        self,
        *,
        base_url: str,
        client_id: str,
        client_secret: str,
        mapping: CrmMapping,
        clock: WallClock,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`base_url` is that of the organization's own domain; `mapping` says which objects and fields are read."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        self._api = ApiClient(
            crm=self.crm,
            base_url=base_url,
            authorization=OAuthToken(f"{base_url}/services/oauth2/token", form=form, transport=transport),
            rate=_RATE,
            transport=transport,
            settings=_SETTINGS,
            sleep=sleep,
        )
        self._mapping = mapping
        self._clock = clock
        self._columns: dict[str, Collection[str]] = {}
        self._stages: Mapping[str, Row] | None = None

    async def changed_since(self, since: Instant) -> AsyncIterator[Sequence[Found]]:
        """Everything that changed since then, page by page; meetings also when they have been held since then."""
        if not any([await self._columns_of(kind) for kind in self._mapping.leads]):
            raise UsageError(f"{_SETTINGS}: the app's user may see none of {', '.join(self._mapping.leads)}")
        for kind in (*self._mapping.leads, *self._mapping.deals):
            async for rows in self._rows(kind, f"SystemModstamp >= {format_instant(since)}"):
                yield await self._with_history(kind, rows, since)
        for kind in self._mapping.activities:
            async for rows in self._rows(kind, await self._of_activity(kind, since)):
                yield await self._with_leads(kind, rows)

    async def fetch(self, references: Sequence[Reference]) -> Sequence[Found]:
        """What these records are, leads and deals with their whole histories; those that are gone are left out."""
        found: list[Found] = []
        wanted = [each for each in references if _ID.fullmatch(each.id)]
        for kind, ids in by_object(wanted, _MOST_IDS):
            if kind in self._mapping.activities:
                held = await self._of_activity(kind, None)
                async for rows in self._rows(kind, _among("Id", ids) + (f" AND {held}" if held else "")):
                    found += await self._with_leads(kind, rows)
            elif kind in self._mapping.leads or kind in self._mapping.deals:
                async for rows in self._rows(kind, _among("Id", ids)):
                    found += await self._with_history(kind, rows, None)
        return found

    async def close(self) -> None:
        """Let go of its connections."""
        await self._api.close()

    async def _rows(self, kind: str, where: str) -> AsyncIterator[Sequence[Row]]:
        """Pages of an object's records, deleted ones too; none where the organization has no such object."""
        columns = await self._columns_of(kind)
        if columns:
            wanted = ", ".join(_selected(columns, (*_NEEDED, *self._asked(kind))))
            soql = f"SELECT {wanted} FROM {kind} WHERE {where} ORDER BY SystemModstamp, Id"  # noqa: S608 - no SQL
            async for rows in self._query(soql, deleted=True):
                yield rows

    async def _with_history(self, kind: str, rows: Sequence[Row], since: Instant | None) -> Sequence[Found]:
        """Records, and before them the changes that are known with their times."""
        ids = [row["Id"] for row in rows if not row.get("IsDeleted")]
        found: list[Found] = []
        for start in range(0, len(ids), _MOST_IDS):
            some = ids[start : start + _MOST_IDS]
            found += await (
                self._stage_changes(some, since) if kind == _OPPORTUNITY else self._field_changes(kind, some, since)
            )
        return [*found, *(Found(kind, row) for row in rows)]

    async def _field_changes(self, kind: str, ids: Sequence[str], since: Instant | None) -> Sequence[Found]:
        history = history_of(kind)
        if not await self._columns_of(history.table):
            return ()
        parent = history.parent
        later = "" if since is None else f" AND CreatedDate >= {format_instant(since)}"
        soql = (
            f"SELECT {parent}, Field, NewValue, CreatedDate FROM {history.table} "  # noqa: S608 - no SQL
            f"WHERE {_among(parent, ids)}{later} ORDER BY CreatedDate, Id"
        )
        rows = [row async for page in self._query(soql) for row in page]
        return [*field_changes(kind, parent, rows, self._asked(kind))]

    async def _stage_changes(self, ids: Sequence[str], since: Instant | None) -> Sequence[Found]:
        table = "OpportunityHistory"
        columns = await self._columns_of(table)
        if not columns:
            return ()
        wanted = _selected(columns, ("OpportunityId", "StageName", "Amount", "CurrencyIsoCode", "CreatedDate"))
        soql = (
            f"SELECT {', '.join(wanted)} FROM {table} "  # noqa: S608 - no SQL
            f"WHERE {_among('OpportunityId', ids)} ORDER BY OpportunityId, CreatedDate, Id"
        )
        rows = [row async for page in self._query(soql) for row in page]
        after = None if since is None else format_instant(since).removesuffix("Z")
        return [*stage_changes(_OPPORTUNITY, rows, await self._stages_known(), after, self._asked(_OPPORTUNITY))]

    async def _stages_known(self) -> Mapping[str, Row]:
        """Which stages are won or closed, by their names."""
        if self._stages is None:
            table = "OpportunityStage"
            pages = self._query(f"SELECT ApiName, MasterLabel, IsClosed, IsWon FROM {table}")  # noqa: S608 - no SQL
            rows = [row async for page in pages for row in page] if await self._columns_of(table) else []
            by_label = {row["MasterLabel"]: row for row in rows}
            self._stages = {**by_label, **{row["ApiName"]: row for row in rows}}
        return self._stages

    async def _of_activity(self, kind: str, since: Instant | None) -> str:
        """Which activities count: with somebody, and a meeting once it was held."""
        columns = await self._columns_of(kind)
        parts = ["WhoId != null"] if "WhoId" in columns else []
        if _ENDS in columns:
            parts.append(f"{_ENDS} <= {format_instant(self._clock.now())}")
        if since is not None:
            modified = f"SystemModstamp >= {format_instant(since)}"
            held = f"({modified} OR {_ENDS} >= {format_instant(since)})"
            parts.append(held if _ENDS in columns else modified)
        return " AND ".join(parts)

    async def _with_leads(self, kind: str, rows: Sequence[Row]) -> Sequence[Found]:
        """Activities; those with a contact together with the lead that was converted to it, where there is one."""
        contacts = list({row["WhoId"] for row in rows if (row.get("WhoId") or "").startswith(_CONTACT)})
        leads: dict[str, str] = {}
        if "Contact" not in self._mapping.leads and "ConvertedContactId" in await self._columns_of("Lead"):
            for start in range(0, len(contacts), _MOST_IDS):
                among = _among("ConvertedContactId", contacts[start : start + _MOST_IDS])
                soql = f"SELECT Id, ConvertedContactId FROM Lead WHERE {among} ORDER BY CreatedDate, Id"  # noqa: S608
                async for page in self._query(soql):
                    leads |= {row["ConvertedContactId"]: row["Id"] for row in page}
        return [
            Found(kind, {**row, "ConvertedLead": {"Id": leads[row["WhoId"]]}} if row.get("WhoId") in leads else row)
            for row in rows
        ]

    def _asked(self, kind: str) -> Collection[str]:
        """The fields of an object that the mapping asks for."""
        mapping = self._mapping
        meaning = mapping.leads.get(kind) or mapping.deals.get(kind) or mapping.activities.get(kind)
        return meaning.fields() if meaning is not None else ()

    async def _columns_of(self, kind: str) -> Collection[str]:
        """Names of an object's fields and relations that Baton may see; none where there is no such object."""
        if kind not in self._columns:
            answer = await self._api.get(f"/services/data/{_VERSION}/sobjects/{kind}/describe")
            fields = [each for each in (answer or {}).get("fields", ()) if isinstance(each, Mapping)]
            names = {str(each.get(name)) for each in fields for name in ("name", "relationshipName") if each.get(name)}
            self._columns[kind] = frozenset(names)
        return self._columns[kind]

    async def _query(self, soql: str, *, deleted: bool = False) -> AsyncIterator[Sequence[Row]]:
        """The pages of a query."""
        path = f"/services/data/{_VERSION}/{'queryAll' if deleted else 'query'}"
        answer = await self._api.get(path, params={"q": soql})
        while True:
            if not isinstance(answer, Mapping) or not isinstance(answer.get("records"), list):
                raise Unavailable(f"{self.crm}: {path} does not answer with records")
            if answer["records"]:
                yield answer["records"]
            following = answer.get("nextRecordsUrl")
            if answer.get("done", True) or not isinstance(following, str):
                return
            answer = await self._api.get(following)


def _selected(columns: Collection[str], names: Iterable[str]) -> Sequence[str]:
    """Of these names, those that can be selected: a field, or one of a record that it refers to."""
    # Whether a user or a queue owns a record its id says as well, and not every object can be asked.
    known = [name for name in dict.fromkeys(names) if name.partition(".")[0] in columns and name != "Owner.Type"]
    return sorted(known)


def _among(name: str, ids: Iterable[str]) -> str:
    return f"{name} IN ({', '.join(repr(each) for each in ids if _ID.fullmatch(each))})"

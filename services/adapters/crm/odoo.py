"""The external API of Odoo: records of leads and activities as they are, those that changed and those asked for.

Odoo 19 has the API JSON-2; older ones have JSON-RPC alone, which Odoo 22 will not have any more. Both call the same
methods with the same arguments.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Protocol

import httpx2

from schemas.mapping import CrmMapping
from services.adapters.crm.api import ApiClient, FixedHeaders, Rate, Sleep, by_object
from services.domain.instants import Instant, to_datetime
from services.errors import BadEvent, Unavailable, UsageError
from services.ports import Found, Reference, WallClock

RATE = Rate(120, 60.0)
"""No limit is documented of Odoo itself. At half of this, a call a second, nobody's work gets slower."""
PAGE = 200

_MODELS: Mapping[str, str] = {"lead": "crm.lead", "opportunity": "crm.lead"}
"""What Odoo calls the records that have another name in mappings."""
_FIELDS: Mapping[str, Collection[str]] = {
    "crm.lead": ("type", "active", "date_conversion"),
    "mail.activity": ("res_model", "res_id", "active"),
    "mail.message": ("model", "res_id"),
    "calendar.event": ("opportunity_id", "active", "stop"),
}
"""Those without which nothing can be said of a record, beside those that the mapping asks for."""
_TIMES = ("create_date", "write_date")
_REFUSALS = ("AccessDenied", "AccessError")
"""Errors of JSON-RPC: the key is none, or its user may not read the model."""
_CONTEXT = {"active_test": False, "lang": "en_US"}
"""What is archived is told as well: leads that are lost, activities that are done."""

Domain = Sequence[Any]
Rows = list[dict[str, Any]]


class _Calls(Protocol):
    """How methods of models are called."""

    async def call(self, model: str, method: str, arguments: Mapping[str, Any]) -> Any:
        """What the method returns; None where there is no such model."""


class OdooApi:
    """A `CrmApi` for one database of Odoo."""

    crm = "odoo"

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        database: str | None = None,
        user: str | None = None,
        mapping: CrmMapping,
        clock: WallClock,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """The mapping names the models, and the fields that are asked for; the clock says which meetings are over.

        With a `user`, its login, JSON-RPC is spoken, which needs the `database` too.
        """
        headers = {}
        if user is None:
            headers = {"authorization": f"bearer {key}", **({"x-odoo-database": database} if database else {})}
        self._client = ApiClient(
            crm=self.crm,
            base_url=base_url,
            authorization=FixedHeaders(headers),
            rate=RATE,
            transport=transport,
            sleep=sleep,
        )
        self._calls: _Calls = _Json2(self._client)
        if user is not None:
            self._calls = _JsonRpc(self._client, database or "", user, key)
        self._asked = _fields_by_model(mapping)
        self._known: dict[str, list[str]] = {}
        self._clock = clock

    async def changed_since(self, since: Instant) -> AsyncIterator[Sequence[Found]]:
        """All records that were written since then, page by page."""
        for model in self._asked:
            async for page in self._changed(model, since):
                yield page

    async def fetch(self, references: Sequence[Reference]) -> Sequence[Found]:
        """What these records are now; those that are gone are left out."""
        found: list[Found] = []
        for name, ids in by_object(references, PAGE):
            numbers = [int(one) for one in ids if one.isascii() and one.isdigit()]
            async for page in self._records(_MODELS.get(name, name), [["id", "in", numbers]]):
                found += page
        for reference in references:
            if not reference.id and reference.since is not None:
                async for page in self._changed(_MODELS.get(reference.object, reference.object), reference.since):
                    found += page
        return found

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.close()

    def _changed(self, model: str, since: Instant) -> AsyncIterator[Sequence[Found]]:
        written: Domain = ["write_date", ">=", _written(since)]
        about = {"mail.activity": "res_model", "mail.message": "model"}.get(model)
        domain: Domain = [written]
        if about is not None:
            domain = [[about, "=", "crm.lead"], written]
        elif model == "calendar.event":
            # A meeting is a contact once it is over, which nothing writes.
            over: Domain = ["stop", "<=", _written(self._clock.now())]
            domain = [["opportunity_id", "!=", False], over, "|", written, ["stop", ">=", _written(since)]]
        return self._records(model, domain)

    async def _records(self, model: str, domain: Domain) -> AsyncIterator[Sequence[Found]]:
        """Records by their ids: those that are written meanwhile neither move to another page nor come twice."""
        fields = await self._fields(model)
        last = 0
        while fields:
            arguments = {"domain": [["id", ">", last], *domain], "fields": fields, "limit": PAGE, "order": "id"}
            rows = await self._calls.call(model, "search_read", {**arguments, "context": _CONTEXT})
            if not isinstance(rows, list) or not all(
                isinstance(row, dict) and isinstance(row.get("id"), int) for row in rows
            ):
                raise Unavailable(f"odoo: the answer to search_read of {model} has no records")
            if rows:
                yield [Found("lead" if model == "crm.lead" else model, row) for row in rows]
            if len(rows) < PAGE:
                return
            last = rows[-1]["id"]

    async def _fields(self, model: str) -> list[str]:
        """Those of the fields asked for that the model has; none where there is no such model."""
        if model not in self._known:
            arguments = {"attributes": ["type"], "context": _CONTEXT}
            there = await self._calls.call(model, "fields_get", arguments)
            wanted = (*_TIMES, *_FIELDS.get(model, ()), *self._asked.get(model, ()))
            self._known[model] = sorted(set(wanted) & there.keys()) if isinstance(there, dict) else []
        return self._known[model]


class _Json2:
    """`/json/2/MODEL/METHOD`, with the key as bearer token."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def call(self, model: str, method: str, arguments: Mapping[str, Any]) -> Any:
        """What the method returns; None where there is no such model."""
        return await self._client.post(f"/json/2/{model}/{method}", json=dict(arguments))


class _JsonRpc:
    """`/jsonrpc`, with the user's number, which is asked for once, and the key in each call."""

    def __init__(self, client: ApiClient, database: str, user: str, key: str) -> None:
        self._client = client
        self._database = database
        self._user = user
        self._key = key
        self._number: int | None = None

    async def call(self, model: str, method: str, arguments: Mapping[str, Any]) -> Any:
        """What the method returns."""
        if self._number is None:
            number = await self._post("common", "authenticate", [self._database, self._user, self._key, {}])
            if not isinstance(number, int) or isinstance(number, bool):
                raise UsageError("BATON_ODOO_USER, BATON_ODOO_API_TOKEN, BATON_ODOO_DATABASE: odoo refuses them")
            self._number = number
        access = [self._database, self._number, self._key]
        try:
            return await self._post("object", "execute_kw", [*access, model, method, [], dict(arguments)])
        except BadEvent:
            if method == "fields_get":
                # Nothing else can be wrong with that: an application such as the calendar is not installed.
                return None
            raise

    async def _post(self, service: str, method: str, arguments: Sequence[Any]) -> Any:
        params = {"service": service, "method": method, "args": arguments}
        answer = await self._client.post(
            "/jsonrpc", json={"jsonrpc": "2.0", "id": 1, "method": "call", "params": params}
        )
        if not isinstance(answer, dict):
            raise Unavailable("odoo: /jsonrpc gives no answer")
        if "error" in answer:
            # Its text and its traceback may quote the call, and with it the key.
            name = _name_of(answer["error"])
            if name.endswith(_REFUSALS):
                raise UsageError(
                    f"BATON_ODOO_USER, BATON_ODOO_API_TOKEN: odoo refuses them, or they lack a right: {name}"
                )
            raise BadEvent("invalid", f"odoo: {method} is answered with the error {name:.80}")
        return answer.get("result")


def _name_of(error: Any) -> str:
    data = error.get("data") if isinstance(error, dict) else None
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) and name.replace(".", "").replace("_", "").isalnum() else "unknown"


def _written(instant: Instant) -> str:
    """A time as Odoo has it: UTC, in whole seconds."""
    return to_datetime(instant).strftime("%Y-%m-%d %H:%M:%S")


def _fields_by_model(mapping: CrmMapping) -> Mapping[str, Collection[str]]:
    """The fields that the mapping asks for, without the names of what they point to: those come with them."""
    asked = {name: one.fields() for name, one in (*mapping.leads.items(), *mapping.deals.items())}
    asked |= {name: one.fields() for name, one in mapping.activities.items()}
    models: dict[str, set[str]] = {}
    for name, fields in asked.items():
        models.setdefault(_MODELS.get(name, name), set()).update(field.removesuffix(".label") for field in fields)
    return models

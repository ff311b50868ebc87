"""A fake of Zoho CRM's API v8, written from its documentation: records, deletions, timelines, channels and sign-in."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.crm.fakes import FakeCloud

FIELDS = (
    *("Created_Time", "Modified_Time", "Owner", "Lead_Status", "Lead_Source", "Company", "Stage", "Amount"),
    *("Converted__s", "Converted_Deal", "Converted_Contact", "Converted_Date_Time"),
)
"""Of all modules, where it is asked which fields there are."""
REFUSED: list[dict[str, Any]] = []
"""A timeline that it refuses to tell."""
LONGEST = timedelta(days=7)
"""Of a channel; one that asks for more gets an hour."""


@dataclass
class ZohoFake:
    """Zoho's cloud: what it has, and what it was asked."""

    now: datetime
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By module; a converted lead has `Converted__s` true."""
    deleted: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    timelines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By the id of the record, newest first."""
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    page: int = 200
    unknown: frozenset[str] = frozenset()
    """Fields that it does not have, and refuses to be asked for."""
    is_patched_badly: bool = False
    """Answer every PATCH with 400, as for a channel that it does not know in some way."""
    refuses: str | None = None
    """The code with which every POST of a channel is refused."""
    cloud: FakeCloud = field(init=False)

    def __post_init__(self) -> None:
        """Have the routes."""
        self.cloud = FakeCloud(
            [
                Route("/crm/v8/actions/watch", self._watch, methods=["GET", "POST", "PATCH"]),
                Route("/crm/v8/settings/fields", self._fields),
                Route("/crm/v8/{module}/deleted", self._deleted),
                Route("/crm/v8/{module}/{id}/__timeline", self._timeline),
                Route("/crm/v8/{module}", self._records),
            ],
            base_url="https://zoho.test",
            token_path="/oauth/v2/token",
            token_scheme="Zoho-oauthtoken",
        )

    async def _records(self, request: Request) -> Response:
        """Of a list, `fields` must be said; converted leads are there for those who ask for them."""
        asked = request.query_params
        if not asked.get("fields"):
            return JSONResponse({"code": "REQUIRED_PARAM_MISSING", "status": "error", "details": {}}, 400)
        names = asked["fields"].split(",")
        if self.unknown & set(names):
            return JSONResponse({"code": "INVALID_DATA", "status": "error", "details": {}}, 400)
        if len(names) > 50:
            return JSONResponse({"code": "LIMIT_EXCEEDED", "status": "error", "details": {}}, 400)
        wanted = {"true": (True,), "both": (True, False)}.get(asked.get("converted", "false"), (False,))
        found = [
            each
            for each in self.records.get(request.path_params["module"], [])
            if bool(each.get("Converted__s")) in wanted
        ]
        if "ids" in asked:
            found = [each for each in found if each["id"] in asked["ids"].split(",")]
        since = request.headers.get("if-modified-since")
        if since is not None:
            found = [each for each in found if each["Modified_Time"] >= since]
            if not found:
                return Response(status_code=304)
        if not found:
            return Response(status_code=204)
        found.sort(key=lambda each: str(each["Modified_Time"]))
        start = int(asked.get("page_token", "0"))
        data = [{"id": each["id"], **{name: each.get(name) for name in names}} for each in found]
        return self._page(data, start)

    async def _fields(self, _request: Request) -> Response:
        there = set(FIELDS) - self.unknown
        return JSONResponse({"fields": [{"api_name": name, "data_type": "text"} for name in sorted(there)]})

    async def _deleted(self, request: Request) -> Response:
        start = (int(request.query_params["page"]) - 1) * self.page
        since = request.headers.get("if-modified-since", "")
        gone = [each for each in self.deleted.get(request.path_params["module"], []) if each["deleted_time"] >= since]
        return self._page(gone, start) if gone else Response(status_code=204)

    async def _timeline(self, request: Request) -> Response:
        asked = request.query_params
        if "per_page" in asked and "page_token" in asked:
            return JSONResponse({"code": "AMBIGUITY_DURING_PROCESSING", "status": "error"}, 400)
        entries = self.timelines.get(request.path_params["id"], [])
        if entries is REFUSED:
            return JSONResponse({"code": "NOT_SUPPORTED", "status": "error"}, 400)
        return self._page(entries, int(asked.get("page_token", "0")), "__timeline") if entries else Response(None, 204)

    def _page(self, data: list[dict[str, Any]], start: int, name: str = "data") -> Response:
        end = start + self.page
        more = end < len(data)
        info = {"per_page": self.page, "count": len(data[start:end]), "more_records": more}
        return JSONResponse({name: data[start:end], "info": {**info, "next_page_token": str(end) if more else None}})

    async def _watch(self, request: Request) -> Response:
        if request.method == "GET":
            channel = self.channels.get(request.query_params.get("channel_id", ""))
            if channel is None or datetime.fromisoformat(channel["channel_expiry"]) <= self.now:
                return Response(status_code=204)
            each = [{**channel, "resource_name": event.partition(".")[0]} for event in channel["events"]]
            return JSONResponse({"watch": each, "info": {"more_records": False}})
        (wanted,) = (await request.json())["watch"]
        known = self.channels.get(wanted["channel_id"])
        if request.method == "PATCH":
            if self.is_patched_badly:
                return JSONResponse({"code": "INVALID_DATA", "status": "error"}, 400)
            if known is None:
                return JSONResponse({"watch": [{"code": "NOT_SUBSCRIBED", "details": {}, "status": "error"}]}, 202)
        elif self.refuses is not None:
            return JSONResponse({"watch": [{"code": self.refuses, "details": {}, "status": "error"}]}, 202)
        expiry = datetime.fromisoformat(wanted["channel_expiry"])
        if expiry > self.now + LONGEST:
            expiry = self.now + timedelta(hours=1)
        self.channels[wanted["channel_id"]] = {**(known or {}), **wanted, "channel_expiry": expiry.isoformat()}
        events = [
            {"channel_expiry": expiry.isoformat(), "channel_id": wanted["channel_id"], "resource_name": event}
            for event in wanted["events"]
        ]
        return JSONResponse({"watch": [{"code": "SUCCESS", "details": {"events": events}, "status": "success"}]}, 201)


def record(number: str, modified: str, **fields: Any) -> dict[str, Any]:
    """A record that was made at nine."""
    return {"id": number, "Created_Time": "2026-10-05T09:00:00+00:00", "Modified_Time": modified, **fields}


def change(at: str, name: str, new: Any, **others: Any) -> dict[str, Any]:
    """An entry of a timeline."""
    history = [{"api_name": name, "_value": {"old": None, "new": new}} for name, new in {name: new, **others}.items()]
    return {"audited_time": at, "action": "updated", "source": "crm_ui", "id": "1", "field_history": history}


NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)

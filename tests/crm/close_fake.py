"""Close's API as its reference describes it: the event log, latest first, and single objects."""

from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.domain.instants import parse_instant
from tests.crm.fakes import FakeCloud

KEY = "api_1.key"
BASIC = "Basic YXBpXzEua2V5Og=="
Record = dict[str, Any]


@dataclass
class FakeClose:
    """One organization."""

    events: list[Record] = field(default_factory=list)
    objects: dict[str, Record] = field(default_factory=dict)
    """By path, such as `lead/lead_1`."""
    webhooks: list[Record] = field(default_factory=list)
    page: int = 100
    """How many webhooks a page has."""
    ignores_skip: bool = False
    """The list gives its first page again and again."""
    stays_paused: bool = False

    def cloud(self) -> FakeCloud:
        """The API behind its host; every request needs the key."""
        routes = [
            Route("/api/v1/event/", self._log),
            Route("/api/v1/webhook/", self._webhooks),
            Route("/api/v1/webhook/{id}/", self._update, methods=["PUT"]),
            Route("/api/v1/{path:path}/", self._object),
        ]
        return FakeCloud(routes, credential=BASIC, base_url="https://api.close.test")

    async def _log(self, request: Request) -> Response:
        asked = request.query_params
        since = parse_instant(asked["date_updated__gte"])
        log = sorted(self.events, key=lambda event: str(event["date_updated"]), reverse=True)
        log = [event for event in log if parse_instant(event["date_updated"] + "Z") >= since]
        start = int(asked.get("_cursor", "0"))
        end = start + min(int(asked.get("_limit", "50")), 50)
        following = str(end) if end < len(log) else None
        return JSONResponse({"data": log[start:end], "cursor_next": following, "cursor_previous": None})

    async def _webhooks(self, request: Request) -> Response:
        start = 0 if self.ignores_skip else int(request.query_params.get("_skip", "0"))
        end = start + self.page
        return JSONResponse({"data": self.webhooks[start:end], "has_more": end < len(self.webhooks)})

    async def _update(self, request: Request) -> Response:
        """Only what is given changes."""
        found = next((each for each in self.webhooks if each["id"] == request.path_params["id"]), None)
        if found is None:
            return JSONResponse({"error": "Empty query"}, 404)
        if not self.stays_paused:
            found |= await request.json()
        return JSONResponse(found)

    async def _object(self, request: Request) -> Response:
        found = self.objects.get(request.path_params["path"])
        return JSONResponse({"error": "Empty query"}, 404) if found is None else JSONResponse(found)


def webhook(number: int, url: str, status: str = "active") -> Record:
    """A subscription, as the list of them has it."""
    events = [{"object_type": "lead", "action": "updated", "extra_filter": None}]
    return {"id": f"whsub_{number}", "status": status, "url": url, "verify_ssl": True, "events": events}


def event(number: int, at: str, **fields: Any) -> Record:
    """An event of the log, by default a status of lead_151."""
    return {
        "id": f"ev_{number}",
        "object_type": "lead",
        "object_id": "lead_151",
        "lead_id": "lead_151",
        "action": "updated",
        "date_created": at,
        "date_updated": at,
        "changed_fields": ["status_label"],
        "previous_data": {"status_label": "Potential"},
        "data": {"id": "lead_151", "status_label": "Interested"},
        "meta": {},
        "user_id": "user_1",
        **fields,
    }

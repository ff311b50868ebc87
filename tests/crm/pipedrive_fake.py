"""Pipedrive's API as its reference describes it: lists of version 2 with cursors, leads of version 1 with offsets."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.crm.fakes import FakeCloud

TOKEN = "a-top-admins-token"
Record = dict[str, Any]


@dataclass
class FakePipedrive:
    """One company's account. Its records are in the form that the API tells them."""

    persons: list[Record] = field(default_factory=list)
    leads: list[Record] = field(default_factory=list)
    deals: list[Record] = field(default_factory=list)
    activities: list[Record] = field(default_factory=list)
    page: int = 500
    """The most that a page has, whatever is asked for."""
    webhooks: list[Record] = field(default_factory=list)
    passwords: list[tuple[str, str]] = field(default_factory=list)
    """User and password of each webhook that was made."""
    hides_made: bool = False
    """Those that are made are told as another address."""

    def cloud(self) -> FakeCloud:
        """The API behind its host; every request needs the token."""
        routes = [
            Route("/api/v2/persons", lambda request: self._list(request, self.persons)),
            Route("/api/v2/activities", lambda request: self._list(request, self.activities)),
            Route("/api/v2/deals", lambda request: self._list(request, self._of(self.deals, archived=False))),
            Route("/api/v2/deals/archived", lambda request: self._list(request, self._of(self.deals, archived=True))),
            Route("/api/v2/deals/{id}", lambda request: self._one(request, self.deals)),
            Route("/api/v1/leads", lambda request: self._leads(request, archived=False)),
            Route("/api/v1/leads/archived", lambda request: self._leads(request, archived=True)),
            Route("/api/v1/webhooks", self._webhooks, methods=["GET", "POST"]),
            Route("/api/v1/webhooks/{id:int}", self._delete, methods=["DELETE"]),
            Route("/api/v1/leads/{id}", lambda request: self._one(request, self.leads)),
        ]
        return FakeCloud(routes, credential=TOKEN, credential_header="x-api-token", base_url="https://company.test")

    @staticmethod
    def _of(records: list[Record], *, archived: bool) -> list[Record]:
        return [record for record in records if record["is_archived"] is archived]

    def _list(self, request: Request, records: list[Record]) -> Response:
        """Version 2: by ids or by the time of the last change, from a cursor on."""
        asked = request.query_params
        if "ids" in asked:
            ids = asked["ids"].split(",")
            if len(ids) > 100:
                return JSONResponse({"success": False, "error": "too many ids", "code": "ERR_TOO_MANY"}, 400)
            records = [record for record in records if str(record["id"]) in ids]
        since = asked.get("updated_since", "")
        if "." in since:
            # It takes no fractions of a second.
            return JSONResponse({"success": False, "error": "updated_since", "code": "ERR_SCHEMA"}, 400)
        records = [record for record in records if record["update_time"] >= since]
        start = int(asked.get("cursor", "from-0").removeprefix("from-"))
        end = start + min(int(asked.get("limit", "100")), self.page)
        following = f"from-{end}" if end < len(records) else None
        return JSONResponse(
            {"success": True, "data": records[start:end], "additional_data": {"next_cursor": following}}
        )

    def _leads(self, request: Request, *, archived: bool) -> Response:
        """Version 1: sorted, from an offset on; an empty page is null."""
        asked = request.query_params
        records = self._of(self.leads, archived=archived)
        if asked.get("sort") == "update_time DESC":
            records = sorted(records, key=lambda record: str(record["update_time"]), reverse=True)
        start = int(asked.get("start", "0"))
        end = start + min(int(asked.get("limit", "100")), self.page)
        about = {"start": start, "limit": end - start, "more_items_in_collection": end < len(records)}
        return JSONResponse({"success": True, "data": records[start:end] or None, "additional_data": about})

    async def _webhooks(self, request: Request) -> Response:
        """All of them at once; to make one, address, action and object are needed."""
        if request.method == "GET":
            answer = JSONResponse({"status": "ok", "success": True, "data": self.webhooks})
            # Others come in between.
            await asyncio.sleep(0)
            return answer
        asked = await request.json()
        if len(self.webhooks) >= 40:
            return JSONResponse({"status": "error", "success": False, "error": "Too many"}, 400)
        self.passwords.append((asked.pop("http_auth_user"), asked.pop("http_auth_password")))
        if self.hides_made:
            asked["subscription_url"] = "https://elsewhere.test"
        number = max((each["id"] for each in self.webhooks), default=0) + 1
        made = webhook(number, asked.pop("subscription_url"), **asked)
        self.webhooks.append(made)
        return JSONResponse({"status": "ok", "success": True, "data": made}, 201)

    async def _delete(self, request: Request) -> Response:
        number = request.path_params["id"]
        self.webhooks = [each for each in self.webhooks if each["id"] != number]
        return JSONResponse({"status": "ok", "success": True})

    @staticmethod
    def _one(request: Request, records: list[Record]) -> Response:
        number = request.path_params["id"]
        found = next((record for record in records if str(record["id"]) == number), None)
        if found is None:
            return JSONResponse({"success": False, "error": "not found"}, 404)
        return JSONResponse({"success": True, "data": found})


def webhook(number: int, url: str, **fields: Any) -> Record:
    """A webhook for all that happens to deals, as the list of them has it."""
    return {
        "id": number,
        "company_id": 1,
        "owner_id": 7,
        "user_id": 7,
        "event_action": "*",
        "event_object": "deal",
        "subscription_url": url,
        "version": "2.0",
        "is_active": 1,
        "add_time": "2026-10-01 08:00:00",
        "remove_time": None,
        "type": "general",
        "http_auth_user": None,
        "http_auth_password": None,
        "last_delivery_time": "2026-10-05 08:00:00",
        "last_http_status": 200,
        **fields,
    }


def person(number: int, at: str, **fields: Any) -> Record:
    """A person that was last changed at that time."""
    return {
        "id": number,
        "name": "Sample",
        "org_id": 1,
        "add_time": "2026-10-01T08:00:00Z",
        "update_time": at,
        **fields,
    }


def deal(number: int, at: str, **fields: Any) -> Record:
    """A deal of person 151."""
    return {
        "id": number,
        "person_id": 151,
        "org_id": 1,
        "value": 1200,
        "currency": "EUR",
        "status": "open",
        "stage_id": 1,
        "stage_change_time": None,
        "won_time": None,
        "is_archived": False,
        "is_deleted": False,
        "custom_fields": {},
        "add_time": "2026-10-05T10:00:00Z",
        "update_time": at,
        **fields,
    }


def lead(number: str, at: str, **fields: Any) -> Record:
    """A lead of person 151."""
    return {
        "id": number,
        "person_id": 151,
        "organization_id": 1,
        "owner_id": 7,
        "creator_id": 5,
        "source_name": "API",
        "is_archived": False,
        "next_activity_id": None,
        "label_ids": [],
        "add_time": "2026-10-05T09:10:00.000Z",
        "update_time": at,
        **fields,
    }


def activity(number: int, at: str, **fields: Any) -> Record:
    """A call of person 151 that is done."""
    return {
        "id": number,
        "type": "call",
        "person_id": 151,
        "done": True,
        "marked_as_done_time": "2026-10-05T09:30:00Z",
        "is_deleted": False,
        "participants": [{"person_id": 151, "primary": True}],
        "add_time": "2026-10-05T09:20:00Z",
        "update_time": at,
        **fields,
    }

"""A fake of Dataverse's Web API, from its documentation: "Query data", "Page results" and "Retrieve a row".

It knows the filters that Baton asks by, pages by `Prefer: odata.maxpagesize`, and tells labels and the tables of
lookups where the same header asks for annotations.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.crm.fakes import FakeCloud

TENANT = "4ef5b371-e89e-e711-8122-000d3aa2331c"
KEYS = {
    "leads": "leadid",
    "opportunities": "opportunityid",
    "new_visits": "activityid",
    **dict.fromkeys(("phonecalls", "emails", "appointments", "tasks"), "activityid"),
}
_ANNOTATION = "@"


@dataclass
class Dataverse:
    """One environment and its sign-in, behind one host."""

    page: int | None = None
    """Rows of a page, where fewer than are asked for."""
    sets: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in KEYS})
    cloud: FakeCloud = field(init=False)
    prefers: list[str] = field(default_factory=list)
    queries: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cloud = FakeCloud(
            [
                Route("/api/data/v9.2/EntityDefinitions(LogicalName='{name}')", self._definition),
                Route("/api/data/v9.2/{name}", self._query),
            ],
            token_path=f"/{TENANT}/oauth2/v2.0/token",
        )

    async def _definition(self, request: Request) -> Response:
        names = {"new_visit": "new_visits"}
        name = request.path_params["name"]
        if name not in names:
            return JSONResponse({"error": {"code": "0x80060888", "message": "no such entity"}}, 404)
        return JSONResponse({"EntitySetName": names[name]})

    async def _query(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.sets:
            return JSONResponse({"error": {"code": "0x8006088a", "message": "no such set"}}, 404)
        prefer = request.headers.get("prefer", "")
        self.prefers.append(prefer)
        query = dict(request.query_params)
        self.queries.append((name, query))
        rows = sorted((row for row in self.sets[name] if _filter(query)(row)), key=_order(query))
        asked = re.search(r"odata\.maxpagesize=(\d+)", prefer)
        size = min(int(asked[1]) if asked else 5_000, self.page or 5_000)
        start = int(query.get("$skiptoken", "0"))
        answer: dict[str, Any] = {
            "@odata.context": f"{request.base_url}api/data/v9.2/$metadata#{name}",
            "value": [
                _shown(row, query, annotated="include-annotations" in prefer) for row in rows[start : start + size]
            ],
        }
        if start + size < len(rows):
            following = request.url.include_query_params(**{"$skiptoken": str(start + size)})
            answer["@odata.nextLink"] = str(following)
        return JSONResponse(answer, headers={"odata-version": "4.0"})


def _filter(query: Mapping[str, str]) -> Callable[[Mapping[str, Any]], bool]:
    text = query["$filter"]
    since = re.fullmatch(r"modifiedon ge (\S+Z)", text)
    if since:
        return lambda row: bool(row["modifiedon"] >= since[1])
    wanted = [re.fullmatch(r"(\w+) eq ([0-9a-f-]{36})", each) for each in text.split(" or ")]
    return lambda row: any(each is not None and row.get(each[1]) == each[2] for each in wanted)


def _order(query: Mapping[str, str]) -> Callable[[Mapping[str, Any]], str]:
    column = query["$orderby"].removesuffix(" asc")
    return lambda row: str(row[column])


def _shown(row: Mapping[str, Any], query: Mapping[str, str], *, annotated: bool) -> dict[str, Any]:
    columns = query["$select"].split(",") if "$select" in query else None
    shown = {}
    for name, value in row.items():
        column, _, annotation = name.partition(_ANNOTATION)
        if isinstance(value, dict):
            if f"{name}(" in query.get("$expand", ""):
                shown[name] = value
        elif (columns is None or column in columns) and (annotated or not annotation):
            shown[name] = value
    return {"@odata.etag": 'W/"1"', **shown}

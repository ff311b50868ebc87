"""HubSpot's API as its documentation has it: search, batch reads with histories, associations v4, what was deleted.

It refuses what HubSpot refuses: more than 50 objects with histories, 100 in a batch or 200 in a page of a search, and
what lies beyond the 10,000th result of one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.domain.instants import parse_instant
from tests.crm.fakes import FakeCloud

TOKEN = "pat-eu1-not-a-secret"
_MOST_OF_A_SEARCH = 10_000
_MODIFIED = ("lastmodifieddate", "hs_lastmodifieddate")


@dataclass
class FakeHubspot:
    """An account. Objects are called by their plurals, as in addresses."""

    page: int = 100
    """Associations of one object that an answer has."""
    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    associations: dict[tuple[str, str], dict[str, list[str]]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    """Ids that now lead to another record."""
    searches: list[Mapping[str, Any]] = field(default_factory=list)

    def cloud(self) -> FakeCloud:
        """Its API, by its token."""
        routes = [
            Route("/crm/v3/objects/{kind}/search", self._search, methods=["POST"]),
            Route("/crm/v3/objects/{kind}/batch/read", self._batch_read, methods=["POST"]),
            Route("/crm/v3/objects/{kind}", self._list, methods=["GET"]),
            Route("/crm/v4/associations/{kind}/{other}/batch/read", self._associated, methods=["POST"]),
        ]
        return FakeCloud(routes, credential=f"Bearer {TOKEN}")

    def add(
        self,
        kind: str,
        number: str,
        *versions: tuple[str, str, str],
        created: str = "2026-10-05T09:00:00Z",
        modified: str = "2026-10-05T12:00:00Z",
        archived: str | None = None,
    ) -> None:
        """An object with the values that its properties had: (name, value, time), the newest last."""
        name = _MODIFIED[kind != "contacts"]
        histories: dict[str, list[dict[str, Any]]] = {}
        for one, value, at in versions:
            version = {"value": value, "timestamp": at, "sourceType": "CRM_UI", "sourceId": "userId:12"}
            histories.setdefault(one, []).insert(0, version)
        properties = {one: told[0]["value"] for one, told in histories.items()}
        self.objects.setdefault(kind, {})[number] = {
            "id": number,
            "properties": {**properties, name: modified, "createdate": created, "hs_object_id": number},
            "histories": histories,
            "createdAt": created,
            "updatedAt": modified,
            "archived": archived is not None,
            **({"archivedAt": archived} if archived is not None else {}),
        }

    def associate(self, kind: str, number: str, other: str, *others: str) -> None:
        """Have an object associated with others, seen from both."""
        self.associations.setdefault((kind, other), {}).setdefault(number, []).extend(others)
        for each in others:
            self.associations.setdefault((other, kind), {}).setdefault(each, []).append(number)

    async def _search(self, request: Request) -> Response:
        asked = await request.json()
        self.searches.append(asked)
        after, limit = int(asked.get("after", 0)), asked.get("limit", 10)
        if limit > 200 or after + limit > _MOST_OF_A_SEARCH or len(asked["sorts"]) > 1:
            return _refused("There was a problem with the request.")
        (group,), (order,) = asked["filterGroups"], asked["sorts"]
        found = [
            record
            for record in self._there(request)
            if all(_holds(each, record["properties"].get(each["propertyName"])) for each in group["filters"])
        ]
        found.sort(key=lambda record: _comparable(record["properties"].get(order["propertyName"])))
        page = found[after : after + limit]
        answer: dict[str, Any] = {
            "total": len(found),
            "results": [_shown(record, asked["properties"], ()) for record in page],
        }
        if after + limit < min(len(found), _MOST_OF_A_SEARCH + limit):
            answer["paging"] = {"next": {"after": str(after + limit)}}
        return JSONResponse(answer)

    async def _batch_read(self, request: Request) -> Response:
        asked = await request.json()
        history = asked.get("propertiesWithHistory", ())
        ids = [each["id"] for each in asked["inputs"]]
        most = 50 if history else 100
        if len(ids) > most:
            return _refused(f"The maximum number of inputs supported in a batch request is {most}.")
        there = {record["id"]: record for record in self._there(request)}
        wanted = [self.merged.get(number, number) for number in ids]
        results = [_shown(there[number], asked["properties"], history) for number in wanted if number in there]
        missing = len(wanted) - len(results)
        answer = {"status": "COMPLETE", "results": results}
        if missing:
            errors = [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some"}]
            return JSONResponse({**answer, "numErrors": missing, "errors": errors}, 207)
        return JSONResponse(answer)

    async def _list(self, request: Request) -> Response:
        wanted = request.query_params.get("archived") == "true"
        limit, after = int(request.query_params.get("limit", 10)), int(request.query_params.get("after", 0))
        if limit > 100:
            return _refused("limit must be at most 100")
        found = [one for one in self._all(request) if one["archived"] is wanted]
        answer: dict[str, Any] = {"results": [_shown(one, (), ()) for one in found[after : after + limit]]}
        if after + limit < len(found):
            answer["paging"] = {"next": {"after": str(after + limit)}}
        return JSONResponse(answer)

    async def _associated(self, request: Request) -> Response:
        inputs = (await request.json())["inputs"]
        if len(inputs) > 1_000:
            return _refused("at most 1000 inputs")
        known = self.associations.get((request.path_params["kind"], request.path_params["other"]), {})
        results, errors = [], []
        for each in inputs:
            others, after = known.get(each["id"], []), int(each.get("after", 0))
            if not others:
                errors.append({"status": "error", "category": "OBJECT_NOT_FOUND", "subCategory": "NO_ASSOCIATIONS"})
                continue
            types = [{"category": "HUBSPOT_DEFINED", "typeId": 4, "label": None}]
            page = others[after : after + self.page]
            result: dict[str, Any] = {
                "from": {"id": each["id"]},
                "to": [{"toObjectId": int(other), "associationTypes": types} for other in page],
            }
            if after + self.page < len(others):
                result["paging"] = {"next": {"after": str(after + self.page)}}
            results.append(result)
        answer = {"status": "COMPLETE", "results": results, "errors": errors}
        return JSONResponse(answer, 207 if errors else 200)

    def _all(self, request: Request) -> Iterable[dict[str, Any]]:
        return self.objects.get(request.path_params["kind"], {}).values()

    def _there(self, request: Request) -> Iterable[dict[str, Any]]:
        return (record for record in self._all(request) if not record["archived"])


def _shown(record: Mapping[str, Any], properties: Iterable[str], history: Iterable[str]) -> dict[str, Any]:
    """What an answer has of a record: the properties that are asked for, empty where it lacks them."""
    shown = {name: value for name, value in record.items() if name not in ("properties", "histories")}
    shown["properties"] = {name: record["properties"].get(name) for name in (*properties, "hs_object_id")}
    if history:
        told = record["histories"]
        shown["propertiesWithHistory"] = {name: told[name] for name in history if name in told}
    return shown


def _holds(each: Mapping[str, str], value: str | None) -> bool:
    if value is None:
        return False
    ours, theirs = _comparable(value), int(each["value"])
    return {"GTE": ours >= theirs, "GT": ours > theirs, "EQ": ours == theirs}[each["operator"]]


@cache
def _comparable(value: str | None) -> int:
    """Times in milliseconds, and ids as numbers."""
    if value is None or value.isdigit():
        return int(value or 0)
    return parse_instant(value) // 1_000


def _refused(message: str) -> Response:
    return JSONResponse({"status": "error", "message": message, "category": "VALIDATION_ERROR"}, 400)

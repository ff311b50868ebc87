"""A fake of Odoo's external API: JSON-2 from "External JSON-2 API", and JSON-RPC from "External RPC API" before it.

It knows `fields_get` and `search_read`, whose domains are lists of conditions with prefix operators.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.crm.fakes import FakeCloud

KEY = "6578616d706c65206a736f6e20617069206b6579"
DATABASE = "company"
LOGIN = "baton@example.com"
USER = 7


@dataclass
class OdooServer:
    """One database."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Of the models that are installed."""
    fields: dict[str, set[str]] = field(default_factory=dict)
    """Those that a model has besides those of its rows."""
    key: str = KEY
    """The one that is good."""
    forbidden: set[str] = field(default_factory=set)
    """Models that the user may not read."""
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    databases: list[str | None] = field(default_factory=list)
    cloud: FakeCloud = field(init=False)

    def __post_init__(self) -> None:
        self.cloud = FakeCloud(
            [
                Route("/json/2/{model}/{method}", self._json2, methods=["POST"]),
                Route("/jsonrpc", self._jsonrpc, methods=["POST"]),
            ]
        )

    async def _json2(self, request: Request) -> Response:
        self.databases.append(request.headers.get("x-odoo-database"))
        if request.headers.get("authorization") != f"bearer {self.key}":
            return JSONResponse({"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"}, 401)
        model, method = request.path_params["model"], request.path_params["method"]
        if model in self.forbidden:
            return JSONResponse({"name": "odoo.exceptions.AccessError", "message": "no"}, 403)
        if model not in self.rows:
            return JSONResponse({"name": "werkzeug.exceptions.NotFound", "message": "no such model"}, 404)
        return JSONResponse(self._called(model, method, await request.json()))

    async def _jsonrpc(self, request: Request) -> Response:
        call = await request.json()
        arguments = call["params"]["args"]
        if call["params"]["service"] == "common":
            return JSONResponse(
                {"jsonrpc": "2.0", "id": call["id"], "result": arguments[:3] == [DATABASE, LOGIN, self.key] and USER}
            )
        database, user, key, model, method, positional, named = arguments
        assert positional == []
        name = None
        if (database, user, key) != (DATABASE, USER, self.key):
            name = "odoo.exceptions.AccessDenied"
        elif model in self.forbidden:
            name = "odoo.exceptions.AccessError"
        elif model not in self.rows:
            name = "builtins.KeyError"
        if name is not None:
            data = {"name": name, "debug": f"Traceback: {arguments}", "message": f"{key} is wrong"}
            error = {"code": 200, "message": "Odoo Server Error", "data": data}
            return JSONResponse({"jsonrpc": "2.0", "id": call["id"], "error": error})
        return JSONResponse({"jsonrpc": "2.0", "id": call["id"], "result": self._called(model, method, named)})

    def _called(self, model: str, method: str, given: dict[str, Any]) -> Any:
        self.asked.append((model, method, given))
        there = (
            {name for row in self.rows[model] for name in row} | self.fields.get(model, set()) | {"id", "write_date"}
        )
        if method == "fields_get":
            return {name: {"type": "char"} for name in there}
        assert method == "search_read"
        assert set(given["fields"]) <= there, "Odoo refuses fields that a model does not have"
        active = given["context"].get("active_test", True)
        rows = [
            row
            for row in sorted(self.rows[model], key=lambda row: int(row["id"]))
            if _holds(given["domain"], row) and (row.get("active", True) or not active)
        ]
        return [{name: row.get(name, False) for name in ("id", *given["fields"])} for row in rows[: given["limit"]]]


def _holds(domain: Sequence[Any], row: dict[str, Any]) -> bool:
    """Whether a domain in prefix notation holds, its conditions joined by & where nothing is said."""
    stack: list[bool] = []
    for term in reversed(domain):
        if term == "|":
            one, two = stack.pop(), stack.pop()
            stack.append(one or two)
        else:
            name, operator, wanted = term
            stack.append(_compared(operator, row.get(name, False), wanted))
    return all(stack)


def _compared(operator: str, value: Any, wanted: Any) -> bool:
    match operator:
        case "=" | "!=":
            return bool((value == wanted) == (operator == "="))
        case "in":
            return value in wanted
        case ">":
            return value is not False and bool(value > wanted)
        case ">=":
            return value is not False and bool(value >= wanted)
        case "<=":
            return value is not False and bool(value <= wanted)
    raise AssertionError(f"the fake knows no operator {operator}")

"""A fake of Salesforce's REST API: describe, query and queryAll of as much SOQL as Baton speaks.

Written from the REST API Developer Guide (Query, QueryAll, sObject Describe) and the SOQL reference. Like the real
one it knows no field that an object does not have, and gives the next page at an address that says nothing.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

BASE = "/services/data/v62.0"
Row = dict[str, Any]

_SOQL = re.compile(
    r"SELECT (?P<fields>.+?) FROM (?P<object>\w+)(?: WHERE (?P<where>.+?))?(?: ORDER BY (?P<order>[\w, ]+))?"
)
_AMONG = re.compile(r"(?P<field>\w+) IN \((?P<ids>'[A-Za-z0-9]+'(?:, '[A-Za-z0-9]+')*)\)")
_COMPARED = re.compile(r"(?P<field>\w+) (?P<sign>>=|<=|!=) (?P<value>null|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")


class _Wrong(Exception):
    """What the request asks for cannot be: an error code."""


@dataclass
class FakeSalesforce:
    """The tables of an organization, and how large its pages are."""

    tables: Mapping[str, Sequence[Row]]
    hidden: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Fields that the app's user may not see, by object."""
    page: int = 2000
    queries: list[str] = field(default_factory=list)
    """The SOQL of every query, in order; of all but its pages."""
    on_page: Callable[[int], None] = lambda _: None
    """Told the number of each page, once it is ready."""
    _answers: dict[str, Sequence[Row]] = field(default_factory=dict)

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Its routes."""
        return [
            Route(f"{BASE}/sobjects/{{name}}/describe", self._describe),
            Route(f"{BASE}/query", self._query),
            Route(f"{BASE}/queryAll", self._query),
            Route(f"{BASE}/query/{{locator}}", self._next),
        ]

    def forgets_queries(self) -> None:
        """As two days later: no page of a query is there any more."""
        self._answers.clear()

    def fields(self, name: str) -> list[str]:
        """The fields that the user sees of an object; records that it refers to are none."""
        found = dict.fromkeys(each for row in self.tables[name] for each in row if not isinstance(row[each], dict))
        return [each for each in found if each not in self.hidden.get(name, ())]

    async def _describe(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.tables:
            return _error(404, "NOT_FOUND")
        fields = [{"name": each, "relationshipName": _relation(each)} for each in self.fields(name)]
        return JSONResponse({"name": name, "fields": fields})

    async def _query(self, request: Request) -> Response:
        soql = request.query_params["q"]
        self.queries.append(soql)
        try:
            rows = self._selected(soql, with_deleted=request.url.path.endswith("queryAll"))
        except _Wrong as wrong:
            return _error(400, str(wrong))
        locator = f"01g5f00000Abc{len(self._answers):02}AAA"
        self._answers[locator] = rows
        return self._page(locator, 0)

    async def _next(self, request: Request) -> Response:
        locator, _, start = request.path_params["locator"].rpartition("-")
        if locator not in self._answers:
            return _error(404, "INVALID_QUERY_LOCATOR")
        return self._page(locator, int(start))

    def _page(self, locator: str, start: int) -> Response:
        rows = self._answers[locator]
        end = start + self.page
        answer: Row = {"totalSize": len(rows), "done": end >= len(rows), "records": rows[start:end]}
        if not answer["done"]:
            answer["nextRecordsUrl"] = f"{BASE}/query/{locator}-{end}"
        self.on_page(start // self.page)
        return JSONResponse(answer)

    def _selected(self, soql: str, *, with_deleted: bool) -> list[Row]:
        asked = _SOQL.fullmatch(soql)
        if asked is None:
            raise _Wrong("MALFORMED_QUERY")
        name, names = asked["object"], asked["fields"].split(", ")
        if name not in self.tables:
            raise _Wrong("INVALID_TYPE")
        fields = self.fields(name)
        if not {each.partition(".")[0] for each in names} <= {*fields, *map(_relation, fields)}:
            raise _Wrong("INVALID_FIELD")
        rows = [row for row in self.tables[name] if with_deleted or not row.get("IsDeleted")]
        rows = [row for row in rows if asked["where"] is None or _holds(asked["where"], row)]
        order = [each.strip() for each in (asked["order"] or "").split(",") if each.strip()]
        rows.sort(key=lambda row: [row[each] for each in order])
        return [{"attributes": {"type": name}, **{each: row.get(each) for each in _tops(names)}} for row in rows]


def _tops(names: Sequence[str]) -> Sequence[str]:
    return list(dict.fromkeys(name.partition(".")[0] for name in names))


def _relation(name: str) -> str | None:
    return name.removesuffix("Id") if name.endswith("Id") and name != "Id" else None


def _holds(where: str, row: Row) -> bool:
    """`AND` of conditions, of which one may be an `OR` in parentheses."""
    return all(
        any(_one(part, row) for part in each.removeprefix("(").removesuffix(")").split(" OR "))
        if each.startswith("(")
        else _one(each, row)
        for each in where.split(" AND ")
    )


def _one(condition: str, row: Row) -> bool:
    among, compared = _AMONG.fullmatch(condition), _COMPARED.fullmatch(condition)
    if among is not None:
        return str(row[among["field"]]) in re.findall(r"\w+", among["ids"])
    if compared is None:
        raise _Wrong("MALFORMED_QUERY")
    value = row[compared["field"]]
    if compared["value"] == "null":
        return value is not None
    if value is None:
        return False
    cut, given = str(value)[:19], compared["value"][:19]
    return cut >= given if compared["sign"] == ">=" else cut <= given


def _error(status: int, code: str) -> Response:
    return JSONResponse([{"errorCode": code, "message": "said by the fake"}], status)

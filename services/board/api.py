"""The JSON API under /api/v1: reads, and the live stream."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from schemas import api
from services.board import shapes
from services.board.bodies import bounded
from services.board.desk import Desk
from services.board.etags import tagged
from services.board.feedback_api import add_writing
from services.board.feedback_desk import FeedbackDesk
from services.board.feedback_reads import add_reading
from services.board.feedback_visitor import VisitorOf
from services.board.feedback_writing import Scribe
from services.board.guard import guarded, problem_document
from services.board.overview import charter_at
from services.board.stream import Feed, server_sent_events

PREFIX = "/api/v1"
_NO_WORD = re.compile(r"\W+")


def _problem_schema() -> dict[str, Any]:
    # Written in place: OpenAPI has components for the models of answers in application/json only.
    schema = api.Problem.model_json_schema()
    schema["properties"]["errors"]["items"] = schema.pop("$defs")["WrongParameter"]
    return schema


_PROBLEM = {"content": {"application/problem+json": {"schema": _problem_schema()}}}
UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Nothing has changed since the answer whose `ETag` came as `If-None-Match`."}
}
AWAY: dict[int | str, dict[str, Any]] = {503: {"description": "The database is away for now.", **_PROBLEM}}
REFUSED: dict[int | str, dict[str, Any]] = {
    422: {"description": "A parameter is wrong; the text says which and why.", **_PROBLEM},
    **AWAY,
    **UNCHANGED,
}
_WRONG: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body cannot be read.", **_PROBLEM},
    403: {"description": "You may not say this.", **_PROBLEM},
    404: {"description": "There is no such lead.", **_PROBLEM},
    409: {"description": "It does not fit to how the lead stands; the text says why.", **_PROBLEM},
    413: {"description": "The body is too large.", **_PROBLEM},
    422: {"description": "A field is wrong; the text says which and why.", **_PROBLEM},
    503: {"description": "The event log or the database is away for now; nothing was recorded.", **_PROBLEM},
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such lead.", **_PROBLEM}}


class Api:
    """The handlers. Those that read are run in threads, as the views wait for the database."""

    def __init__(self, *, desk: Desk, feed: Feed) -> None:
        self._desk = desk
        self._feed = feed

    def overview(self) -> api.OverviewDocument:
        """The figures of the front page: both sides' promises, and what needs someone now."""
        return shapes.overview_document(self._desk.overview())

    def leads(self, query: Annotated[api.LeadsQuery, Query()]) -> api.LeadPage:
        """Leads with their open clocks, by key."""
        times = self._desk.times(query.as_of)
        found, following = self._desk.leads(query, times)
        return shapes.lead_page(found, following, self._desk.charters(), times)

    def lead(self, key: str, query: Annotated[api.LeadQuery, Query()]) -> api.LeadDetail:
        """All about one lead: its events, handoffs, clocks with their reasons, and what was told."""
        case = self._desk.lead(key, query.as_of)
        return shapes.lead_detail(case.file, case.lead, case.judgements, case.is_stalled, case.times)

    def clocks(self, query: Annotated[api.ClocksQuery, Query()]) -> api.ClockPage:
        """Instances of clocks, by lead, clock and number."""
        times = self._desk.times(query.as_of)
        found, following = self._desk.clocks(query, times)
        return shapes.clock_page(found, following, self._desk.charters(), times)

    def charter(self) -> api.CharterDocument:
        """The charter in force: its clocks, calendars and objectives."""
        charters, now = self._desk.charters(), self._desk.clock.now()
        charter, in_force = charter_at(charters, now)
        coming = next((each for each in charters.versions if each is not charter and each.effective_from > now), None)
        return shapes.charter_document(charter, in_force, coming)

    async def stream(self, request: Request) -> StreamingResponse:
        """Server-sent events: `changed`, with the version of what is shown, at once and whenever it has changed.

        With the `Last-Event-ID` that browsers send when they connect again, only what is newer.
        """
        last = request.headers.get("last-event-id", "")
        seen = int(last) if last.isascii() and last.isdecimal() else None
        # A proxy that buffers would hold the events back.
        return StreamingResponse(
            server_sent_events(self._feed, seen), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )


def new_router(desk: Desk, visitor_of: VisitorOf) -> APIRouter:
    """A router without routes, as every part of the API has one: errors are problem documents, answers bear tags."""
    route = bounded(guarded(problem_document, tagged(desk, visitor_of)))
    return APIRouter(prefix=PREFIX, route_class=route, tags=["read"], generate_unique_id_function=_operation_id)


def api_router(desk: Desk, feed: Feed, *, feedback: FeedbackDesk, scribe: Scribe, visitor_of: VisitorOf) -> APIRouter:
    """The routes."""
    router = new_router(desk, visitor_of)
    handlers = Api(desk=desk, feed=feed)
    router.add_api_route("/overview", handlers.overview, responses=AWAY | UNCHANGED)
    router.add_api_route("/leads", handlers.leads, responses=REFUSED)
    router.add_api_route("/leads/{key:path}", handlers.lead, responses=REFUSED | _UNKNOWN)
    router.add_api_route("/clocks", handlers.clocks, responses=REFUSED)
    router.add_api_route("/charter", handlers.charter, responses=AWAY | UNCHANGED)
    router.add_api_route(
        "/stream",
        handlers.stream,
        response_class=StreamingResponse,
        responses={200: {"description": "Events, as they come.", "content": {"text/event-stream": {}}}},
    )
    add_reading(router, feedback, refused=REFUSED)
    add_writing(router, scribe, visitor_of, refused=_WRONG)
    return router


def _operation_id(route: APIRoute) -> str:
    """`get_leads_key`: what those who make clients of the document name a method by."""
    method = min(route.methods or ())
    words = _NO_WORD.sub("_", route.path_format.removeprefix(PREFIX)).strip("_")
    return f"{method.lower()}_{words}"

"""The pages: the board at /, the list of leads, a lead's own page, the API's reference, and the static files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from schemas.api import LeadsQuery
from services.board import countdowns, funnel, lead_page, reference
from services.board.attention import ATTENTION_SHOWN
from services.board.bodies import bounded
from services.board.countdowns import Countdown
from services.board.desk import NOT_FOUND, Desk
from services.board.feedback_desk import FeedbackDesk
from services.board.feedback_forms import Filled, lead_forms
from services.board.feedback_pages import LeadPageQuery, add_feedback_pages
from services.board.feedback_visitor import VisitorOf, anyone
from services.board.feedback_writing import Scribe
from services.board.guard import Trouble, guarded
from services.board.judgements import OPEN, Judgement, of_row
from services.board.overview import charter_at
from services.board.queries import AccountsQuery, CharterQuery, LiveQuery, NoQuery
from services.board.readers import Reader, Reading, multilingual, reader_of
from services.board.reasons import status_words
from services.board.rendering import FOREVER, Rendering
from services.board.times import Times, zone_of
from services.domain.charter import Charter
from services.domain.instants import Instant
from services.errors import Refused
from services.storage import LeadRow
from services.views import is_stalled

_PAGE_LABELS = ("team", "priority", "source")
"""The labels of a charter by which the list can be filtered."""


@dataclass(frozen=True, slots=True)
class LeadLine:
    """A line of the list of leads."""

    row: LeadRow
    is_stalled: bool
    clocks: Sequence[tuple[Judgement, Countdown | None]]


class Pages:
    """The handlers; they are run in threads, as the views wait for the database."""

    def __init__(
        self, *, desk: Desk, rendering: Rendering, scribe: Scribe | None = None, visitor_of: VisitorOf = anyone
    ) -> None:
        """Without a scribe nobody can say anything: the lead's page has no forms."""
        self._scribe = scribe
        self._desk = desk
        self._rendering = rendering
        self._visitor_of = visitor_of

    def board(self, query: Annotated[LiveQuery, Query()], reader: Reading) -> Response:
        """The live page."""
        seen = self._desk.overview(query.scope)
        times = Times(zone_of(seen.charter), seen.now, reader.language)
        return self.page(
            "board.html",
            reader,
            here="/",
            version=seen.version,
            seen=seen,
            times=times,
            query=query,
            way=funnel.way(seen.funnel),
            ends=funnel.ends(seen.funnel),
            clock_choices=self._clock_choices(),
            labels=_labels(seen.charter),
            attention_shown=ATTENTION_SHOWN,
        )

    def leads(self, query: Annotated[LeadsQuery, Query()], reader: Reading) -> Response:
        """The list of leads."""
        version = self._version(query.as_of)
        times, charters = self._desk.times(query.as_of, reader.language), self._desk.charters()
        found, following = self._desk.leads(query, times)
        lines = [
            LeadLine(
                view.row,
                is_stalled(view.row, times.now),
                [
                    (each, countdowns.of_judgement(each, charters, times.now))
                    for each in sorted((of_row(row, charters, times.now) for row in view.clocks), key=_worst_first)
                ],
            )
            for view in found
        ]
        charter, _ = charter_at(charters, times.now)
        return self.page(
            "leads.html",
            reader,
            here="/leads",
            version=version,
            times=times,
            lines=lines,
            query=query,
            following=_address(query, following) if following is not None else None,
            beginning=_address(query, None) if query.cursor is not None else None,
            is_filtered=bool(_asked(query)),
            clock_choices=self._clock_choices(),
            status_choices=[(status.value, words) for status, words in status_words(reader.language).items()],
            labels=_labels(charter),
        )

    def lead(self, request: Request, key: str, query: Annotated[LeadPageQuery, Query()], reader: Reading) -> Response:
        """A lead's own page."""
        return self.lead_page(request, key, query, reader)

    def lead_page(
        self,
        request: Request,
        key: str,
        query: LeadPageQuery,
        reader: Reader,
        *,
        filled: Filled | None = None,
        status: int = 200,
    ) -> Response:
        """A lead's own page, with a form as it was filled in where something is wrong with it."""
        version = self._version(query.as_of)
        case = self._desk.lead(key, query.as_of, reader.language)
        forms = None
        if self._scribe is not None and query.as_of is None:
            charter, _ = charter_at(self._desk.charters(), case.times.now)
            standing = self._scribe.standing(case, case.times.now)
            visitor = self._visitor_of(request)
            forms = lead_forms(standing, charter, visitor, filled=filled, recorded=query.recorded)
        return self.page(
            "lead.html",
            reader,
            here="/leads",
            status=status,
            forms=forms,
            version=version,
            times=case.times,
            case=case,
            page=lead_page.gather(case, self._desk.charters()),
        )

    def accounts(self, query: Annotated[AccountsQuery, Query()], reader: Reading) -> Response:
        """The list of accounts, and the client teams."""
        version = self._version(None)
        times = self._desk.times(language=reader.language)
        found, following = self._desk.account_list(query.cursor, times)
        return self.page(
            "accounts.html",
            reader,
            here="/accounts",
            version=version,
            times=times,
            accounts=found,
            teams=self._desk.teams(times) if query.cursor is None else (),
            following=f"/accounts?{urlencode({'cursor': following})}" if following is not None else None,
            is_beginning=query.cursor is None,
        )

    def account(self, name: str, _: Annotated[NoQuery, Query()], reader: Reading) -> Response:
        """An account's own page."""
        version = self._version(None)
        times = self._desk.times(language=reader.language)
        page = self._desk.account(name, times)
        return self.page("account.html", reader, here="/accounts", version=version, times=times, page=page)

    def charter(self, query: Annotated[CharterQuery, Query()], reader: Reading) -> Response:
        """The charter."""
        times = self._desk.times(language=reader.language)
        page = self._desk.charter(query.version, times)
        return self.page("charter.html", reader, here="/charter", times=times, page=page)

    def reference(self, request: Request, reader: Reading) -> Response:
        """The reference of the API."""
        times = self._desk.times(language=reader.language)
        api = reference.read(request.app.openapi())
        return self.page("reference.html", reader, here="/docs", times=times, api=api)

    def asset(self, name: str) -> Response:
        """A static file."""
        asset = self._rendering.assets.get(name)
        if asset is None:
            raise Refused(NOT_FOUND, "There is no such file")
        return Response(asset.body, media_type=asset.media_type, headers={"Cache-Control": FOREVER})

    def trouble(self, request: Request, trouble: Trouble) -> Response:
        """The page that says why a page is not shown."""
        reader = reader_of(request)
        times = self._desk.times(language=reader.language)
        page = self.page("trouble.html", reader, status=trouble.status, here="", times=times, trouble=trouble)
        page.headers.update(trouble.headers)
        return page

    def _clock_choices(self) -> list[tuple[str, str]]:
        return [(name, name) for name in self._desk.clock_names()]

    def _version(self, as_of: Instant | None) -> int | None:
        """What the page is to be compared with; None where it shows another time than now, and stays as it is."""
        return self._desk.views.version() if as_of is None else None

    def page(
        self,
        template: str,
        reader: Reader,
        *,
        times: Times,
        status: int = 200,
        version: int | None = None,
        **context: object,
    ) -> Response:
        """A page by its template."""
        speed = self._desk.clock.speed
        return self._rendering.page(
            template, times=times, reader=reader, status=status, version=version, speed=speed, **context
        )


def pages_router(desk: Desk, *, feedback: FeedbackDesk, scribe: Scribe, visitor_of: VisitorOf) -> APIRouter:
    """The routes."""
    handlers = Pages(desk=desk, rendering=Rendering(), scribe=scribe, visitor_of=visitor_of)
    router = APIRouter(
        route_class=multilingual(bounded(guarded(handlers.trouble))),
        default_response_class=HTMLResponse,
        include_in_schema=False,
    )
    router.add_api_route("/", handlers.board)
    router.add_api_route("/leads", handlers.leads)
    router.add_api_route("/leads/{key:path}", handlers.lead)
    add_feedback_pages(router, handlers, feedback, scribe, visitor_of)
    router.add_api_route("/accounts", handlers.accounts)
    router.add_api_route("/accounts/{name:path}", handlers.account)
    router.add_api_route("/charter", handlers.charter)
    router.add_api_route("/docs", handlers.reference)
    router.add_api_route("/assets/{name}", handlers.asset)
    return router


def _labels(charter: Charter) -> dict[str, list[str]]:
    return {name: sorted(charter.labels.get(name, ())) for name in _PAGE_LABELS}


def _worst_first(judgement: Judgement) -> tuple[int, int]:
    return OPEN.index(judgement.status), judgement.due_at or judgement.started_at


def _asked(query: LeadsQuery) -> dict[str, object]:
    return query.model_dump(mode="json", exclude={"cursor", "limit", "as_of"}, exclude_none=True)


def _address(query: LeadsQuery, cursor: str | None) -> str:
    asked = {
        name: str(value).lower() if value is True or value is False else value for name, value in _asked(query).items()
    }
    if "limit" in query.model_fields_set:
        asked["limit"] = query.limit
    if cursor is not None:
        asked["cursor"] = cursor
    return f"/leads?{urlencode(asked)}" if asked else "/leads"

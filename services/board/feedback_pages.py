"""The pages on feedback: what was said by form on a lead's page, the figures, and the lists behind them."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool

from schemas.api import LeadQuery, Optional
from schemas.feedback_figures import ActionsQuery, DisputesQuery, FeedbackQuery, RejectionsQuery
from services.board.desk import NOT_FOUND
from services.board.feedback_desk import FeedbackDesk
from services.board.feedback_forms import Filled, errors_of, read_form, said_in
from services.board.feedback_reads import asked
from services.board.feedback_visitor import VisitorOf
from services.board.feedback_writing import Recorded, Scribe, WrongField
from services.board.readers import Reader, Reading
from services.board.shapes import lead_path
from services.board.times import Times
from services.errors import Refused

SHOWN = 10
"""Rows of a list on the page of figures; the list itself has all."""
_WAIT = 2.0
"""Seconds that a browser waits for what it said to count, so that the page that follows shows it."""
_LABELS = ("source", "team")
"""The labels of a charter by which figures can be filtered."""
FORM = "application/x-www-form-urlencoded"


class LeadPageQuery(LeadQuery):
    """At which instant to show a lead, or what was just recorded about it."""

    recorded: Annotated[str | None, Optional, Field(max_length=500)] = None


class Shows(Protocol):
    """What renders pages."""

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
        """A lead's own page."""


class FeedbackPages:
    """The handlers. Those that only read are run in threads."""

    def __init__(self, *, pages: Shows, feedback: FeedbackDesk, scribe: Scribe, visitor_of: VisitorOf) -> None:
        self._pages = pages
        self._feedback = feedback
        self._desk = feedback.desk
        self._scribe = scribe
        self._visitor_of = visitor_of

    async def say(self, request: Request, key: str, reader: Reading) -> Response:
        """What a form on a lead's page says: recorded, and then the page again; or the form with what is wrong."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Forms are sent as " + FORM)
        typed = read_form(await request.body())
        form = typed.get("form", "")
        try:
            recorded = await self._record(request, key, form, typed)
        except ValidationError as error:
            return await self._again(request, key, reader, Filled(form, typed, errors_of(error, reader.language)), 422)
        except WrongField as wrong:
            errors = {wrong.field: reader.language.gettext(wrong.text)}
            return await self._again(request, key, reader, Filled(form, typed, errors), wrong.status)
        except Refused as refused:
            if refused.status in (NOT_FOUND, HTTPStatus.BAD_REQUEST):
                raise
            errors = {"": reader.language.gettext(str(refused))}
            page = await self._again(request, key, reader, Filled(form, typed, errors), refused.status)
            if refused.retry_after is not None:
                page.headers["Retry-After"] = str(refused.retry_after)
            return page
        query = urlencode({"recorded": recorded.event.id})
        return RedirectResponse(f"/leads/{lead_path(key)}?{query}#feedback", HTTPStatus.SEE_OTHER)

    def figures(self, query: Annotated[FeedbackQuery, Query()], reader: Reading) -> Response:
        """The figures of a period, with the disputes and promises that are under way.

        The page stays as it was asked for: to count a period takes some 10 us a decision, which many open pages of a
        busy board must not cost every second.
        """
        times = self._desk.times(language=reader.language)
        seen = self._feedback.figures(query, times)
        disputes, more_disputes = self._feedback.disputes(DisputesQuery(limit=SHOWN), times)
        actions, more_actions = self._feedback.actions(ActionsQuery(**asked(query), limit=SHOWN), times)
        charter = self._desk.charters().in_force(times.now) or self._desk.charters().versions[0]
        return self._pages.page(
            "feedback.html",
            reader,
            here="/feedback",
            times=times,
            seen=seen,
            query=query,
            filters=asked(query),
            disputes=disputes,
            more_disputes=more_disputes is not None,
            actions=actions,
            more_actions=more_actions is not None,
            labels={name: sorted(charter.labels.get(name, ())) for name in _LABELS},
            address=address,
        )

    def rejections(self, query: Annotated[RejectionsQuery, Query()], reader: Reading) -> Response:
        """The leads behind a number."""
        times = self._desk.times(language=reader.language)
        found, following = self._feedback.rejections(query, times)
        return self._list("rejections", reader, times, query, following, found)

    def disputes(self, query: Annotated[DisputesQuery, Query()], reader: Reading) -> Response:
        """All open disputes."""
        times = self._desk.times(language=reader.language)
        found, following = self._feedback.disputes(query, times)
        return self._list("disputes", reader, times, query, following, found)

    def actions(self, query: Annotated[ActionsQuery, Query()], reader: Reading) -> Response:
        """All actions that were promised in a period."""
        times = self._desk.times(language=reader.language)
        found, following = self._feedback.actions(query, times)
        return self._list("actions", reader, times, query, following, found)

    async def _record(self, request: Request, key: str, form: str, typed: Mapping[str, str]) -> Recorded:
        recorded = await self._scribe.say(said_in(form, key, typed), self._visitor_of(request))
        await self._scribe.judged(recorded, _WAIT)
        return recorded

    async def _again(self, request: Request, key: str, reader: Reader, filled: Filled, status: int) -> Response:
        return await run_in_threadpool(
            self._pages.lead_page, request, key, LeadPageQuery(), reader, filled=filled, status=status
        )

    def _list(
        self,
        what: str,
        reader: Reader,
        times: Times,
        query: RejectionsQuery | ActionsQuery | DisputesQuery,
        following: str | None,
        items: Sequence[object],
    ) -> Response:
        filters = asked(query) if isinstance(query, FeedbackQuery) else {}
        here = f"/feedback/{what}"
        return self._pages.page(
            "feedback_list.html",
            reader,
            here="/feedback",
            times=times,
            what=what,
            filters=filters,
            following=address(here, {**filters, "cursor": following}) if following is not None else None,
            beginning=address(here, filters) if query.cursor is not None else None,
            back=address("/feedback", {name: value for name, value in filters.items() if name != "reason"}),
            items=items,
        )


def address(path: str, filters: Mapping[str, object]) -> str:
    """A page with filters; those of None ask nothing."""
    asks = {name: value for name, value in filters.items() if value is not None}
    return f"{path}?{urlencode(asks)}" if asks else path


def add_feedback_pages(
    router: APIRouter, pages: Shows, feedback: FeedbackDesk, scribe: Scribe, visitor_of: VisitorOf
) -> None:
    """Add the routes."""
    handlers = FeedbackPages(pages=pages, feedback=feedback, scribe=scribe, visitor_of=visitor_of)
    router.add_api_route("/leads/{key:path}", handlers.say, methods=["POST"])
    router.add_api_route("/feedback", handlers.figures)
    router.add_api_route("/feedback/rejections", handlers.rejections)
    router.add_api_route("/feedback/disputes", handlers.disputes)
    router.add_api_route("/feedback/actions", handlers.actions)

"""The board's entry: what it is made of, and its routes on an app."""

from collections.abc import Callable, Sequence

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException

from schemas.charter import CharterDocument
from services.board.api import api_router, new_router
from services.board.desk import Desk
from services.board.feedback_desk import FeedbackDesk
from services.board.feedback_visitor import VisitorOf, anyone
from services.board.feedback_writing import Scribe
from services.board.goals_api import goals_routers
from services.board.guard import problem_document, secured, trouble
from services.board.measure_desk import MeasureDesk
from services.board.pages import pages_router
from services.board.stream import HEARTBEAT_SECONDS, POLL_SECONDS, Feed
from services.domain.charter import Charters
from services.measures.book import Book
from services.ports import EventLog, WallClock
from services.views import AccountViews, FeedbackViews, LiveViews


class Board:
    """The board of one app."""

    def __init__(
        self,
        *,
        views: LiveViews,
        feedback: FeedbackViews,
        book: Book,
        accounts: AccountViews,
        charters: Callable[[], Charters],
        documents: Callable[[], Sequence[CharterDocument]],
        clock: WallClock,
        log: EventLog,
        visitor_of: VisitorOf = anyone,
        poll_seconds: float = POLL_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        """`charters` and `documents` are asked anew for each answer, so that a new version is seen at once.

        What is said on the board goes into `log`; who says it, `visitor_of` tells.
        """
        self.desk = Desk(views=views, accounts=accounts, charters=charters, documents=documents, clock=clock)
        self.feedback = FeedbackDesk(desk=self.desk, views=feedback)
        self.scribe = Scribe(desk=self.desk, feedback=feedback, log=log)
        self.visitor_of = visitor_of
        self.measures = MeasureDesk(desk=self.desk, book=book)
        self.feed = Feed(version=views.version, poll_seconds=poll_seconds, heartbeat_seconds=heartbeat_seconds)

    def close(self) -> None:
        """End the live streams. Call it in the event loop when the server is told to stop.

        A server waits for open answers before it tells the app to shut down; a stream would keep it waiting.
        """
        self.feed.close()


def router(board: Board) -> APIRouter:
    """The board's routes, for an app that adds its own dependencies (such as sign-in) to them."""
    routes = APIRouter()
    routes.include_router(
        api_router(board.desk, board.feed, feedback=board.feedback, scribe=board.scribe, visitor_of=board.visitor_of)
    )
    routes.include_router(
        pages_router(board.desk, feedback=board.feedback, scribe=board.scribe, visitor_of=board.visitor_of)
    )
    routes.include_router(goals_routers(board.measures, new_router(board.desk, board.visitor_of)))
    return routes


def add_routes(app: FastAPI, board: Board) -> None:
    """Add the board to an app that is made with `docs_url=None, redoc_url=None`."""
    app.include_router(router(board))
    app.add_exception_handler(HTTPException, _unrouted)


async def _unrouted(request: Request, error: Exception) -> Response:
    """What no route answers: under /api a problem document, else as the framework has it."""
    if not isinstance(error, HTTPException):
        raise error
    if not request.url.path.startswith("/api/"):
        return await http_exception_handler(request, error)
    return secured(problem_document(request, trouble(error)))

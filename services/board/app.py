"""The board's entry: what it is made of, and its routes on an app."""

from collections.abc import Callable, Sequence

from fastapi import APIRouter, FastAPI

from schemas.charter import CharterDocument
from services.board.api import api_router
from services.board.desk import Desk
from services.board.pages import pages_router
from services.board.stream import HEARTBEAT_SECONDS, POLL_SECONDS, Feed
from services.domain.charter import Charters
from services.ports import WallClock
from services.views import AccountViews, LiveViews


class Board:
    """The board of one app."""

    def __init__(
        self,
        *,
        views: LiveViews,
        accounts: AccountViews,
        charters: Callable[[], Charters],
        documents: Callable[[], Sequence[CharterDocument]],
        clock: WallClock,
        poll_seconds: float = POLL_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        """`charters` and `documents` are asked anew for each answer, so that a new version is seen at once."""
        self.desk = Desk(views=views, accounts=accounts, charters=charters, documents=documents, clock=clock)
        self.feed = Feed(version=views.version, poll_seconds=poll_seconds, heartbeat_seconds=heartbeat_seconds)

    def close(self) -> None:
        """End the live streams. Call it in the event loop when the server is told to stop.

        A server waits for open answers before it tells the app to shut down; a stream would keep it waiting.
        """
        self.feed.close()


def router(board: Board) -> APIRouter:
    """The board's routes, for an app that adds its own dependencies (such as sign-in) to them."""
    routes = APIRouter()
    routes.include_router(api_router(board.desk, board.feed))
    routes.include_router(pages_router(board.desk))
    return routes


def add_routes(app: FastAPI, board: Board) -> None:
    """Add the board to an app that is made with `docs_url=None, redoc_url=None`."""
    app.include_router(router(board))

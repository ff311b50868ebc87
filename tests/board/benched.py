"""The board over what a tracker's bench has judged."""

from fastapi import FastAPI

from services.adapters.sql.account_views import SqlAccountViews
from services.adapters.sql.facts import SqlFacts
from services.adapters.sql.feedback import SqlFeedback
from services.board import app as board
from services.measures.book import Book
from services.ports import WallClock
from tests.gateway.conftest import FakeLog
from tests.tracker.support import Bench


def app_on(bench: Bench, clock: WallClock) -> FastAPI:
    """An app with the board alone, at the time of `clock`."""
    app = FastAPI(docs_url=None, redoc_url=None)
    shown = board.Board(
        views=bench.views,
        accounts=SqlAccountViews(bench.database),
        book=Book(views=bench.views, facts=SqlFacts(bench.database)),
        feedback=SqlFeedback(bench.database),
        charters=lambda: bench.charters,
        documents=list,
        clock=clock,
        log=FakeLog(),
    )
    board.add_routes(app, shown)
    return app

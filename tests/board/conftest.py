"""The board on an app of its own, with views in memory."""

from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import ASGITransport, AsyncClient

from services.board.app import Board, add_routes
from services.charters.files import parse_charter
from services.domain.charter import Charters
from services.measures.book import Book
from tests.board.feedback_world import JudgedLog, book_of
from tests.board.world import CHARTER, WRITTEN, FakeViews, StillClock, world
from tests.measures.made import MemoryFacts


@pytest.fixture
def views() -> FakeViews:
    """The handful of leads."""
    return world()


@pytest.fixture
def clock() -> StillClock:
    """Monday at noon."""
    return StillClock()


@pytest.fixture
def log(views: FakeViews, clock: StillClock) -> JudgedLog:
    """Into which goes what is said."""
    return JudgedLog(views, clock)


@pytest.fixture
def board(views: FakeViews, clock: StillClock, log: JudgedLog) -> Board:
    """The board."""
    charters = Charters([CHARTER])
    document = parse_charter(WRITTEN, "the charter").document
    book = Book(views=views, facts=MemoryFacts())
    return Board(
        views=views,
        accounts=views,
        book=book,
        feedback=book_of(views, charters),
        charters=lambda: charters,
        documents=lambda: [document],
        clock=clock,
        log=log,
        poll_seconds=0.01,
        heartbeat_seconds=0.05,
    )


@pytest.fixture
def app(board: Board) -> FastAPI:
    """An app as wiring makes it."""
    app = FastAPI(title="Baton", version="1", docs_url=None, redoc_url=None)
    add_routes(app, board)
    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of the app."""
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client that decodes a path once, as servers do; TestClient does it twice, and `%25` would not survive."""
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://board") as browser:
        yield browser

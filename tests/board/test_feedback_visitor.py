"""Who may say what: each side speaks for itself, and what is said bears the name of who said it."""

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.board.app import add_routes
from services.board.feedback_visitor import Permission
from services.domain.charter import Charters
from tests.board.feedback_world import Somebody, board_of
from tests.board.world import CHARTER, FakeViews, StillClock

OPEN = "hubspot:contact:152"
REJECTED = "hubspot:contact:155"
BODIES = {
    "handoffs": {"lead": OPEN, "decision": "accept"},
    "feedback": {"lead": REJECTED, "kind": "answered", "answer": "disputed"},
    "ceremonies": {"ceremony": "quarterly-review", "attendees": {"marketing": 1, "sales": 1}},
}

ClientOf = Callable[..., TestClient]


@pytest.fixture
def client_of(views: FakeViews) -> ClientOf:
    """Gives a client of the board for somebody with some permissions."""

    def made(*permissions: Permission) -> TestClient:
        board = board_of(
            views, StillClock(), Charters([CHARTER]), visitor=Somebody("jan.nowak", frozenset(permissions))
        )
        app = FastAPI(docs_url=None, redoc_url=None)
        add_routes(app, board)
        return TestClient(app, follow_redirects=False)

    return made


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [(Permission.SALES, "handoffs"), (Permission.MARKETING, "feedback"), (Permission.CEREMONY, "ceremonies")],
)
def test_each_side_speaks_for_itself(client_of: ClientOf, permission: Permission, allowed: str) -> None:
    """403 for what is the other side's to say."""
    client = client_of(permission)
    for path, body in BODIES.items():
        answer = client.post(f"/api/v1/{path}", json=body)
        assert answer.status_code == (202 if path == allowed else 403), path
        if path != allowed:
            assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_said_bears_a_name(client_of: ClientOf, views: FakeViews) -> None:
    """That of who has signed in; who says the same twice says it once."""
    client = client_of(Permission.SALES)
    assert client.post("/api/v1/handoffs", json=BODIES["handoffs"]).status_code == 202
    assert views.files[OPEN].events[-1].data == {"by": "jan.nowak"}
    assert client.post("/api/v1/handoffs", json=BODIES["handoffs"]).json()["repeated"]


@pytest.mark.parametrize(
    ("permissions", "there"),
    [
        ((), set()),
        ((Permission.SALES,), {"rate"}),
        ((Permission.MARKETING,), {"agree", "dispute"}),
        ((Permission.MARKETING, Permission.SETTLE), {"agree", "dispute"}),
    ],
)
def test_a_page_has_the_forms_of_its_reader(
    client_of: ClientOf, permissions: tuple[Permission, ...], there: set[str]
) -> None:
    """Of a lead that was rejected."""
    page = client_of(*permissions).get(f"/leads/{REJECTED}").text
    assert set(re.findall(r'name="form" value="(\w+)"', page)) == there


def test_a_form_that_is_not_for_the_reader_is_refused(client_of: ClientOf) -> None:
    """With the page, and the words for it."""
    answer = client_of(Permission.SALES).post(f"/leads/{REJECTED}", data={"form": "dispute"})
    assert answer.status_code == 403
    assert "it takes the permission feedback_marketing" in answer.text

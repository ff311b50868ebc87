"""`/healthz` and `/readyz`: whether the process answers, and whether all that it needs is there."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services import health
from services.errors import Unavailable


def fine() -> None:
    """Nothing is the matter."""


def away() -> None:
    """Something is."""
    raise Unavailable("database: disk I/O error")


def client(**checks: health.Check) -> TestClient:
    """A client of an app with these checks."""
    app = FastAPI()
    health.add_routes(app, checks)
    return TestClient(app)


def test_a_process_that_answers_is_healthy() -> None:
    """Whatever else is away: a restart would not bring it back."""
    answer = client(store=away).get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_it_is_ready_when_all_is_there() -> None:
    """200, with each part."""
    answer = client(store=fine, tracker=fine).get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {"store": "ok", "tracker": "ok"}}


def test_it_is_not_ready_while_something_is_away_and_says_what() -> None:
    """503 with the reason; the others are asked all the same."""
    answer = client(store=away, tracker=fine).get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "checks": {"store": "database: disk I/O error", "tracker": "ok"},
    }


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_only_reading_is_allowed(path: str) -> None:
    """GET and HEAD."""
    assert client().head(path).status_code == 200
    assert client().post(path).status_code == 405

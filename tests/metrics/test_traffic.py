"""What is told of HTTP requests: by the routes that there are, whatever is asked for."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from services.metrics.tally import ProcessTally
from services.metrics.traffic import Traffic

Counts = Mapping[tuple[str, str, str], int]
CLASSES = ("2xx", "4xx", "5xx")


@pytest.fixture
def tally() -> ProcessTally:
    return ProcessTally()


@pytest.fixture
def traffic(tally: ProcessTally) -> Traffic:
    return Traffic(tally)


@pytest.fixture
def app(traffic: Traffic, tally: ProcessTally) -> FastAPI:
    """With plain routes, as the gateway has them, and FastAPI's, as the board has them."""
    app = FastAPI(openapi_url=None)
    traffic.watch(app)

    async def hook(request: Request) -> Response:
        status = int(request.query_params.get("status", "202"))
        return Response(str(traffic.in_flight), status)

    async def fault(_request: Request) -> Response:
        raise RuntimeError("a fault")

    async def stream(_request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one"
            assert counted(tally)["/stream", "GET", "2xx"] == 1
            yield b"two"

        return StreamingResponse(pieces())

    for path in ("/hooks/odoo", "/hooks/odoo/{secret}", "/hooks/odoo/{secret:path}"):
        app.router.routes.append(Route(path, hook, methods=["POST"]))
    app.router.routes += [Route("/fault", fault), Route("/stream", stream)]
    router = APIRouter()

    @router.get("/leads/{key:path}")
    def lead(key: str) -> str:
        return key

    app.include_router(router)
    return app


def counted(tally: ProcessTally) -> Counts:
    """How many requests there were, by route, method and class of the status; those without any are left out."""
    found: dict[tuple[str, str, str], int] = {}
    for (name, labels), amount in tally.counts().items():
        if name == "baton_http_request_duration_seconds_bucket":
            of = dict(labels)
            key = (of["route"], of["method"], of["status"])
            found[key] = found.get(key, 0) + amount
    return found


def test_requests_are_counted_by_the_templates_of_routes(app: FastAPI, tally: ProcessTally) -> None:
    """A key or a secret in the path is in no label; HEAD counts as GET, a status by its class."""
    with TestClient(app) as client:
        assert client.post("/hooks/odoo").status_code == 202
        client.post("/hooks/odoo/a-secret?status=401")
        client.post("/hooks/odoo/a/longer/secret?status=503")
        client.get("/leads/crm:lead:1")
        client.get("/leads/crm:lead/2")
        client.head("/stream")
    assert counted(tally) == {
        ("/hooks/odoo", "POST", "2xx"): 1,
        ("/hooks/odoo", "POST", "4xx"): 1,
        ("/hooks/odoo", "POST", "5xx"): 1,
        ("/leads/{key}", "GET", "2xx"): 2,
        ("/stream", "GET", "2xx"): 1,
    }


def test_what_no_route_is_for_is_one_series(app: FastAPI, tally: ProcessTally) -> None:
    """Whatever paths and methods somebody tries."""
    with TestClient(app) as client:
        for number in range(50):
            assert client.get(f"/wp-admin/{number}").status_code == 404
            assert client.request(f"M{number}", "/hooks/odoo").status_code == 405
    assert counted(tally) == {("other", "other", "4xx"): 100}


def test_a_fault_counts_as_an_error_of_ours(app: FastAPI, tally: ProcessTally, traffic: Traffic) -> None:
    """It is answered with 500, and is no longer in flight."""
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/fault").status_code == 500
    assert counted(tally) == {("/fault", "GET", "5xx"): 1}
    assert traffic.in_flight == 0


def test_an_answer_counts_when_it_begins(app: FastAPI, tally: ProcessTally) -> None:
    """A live stream goes on for hours: that says nothing about how quick it was answered."""
    with TestClient(app) as client:
        assert client.get("/stream").text == "onetwo"
    assert counted(tally) == {("/stream", "GET", "2xx"): 1}


def test_requests_in_flight_are_counted(app: FastAPI, traffic: Traffic) -> None:
    """From their first moment to their last."""
    with TestClient(app) as client:
        assert client.post("/hooks/odoo").text == "1"
    assert traffic.in_flight == 0


def test_every_route_is_there_before_the_first_request(app: FastAPI, tally: ProcessTally) -> None:
    """With each class of answers: a counter that began at 1 would show no increase."""
    asyncio.run(_started(app))
    found = {
        tuple(value for _, value in labels)
        for name, labels in tally.counts()
        if name == "baton_http_request_duration_seconds_sum"
    }
    routes = [("/hooks/odoo", "POST"), ("/fault", "GET"), ("/stream", "GET"), ("/leads/{key}", "GET")]
    assert found == {(*route, status) for route in [*routes, ("other", "other")] for status in CLASSES}


async def _started(app: FastAPI) -> None:
    """Have a server start the app, and stop it again."""
    messages = iter(({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))

    async def receive() -> dict[str, str]:
        return next(messages)

    async def send(_message: object) -> None:
        return

    await app({"type": "lifespan"}, receive, send)

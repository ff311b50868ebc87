"""The gateway's HTTP face: plain Starlette routes (FastAPI's own would halve the rate), documented in its OpenAPI."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.errors import Refused, Unavailable
from services.gateway.body import MOST_BYTES, MOST_SECONDS, read_body
from services.gateway.door import Door
from services.gateway.openapi import describe
from services.gateway.request import SCHEME, Incoming
from services.gateway.sender import Answer

ALLOWED_RATE = 6000
"""Requests a minute that we tell senders of CloudEvents they may make: a hundred a second, each of up to 100 events."""
RETRY_AFTER = 5
"""Seconds after which to try again when the log is away."""


def add_routes(app: FastAPI, door: Door, *, most_bytes: int = MOST_BYTES, most_seconds: float = MOST_SECONDS) -> None:
    """Add `POST /hooks/{sender}` for every sender of the door, and the handshake of CloudEvents."""
    for crm, sender in door.senders.items():
        path = f"/hooks/{crm}"
        hook = _hook(door, crm, most_bytes, most_seconds)
        app.router.routes.append(Route(path, hook, methods=["POST"]))
        if sender.secret_in_path:
            # Some CRMs can show a secret in the address alone. It may have a slash, which only the second matches, or
            # a line break, which only the first does.
            for last in ("{secret}", "{secret:path}"):
                app.router.routes.append(Route(f"{path}/{last}", hook, methods=["POST"]))
        if crm == "cloudevents":
            app.router.routes.append(Route(path, _handshake, methods=["OPTIONS"]))
    describe(app, door.senders)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """A problem document (RFC 9457)."""
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(orjson.dumps(document), status, headers=dict(headers or {}), media_type="application/problem+json")


def _hook(door: Door, crm: str, most_bytes: int, most_seconds: float) -> Callable[[Request], Awaitable[Response]]:
    sender = door.senders[crm]

    async def answer(request: Request) -> Response:
        try:
            with door.place():
                headers = _headers(request)
                body = await read_body(request.receive, headers, limit=most_bytes, seconds=most_seconds)
                incoming = Incoming(request.method, _target(request), headers, body, door.now())
                response = _response(await door.receive_in_time(crm, incoming))
        except Refused as refused:
            response = problem(refused.status, str(refused), _refusal_headers(refused, sender.challenge))
        except Unavailable:
            response = problem(503, "a store is away; nothing was taken", {"retry-after": str(RETRY_AFTER)})
        door.answered(crm, response.status_code)
        return response

    return answer


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type=answer.content_type)


def _refusal_headers(refused: Refused, challenge: str) -> dict[str, str]:
    if refused.retry_after is not None:
        return {"retry-after": str(refused.retry_after)}
    if refused.status == 401:
        return {"www-authenticate": challenge}
    # What is left of a body that was not read to its end must not pass for the next request.
    return {"connection": "close"} if refused.status in (408, 413) else {}


def _headers(request: Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        # A header that comes twice is one list, so that nobody can hide a second signature behind a first.
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    headers[SCHEME] = request.scope["scheme"]
    return headers


def _target(request: Request) -> str:
    raw: bytes | None = request.scope.get("raw_path")
    path = raw.decode("latin-1").partition("?")[0] if raw else quote(request.scope["path"])
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


async def _handshake(request: Request) -> Response:
    """Abuse protection of the CloudEvents webhook binding: say that whoever asks may send, if he proves himself."""
    origin = request.headers.get("webhook-request-origin")
    headers: dict[str, Any] = {"allow": "POST, OPTIONS"}
    if origin:
        headers |= {"webhook-allowed-origin": origin, "webhook-allowed-rate": str(ALLOWED_RATE)}
    return Response(status_code=200, headers=headers)

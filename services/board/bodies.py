"""How large a body may be: who sends one is read no further than that."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message, Receive

MOST_BYTES = 64 * 1024
"""Some five times the longest text that may be said, should every character of it be an escape."""


def bounded(route: type[APIRoute], most: int = MOST_BYTES) -> type[APIRoute]:
    """A class of routes like `route` that refuse a larger body with 413."""

    class Bounded(route):  # type: ignore[valid-type,misc]  # a class is handed in
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_bounded(request: Request) -> Response:
                answer: Response = await handle(Request(request.scope, _within(request.receive, most)))
                return answer

            return handle_bounded

    return Bounded


def _within(receive: Receive, most: int) -> Receive:
    read = 0

    async def receive_bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            # FastAPI, which reads the body, lets no other kind of error pass.
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {most} bytes")
        return message

    return receive_bounded

"""Around every route of the board: security headers on each answer, and errors as answers people can read."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from schemas.api import Problem, WrongParameter
from services.board.same_origin import check_same_origin
from services.errors import Refused, Unavailable

RETRY_SECONDS = 5
"""When to come back while the database is away."""

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With `no-referrer` browsers would send the board's own forms with the origin `null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NO_STORE = "no-store"
"""Answers speak of people; no cache keeps them."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a request is not answered as asked."""

    status: int
    detail: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with which parameter."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase


Answer = Callable[[Request, Trouble], Response]


def guarded(answer: Answer, route: type[APIRoute] = APIRoute) -> type[APIRoute]:
    """A class of routes like `route` whose errors are answered by `answer`."""

    class Guarded(route):  # type: ignore[valid-type,misc]  # a class is handed in
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_guarded(request: Request) -> Response:
                try:
                    check_same_origin(request)
                    response: Response = await handle(request)
                except (RequestValidationError, HTTPException, Refused, Unavailable) as error:
                    response = answer(request, trouble(error))
                return secured(response)

            return handle_guarded

    return Guarded


def secured(response: Response) -> Response:
    """The response with the headers that every answer of the board bears."""
    for name, value in SECURITY_HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", NO_STORE)
    return response


def problem_document(request: Request, trouble: Trouble) -> Response:
    """The trouble as RFC 9457 has it."""
    problem = Problem(
        title=trouble.title,
        status=trouble.status,
        detail=trouble.detail,
        instance=request.url.path,
        errors=[WrongParameter(parameter=name, detail=text) for name, text in trouble.parameters.items()],
    )
    content = problem.model_dump(mode="json")
    return JSONResponse(content, trouble.status, dict(trouble.headers), media_type="application/problem+json")


def trouble(error: Exception) -> Trouble:
    """What an error means to whoever asked."""
    match error:
        case RequestValidationError():
            parameters = {_name(each["loc"]): _text(each) for each in error.errors()}
            detail = "; ".join(f"{name}: {text}" for name, text in parameters.items())
            return Trouble(HTTPStatus.UNPROCESSABLE_ENTITY, detail, parameters)
        case Refused():
            after = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
            return Trouble(error.status, str(error), headers=after)
        case Unavailable():
            text = "The database cannot be reached for now; nothing is lost. Try again in a moment."
            return Trouble(HTTPStatus.SERVICE_UNAVAILABLE, text, headers={"Retry-After": str(RETRY_SECONDS)})
        case HTTPException():
            return Trouble(error.status_code, str(error.detail), headers=error.headers or {})
        case _:
            raise error


def _name(place: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in place[1:]) or str(place[0])


def _text(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such parameter"
    return str(error["msg"]).removeprefix("Value error, ")

"""Tags of answers: who shows the one he has is told in a few bytes that nothing has changed.

An answer follows from the address, from what the store holds, and from the charters; one that is judged at the time of
day changes with that too. Its tag is weak, and good for a minute; that of an answer `as_of` an instant is strong.
"""

import hashlib
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from services.board.desk import Desk
from services.board.feedback_visitor import Visitor, VisitorOf
from services.domain.instants import SECOND

_GOOD_FOR = 60 * SECOND
"""As long as an open page shows the same at most: statuses follow within seconds, for the store changes with them."""
_UNTAGGED = frozenset({"/api/v1/stream"})


def tagged(desk: Desk, visitor_of: VisitorOf, route: type[APIRoute] = APIRoute) -> type[APIRoute]:
    """A class of routes like `route` whose answers to GET bear a tag, and are 304 to who shows it."""

    class Tagged(route):  # type: ignore[valid-type,misc]  # a class is handed in
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_tagged(request: Request) -> Response:
                if request.method != "GET" or request.url.path in _UNTAGGED:
                    untagged: Response = await handle(request)
                    return untagged
                # Asked for first: an answer is never older than its tag says.
                tag = await run_in_threadpool(tag_of, desk, request, visitor_of(request))
                if _is_shown(tag, request.headers.get("if-none-match", "")):
                    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
                answer: Response = await handle(request)
                answer.headers["ETag"] = tag
                return answer

            return handle_tagged

    return Tagged


def tag_of(desk: Desk, request: Request, visitor: Visitor) -> str:
    """The tag of the answer as it would be now. Raises Unavailable."""
    charters = [(each.version, each.effective_from) for each in desk.charters().versions]
    is_of_instant = "as_of" in request.query_params
    basis = [
        request.scope["path"],
        request.scope["query_string"],
        request.headers.get("accept", ""),
        visitor.name,
        [visitor.may(each) for each in ("see", "see_people")],
        desk.views.version(),
        charters,
        None if is_of_instant else desk.clock.now() // _GOOD_FOR,
    ]
    digest = hashlib.sha256(repr(basis).encode()).hexdigest()[:32]
    return f'"{digest}"' if is_of_instant else f'W/"{digest}"'


def _is_shown(tag: str, header: str) -> bool:
    """Whether the header has the tag, by the weak comparison of RFC 9110 (section 13.1.2)."""
    wanted = tag.removeprefix("W/")
    return header.strip() == "*" or any(
        each.strip().removeprefix("W/") == wanted for each in header.split(",") if each.strip()
    )

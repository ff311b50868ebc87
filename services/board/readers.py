"""Who reads a page: in which language, and where the page stands, so that it can be read in another one.

`?lang=pl` on any page asks for a language, which a cookie keeps; whoever never asked gets that of the browser.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from services.board.languages import ENGLISH, Language, choose, languages

PARAMETER = "lang"
COOKIE = "baton_language"
_A_YEAR = 365 * 24 * 3600
"""In seconds; browsers keep a cookie some 400 days at most."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader of one page."""

    language: Language = ENGLISH
    address: str = "/"
    """Path and query, without the language."""

    def in_language(self, code: str) -> str:
        """The address of this page in another language."""
        return f"{self.address}{'&' if '?' in self.address else '?'}{PARAMETER}={code}"


def reader_of(request: Request) -> Reader:
    """The reader of a request."""
    asked = getattr(request.state, "language", None)
    chosen = choose(asked, request.cookies.get(COOKIE), request.headers.get("accept-language", ""))
    path, query = request.url.path, request.url.query
    return Reader(chosen, f"{path}?{query}" if query else path)


Reading = Annotated[Reader, Depends(reader_of)]
"""The reader, as a parameter of a handler."""


def multilingual(route: type[APIRoute]) -> type[APIRoute]:
    """A class of routes that take `lang` out of the query and keep it, whatever other parameters a page has."""

    class Multilingual(route):  # type: ignore[valid-type,misc]  # a class is handed in
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_in_language(request: Request) -> Response:
                asked = _take_language(request)
                response: Response = await handle(request)
                if asked is not None:
                    response.set_cookie(COOKIE, asked, max_age=_A_YEAR, httponly=True, samesite="lax")
                return response

            return handle_in_language

    return Multilingual


def _take_language(request: Request) -> str | None:
    query = request.scope["query_string"].decode("latin-1")
    if f"{PARAMETER}=" not in query:
        return None
    pairs = parse_qsl(query, keep_blank_values=True)
    asked = next((value for name, value in pairs if name == PARAMETER and value in languages()), None)
    request.scope["query_string"] = urlencode([pair for pair in pairs if pair[0] != PARAMETER]).encode("latin-1")
    request.state.language = asked
    return asked

"""What the fakes of CRM clouds have in common: a Starlette app that counts what it is asked, and can be troublesome.

A fake of a CRM has its routes, written from the vendor's documentation, and gives them to `FakeCloud`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Sleeps:
    """Stands for `asyncio.sleep`: remembers how long was waited, and waits not at all."""

    slept: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


@dataclass
class FakeCloud:
    """A CRM's API behind one host."""

    routes: Sequence[BaseRoute]
    credential: str | None = None
    """What `credential_header` must say, else the answer is 401; None: anyone may ask."""
    credential_header: str = "authorization"
    base_url: str = "https://crm.test"
    token_path: str | None = None
    """Where `POST` gives a token, the only one that is good from then on."""
    token_scheme: str = "Bearer"
    calls: list[str] = field(default_factory=list)
    """Method, path and query of every request, those to `token_path` left out."""
    forms: list[dict[str, str]] = field(default_factory=list)
    """What was posted to `token_path`."""
    troubles: list[Response] = field(default_factory=list)
    """What the next requests are answered with, whatever they ask for."""

    def is_busy(self, retry_after: str = "7") -> None:
        """Answer the next request with 429."""
        headers = {"retry-after": retry_after} if retry_after else {}
        self.troubles.append(JSONResponse({"error": "rate_limited"}, 429, headers=headers))

    def is_broken(self, status: int = 500) -> None:
        """Answer the next request with an error of the server."""
        self.troubles.append(Response("<html>an error</html>", status, media_type="text/html"))

    def ends_the_token(self) -> None:
        """The token that was given is not good any more; the next one is."""
        self.credential = "ended"

    @property
    def app(self) -> ASGIApp:
        """The app, its own routes behind what all have in common."""
        routes = list(self.routes)
        if self.token_path is not None:
            routes.insert(0, Route(self.token_path, self._give_token, methods=["POST"]))
            self.credential = self.credential or "none given yet"
        app = Starlette(routes=routes)

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            trouble = self._trouble(Request(scope)) if scope["type"] == "http" else None
            await (trouble or app)(scope, receive, send)

        return watched

    @property
    def transport(self) -> httpx2.ASGITransport:
        """The way to it without a network."""
        return httpx2.ASGITransport(app=self.app)

    def _trouble(self, request: Request) -> Response | None:
        if request.url.path == self.token_path:
            return None
        query = f"?{request.url.query}" if request.url.query else ""
        self.calls.append(f"{request.method} {request.url.path}{query}")
        if self.troubles:
            return self.troubles.pop(0)
        if self.credential is not None and request.headers.get(self.credential_header) != self.credential:
            return JSONResponse({"error": "invalid_token"}, 401)
        return None

    async def _give_token(self, request: Request) -> Response:
        self.forms.append(dict(parse_qsl((await request.body()).decode(), keep_blank_values=True)))
        token = f"token-{len(self.forms)}"
        self.credential = f"{self.token_scheme} {token}"
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

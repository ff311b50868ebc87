"""Watches the HTTP requests of one app: how many, how long, answered with what; by the routes that it has, never by
paths.
"""

import time
from collections.abc import Iterator
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.domain.charter import OTHER
from services.metric_table import HTTP_CLASSES, HTTP_SECONDS
from services.ports import Tally


class Traffic:
    """What passes through one app."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._templates: dict[object, dict[str, str]] = {}
        """By the function that answers, the template of its route by method."""
        self.in_flight = 0

    def watch(self, app: FastAPI) -> None:
        """Watch an app from its first request on; routes may still be added, before that one comes."""
        app.add_middleware(_Watch, traffic=self, watched=app)

    def learn(self, app: FastAPI) -> None:
        """Note the routes, so that each is there before it is asked for."""
        for template, method, endpoint in _routes(app):
            methods = self._templates.setdefault(endpoint, {})
            methods.setdefault(method, template)
            self._tally.expect(HTTP_SECONDS.name, route=[methods[method]], method=[method], status=HTTP_CLASSES)
        self._tally.expect(HTTP_SECONDS.name, route=[OTHER], method=[OTHER], status=HTTP_CLASSES)

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Observe a request. One that no route is for is `other`, whatever it asked for."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        template = self._templates.get(scope.get("endpoint"), {}).get(method, OTHER)
        labels = {
            "route": template,
            "method": OTHER if template == OTHER else method,
            "status": f"{status // 100}xx",
        }
        self._tally.observe(HTTP_SECONDS.name, labels, seconds)


class _Watch:
    def __init__(self, app: ASGIApp, *, traffic: Traffic, watched: FastAPI) -> None:
        self._app = app
        self._traffic = traffic
        traffic.learn(watched)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        traffic, began = self._traffic, time.perf_counter()
        is_answered = False

        def note(status: int) -> None:
            nonlocal is_answered
            if not is_answered:
                is_answered = True
                traffic.answered(scope, status, time.perf_counter() - began)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                note(message["status"])
            await send(message)

        traffic.in_flight += 1
        try:
            await self._app(scope, receive, sent)
        except Exception:
            note(HTTPStatus.INTERNAL_SERVER_ERROR)  # what is raised is answered so, further out
            raise
        finally:
            traffic.in_flight -= 1


def _routes(app: FastAPI) -> Iterator[tuple[str, str, object]]:
    """Template, method and answering function of every route; HEAD goes with GET."""
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            if method != "HEAD":
                yield str(route.path_format), method, route.endpoint

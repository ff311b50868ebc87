"""`/metrics`: rendered in a thread, so that a large page holds nobody up."""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.errors import Unavailable
from services.metrics.text import CONTENT_TYPE


def add_routes(app: FastAPI, page: Callable[[], bytes]) -> None:
    """Add the route. While the store is away it answers 503, and Prometheus shows the target as down."""

    async def metrics(_request: Request) -> Response:
        try:
            return Response(await run_in_threadpool(page), headers={"content-type": CONTENT_TYPE})
        except Unavailable as error:
            return PlainTextResponse(f"{error}\n", 503)

    app.router.routes.append(Route("/metrics", metrics))

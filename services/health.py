"""`/healthz` (the process answers) and `/readyz` (everything that it needs is there, or what is not)."""

from collections.abc import Callable, Mapping

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.errors import Unavailable

Check = Callable[[], None]
"""Raises Unavailable with the reason."""


def add_routes(app: FastAPI, checks: Mapping[str, Check]) -> None:
    """Add both routes; `checks` by the name of what they look at."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        found = {name: await run_in_threadpool(_result, check) for name, check in checks.items()}
        ready = all(result == "ok" for result in found.values())
        return JSONResponse({"status": "ok" if ready else "not ready", "checks": found}, 200 if ready else 503)

    app.router.routes += [Route("/healthz", healthz), Route("/readyz", readyz)]


def _result(check: Check) -> str:
    try:
        check()
    except Unavailable as error:
        return str(error)
    return "ok"

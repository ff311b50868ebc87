"""What serves a service over HTTP until it is told to stop: for `baton up` and for each service alone."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import uvicorn

from services.errors import UsageError
from services.settings import Settings

if TYPE_CHECKING:
    from services.wiring.service import Service

_LAST_REQUESTS_SECONDS = 5
"""What open requests get to end, once a stop is asked for; the board's live streams end then."""


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """The socket to serve on. Raises UsageError where it cannot be had, or would be open to others."""
    if not settings.allow_open and not _is_loopback(settings.host):
        raise UsageError(
            f"--host {settings.host}: there is no sign-in, so Baton listens on this machine only (127.0.0.1); behind "
            "a proxy that signs people in, set BATON_ALLOW_OPEN=true"
        )
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        sock = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise UsageError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; try --port") from None
    with sock:
        # Connections take it over. asyncio sets it on sockets that say they are TCP, which ours do not; without it an
        # answer's body waits for the acknowledgement of its head, which Linux holds back for 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sock


def url_of(settings: Settings, sock: socket.socket) -> str:
    """Where it answers on this machine."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{sock.getsockname()[1]}"


async def serve(
    service: "Service", sock: socket.socket, besides: Callable[[], Coroutine[Any, Any, None]] | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, or until a part fails (which is raised); `besides` runs along."""
    server = _Server(uvicorn.Config(service.app, log_config=None, timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, service.reload_charter)
    parts = [asyncio.create_task(service.run(stop)), asyncio.create_task(server.serve(sockets=[sock]))]
    if besides is not None:
        parts.append(asyncio.create_task(besides()))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([*parts[:2], stopped], return_when=asyncio.FIRST_COMPLETED)
    for task in parts[2:]:
        task.cancel()
    # Whoever waits for an answer gets it before the judging ends.
    service.end_streams()
    server.should_exit = True
    await asyncio.wait([parts[1]])
    stop.set()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*parts, stopped)


class _Server(uvicorn.Server):
    """Leaves signals to us: the tracker has to end as well."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

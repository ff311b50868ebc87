"""`baton up`: everything in one process, until it is told to stop."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import uvicorn

from services import logs
from services.errors import UsageError
from services.settings import Settings, read_settings

if TYPE_CHECKING:
    from services.wiring import Embedded

app = typer.Typer()

_LAST_REQUESTS_SECONDS = 5
"""What open requests get to end, once a stop is asked for; the board's live streams end then."""


@app.command()
def up(
    charter: Annotated[Path | None, typer.Option(help="A charter, or a folder of its versions")] = None,
    data: Annotated[Path | None, typer.Option(help="The folder of log and database (default: baton-data)")] = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on (default: 127.0.0.1)")] = None,
    port: Annotated[int | None, typer.Option(help="The port (default: 8700); 0 takes a free one")] = None,
) -> None:
    """Run gateway, tracker, board and alerts in one process."""
    from services.wiring import Embedded  # here, for it loads every service: `baton replay` starts in half the time

    settings = read_settings(charter=charter, data=data, host=host, port=port)
    logs.set_up(settings.log_level)
    with listening(settings) as sock:
        url = settings.public_url or f"http://{settings.host}:{sock.getsockname()[1]}"
        embedded = Embedded(settings, board_url=url)
        try:
            typer.echo(f"Baton is at {url} (data in {settings.data})", err=True)
            asyncio.run(serve(embedded, sock))
        finally:
            embedded.close()


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
        yield sock


async def serve(
    embedded: "Embedded", sock: socket.socket, besides: Callable[[], Coroutine[Any, Any, None]] | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, or until a part fails (which is raised); `besides` runs along."""
    server = _Server(uvicorn.Config(embedded.app, log_config=None, timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, embedded.reload_charter)
    parts = [asyncio.create_task(embedded.run(stop)), asyncio.create_task(server.serve(sockets=[sock]))]
    if besides is not None:
        parts.append(asyncio.create_task(besides()))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([*parts[:2], stopped], return_when=asyncio.FIRST_COMPLETED)
    for task in parts[2:]:
        task.cancel()
    # Whoever waits for an answer gets it before the judging ends.
    embedded.end_streams()
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

"""`baton gateway`, `tracker`, `board`, `notifier`: one service alone, for the distributed deployment."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services import logs
from services.cli.serving import listening, serve, url_of
from services.settings import Settings, read_settings

if TYPE_CHECKING:
    from services.wiring.service import Service

app = typer.Typer()

Host = Annotated[str | None, typer.Option(help="The address to listen on (default: 127.0.0.1)")]
Port = Annotated[int | None, typer.Option(help="The port (default: 8700); 0 takes a free one")]


@app.command()
def gateway(
    data: Annotated[Path | None, typer.Option(help="The folder of its spool and quarantine, its own alone")] = None,
    host: Host = None,
    port: Port = None,
) -> None:
    """Take webhooks in, to Kafka; while Kafka is away, to a spool on the disk."""
    from services.wiring.gateway import GatewayService  # here, for it loads every service

    _run("gateway", read_settings(data=data, host=host, port=port), lambda it, url: GatewayService(it, url=url))


@app.command()
def tracker(
    charter: Annotated[Path | None, typer.Option(help="A charter, or a folder of its versions")] = None,
    host: Host = None,
    port: Port = None,
) -> None:
    """Judge the partitions of Kafka that it shares with other trackers."""
    from services.wiring.tracker import TrackerService

    _run("tracker", read_settings(charter=charter, host=host, port=port), lambda it, url: TrackerService(it, url=url))


@app.command()
def board(host: Host = None, port: Port = None) -> None:
    """Show both teams the same pages, with the API and the metrics of the database."""
    from services.wiring.board import BoardService

    _run("board", read_settings(host=host, port=port), lambda it, url: BoardService(it, url=url))


@app.command()
def notifier(host: Host = None, port: Port = None) -> None:
    """Deliver alerts, and what changes to other topics; one works, further ones stand by."""
    from services.wiring.notifier import NotifierService

    _run("notifier", read_settings(host=host, port=port), lambda it, url: NotifierService(it, url=url))


def _run(name: str, settings: Settings, build: Callable[[Settings, str], "Service"]) -> None:
    logs.set_up(settings.log_level)
    with listening(settings) as sock:
        url = url_of(settings, sock)
        service = build(settings, url)
        try:
            typer.echo(f"Baton's {name} is at {url}", err=True)
            asyncio.run(serve(service, sock))
        finally:
            service.close()

"""`baton up`: everything in one process, until it is told to stop."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from services import logs
from services.cli.serving import listening, serve, url_of
from services.settings import read_settings

app = typer.Typer()


@app.command()
def up(
    charter: Annotated[Path | None, typer.Option(help="A charter, or a folder of its versions")] = None,
    data: Annotated[Path | None, typer.Option(help="The folder of log and database (default: baton-data)")] = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on (default: 127.0.0.1)")] = None,
    port: Annotated[int | None, typer.Option(help="The port (default: 8700); 0 takes a free one")] = None,
) -> None:
    """Run gateway, tracker, board and alerts in one process."""
    from services.wiring.embedded import (
        Embedded,
    )  # here, for it loads every service: `baton replay` starts in half the time

    settings = read_settings(charter=charter, data=data, host=host, port=port)
    logs.set_up(settings.log_level)
    with listening(settings) as sock:
        url = settings.public_url or url_of(settings, sock)
        embedded = Embedded(settings, board_url=url)
        try:
            typer.echo(f"Baton is at {url} (data in {settings.data})", err=True)
            asyncio.run(serve(embedded, sock))
        finally:
            embedded.close()

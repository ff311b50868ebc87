"""`baton pull`: changes of a CRM, from where it streams them, into the log."""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services import logs
from services.settings import Settings, read_settings

if TYPE_CHECKING:
    from services.wiring.pull import Ended

app = typer.Typer(help="Pull changes from CRMs that stream them.", no_args_is_help=True)


@app.callback()
def pull() -> None:
    """Pull changes from CRMs that stream them."""


@app.command()
def salesforce(
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE|-|kafka://HOST:PORT/TOPIC",
            help="Change events as JSON, one a line (also gzipped) or a record; left out: Salesforce's Pub/Sub API",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The folder of the log (default: baton-data), its own alone")
    ] = None,
) -> None:
    """Pull Salesforce's change events. Where it is one process, stop Baton first, or have it pull by itself.

    A file is read to its end; exit 1 when some of it could not be used, and is a dead letter. A topic or the Pub/Sub
    API is pulled until SIGTERM.
    """
    settings = read_settings(data=data)
    logs.set_up(settings.log_level)
    typer.echo(f"Baton pulls from {from_ or settings.salesforce_pubsub} (data in {settings.data})", err=True)
    ended = asyncio.run(_pull(settings, from_))
    counts = ended.counts
    typer.echo(
        f"{counts.events} events, {counts.ignored} changes without meaning, {counts.dead_letters} dead letters"
        + ("" if ended.is_whole else "; told to stop"),
        err=True,
    )
    is_endless = from_ is None or from_.startswith("kafka://")
    if not is_endless and (counts.dead_letters or not ended.is_whole):
        raise typer.Exit(1)


async def _pull(settings: Settings, source: str | None) -> "Ended":
    from services.wiring.pull import pull_salesforce  # here, because it loads the storage: `baton --help` needs none

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await pull_salesforce(settings, source, stop)

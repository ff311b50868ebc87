"""`baton demo`: `up` on a fresh directory, with a day of two teams played into the gateway, time-lapsed."""

import asyncio
import secrets
import shutil
import signal
import socket
import tempfile
from base64 import b64encode
from datetime import UTC, datetime, time, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services import logs
from services.cli.serving import listening, serve
from services.demo.leads import make_up, read_olist
from services.demo.player import Secrets, play
from services.demo.story import Delivery, Story
from services.domain.instants import format_instant, from_datetime
from services.settings import read_settings

if TYPE_CHECKING:
    from services.wiring.embedded import Embedded

app = typer.Typer()

_BEGINS = time(6, 30, tzinfo=UTC)  # the desk of the demo's charter opens an hour or half before, by the season
_TOLD_EVERY = 25


@app.command()
def demo(
    leads: Annotated[
        Path | None, typer.Option(help="A folder with Olist's marketing funnel; else leads are made up")
    ] = None,
    port: Annotated[int | None, typer.Option(help="The port (default: 8700); 0 takes a free one")] = None,
    speed: Annotated[float, typer.Option(min=1, max=3600, help="Seconds of the demo's time in a real one")] = 300,
    seconds: Annotated[float | None, typer.Option(help="End after so many real seconds")] = None,
) -> None:
    """Show Baton at work: signed CRM webhooks over HTTP, a day in a few minutes. Nothing is kept."""
    from services.wiring.embedded import (
        Embedded,
    )  # here, for it loads every service: `baton replay` starts in half the time

    start = from_datetime(datetime.combine(datetime.now(UTC).date() - timedelta(days=1), _BEGINS))
    sent_by = Secrets(hubspot=secrets.token_hex(16), cloudevents="whsec_" + b64encode(secrets.token_bytes(32)).decode())
    story = Story(read_olist(leads) if leads is not None else make_up(), start)
    folder = Path(tempfile.mkdtemp(prefix="baton-demo-"))
    try:
        with as_file(files("services.demo") / "charter.yaml") as charter:
            settings = read_settings(
                charter=charter,
                data=folder,
                port=port,
                host="127.0.0.1",
                lapse_start=format_instant(start),
                lapse_speed=speed,
                hubspot_secrets=sent_by.hubspot,
                cloudevents_secrets=sent_by.cloudevents,
            )
            logs.set_up("warning")
            with listening(settings) as sock:
                url = f"http://127.0.0.1:{sock.getsockname()[1]}"
                embedded = Embedded(settings, board_url=url, asks_apis=False)
                try:
                    _welcome(url, speed)
                    asyncio.run(_run(embedded, sock, url, story, sent_by, seconds))
                finally:
                    embedded.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _welcome(url: str, speed: float) -> None:
    typer.echo(f"The board is at {url} - one second here is {speed / 60:g} minutes of the demo's day.")
    typer.echo("Watch leads being handed over, called, forgotten, alerted and corrected. Ctrl+C ends it.")


async def _run(
    embedded: "Embedded", sock: socket.socket, url: str, story: Story, sent_by: Secrets, seconds: float | None
) -> None:
    sent = 0

    def tell(_delivery: Delivery) -> None:
        nonlocal sent
        sent += 1
        if sent % _TOLD_EVERY == 0:
            typer.echo(f"{format_instant(embedded.clock.now())}  {sent} webhooks sent and acknowledged")

    async def playing() -> None:
        try:
            async with asyncio.timeout(seconds):
                await play(story, base_url=url, secrets=sent_by, clock=embedded.clock, sent=tell)
                await asyncio.Event().wait()  # the board stays open for whoever looks at it
        except TimeoutError:
            signal.raise_signal(signal.SIGTERM)  # as a user would end it: what is open comes to its end

    await serve(embedded, sock, playing)

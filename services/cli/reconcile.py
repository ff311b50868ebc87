"""`baton reconcile`: asks a CRM's API for what its webhooks missed."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from services.domain.durations import parse_duration
from services.domain.instants import SECOND, Instant, format_instant, parse_instant
from services.errors import UsageError
from services.settings import read_settings

app = typer.Typer()

_DAY_SECONDS = 86_400


@app.command()
def reconcile(
    crm: Annotated[str, typer.Argument(help="Such as hubspot; its API must be set up", metavar="CRM")],
    since: Annotated[
        str | None, typer.Option(help="A time (RFC 3339) or how long ago (90m, 6h, 2d); left out: since the last time")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The folder of log and database (default: baton-data)")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Take in what changed in a CRM and was missed. Where it is one process, stop Baton first."""
    begin = _since(since)
    settings = read_settings(data=data)
    from services.wiring.reconciling import reconcile as look  # here, as in `baton up`, because it loads every service

    with _progress(crm) as tell:
        done = asyncio.run(look(settings, crm, begin, tell))
    said = done.said
    if json_:
        document = {
            "crm": crm,
            "since": format_instant(done.since),
            "until": format_instant(done.until),
            "records": said.records,
            "new": said.new,
            "known": said.known,
            "bad": said.bad,
            "later": said.later,
        }
        print(json.dumps(document, indent=2))
        return
    print(
        f"{crm}, changed since {format_instant(done.since)}: {said.records:,} records read, {said.new:,} events new, "
        f"{said.known:,} known, {said.bad:,} records bad"
    )
    if said.bad:
        print("`baton dead-letters list` shows what could not be used, and why")
    if said.later:
        print(f"{said.later:,} records changed a moment ago: their webhooks are waited for, the next run reads them")


@contextmanager
def _progress(crm: str) -> Iterator[Callable[[int, int], None]]:
    """Shows on a terminal how far it is; how much there is, no API says."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"{crm}: asking its API", total=None)
        read = new = 0

        def tell(records: int, events: int) -> None:
            nonlocal read, new
            read, new = read + records, new + events
            progress.update(task, description=f"{crm}: {read:,} records read, {new:,} events new")

        yield tell


def _since(text: str | None) -> Callable[[Instant], Instant] | None:
    """From the present instant to the one that is meant. Raises UsageError."""
    if text is None:
        return None
    try:
        if "w" not in text and "T" not in text and "-" not in text:
            ago = parse_duration(text).total(_DAY_SECONDS) * SECOND
            return lambda now: max(0, now - ago)
        begin = parse_instant(text)
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None

    def checked(now: Instant) -> Instant:
        if begin > now:
            raise UsageError(f"--since: {text} is to come")
        return begin

    return checked

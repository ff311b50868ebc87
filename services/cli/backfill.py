"""`baton import`: brings a CRM's export files into history."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.cli.histories import progress_bar
from services.errors import UsageError
from services.settings import read_settings

app = typer.Typer()

CRMS = ("hubspot", "pipedrive", "salesforce")
"""Those of whose export files Baton has a map."""


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Export files, CSV", metavar="FILE...")],
    crm: Annotated[str, typer.Option(help=f"Whose: {', '.join(CRMS)}")],
    map: Annotated[Path | None, typer.Option(help="What their columns are; left out: the built-in map")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The zone of times without an offset, such as Europe/Warsaw; left out: the map's")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The folder of log and database (default: baton-data)")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
    strict: Annotated[bool, typer.Option(help="Exit 2 when a row is bad")] = False,
) -> None:
    """Bring export files of a CRM into history, once, however often. Where it is one process, stop Baton first."""
    if crm not in CRMS:
        raise UsageError(f"--crm {crm}: write one of {', '.join(CRMS)}")
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}")
    from services.wiring.backfill import import_files  # here, for it loads every adapter

    with progress_bar() as bar:
        advance = bar.stage("Importing", sum(path.stat().st_size for path in files))
        done = asyncio.run(
            import_files(
                read_settings(data=data),
                crm,
                files,
                map_file=map,
                timezone=timezone,
                report=_reported,
                progress=advance,
            )
        )
    if json_:
        print(json.dumps(done, indent=2))
    else:
        earlier = f", {done['earlier']:,} were in already" if done["earlier"] else ""
        counts = f"{done['events']:,} events, {done['meaningless']:,} mean nothing, {done['bad']:,} bad"
        print(f"{done['rows']:,} rows{earlier}: {counts}")
    if strict and done["bad"]:
        raise UsageError(f"{done['bad']} of {done['rows']} rows are bad (see above); --strict takes none")


def _reported(text: str) -> None:
    print(text, file=sys.stderr)

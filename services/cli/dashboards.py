"""`baton dashboards`: writes Grafana's dashboards for a charter."""

from pathlib import Path
from typing import Annotated

import typer

from services.charters import read_versions
from services.cli.histories import created
from services.dashboards import BOARD_URL
from services.dashboards import dashboards as dashboards_of
from services.errors import UsageError

app = typer.Typer()


@app.command()
def dashboards(
    charter: Annotated[Path, typer.Option(help="A charter; of a folder of its versions the newest counts")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write them")],
    board_url: Annotated[str, typer.Option(help="The board, to which panels lead")] = BOARD_URL,
) -> None:
    """Write Grafana's dashboards for a charter: joint view, handoff flow, service health."""
    texts = dashboards_of(read_versions(charter)[-1].charter, board_url)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out}: cannot be made: {error.strerror}") from None
    for name, text in texts.items():
        with created(out / name) as file:
            file.write(text)
        typer.echo(out / name)

"""`baton rules`: writes Prometheus rules, or OpenSLO documents, from a charter."""

from pathlib import Path
from typing import Annotated

import typer

from services.charters import read_charter
from services.cli.histories import created
from services.errors import UsageError
from services.rules import openslo_documents, rules_page
from services.rules.page import RUNBOOKS

app = typer.Typer()


@app.command()
def rules(
    charter: Annotated[Path, typer.Option(help="A charter file")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to this file instead")] = None,
    openslo: Annotated[bool, typer.Option("--openslo", help="Write OpenSLO v1 documents of the same clocks")] = False,
    runbooks: Annotated[
        str, typer.Option(metavar="URL", help="Where the alerts' pages are; a link is this and NAME.md")
    ] = RUNBOOKS,
) -> None:
    """Write Prometheus rules from a charter: attainment, budgets, and alerts whose factors its objectives allow."""
    if not runbooks.isprintable() or not runbooks.strip() or "{{" in runbooks:
        raise UsageError("--runbooks: write an address, such as https://wiki.example.com/baton/runbooks")
    checked = read_charter(charter).charter
    text = openslo_documents(checked) if openslo else rules_page(checked, runbooks.strip())
    if out is None:
        print(text, end="")
        return
    with created(out) as file:
        file.write(text)

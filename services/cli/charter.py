"""`baton charter`: check a charter file, show it as a page to sign, print the schema for editors."""

import json as json_module
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from schemas.charter import json_schema
from services.charters import CharterFile, read_charter, read_versions
from services.charters.page import make_page
from services.charters.show import as_html, as_markdown
from services.domain.charter import Side
from services.errors import CharterError, UsageError

app = typer.Typer(
    name="charter",
    help="Check, show and describe the charter that both teams sign.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

CharterPath = Annotated[Path, typer.Argument(metavar="FILE", help="A charter file.", show_default=False)]


@app.command()
def check(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="A charter file, or a folder with its versions.", show_default=False)
    ],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print every mistake in a charter, each with its line; exit 1 when there is one."""
    try:
        files = read_versions(path)
    except CharterError as error:
        if json:
            problems = [{"file": each.file, "line": each.line, "text": each.text} for each in error.problems]
            typer.echo(json_module.dumps({"ok": False, "problems": problems, "charters": []}, ensure_ascii=False))
        else:
            typer.echo(error, err=True)
        raise typer.Exit(1) from None
    if json:
        report = {"ok": True, "problems": [], "charters": [_summary(file) for file in files]}
        typer.echo(json_module.dumps(report, ensure_ascii=False))
        return
    for file in files:
        typer.echo(f"{file.path}: charter {file.charter.version} is fine{_draft(file)}")


@app.command()
def show(
    path: CharterPath,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="OUT", help="Write a printable page to this file instead.")
    ] = None,
) -> None:
    """Show a charter as a page that both teams can read and sign."""
    file = read_charter(path)
    zone = ZoneInfo(next(iter(file.document.calendars.values())).timezone)
    page = make_page(file.document, datetime.now(zone).date())
    if html is None:
        typer.echo(as_markdown(page), nl=False)
        return
    try:
        html.write_text(as_html(page), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{html}: cannot be written: {error.strerror}") from None


@app.command()
def schema() -> None:
    """Print the JSON Schema of a charter file, for editors."""
    typer.echo(json_module.dumps(json_schema(), indent=2, ensure_ascii=False))


def _missing(file: CharterFile) -> list[str]:
    return [str(side) for side in Side if side not in file.charter.agreed]


def _draft(file: CharterFile) -> str:
    missing = _missing(file)
    return f"; it is a draft, because {' and '.join(missing)} did not agree yet" if missing else ""


def _summary(file: CharterFile) -> dict[str, Any]:
    return {
        "file": str(file.path),
        "version": file.charter.version,
        "draft": file.charter.is_draft,
        "not_agreed": _missing(file),
    }

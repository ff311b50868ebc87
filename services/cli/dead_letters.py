"""`baton dead-letters` and `baton quarantine`: what could not be used, what was refused, and their return."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from services.cli.histories import console
from services.domain.instants import format_instant
from services.errors import UsageError
from services.settings import Settings, read_settings
from services.storage import DeadLetterRow
from services.views import Views

dead_letters = typer.Typer(help="Events that could not be used, and their return.", no_args_is_help=True)
quarantine = typer.Typer(help="Webhooks whose signature was refused.", no_args_is_help=True)

Data = Annotated[Path | None, typer.Option(help="The folder of log and database (default: baton-data)")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document")]

_PAGE = 500


@dead_letters.command("list")
def list_letters(data: Data = None, json_: AsJson = False) -> None:
    """List what waits, by id."""
    from services.wiring.operations import reading  # here, as in `baton up`, because it loads every service

    with reading(read_settings(data=data)) as views:
        letters = _all(views)
    if json_:
        print(json.dumps([_summary(letter) for letter in letters], indent=2))
        return
    table = Table("id", "crm", "reason", "received", "what is wrong", box=SIMPLE)
    table.columns[0].overflow = "fold"
    for letter in letters:
        table.add_row(letter.id, letter.crm, letter.reason, format_instant(letter.received_at), letter.detail)
    console().print(table if letters else "No dead letters.")


@dead_letters.command()
def show(letter_id: Annotated[str, typer.Argument(metavar="ID")], data: Data = None) -> None:
    """Show one whole, as it came."""
    from services.wiring.operations import reading

    with reading(read_settings(data=data)) as views:
        letter = _find(views, letter_id)
    print(json.dumps({**_summary(letter), "body": letter.body.decode("utf-8", errors="replace")}, indent=2))


@dead_letters.command()
def replay(
    letter_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that wait")] = False,
    data: Data = None,
) -> None:
    """Take dead letters in anew, with the mapping and the code of today. Where it is one process, stop Baton first."""
    if bool(letter_ids) is every:
        raise UsageError("say which: one or more ids, or --all")
    taken, still_bad = asyncio.run(_take_in(read_settings(data=data), letter_ids or ()))
    print(f"{taken} taken in, {still_bad} still cannot be used")
    if still_bad:
        raise typer.Exit(1)


@quarantine.command("list")
def list_held(data: Data = None, json_: AsJson = False) -> None:
    """List refused webhooks. Baton tries them again with its present secrets whenever it starts."""
    from services.wiring.operations import held_requests

    held = held_requests(read_settings(data=data))
    if json_:
        rows = [
            {"id": each.id, "crm": each.crm, "received_at": format_instant(each.received_at), "why": each.why}
            for each in held
        ]
        print(json.dumps(rows, indent=2))
        return
    table = Table("id", "crm", "received", "bytes", "why", box=SIMPLE)
    table.columns[0].overflow = "fold"
    for each in held:
        table.add_row(each.id, each.crm, format_instant(each.received_at), f"{len(each.body):,}", each.why)
    console().print(table if held else "Nothing was refused.")


async def _take_in(settings: Settings, letter_ids: Sequence[str]) -> tuple[int, int]:
    """Take in those letters, or all; how many could be used, and how many not."""
    from services.wiring.returning import returning

    async with returning(settings) as door:
        letters = [_find(door.views, each) for each in letter_ids] if letter_ids else _all(door.views)
        taken = [await door.take_in(letter) for letter in letters]
    return sum(taken), len(taken) - sum(taken)


def _find(views: Views, letter_id: str) -> DeadLetterRow:
    for letter in _all(views):
        if letter.id == letter_id:
            return letter
    raise UsageError(f"no dead letter has the id {letter_id!r}; `baton dead-letters list` shows them")


def _all(views: Views) -> list[DeadLetterRow]:
    letters: list[DeadLetterRow] = []
    while page := views.dead_letters(letters[-1].id if letters else None, _PAGE):
        letters += page
    return letters


def _summary(letter: DeadLetterRow) -> dict[str, str]:
    return {
        "id": letter.id,
        "crm": letter.crm,
        "reason": letter.reason,
        "detail": letter.detail,
        "received_at": format_instant(letter.received_at),
    }

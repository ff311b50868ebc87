"""`baton crm`: which CRMs are set up, what a captured webhook would become, and one sent as the CRM would send it."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table

from services.cli.histories import console
from services.domain.instants import Instant, format_exact, parse_instant
from services.errors import UsageError
from services.settings import read_settings
from services.translate import to_wire

if TYPE_CHECKING:
    from services.ports import Reference
    from services.wiring.crm import Part, Tested

app = typer.Typer(help="The CRMs that send webhooks.", no_args_is_help=True)

Crm = Annotated[str, typer.Argument(metavar="CRM", help="hubspot, salesforce, ..., or cloudevents")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document")]


@app.command("list")
def list_crms(json_: AsJson = False) -> None:
    """List the CRMs, what is set up for each, and where each calls."""
    from services.wiring.crm import doors  # here, as in `baton up`, because it loads every service

    found = doors(read_settings())
    if json_:
        rows = [
            {
                "crm": door.crm,
                "address": door.address,
                "secrets": door.secrets,
                "settings": door.settings,
                "mapping": door.mapping,
                "api": door.api,
            }
            for door in found
        ]
        print(json.dumps(rows, indent=2))
        return
    table = Table("crm", "address", "secrets", "mapping", "API", box=SIMPLE)
    for door in found:
        secrets = "set" if door.secrets else "not set"
        table.add_row(
            door.crm, door.address, secrets, door.mapping or "needs none", "set up" if door.api else "not set up"
        )
    console().print(table)
    for door in found:
        if not door.secrets:
            print(f"{door.crm}: give it a secret in {door.settings}")


@app.command("test")
def try_out(
    crm: Crm,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The body as it came; - reads it from stdin")],
    mapping: Annotated[
        Path | None, typer.Option(help="The mapping to try (default: that of the settings, or the built-in one)")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A header that came with it, where it matters")
    ] = None,
    json_: AsJson = False,
) -> None:
    """Show what a captured webhook would become, and which line of the mapping says so; exit 1 when a part is bad."""
    from services.wiring.crm import tested

    done = tested(read_settings(), crm, _body(file), _headers(header or ()), mapping)
    if json_:
        print(json.dumps(_document(done), indent=2, ensure_ascii=False))
    else:
        _print(done)
    if not done.usable:
        raise typer.Exit(1)


@app.command()
def send(
    crm: Crm,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The body; left out: one lead handed off now")
    ] = None,
    url: Annotated[str, typer.Option(help="The gateway")] = "http://127.0.0.1:8700",
    at: Annotated[str | None, typer.Option(help="The instant at which it is signed (RFC 3339); left out: now")] = None,
) -> None:
    """Sign a webhook as the CRM would, with the first secret that is set, and post it; exit 1 when it is refused."""
    from services.wiring.crm import sent

    answer = sent(read_settings(), crm, _body(file) if file is not None else None, url, _instant(at))
    print(f"{answer.url}: {answer.status}")
    print(answer.answer)
    if answer.status >= 300:
        raise typer.Exit(1)


def _body(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None


def _headers(given: Sequence[str]) -> dict[str, str]:
    headers = {}
    for each in given:
        name, is_one, value = each.partition("=")
        if not is_one or not name.strip():
            raise UsageError(f"--header {each}: write NAME=VALUE")
        headers[name.strip().lower()] = value.strip()
    return headers


def _instant(text: str | None) -> Instant | None:
    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise UsageError(f"--at: {error}") from None


def _print(done: "Tested") -> None:
    if done.mapping is not None:
        print(f"mapping: {done.mapping}")
    if done.bad is not None:
        print(f"bad as a whole: it would be one dead letter, {done.bad.reason}: {done.bad}")
    for number, part in enumerate(done.parts, 1):
        print(f"part {number} of {len(done.parts)}")
        for line in _lines(done, part):
            print(f"  {line}")


def _lines(done: "Tested", part: "Part") -> list[str]:
    if part.bad is not None:
        return [f"bad: it would be a dead letter, {part.bad.reason}: {part.bad}"]
    lines = []
    for each in part.meant:
        event = each.event
        subject = event.lead or "(no lead yet)"
        lines.append(f"{event.type.wire}  {subject}  {format_exact(event.time)}")
        lines.append(f"  id    {event.id}")
        if event.data:
            lines.append(f"  data  {json.dumps(event.data, ensure_ascii=False)}")
        lines += [f"  from  {done.where(place)}" for place in each.places]
    for silent in part.unmeant:
        where = f" ({done.where(silent.place)})" if silent.place is not None else ""
        lines.append(f"means nothing: {silent.what}: {silent.why}{where}")
    lines += [f"lacking, to be asked of the API: {_told(each)}" for each in part.lacking]
    lines += [f"thin, the API could tell more: {_told(each)}" for each in part.thin]
    return lines


def _told(wanted: "Reference") -> str:
    return f"{wanted.object} {wanted.id}" if wanted.id else f"every {wanted.object} that changed"


def _document(done: "Tested") -> dict[str, Any]:
    bad = done.bad
    return {
        "mapping": done.mapping,
        "bad": {"reason": bad.reason, "detail": str(bad)} if bad is not None else None,
        "parts": [_part(done, part) for part in done.parts],
    }


def _part(done: "Tested", part: "Part") -> dict[str, Any]:
    return {
        "events": [
            {"event": to_wire(each.event), "from": [done.where(place) for place in each.places]} for each in part.meant
        ],
        "means_nothing": [
            {"what": each.what, "why": each.why, "at": done.where(each.place) if each.place is not None else None}
            for each in part.unmeant
        ],
        "lacking": [[each.object, each.id] for each in part.lacking],
        "thin": [[each.object, each.id] for each in part.thin],
        "bad": {"reason": part.bad.reason, "detail": str(part.bad)} if part.bad is not None else None,
    }

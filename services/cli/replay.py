"""`baton replay`: judges a history from files and prints what it comes to."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from services.charters.files import load_charters
from services.cli.histories import Bar, console, created, parse_until, progress_bar, read_files, without_collector
from services.domain.charter import Charters
from services.domain.clocks import Status
from services.domain.instants import Instant, format_instant
from services.errors import UsageError
from services.replay.history import History
from services.replay.judge import Summary, judge, percentile
from services.replay.report import as_json, clocks_writer

app = typer.Typer()


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="JSON Lines or CSV, also gzipped", metavar="FILE...")],
    charter: Annotated[Path, typer.Option(help="A charter, or a folder of its versions")],
    map: Annotated[Path | None, typer.Option(help="What the columns of CSV files mean")] = None,
    until: Annotated[
        str | None, typer.Option(help="Judge at this instant (RFC 3339); left out: the last event's")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
    clocks_csv: Annotated[Path | None, typer.Option(help="Write every instance of every clock to this file")] = None,
    strict: Annotated[bool, typer.Option(help="Exit 2 when a line is bad")] = False,
) -> None:
    """Judge a history by a charter: what was kept, what was missed, how long it took."""
    charters = load_charters(charter, whole_history_if_single=True)
    until_instant = parse_until(until)
    with without_collector(), progress_bar() as bar:
        history = read_files(files, map, until_instant, bar)
        as_of = until_instant if until_instant is not None else history.last_time
        summary = _judge(history, charters, as_of, clocks_csv, bar)
    version = " ".join(each.version for each in charters.versions)
    if json_:
        print(json.dumps(as_json(version, history, summary), indent=2, ensure_ascii=False))
    else:
        _print(version, history, summary)
    if strict and history.bad:
        raise UsageError(f"{history.bad} of {history.read} lines are bad (see above); --strict takes none")


def _judge(history: History, charters: Charters, as_of: Instant, clocks_csv: Path | None, bar: Bar) -> Summary:
    advance = bar.stage("Judging", len(history.leads))
    if clocks_csv is None:
        return judge(history, charters, as_of=as_of, progress=advance)
    with created(clocks_csv) as out:
        return judge(history, charters, as_of=as_of, each=clocks_writer(out, as_of), progress=advance)


def _print(version: str, history: History, summary: Summary) -> None:
    out = console()
    out.print(f"Charter [bold]{version}[/], judged at {format_instant(summary.as_of)}")
    out.print(
        f"{history.read:,} events read, {summary.used:,} used, {summary.duplicate:,} duplicate, "
        f"{history.ignored_after_until:,} later, {history.bad:,} bad; {summary.leads:,} leads"
    )
    if history.unmapped_rows:
        out.print(f"{history.unmapped_rows:,} rows mean nothing by the map")
    out.print(_clocks_table(summary))
    out.print(_handoffs_table(summary))


def _clocks_table(summary: Summary) -> Table:
    table = Table(title="Promises", title_justify="left", box=SIMPLE)
    for name in ("promise", "owed by"):
        table.add_column(name)
    for name in ("kept", "met", "missed", "overdue", "open", "cancelled", "median", "90 %"):
        table.add_column(name, justify="right")
    for name, tally in summary.clocks.items():
        seconds = sorted(tally.seconds)
        counts = tally.by_status
        still_open = counts[Status.RUNNING] + counts[Status.AT_RISK] + counts[Status.PAUSED]
        table.add_row(
            name,
            tally.promised_by,
            "-" if tally.attainment is None else f"{tally.attainment:.1%}",
            *(f"{counts[each]:,}" for each in (Status.MET, Status.MISSED, Status.OVERDUE)),
            f"{still_open:,}",
            f"{counts[Status.CANCELLED]:,}",
            *(_duration(percentile(seconds, share)) for share in (0.5, 0.9)),
        )
    return table


def _handoffs_table(summary: Summary) -> Table:
    table = Table(title="Handoffs by source", title_justify="left", box=SIMPLE)
    table.add_column("source")
    for name in ("opened", "accepted", "rejected", "touched", "won", "of opened", "lost", "win rate"):
        table.add_column(name, justify="right")
    rows = sorted(summary.handoffs_by_source.items(), key=lambda item: -item[1].opened)
    for name, tally in [*rows, ("all", summary.handoffs)]:
        closed = tally.won + tally.lost
        numbers = (tally.opened, tally.accepted, tally.rejected, tally.touched, tally.won)
        table.add_row(
            name,
            *(f"{each:,}" for each in numbers),
            f"{tally.won / tally.opened:.1%}" if tally.opened else "-",
            f"{tally.lost:,}",
            f"{tally.won / closed:.1%}" if closed else "-",
        )
    return table


def _duration(seconds: int | None) -> str:
    if seconds is None:
        return "-"
    hours, rest = divmod(seconds, 3600)
    return f"{hours}h{rest // 60:02d}m" if hours else f"{rest // 60}m{rest % 60:02d}s"

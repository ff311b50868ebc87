"""`baton whatif`: judges a history under two charters and prints them side by side."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.charters.files import load_charters
from services.cli.histories import Bar, console, created, parse_until, progress_bar, read_files, without_collector
from services.domain.charter import Charters
from services.domain.clocks import Status
from services.domain.instants import Instant, format_instant
from services.replay.history import History
from services.replay.judge import percentile
from services.whatif import words
from services.whatif.alerts import KINDS
from services.whatif.compare import Change, ClockOutcome, Comparison, compare
from services.whatif.page import CHANGES_SHOWN, Names, as_html
from services.whatif.report import SHARES, WEEKDAYS, Changes, alerts_by_week, as_json, leads_writer

app = typer.Typer()

_WEEKS_SHOWN = 12
_HOURS = [f"{hour:02d}h" for hour in range(24)]


@app.command()
def whatif(
    files: Annotated[list[Path], typer.Argument(help="JSON Lines or CSV, also gzipped", metavar="FILE...")],
    charter: Annotated[Path, typer.Option(help="Charter A, or a folder of its versions")],
    against: Annotated[Path, typer.Option(help="Charter B, or a folder of its versions; a draft will do")],
    map: Annotated[Path | None, typer.Option(help="What the columns of CSV files mean")] = None,
    until: Annotated[
        str | None, typer.Option(help="Judge at this instant (RFC 3339); left out: the last event's")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
    html: Annotated[Path | None, typer.Option(metavar="OUT", help="Write a printable page to this file")] = None,
    leads_csv: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write every promise that comes out otherwise to this file")
    ] = None,
) -> None:
    """Judge a history under two charters, side by side: what would another promise have meant?"""
    a = load_charters(charter, whole_history_if_single=True)
    b = load_charters(against, whole_history_if_single=True)
    instant = parse_until(until)
    changes = Changes(keep=None if json_ else CHANGES_SHOWN)
    with without_collector(), progress_bar() as bar:
        history = read_files(files, map, instant, bar)
        with _out(leads_csv) as rows, _out(html) as page:
            comparison = _compare(history, a, b, instant, _sink(changes, rows), bar)
            names = Names(f"{comparison.a.version} ({charter.name})", f"{comparison.b.version} ({against.name})")
            if page is not None:
                page.write(as_html(names, history, comparison, changes))
    if json_:
        print(json.dumps(as_json(history, comparison, changes), indent=2, ensure_ascii=False))
    else:
        _print(console(), names, history, comparison, changes)


def _out(path: Path | None) -> AbstractContextManager[TextIO | None]:
    return nullcontext() if path is None else created(path)


def _sink(changes: Changes, rows: TextIO | None) -> Callable[[Change], None]:
    """What takes in each instance that comes out otherwise."""
    if rows is None:
        return changes.add
    write = leads_writer(rows)

    def add(change: Change) -> None:
        changes.add(change)
        write(change)

    return add


def _compare(
    history: History, a: Charters, b: Charters, until: Instant | None, changed: Callable[[Change], None], bar: Bar
) -> Comparison:
    advance = bar.stage("Judging twice", len(history.leads))
    as_of = until if until is not None else history.last_time
    return compare(history, a, b, as_of=as_of, changed=changed, progress=advance)


def _print(out: Console, names: Names, history: History, comparison: Comparison, changes: Changes) -> None:
    out.print(f"A is charter [bold]{escape(names.a)}[/], B is [bold]{escape(names.b)}[/]")
    out.print(
        f"{history.read:,} events read, {comparison.used:,} used, {comparison.duplicate:,} duplicate, "
        f"{history.ignored_after_until:,} later, {history.bad:,} bad; {comparison.leads:,} leads, "
        f"judged at {format_instant(comparison.as_of)}"
    )
    if history.unmapped_rows:
        out.print(f"{history.unmapped_rows:,} rows mean nothing by the map")
    a, b = comparison.a.alerts, comparison.b.alerts
    out.print(_clocks(comparison))
    out.print(_objectives(comparison))
    out.print(_kinds(comparison))
    out.print(_weeks(comparison))
    out.print(_across(f"Alerts by weekday, {comparison.zone}", WEEKDAYS, a.weekdays, b.weekdays))
    out.print(_across(f"Alerts by hour of the day, {comparison.zone}", _HOURS[:12], a.hours[:12], b.hours[:12]))
    out.print(_across(None, _HOURS[12:], a.hours[12:], b.hours[12:]))
    if not changes.total:
        out.print("0 promises come out otherwise")
        return
    out.print(_turns(changes))
    out.print(_changed(changes))


def _table(title: str | None, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE)
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, justify="right")
    return table


def _clocks(comparison: Comparison) -> Table:
    numbers = ("kept", "met", "missed", "overdue", "open", "cancelled", "median", "90 %", "99 %")
    table = _table("Promises", ("promise", ""), numbers)
    for name, side, clock in _sides(comparison):
        table.add_row(name, side, *(("not in it",) if clock is None else _numbers(clock)))
    return table


def _numbers(clock: ClockOutcome) -> tuple[str, ...]:
    counts = clock.tally.by_status
    seconds = sorted(clock.tally.seconds)
    return (
        words.percent(clock.tally.attainment),
        *(f"{counts[each]:,}" for each in (Status.MET, Status.MISSED, Status.OVERDUE)),
        f"{counts[Status.RUNNING] + counts[Status.AT_RISK] + counts[Status.PAUSED]:,}",
        f"{counts[Status.CANCELLED]:,}",
        *(words.duration(percentile(seconds, share)) for share in SHARES),
    )


def _objectives(comparison: Comparison) -> Table:
    table = _table("Objectives", ("promise", "", "within"), ("objective", "kept", "reached", "break-even"))
    for name, side, clock in _sides(comparison):
        table.add_row(name, side, *(("not in it",) if clock is None else _promise(clock)))
    return table


def _promise(clock: ClockOutcome) -> tuple[str, ...]:
    return (
        ", ".join(words.targets(clock)),
        words.objective(clock.objective),
        words.percent(clock.tally.attainment),
        words.reached(clock),
        words.duration(clock.break_even()),
    )


def _sides(comparison: Comparison) -> Iterator[tuple[str, str, ClockOutcome | None]]:
    for name in comparison.clocks:
        yield escape(name), "A", comparison.a.clocks.get(name)
        yield "", "B", comparison.b.clocks.get(name)


def _kinds(comparison: Comparison) -> Table:
    a, b = comparison.a.alerts, comparison.b.alerts
    table = _table("Alerts", ("kind",), ("A", "B", "difference"))
    for kind in KINDS:
        table.add_row(kind.replace("_", " "), *_difference(a.kinds[kind], b.kinds[kind]))
    table.add_row("all", *_difference(a.total, b.total))
    return table


def _difference(a: int, b: int) -> tuple[str, str, str]:
    return f"{a:,}", f"{b:,}", f"{b - a:+,}" if a != b else "0"


def _weeks(comparison: Comparison) -> Table:
    weeks = alerts_by_week(comparison)
    earlier = len(weeks) - _WEEKS_SHOWN
    table = _table(f"Alerts per ISO week, {comparison.zone}", ("week",), ("A", "B", "difference"))
    for week, a, b in weeks[-_WEEKS_SHOWN:]:
        table.add_row(week, *_difference(a, b))
    if earlier > 0:
        table.caption, table.caption_justify = f"and {earlier:,} before; --json has all", "left"
    return table


def _across(title: str | None, labels: Sequence[str], a: Sequence[int], b: Sequence[int]) -> Table:
    table = _table(title, ("",), tuple(labels))
    for side, numbers in (("A", a), ("B", b)):
        table.add_row(side, *(f"{number:,}" for number in numbers))
    return table


def _turns(changes: Changes) -> Table:
    table = _table(f"{changes.total:,} promises come out otherwise", ("promise", "A", "B"), ("how many",))
    for (clock, a, b), count in changes.turns.most_common():
        table.add_row(escape(clock), words.word(a), words.word(b), f"{count:,}")
    return table


def _changed(changes: Changes) -> Table:
    left = ("lead", "promise", "number", "A", "due under A", "B", "due under B")
    table = _table(f"The first {len(changes.kept)} of them", left, ())
    for change in changes.kept:
        a, b = change.a, change.b
        cells = (words.status(a), words.due(a), words.status(b), words.due(b))
        table.add_row(escape(change.lead), escape(change.clock), str(change.number), *cells)
    more = changes.total - len(changes.kept)
    if more:
        table.caption, table.caption_justify = f"and {more:,} more; --json and --leads-csv have them all", "left"
    return table

"""What commands that judge histories share: reading files with a progress bar, writing, a console of their width."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from services.domain.instants import Instant, parse_instant
from services.errors import UsageError
from services.replay.csv_map import read_map
from services.replay.history import BadLine, History, read_history

_BAD_LINES_SHOWN = 1000
_WIDTH_OF_FILES = 120  # where the output goes to a file or a pipe


class Bar:
    """One bar on stderr for reading and for judging; nothing where that is no terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def stage(self, title: str, total: int) -> Callable[[int], None]:
        """Begin a stage; the result advances it."""
        task = self._progress.add_task(title, total=total)
        return lambda amount: self._progress.advance(task, amount)


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """Show the progress of long work while it lasts."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress)


@contextmanager
def without_collector() -> Iterator[None]:
    """A history is millions of small values without cycles: looking for cycles would take a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def parse_until(text: str | None) -> Instant | None:
    """The instant of `--until`. Raises UsageError."""
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise UsageError(f"--until: {error}") from None


def read_files(files: list[Path], map_file: Path | None, until: Instant | None, bar: Bar) -> History:
    """The history of all files; the first bad lines are printed to stderr. Raises UsageError."""
    csv_map = read_map(map_file) if map_file is not None else None
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}")
    shown = 0

    def report(bad: BadLine) -> None:
        nonlocal shown
        shown += 1
        if shown <= _BAD_LINES_SHOWN:
            print(bad, file=sys.stderr)

    advance = bar.stage("Reading", sum(path.stat().st_size for path in files))
    history = read_history(files, csv_map=csv_map, until=until, report=report, progress=advance)
    if shown > _BAD_LINES_SHOWN:
        print(f"... and {shown - _BAD_LINES_SHOWN} more bad lines", file=sys.stderr)
    return history


@contextmanager
def created(path: Path) -> Iterator[TextIO]:
    """A new file to write text to. Raises UsageError."""
    try:
        out = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    with out:
        yield out


def console() -> Console:
    """Where results are printed: as wide as the terminal, and wide enough for tables where there is none."""
    found = Console()
    return found if found.is_terminal else Console(width=_WIDTH_OF_FILES)

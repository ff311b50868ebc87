"""Reads histories: JSON Lines of canonical events, or CSV with a map, either of them gzipped."""

import csv
import gzip
import io
import itertools
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from schemas.csv_map import CsvMap
from services.domain.deals import owners
from services.domain.events import IS_DEAL, Data, Event, EventType
from services.domain.instants import Instant
from services.errors import BadEvent, UsageError
from services.replay.csv_map import RowReader
from services.translate import from_json

Progress = Callable[[int], None]
"""Is told how many more bytes of the files have been read."""

_SHARED_FIELDS = 4
_SHARED_MOST = 10_000
_PROGRESS_EVERY = 4096  # lines: seldom enough to cost nothing
CEREMONY_PREFIX = "ceremony:"


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that could not be used."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


@dataclass(slots=True)
class History:
    """The events of a history by lead, in the order of the files."""

    leads: dict[str, list[Event]] = field(default_factory=dict)
    read: int = 0
    bad: int = 0
    ignored_after_until: int = 0
    unmapped_rows: int = 0
    """Rows of CSV files for which no rule of the map holds."""
    last_time: Instant = 0
    deals: list[Event] = field(default_factory=list)
    """Events of deals, until they are joined with their leads; then those whose lead is not known."""
    merges: list[tuple[str, str]] = field(default_factory=list)
    """Leads that were merged, each with the one into which."""
    others: int = 0
    """Events that are no lead's: ceremonies."""

    def add(self, event: Event, until: Instant | None) -> None:
        """Take in an event, unless it is later than `until`."""
        self.read += 1
        if until is not None and event.time > until:
            self.ignored_after_until += 1
            return
        if event.time > self.last_time:
            self.last_time = event.time
        if IS_DEAL[event.type]:
            self.deals.append(event)
            return
        lead = event.lead
        events = self.leads.get(lead)
        if events is not None:
            events.append(event)
        elif lead.startswith(CEREMONY_PREFIX):
            self.others += 1
        else:
            self.leads[lead] = [event]
        if event.type == EventType.LEAD_MERGED:
            self.merges.append((lead, str(event.data["into"])))

    def join_deals(self) -> None:
        """Give the events of each deal to the lead that owns it."""
        if not self.deals:
            return
        named = (event for events in self.leads.values() for event in events if "deal" in event.data)
        leads = owners(itertools.chain(self.deals, named))
        waiting = []
        for event in self.deals:
            lead = leads.get(str(event.data["deal"]))
            if lead is None:
                waiting.append(event)
            else:
                self.leads.setdefault(lead, []).append(event)
        self.deals = waiting


def read_history(
    files: Sequence[Path],
    *,
    csv_map: CsvMap | None,
    until: Instant | None,
    report: Callable[[BadLine], None],
    progress: Progress | None = None,
) -> History:
    """Read all files into one history. Bad lines are handed to `report`, counted and skipped.

    Raises UsageError for a file that cannot be read at all.
    """
    history = History()
    for path in files:
        try:
            with _opened(path) as (stream, position):
                lines = _csv(stream, path, csv_map) if _is_csv(path) else _json_lines(stream)
                _read(lines, path, history, until, report, _Ticker(progress, position))
        except (OSError, EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: cannot be read: {error}") from None
    history.join_deals()
    return history


Lines = Iterator[tuple[int, Sequence[Event] | BadEvent]]
"""The number of each line, with its events or what is wrong with it."""


def _read(
    lines: Lines,
    path: Path,
    history: History,
    until: Instant | None,
    report: Callable[[BadLine], None],
    ticker: "_Ticker",
) -> None:
    add = history.add
    for number, events in lines:
        if isinstance(events, BadEvent):
            history.read += 1
            history.bad += 1
            report(BadLine(str(path), number, str(events)))
        elif events:
            for event in events:
                add(event, until)
        else:
            history.unmapped_rows += 1
        if not number % _PROGRESS_EVERY:
            ticker.tick()
    ticker.tick()


def _json_lines(stream: BinaryIO) -> Lines:
    shared = _Shared()
    for number, line in enumerate(stream, start=1):
        if line.isspace():
            continue
        try:
            event = from_json(line)
        except BadEvent as error:
            yield number, error
        else:
            yield number, (shared.event(event),)


class _Shared:
    """Holds once what many events have in common; of a million leads that is more than half of the memory."""

    def __init__(self) -> None:
        self._data: dict[tuple[tuple[str, object], ...], Data] = {}

    def event(self, event: Event) -> Event:
        """An equal event that shares its texts and, where it is small and common, its data."""
        intern = sys.intern
        return Event(
            event.time, event.type, intern(event.source), event.id, intern(event.lead), self._shared(event.data)
        )

    def _shared(self, data: Data) -> Data:
        if len(data) > _SHARED_FIELDS:
            return data
        try:
            key = tuple(data.items())
            known = self._data.get(key)
        except TypeError:
            return data  # it has attributes: those differ
        # Equal is not the same: 1 is equal to true.
        if known is not None and all(type(known[name]) is type(value) for name, value in key):
            return known
        if len(self._data) < _SHARED_MOST:
            self._data[key] = data
        return data


def _csv(stream: BinaryIO, path: Path, csv_map: CsvMap | None) -> Lines:
    if csv_map is None:
        raise UsageError(f"{path}: a CSV history needs --map MAP.yaml, which says what its columns mean")
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    try:
        yield from _rows(text, path, csv_map)
    finally:
        text.detach()  # or it would close the file that it was lent


def _rows(text: TextIO, path: Path, csv_map: CsvMap) -> Lines:
    rows = csv.reader(text)
    header = next(rows, None)
    if header is None:
        raise UsageError(f"{path}: the file is empty; its first line must name the columns")
    reader = RowReader(csv_map, path.name, header)
    for row in rows:
        if not row:
            continue
        try:
            yield rows.line_num, reader.events(row, rows.line_num)
        except BadEvent as error:
            yield rows.line_num, error


class _Ticker:
    """Tells the progress made since it was last asked."""

    def __init__(self, progress: Progress | None, position: Callable[[], int]) -> None:
        self._progress = progress
        self._position = position
        self._told = 0

    def tick(self) -> None:
        if self._progress is not None:
            position = self._position()
            self._progress(position - self._told)
            self._told = position


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, Callable[[], int]]]:
    """A file's bytes, unzipped where its name ends in .gz, and what tells how many of its own bytes are read."""
    with path.open("rb") as raw:
        if path.suffix == ".gz":
            with gzip.open(raw) as unzipped:
                yield cast(BinaryIO, unzipped), raw.tell
        else:
            yield raw, raw.tell


def _is_csv(path: Path) -> bool:
    return ".csv" in path.suffixes

"""Brings the past into the event log: rows of a CRM's export files, as the events that its webhooks would have told.

Each batch is in the log before it is noted how far the file is read, so that whoever is interrupted goes on from
there. What comes twice counts once: the ids are those of the live path.
"""

import csv
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from schemas.export_map import ExportMap
from schemas.mapping import CrmMapping
from services.errors import BadEvent, UsageError
from services.gateway.exports import ExportReader
from services.gateway.meaning import events_of
from services.gateway.records import check_time, event_record
from services.ports import Bookmarks, EventLog, Record, WallClock

_BATCH = 500
"""Rows of a batch: some thousand events, a few hundred kilobytes."""

Progress = Callable[[int], None]
"""Is told how many more bytes of the file have been read."""


@dataclass(slots=True)
class Imported:
    """What became of the rows of files."""

    rows: int = 0
    earlier: int = 0
    """Rows that an import before this one had taken in."""
    meaningless: int = 0
    """Rows that give no event."""
    bad: int = 0
    events: int = 0


class Backfill:
    """Takes export files of one CRM in."""

    def __init__(
        self,
        *,
        crm: str,
        mapping: CrmMapping,
        export_map: ExportMap,
        log: EventLog,
        bookmarks: Bookmarks,
        clock: WallClock,
        report: Callable[[str], None],
    ) -> None:
        """`report` is told of each bad row: the file, its line, and what is wrong."""
        self._crm = crm
        self._mapping = mapping
        self._export_map = export_map
        self._log = log
        self._bookmarks = bookmarks
        self._clock = clock
        self._report = report
        self.done = Imported()

    async def take(self, path: Path, progress: Progress) -> None:
        """Take a file in, from where it was left. Raises UsageError for one that cannot be read, and Unavailable."""
        try:
            name = self._name_of(path)
            with path.open(encoding="utf-8-sig", newline="") as stream:
                await self._take(stream, path, name, progress)
        except (OSError, csv.Error, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: cannot be read: {error}") from None

    def _name_of(self, path: Path) -> str:
        """Tells what is read, and by what: with another map or mapping it is read from its start."""
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256")
        digest.update(self._export_map.model_dump_json().encode())
        digest.update(self._mapping.model_dump_json().encode())
        return digest.hexdigest()

    async def _take(self, stream: TextIO, path: Path, name: str, progress: Progress) -> None:
        rows = csv.reader(stream)
        header = next(rows, None)
        if header is None:
            raise UsageError(f"{path}: the file is empty; its first line must name the columns")
        reader = ExportReader(self._export_map, path.name, header)
        passed = self._bookmarks.at(name)
        read = told = 0
        while batch := _batch(rows):
            fresh = batch[max(0, passed - read) :]
            self.done.earlier += len(batch) - len(fresh)
            read += len(batch)
            records = [record for line, cells in fresh for record in self._records(reader, path, line, cells)]
            if records:
                await self._log.append(records)
            if fresh:
                self.done.rows += len(fresh)
                self.done.events += len(records)
                self._bookmarks.put(name, read)
            at = stream.buffer.tell()
            progress(at - told)
            told = at

    def _records(self, reader: ExportReader, path: Path, line: int, cells: Sequence[str]) -> Sequence[Record]:
        try:
            changes = reader.changes(cells)
            events = [event for change in changes for event in events_of(self._crm, change, self._mapping)]
            for event in events:
                check_time(event, self._clock.now())
            records = [event_record(self._crm, event) for event in events]
        except BadEvent as bad:
            self.done.bad += 1
            self._report(f"{path}:{line}: {bad}")
            return ()
        self.done.meaningless += not records
        return records


def _batch(rows: Iterator[list[str]]) -> list[tuple[int, list[str]]]:
    """The next rows that are not empty, each with its line; none at the end."""
    numbered = ((rows.line_num, row) for row in rows if row)  # type: ignore[attr-defined]
    return list(itertools.islice(numbered, _BATCH))

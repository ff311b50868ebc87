"""From rows of a CRM's export files to changes, by an export map. Pure.

The changes are the same that the CRM's webhooks tell, and go through the same mapping: so a fact that both tell has
one id.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.export_map import Cell, ExportedFile, ExportMap, Link, Moment
from services.domain.instants import Instant, check_range, format_exact, from_datetime
from services.errors import BadEvent, UsageError
from services.gateway.changes import Change, Kind, id_of

Row = Mapping[str, str]
_COLUMN = re.compile(r"\{([^{}]*)\}")


class ExportReader:
    """Reads the rows of one export file."""

    def __init__(self, export_map: ExportMap, file: str, header: Sequence[str]) -> None:
        """`file` is the file's name. Raises UsageError where the map has nothing for such a file."""
        self._zone = _zone(export_map.timezone)
        self._forms = export_map.times
        self._header = tuple(header)
        self._kind = _kind_of(export_map, file, set(header))

    def changes(self, cells: Sequence[str]) -> Sequence[Change]:
        """What a row tells; nothing where the map leaves it out. Raises BadEvent."""
        if len(cells) != len(self._header):
            raise BadEvent("invalid", f"{len(cells)} columns instead of {len(self._header)}")
        row = {name: cell.strip() for name, cell in zip(self._header, cells, strict=True)}
        if not _holds(self._kind.when, row):
            return ()
        return tuple(self._changes(row))

    def _changes(self, row: Row) -> Iterator[Change]:
        kind = self._kind
        created = self._time(row, kind.created)
        change = _Maker(kind, row, self._record(row))
        if created is not None:
            yield change(Kind.CREATED, created, self._told_as(row, "created"))
            modified = self._time(row, kind.modified)
            yield change(Kind.UPDATED, created if modified is None else modified, self._told_as(row, "modified"))
        for moment in kind.moments:
            at = self._time(row, moment.at)
            if at is not None and _holds(moment.when, row):
                yield change(Kind.UPDATED, at, _told(moment, at, row))
        for link in kind.links:
            yield from _linked(link, change, created if link.at is None else self._time(row, link.at), row)

    def _told_as(self, row: Row, at: str) -> Mapping[str, str | None]:
        """The properties of which the row says how they were at that time."""
        return {
            field.to: _value(field.values, row[column])
            for column, field in self._kind.fields.items()
            # An empty cell says that nothing is known, which needs no event.
            if field.at == at and row.get(column)
        }

    def _record(self, row: Row) -> Mapping[str, str | None]:
        """All that the row says of the object."""
        named = {field.to: row[column] for column, field in self._kind.fields.items() if column in row}
        labels = {field.to: field.values for field in self._kind.fields.values()}
        plain = row if self._kind.columns_are_properties else {}
        return {name: _value(labels.get(name, {}), text) for name, text in {**plain, **named}.items()}

    def _time(self, row: Row, column: str | None) -> Instant | None:
        text = row.get(column, "") if column is not None else ""
        if not text:
            return None
        moment = self._moment(text)
        if moment is None:
            raise BadEvent("invalid", f"column {column!r}: {text!r:.60} is no time that the map knows")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone)
        try:
            return check_range(from_datetime(moment), text)
        except (ValueError, OverflowError) as error:
            raise BadEvent("invalid", f"column {column!r}: {error}") from None

    def _moment(self, text: str) -> datetime | None:
        for form in self._forms:
            try:
                return datetime.strptime(text, form)  # noqa: DTZ007 - the map's zone follows
            except ValueError:
                continue
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return None


class _Maker:
    """Makes changes of one row's object."""

    def __init__(self, kind: ExportedFile, row: Row, record: Mapping[str, str | None]) -> None:
        self.id = id_of(row[kind.id], f"column {kind.id!r}")
        self._object = kind.object
        self._record = record
        self.lead = _key(kind.lead, row)
        self.deal = _key(kind.deal, row)

    def __call__(self, kind: Kind, at: Instant, changed: Mapping[str, str | None]) -> Change:
        record = {**self._record, **changed}
        return Change(
            object=self._object,
            id=self.id,
            kind=kind,
            at=at,
            lead=self.lead,
            deal=self.deal,
            changed=changed,
            record=record,
        )


def _told(moment: Moment, at: Instant, row: Row) -> Mapping[str, str | None]:
    value = format_exact(at) if moment.value is None else _value(moment.values, _filled(moment.value, row))
    return {_filled(moment.property, row): value}


def _value(values: Mapping[str, str], text: str) -> str | None:
    """The CRM's own value of what the export tells; None where it is empty."""
    return values.get(text, text) or None


def _linked(link: Link, change: _Maker, at: Instant | None, row: Row) -> Iterator[Change]:
    first = row.get(link.column, "").split(link.separator)[0].strip()
    if not first or at is None:
        return
    number = id_of(first, f"column {link.column!r}")
    if link.deal is not None and change.lead is not None:
        deal = link.deal.replace("{id}", number)
        yield Change(object=link.object, id=change.id, kind=Kind.LINKED, at=at, lead=change.lead, deal=deal)
    if link.lead is not None and change.deal is not None:
        lead = link.lead.replace("{id}", number)
        yield Change(object=link.object, id=number, kind=Kind.LINKED, at=at, lead=lead, deal=change.deal)


def _kind_of(export_map: ExportMap, file: str, header: set[str]) -> ExportedFile:
    for name, kind in export_map.files.items():
        if header.issuperset(kind.has):
            lacking = [column for column in _needed(kind) if column not in header]
            if lacking:
                raise UsageError(f"{file}: it is one of {name!r} in the map, but lacks the column {lacking[0]!r}")
            return kind
    kinds = "; ".join(f"{name}: {', '.join(kind.has)}" for name, kind in export_map.files.items())
    raise UsageError(f"{file}: its columns fit no file of the map, which knows {kinds}")


def _needed(kind: ExportedFile) -> Iterator[str]:
    """The columns without which no row of the file can be read."""
    yield kind.id
    for template in (kind.lead, kind.deal):
        if template is not None:
            yield from _COLUMN.findall(template)
    yield from kind.when


def _holds(when: Mapping[str, Cell], row: Row) -> bool:
    return all(
        any(fnmatchcase(row.get(column, ""), pattern) for pattern in ([cell] if isinstance(cell, str) else cell))
        for column, cell in when.items()
    )


def _key(template: str | None, row: Row) -> str | None:
    """The key that a template gives; None where one of its columns is empty."""
    if template is None or not all(row[column] for column in _COLUMN.findall(template)):
        return None
    return _filled(template, row)


def _filled(template: str, row: Row) -> str:
    return _COLUMN.sub(lambda found: row.get(found[1], ""), template)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"timezone {name!r:.60} is unknown; write one like Europe/Warsaw") from None

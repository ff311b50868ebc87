"""Reads a change event's Avro bytes as the JSON that Salesforce documents for change events.

Fields that did not change come as null in Avro, and are left out; those that were emptied are null. Bitmaps of fields
become their names, as `Status` or `Name.FirstName`. Dates come as numbers, and are written as in JSON. No I/O.
"""

import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import fastavro

from services.errors import BadEvent

HEADER = "ChangeEventHeader"
BITMAPS = ("changedFields", "nulledFields", "diffFields")
"""Lists in the header: "0x06" has a bit for each field of the record, from the lowest on; "4-0x10" one for each field
of the compound field at position 4."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT_MOST = 100_000
"""Bytes of a bitmap's text: Salesforce allows some 900 fields of an object."""

Record = Mapping[str, Any]
"""A record of a schema."""


class ChangeSchema:
    """A schema of change events. Raises BadEvent where the text is none."""

    def __init__(self, text: str) -> None:
        try:
            self._record: Record = json.loads(text)
            self._parsed = fastavro.parse_schema(json.loads(text))
            self._named = dict(_named(self._record))
            self._fields: Sequence[Record] = self._record["fields"]
        except Exception as error:  # whatever the library makes of it
            raise BadEvent("unreadable", f"the schema is no Avro schema of a record: {error!r:.200}") from None

    def change(self, payload: bytes) -> dict[str, Any]:
        """The change event. Raises BadEvent."""
        stream = io.BytesIO(payload)
        try:
            value = fastavro.schemaless_reader(stream, self._parsed)
        except Exception as error:  # bytes of any kind make the library raise errors of any kind
            raise BadEvent("unreadable", f"the event is not of its schema: {error!r:.200}") from None
        if not isinstance(value, dict) or stream.tell() != len(payload):
            raise BadEvent("unreadable", "the event is not of its schema")
        header = value.pop(HEADER, None)
        if not isinstance(header, dict):
            raise BadEvent("invalid", f"{HEADER}: missing")
        header = {**header, **{name: self._names(header.get(name) or (), name) for name in BITMAPS}}
        # The header last: it is a field of the schema too, of which a bitmap may say anything.
        return {**self._changed(value, self._fields, frozenset(header["nulledFields"]), ""), HEADER: header}

    def _changed(self, value: Record, fields: Sequence[Record], nulled: frozenset[str], prefix: str) -> dict[str, Any]:
        """The fields that have a value, or were emptied."""
        found: dict[str, Any] = {}
        for field in fields:
            name, content = field["name"], value.get(field["name"])
            if content is None:
                if f"{prefix}{name}" in nulled:
                    found[name] = None
            elif isinstance(content, dict):
                inner = self._changed(content, self._compound(field), nulled, f"{prefix}{name}.")
                if inner:
                    found[name] = inner
            else:
                found[name] = _plain(content, _type_of(field))
        return found

    def _names(self, bitmaps: Sequence[str], where: str) -> list[str]:
        """The names of the fields that bitmaps stand for. What is no bitmap is a name already."""
        names: list[str] = []
        for bitmap in bitmaps:
            position, dash, bits = bitmap.rpartition("-")
            if not bits.startswith("0x"):
                names.append(bitmap)
                continue
            fields, prefix = self._fields, ""
            if dash:
                parent = _at(self._fields, position, where)
                fields, prefix = self._compound(parent), f"{parent['name']}."
            names += [f"{prefix}{_at(fields, place, where)['name']}" for place in _bits(bits, where)]
        return names

    def _compound(self, field: Record) -> Sequence[Record]:
        """The fields of a compound field; none of another."""
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        for kind in kinds:
            # A compound that was described before is named only: two addresses are of one type.
            record = self._named.get(kind) if isinstance(kind, str) else kind
            if isinstance(record, Mapping) and record.get("type") == "record":
                fields: Sequence[Record] = record["fields"]
                return fields
        return ()


def _named(kind: Any, space: str = "") -> Iterator[tuple[str, Record]]:
    """All records within a type, each by its name with and without the namespace."""
    if isinstance(kind, list):
        for each in kind:
            yield from _named(each, space)
    elif isinstance(kind, dict):
        space = kind.get("namespace", space)
        if kind.get("type") == "record":
            yield kind["name"], kind
            yield f"{space}.{kind['name']}", kind
            for field in kind["fields"]:
                yield from _named(field["type"], space)


def _bits(text: str, where: str) -> list[int]:
    """The places of the bits that are set, from the lowest on."""
    try:
        number = int(text, 16) if len(text) <= _AT_MOST else -1
    except ValueError:
        number = -1
    if number < 0:
        raise BadEvent("invalid", f"{HEADER}.{where}: no bitmap of fields")
    return [place for place in range(number.bit_length()) if number >> place & 1]


def _at(fields: Sequence[Record], place: int | str, where: str) -> Record:
    number = int(place) if isinstance(place, int) or place.isdecimal() else len(fields)
    if number >= len(fields):
        raise BadEvent("invalid", f"{HEADER}.{where}: the schema has no field at {place!r:.20}")
    return fields[number]


def _type_of(field: Record) -> str:
    """Salesforce's own type of a field, from its documentation in the schema: `Data:DateOnly:00N…`."""
    parts = str(field.get("doc", "")).split(":")
    return parts[1] if len(parts) > 1 else ""


def _plain(value: Any, kind: str) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return _instant_text(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and kind in _DATES:
        try:
            return _DATES[kind](_EPOCH + timedelta(milliseconds=value))
        except OverflowError:
            return value
    return value


def _instant_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _date_text(value: datetime) -> str:
    return value.date().isoformat()


def _time_text(value: datetime) -> str:
    return value.time().isoformat(timespec="milliseconds") + "Z"


_DATES: Mapping[str, Callable[[datetime], str]] = {
    "DateTime": _instant_text,
    "DateOnly": _date_text,
    "TimeOnly": _time_text,
}
"""Of Salesforce's types, those that are numbers of milliseconds in Avro (as `long`, or in a logical type of it)."""

"""Turns the rows of a CSV file into events by a map file (`schemas.csv_map`)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from schemas.csv_map import CsvMap, EventRule
from services.domain.events import NOTHING, TYPES_BY_WIRE_NAME, Data, Event, EventType
from services.domain.instants import Instant, check_range, from_datetime
from services.errors import BadEvent, UsageError
from services.translate import from_wire, to_wire

Row = Sequence[str]
_COLUMN = re.compile(r"\{([^{}]*)\}")
_LONGEST_KEY = 200
_CACHED_TIMES = 100_000
_TRUE = frozenset({"true", "yes", "1", "t", "y"})
_FALSE = frozenset({"false", "no", "0", "f", "n"})


def read_map(path: Path) -> CsvMap:
    """Read a map file. Raises UsageError that names the place."""
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        return CsvMap.model_validate(document)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise UsageError(f"{path}: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        told = [
            f"{'.'.join(str(step) for step in each['loc'])}: {each['msg']}" for each in error.errors(include_url=False)
        ]
        raise UsageError(f"{path}: {'; '.join(told)}") from None


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule, compiled for the columns of one file."""

    type: EventType
    lead: Callable[[Row], str]
    time: Callable[[Row], str]
    id: Callable[[Row], str] | None
    data: Data | None
    """The data of every event of the rule; None where it depends on the row."""
    data_of: Callable[[Row], dict[str, Any]]
    holds: Callable[[Row], bool]


class RowReader:
    """Reads the rows of one CSV file."""

    def __init__(self, csv_map: CsvMap, file: str, header: Sequence[str]) -> None:
        """`file` is the file's name. Raises UsageError where the map names a column that `header` lacks, or a rule
        can never give a valid event.
        """
        self._map = csv_map
        self._file = file
        self._columns = {name: index for index, name in enumerate(header)}
        self._width = len(header)
        self._zone = _zone(csv_map.timezone, file)
        self._times: dict[str, Instant] = {}
        wanted = [rule for rule in csv_map.events if rule.files is None or fnmatchcase(file, rule.files)]
        self._rules = [self._compile(rule) for rule in wanted]
        # Which rules hold depends on these columns alone, and their values recur.
        self._deciding = sorted({self._column(name) for rule in wanted for name in rule.when})
        self._decided: dict[tuple[str, ...], list[_Rule]] = {}

    def events(self, row: Row, line: int) -> list[Event]:
        """The events of a row; none where no rule holds. Raises BadEvent."""
        if len(row) != self._width:
            raise BadEvent("invalid", f"{len(row)} columns instead of {self._width}")
        decider = tuple([row[index] for index in self._deciding])
        rules = self._decided.get(decider)
        if rules is None:
            rules = self._decided[decider] = [rule for rule in self._rules if rule.holds(row)]
        return [self._event(rule, row, line, number) for number, rule in enumerate(rules)]

    def _event(self, rule: _Rule, row: Row, line: int, number: int) -> Event:
        lead = rule.lead(row)
        if not 0 < len(lead) <= _LONGEST_KEY:
            raise BadEvent("invalid", f"the lead's key has {len(lead)} characters, not 1 to {_LONGEST_KEY}")
        if rule.id is not None:
            name = rule.id(row)
        else:
            name = f"{self._file}:{line}:{number}" if number else f"{self._file}:{line}"
        text = rule.time(row)
        time = self._times.get(text)
        if time is None:
            time = self._time(text)
        event = Event(time, rule.type, self._map.source, name, lead, NOTHING if rule.data is None else rule.data)
        return event if rule.data is not None else _validated(event, rule.data_of(row))

    def _time(self, text: str) -> Instant:
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                if self._zone is None:
                    raise BadEvent("invalid", f"{text!r:.60} has no offset; say `timezone:` in the map")
                moment = moment.replace(tzinfo=self._zone)
            instant = check_range(from_datetime(moment), text)
        except (ValueError, OverflowError) as error:
            raise BadEvent("invalid", f"{text!r:.60} is not a time: {error}") from None
        if len(self._times) > _CACHED_TIMES:
            self._times.clear()
        self._times[text] = instant
        return instant

    def _compile(self, rule: EventRule) -> _Rule:
        kind = TYPES_BY_WIRE_NAME.get(rule.type)
        if kind is None:
            raise UsageError(f"{self._file}: the map has an unknown event type {rule.type!r}")
        lead = rule.lead or self._map.lead
        time = rule.time or self._map.time
        if lead is None or time is None:
            raise UsageError(f"{self._file}: the map's rule for {rule.type} lacks `lead` or `time`")
        identifier = rule.id or self._map.id
        compiled = _Rule(
            type=kind,
            lead=self._template(lead),
            time=self._template(time),
            id=self._template(identifier) if identifier is not None else None,
            data=None,
            data_of=self._data(rule.data),
            holds=self._condition(rule.when),
        )
        if _is_constant(rule.data):
            return self._with_constant_data(compiled, rule)
        return compiled

    def _with_constant_data(self, compiled: _Rule, rule: EventRule) -> _Rule:
        probe = Event(0, compiled.type, self._map.source, "id", "ceremony:x", NOTHING)
        try:
            data = _validated(probe, dict(rule.data)).data
        except BadEvent as error:
            raise UsageError(f"{self._file}: the map's rule for {rule.type} gives no valid event: {error}") from None
        return _Rule(compiled.type, compiled.lead, compiled.time, compiled.id, data, compiled.data_of, compiled.holds)

    def _column(self, name: str) -> int:
        index = self._columns.get(name)
        if index is None:
            raise UsageError(f"{self._file}: the map names a column {name!r}; the file has {', '.join(self._columns)}")
        return index

    def _template(self, text: str) -> Callable[[Row], str]:
        """What fills a template from a row; the common shapes without a loop."""
        parts = _COLUMN.split(text)
        indexes = [self._column(name) for name in parts[1::2]]
        literals = parts[::2]
        if not indexes:
            return lambda _row: text
        if len(indexes) == 1:
            (index,) = indexes
            before, after = literals
            if not before and not after:
                return lambda row: row[index]
            return lambda row: before + row[index] + after
        return lambda row: (
            literals[0] + "".join(row[index] + literal for index, literal in zip(indexes, literals[1:], strict=True))
        )

    def _condition(self, when: Mapping[str, str | list[str]]) -> Callable[[Row], bool]:
        tests = [(self._column(name), [wanted] if isinstance(wanted, str) else wanted) for name, wanted in when.items()]
        return lambda row: all(
            any(fnmatchcase(row[index], pattern) for pattern in patterns) for index, patterns in tests
        )

    def _data(self, data: Mapping[str, object]) -> Callable[[Row], dict[str, Any]]:
        fields = {name: self._value(value) for name, value in data.items()}

        def fill(row: Row) -> dict[str, Any]:
            filled = {name: value(row) for name, value in fields.items()}
            return {name: value for name, value in filled.items() if value is not None}

        return fill

    def _value(self, value: object) -> Callable[[Row], Any]:
        if isinstance(value, dict):
            return self._data(value)
        if not isinstance(value, str) or not _COLUMN.search(value):
            return lambda _row: value
        whole = _COLUMN.fullmatch(value)
        fill = self._template(value)
        if whole is None:
            return fill
        name = whole[1]
        if name in self._map.numbers:
            return lambda row: _number(fill(row), name)
        if name in self._map.booleans:
            return lambda row: _boolean(fill(row), name)
        return lambda row: fill(row) or None


def _validated(event: Event, data: dict[str, Any]) -> Event:
    """The event with `data`, checked against the schema of its type."""
    return from_wire(to_wire(event._replace(data=data)))


def _zone(name: str | None, file: str) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"{file}: the map's timezone {name!r} is unknown; write one like Europe/Warsaw") from None


def _is_constant(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_constant(each) for each in value.values())
    return not (isinstance(value, str) and _COLUMN.search(value))


def _number(text: str, column: str) -> int | float | None:
    if not text:
        return None
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        raise BadEvent("invalid", f"column {column!r}: {text!r:.40} is not a number") from None


def _boolean(text: str, column: str) -> bool | None:
    word = text.strip().lower()
    if not word:
        return None
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise BadEvent("invalid", f"column {column!r}: {text!r:.40} is neither true nor false")

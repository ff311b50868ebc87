"""A record's timeline in Zoho: the changes of its fields, with the times at which they were made. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.domain.instants import Instant, parse_instant

HISTORY = "$history"
TOLD_APART = "$told_apart"
"""The names under which records say this to `services.gateway.crm.zoho_fields`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: the new values of fields."""

    at: Instant
    written: str
    """The same instant as Zoho writes it."""
    values: Mapping[str, Any]


def entries_of(answer: Any) -> Sequence[Entry]:
    """The changes of fields in an answer. What cannot be read as one is left out: the record itself tells the rest."""
    listed = answer.get("__timeline") if isinstance(answer, Mapping) else None
    entries = [_entry(each) for each in listed] if isinstance(listed, list) else []
    return [entry for entry in entries if entry is not None]


def told(record: Mapping[str, Any], entries: Sequence[Entry], names: Collection[str]) -> Sequence[Mapping[str, Any]]:
    """The record as of each change of these fields, oldest first; and as it is now, without what those tell.

    A field counts whose last value is the one that the record has: how the timeline writes a value (of a lookup, of a
    list with other labels) is not documented, and it may be cut off.
    """
    in_order = sorted(entries, key=lambda entry: entry.at)
    last = {name: value for entry in in_order for name, value in entry.values.items()}
    apart = {name for name in names if name in last and name in record and _is_same(last[name], record[name])}
    states: list[Mapping[str, Any]] = []
    for entry in in_order:
        changed = {name: value for name, value in entry.values.items() if name in apart}
        if changed:
            states.append({**record, **changed, "Modified_Time": entry.written, HISTORY: sorted(changed)})
    return [*states, {**record, TOLD_APART: sorted(apart)} if apart else record]


def _entry(value: Any) -> Entry | None:
    if not isinstance(value, Mapping) or not isinstance(value.get("field_history"), list):
        return None
    written = str(value.get("audited_time"))
    try:
        at = parse_instant(written)
    except ValueError:
        return None
    values: dict[str, Any] = {}
    for change in value["field_history"]:
        told_of = change.get("_value") if isinstance(change, Mapping) else None
        if isinstance(told_of, Mapping) and isinstance(change.get("api_name"), str) and "new" in told_of:
            new = told_of["new"]
            if new is None or isinstance(new, str | int | float):
                values[change["api_name"]] = new
    return Entry(at, written, values) if values else None


def _is_same(new: Any, now: Any) -> bool:
    return not isinstance(now, Mapping | list) and _text(new) == _text(now)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip().lower()

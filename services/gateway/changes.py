"""What a CRM says, in words that all CRMs share: changes of objects, and objects that have to be read anew.

A module of `services.gateway.crm` makes these of a payload; `services.gateway.meaning` makes events of them by the
company's mapping. Pure: no I/O, no clock, no HTTP.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from services.domain.events import Scalar
from services.domain.instants import Instant, check_range, from_datetime, parse_instant
from services.errors import BadEvent
from services.ports import Reference

Fields = Mapping[str, Scalar]
"""Fields of an object by the CRM's names; those of nested objects are dotted (`owner.id`). None: empty."""


class Kind(StrEnum):
    """How an object changed."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"
    ERASED = "erased"
    """The person asked to be forgotten."""
    MERGED = "merged"
    """It went into another one."""
    LINKED = "linked"
    """A lead has to do with a deal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one object, or (`is_state`) what the object is, read from the CRM's API."""

    object: str
    """What the CRM, and so the mapping, calls such objects: `contact`, `Opportunity`."""
    id: str
    """The object's id in the CRM."""
    kind: Kind
    at: Instant
    """When it happened, by the CRM's clock. Of a state: when the object was last modified."""
    lead: str | None = None
    """The key of the lead that it is about, `crm:object:id`, where it is known."""
    deal: str | None = None
    """The key of the deal that it is about, `crm:object:id`, where it is one's."""
    changed: Fields = field(default_factory=dict)
    """The fields whose new values are told; of a creation, all that are told. Of a state: all that it has."""
    record: Fields = field(default_factory=dict)
    """All that the payload says of the object, what has not changed too: for `when` and {record.FIELD}."""
    into: str | None = None
    """Of a merge: the key of the lead that stays."""
    is_state: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What one item of a payload says."""

    changes: Sequence[Change] = ()
    lacking: Sequence[Reference] = ()
    """What the payload left out although it matters. Without an API client this makes it a dead letter."""
    thin: Sequence[Reference] = ()
    """What could be told in more detail by the API; used as it is where there is no client."""


NOTHING = Reading()


def flattened(record: Mapping[str, Any], prefix: str = "") -> dict[str, Scalar]:
    """Nested objects as dotted names; lists of plain values as one text; lists of objects are left out."""
    fields: dict[str, Scalar] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            fields |= flattened(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            if all(isinstance(each, str | int | float) for each in value):
                fields[f"{prefix}{name}"] = ",".join(text_of(each) for each in value) or None
        elif value is None or isinstance(value, str | int | float):
            fields[f"{prefix}{name}"] = value
        else:
            raise BadEvent("invalid", f"{prefix}{name}: no value of JSON")
    return fields


def with_values(fields: Fields) -> Fields:
    """The fields that have a value. An object that is new says nothing by those that have none."""
    return {name: value for name, value in fields.items() if text_of(value)}


def text_of(value: Scalar) -> str:
    """A value as CRMs write it in texts: `true`, `80`, without blanks around it; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


_DIGITS = re.compile(r"-?[0-9]{1,16}")
_MILLISECONDS_FROM = 11
"""Seconds since 1970 have ten digits until 2286, milliseconds eleven since 1970-04."""
_DOTNET = re.compile(r"/Date\((-?[0-9]{1,16})(?:[+-][0-9]{4})?\)/")
_BLANK_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?", re.ASCII)
_SHORT_OFFSET = re.compile(r"([+-]\d\d)(\d\d)?$")


def instant_of(value: object, name: str) -> Instant:
    """A time as CRMs write it. Raises BadEvent that names the field.

    Milliseconds or seconds since 1970, as a number or text; .NET's `/Date(…)/`; RFC 3339, also with an offset of
    `+0000` (Salesforce) or `+00` (Pipedrive); without an offset it is UTC (Pipedrive, Odoo). A date without a time of
    day is none.
    """
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    try:
        dotnet = _DOTNET.fullmatch(text)
        if dotnet:
            return check_range(int(dotnet[1]) * 1_000, text)
        if _DIGITS.fullmatch(text):
            unit = 1_000 if len(text.removeprefix("-")) >= _MILLISECONDS_FROM or text == "0" else 1_000_000
            return check_range(int(text) * unit, text)
        if _BLANK_TIME.fullmatch(text):
            return check_range(from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC)), text)
        return parse_instant(
            _SHORT_OFFSET.sub(lambda found: f"{found[1]}:{found[2] or '00'}", text) if ":" in text else text
        )
    except (ValueError, OverflowError) as error:
        raise BadEvent("invalid", f"{name}: {error}") from None


def required(item: Mapping[str, Any], name: str) -> Any:
    """A field that must be there. Raises BadEvent that names it."""
    value = item.get(name)
    if value is None or value == "":
        raise BadEvent("invalid", f"{name}: missing")
    return value


def object_of(value: object, name: str) -> Mapping[str, Any]:
    """A field that must be an object. Raises BadEvent that names it."""
    if not isinstance(value, Mapping):
        raise BadEvent("invalid", f"{name}: not an object")
    return value


_ID = re.compile(r"[^\s:\x00-\x1f\x7f]{1,100}")


def id_of(value: object, name: str) -> str:
    """An object's id: a whole number or a text without blanks and colons. Raises BadEvent that names the field."""
    if isinstance(value, int | str) and not isinstance(value, bool):
        text = str(value)
        if _ID.fullmatch(text) and not text.startswith("-"):
            return text
    raise BadEvent("invalid", f"{name}: not the id of an object")

"""Dataverse's two ways of writing a row, as plain fields: the execution context of webhooks, and OData of its Web API.

A choice is its number, a lookup the id of the row, an amount of money its number. Beside a field `f` stand, where
they are told, `f.label` (what people read) and `f.type` (the table that a lookup points to).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from services.domain.events import Scalar
from services.domain.instants import check_range, format_exact
from services.errors import BadEvent
from services.gateway.changes import Fields, flattened, id_of, object_of
from services.gateway.crm.labels import LABEL

TYPE = ".type"

NO_ID = "00000000-0000-0000-0000-000000000000"
"""What stands where there is no row."""

_DATE = re.compile(r"/Date\((-?[0-9]{1,16})([+-])?([0-9]{2})?([0-9]{2})?\)/")
_LOOKUP = re.compile(r"_(.+)_value")
_ANNOTATIONS = {
    "OData.Community.Display.V1.FormattedValue": LABEL,
    "Microsoft.Dynamics.CRM.lookuplogicalname": TYPE,
}


def pairs_of(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A list of `{key, value}` by its keys; empty where there is none. Raises BadEvent that names it."""
    told = holder.get(name)
    if told is None:
        return {}
    if not isinstance(told, list):
        raise BadEvent("invalid", f"{name}: not a list")
    pairs: dict[str, Any] = {}
    for each in told:
        pair = object_of(each, name)
        if not isinstance(pair.get("key"), str):
            raise BadEvent("invalid", f"{name}: a key is missing")
        pairs[pair["key"]] = pair.get("value")
    return pairs


def fields_of_entity(entity: Mapping[str, Any]) -> dict[str, Scalar]:
    """The fields of an `Entity` of an execution context."""
    fields: dict[str, Scalar] = {}
    for name, value in pairs_of(entity, "Attributes").items():
        fields.update(_told(name, value))
    for name, label in pairs_of(entity, "FormattedValues").items():
        if fields.get(name) is not None and isinstance(label, str):
            fields[name + LABEL] = label
    return fields


def fields_of_row(row: Mapping[str, Any]) -> dict[str, Scalar]:
    """The fields of a row of the Web API, with those of expanded lookups dotted (`transactioncurrencyid.name`)."""
    fields: dict[str, Scalar] = {}
    for name, value in row.items():
        column, _, annotation = name.partition("@")
        suffix = _ANNOTATIONS.get(annotation, "") if annotation else ""
        if not column or (annotation and not suffix) or isinstance(value, list):
            continue
        lookup = _LOOKUP.fullmatch(column)
        column = lookup[1] if lookup else column
        if isinstance(value, Mapping):
            fields |= flattened({key: each for key, each in value.items() if "@" not in key}, f"{column}.")
        elif value is None or isinstance(value, str | int | float):
            fields[column + suffix] = value.lower() if lookup and not suffix and isinstance(value, str) else value
    return fields


def over(older: Fields, newer: Fields) -> dict[str, Scalar]:
    """The newer fields over the older ones. Where a value is another one, its old label goes with the old value."""
    gone = {name for name, value in newer.items() if name in older and older[name] != value}
    kept = {name: value for name, value in older.items() if root_of(name) not in gone}
    return {**kept, **newer}


def root_of(name: str) -> str:
    """The field to which a label or a type belongs, or the field itself."""
    return name.removesuffix(LABEL).removesuffix(TYPE)


def row_id(value: object, name: str) -> str:
    """The id of a row, in lower case. Raises BadEvent that names the field."""
    text = id_of(value, name).lower()
    if text == NO_ID:
        raise BadEvent("invalid", f"{name}: the id of no row")
    return text


def date_of(text: str) -> str:
    """`/Date(…)/` as RFC 3339; what is no such time stays as it is.

    An offset is added to the milliseconds, though .NET would not: only then is OperationCreatedOn of the sample in
    "Use webhooks to create external handlers for server events", `/Date(1506409448000-0700)/`, one second after the
    modifiedon of the change that it tells, `/Date(1506384247000)/`.
    """
    found = _DATE.fullmatch(text)
    if not found:
        return text
    minutes = int(found[3] or 0) * 60 + int(found[4] or 0)
    try:
        return format_exact(
            check_range((int(found[1]) + (-1 if found[2] == "-" else 1) * minutes * 60_000) * 1_000, text)
        )
    except ValueError:
        # Columns may hold dates of any year; only those that are asked for have to be times that we know.
        return text


def _told(name: str, value: object) -> Iterator[tuple[str, Scalar]]:
    """What an attribute of any type says, in fields; nothing where it holds other rows, as parties of activities."""
    if isinstance(value, str):
        yield name, date_of(value)
    elif value is None or isinstance(value, int | float):
        yield name, value
    elif isinstance(value, list):
        numbers = [each.get("Value") for each in value if isinstance(each, Mapping)]
        if len(numbers) == len(value) and all(isinstance(number, int) for number in numbers):
            yield name, ",".join(str(number) for number in numbers) or None
    elif isinstance(value, Mapping) and "LogicalName" in value and isinstance(value.get("Id"), str):
        yield name, value["Id"].lower()
        for suffix, part in ((TYPE, "LogicalName"), (LABEL, "Name")):
            if isinstance(value.get(part), str):
                yield name + suffix, value[part]
    elif isinstance(value, Mapping) and isinstance(value.get("Value"), str | int | float):
        yield name, value["Value"]

"""A notification of Zoho as it comes: the token in it, the records it is about, and what it tells of each. Pure."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway.changes import Fields, Kind, instant_of, object_of, text_of
from services.gateway.crm.zoho_fields import DURATION
from services.gateway.sender import parsed

MOST_IDS = 1000
"""Zoho does not say how many records one notification is about; users change 500 at a time."""
KINDS: Mapping[str, Kind] = {
    # `insert` and `update` come in notifications, `create` and `edit` name the same in subscriptions.
    "insert": Kind.CREATED,
    "create": Kind.CREATED,
    "update": Kind.UPDATED,
    "edit": Kind.UPDATED,
    "delete": Kind.DELETED,
}
# The token as it stands in a body, whatever else the body is; it may be cut off in the middle.
_TOKEN = re.compile(rb'("token"\s*:\s*)("(?:[^"\\]|\\.)*(?:"|\\?\Z)|null)', re.DOTALL)


def with_token(body: bytes, token: str | None) -> bytes:
    """The body with another token, or null, in place of the one that it has; the rest as it is."""
    written = json.dumps(token).encode()
    return _TOKEN.sub(lambda found: found[1] + written, body)


def token_of(body: bytes) -> str | None:
    """The token of a notification: of a body that cannot be read, what looks most like it."""
    try:
        document = parsed(body)
    except BadEvent:
        document = None
    if isinstance(document, Mapping):
        token = document.get("token")
        return token if isinstance(token, str) else None
    written = [found[2] for found in _TOKEN.finditer(body)]
    try:
        token = json.loads(written[-1]) if written else None
    except ValueError:
        return None
    return token if isinstance(token, str) else None


def parts(document: object) -> Iterator[object]:
    """A notification for each record; the document itself where it does not say which. Raises BadEvent."""
    ids = document.get("ids") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(ids, list) or not ids:
        yield _without_token(document)
        return
    values = document.get("affected_values")
    entries = values if isinstance(values, list) else []
    # A record that has values, and is not among the ids, has changed all the same.
    named = [entry.get("record_id") for entry in entries if isinstance(entry, Mapping)]
    wanted = {str(each): each for each in [*named, *ids]}
    if len(wanted) > MOST_IDS:
        raise BadEvent("too_many", f"more than {MOST_IDS} records in one notification")
    for number in wanted.values():
        part: dict[str, Any] = {**_without_token(document), "ids": [number]}
        if isinstance(values, list):
            part["affected_values"] = [each for each in values if _is_about(each, number)]
        if isinstance(document.get("affected_fields"), list):
            part["affected_fields"] = [each for each in document["affected_fields"] if _names_of(each, number)]
        yield part


def _without_token(document: Any) -> Any:
    return (
        {name: each for name, each in document.items() if name != "token"}
        if isinstance(document, Mapping)
        else document
    )


def _is_about(entry: object, number: object) -> bool:
    return not isinstance(entry, Mapping) or str(entry.get("record_id")) == str(number)


def _names_of(entry: object, number: object) -> bool:
    return not isinstance(entry, Mapping) or str(number) in entry


def values_of(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The new values that are told; empty where the channel tells none."""
    entries = item.get("affected_values")
    if entries is None:
        return {}
    if not isinstance(entries, list):
        raise BadEvent("invalid", "affected_values: not a list")
    values: dict[str, Any] = {}
    for entry in entries:
        told = object_of(entry, "affected_values").get("values")
        values |= object_of(told, "affected_values.values") if told is not None else {}
    return values


def names_of(item: Mapping[str, Any]) -> Collection[str]:
    """The fields that are said to have changed, those with values too; empty where nothing says which."""
    names = set(values_of(item))
    told = item.get("affected_fields")
    # [{"57..10": ["Stage"]}] is what comes; the documentation has an empty list.
    for entry in told if isinstance(told, list) else [told]:
        for listed in entry.values() if isinstance(entry, Mapping) else [[entry]]:
            names |= {each for each in listed if isinstance(each, str)} if isinstance(listed, list) else set()
    return names | {DURATION} if "Call_Duration" in names else names


def time_of(item: Mapping[str, Any], kind: Kind, record: Fields) -> Instant:
    """When it happened, by the record where it is told; else when Zoho noticed."""
    name = "Created_Time" if kind == Kind.CREATED else "Modified_Time"
    told = record.get(name)
    return instant_of(told, name) if text_of(told) else instant_of(item.get("server_time"), "server_time")

"""CloudEvents 1.0 over HTTP: the three content modes become items, an item becomes at most one canonical event."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from services.domain.events import TYPES_BY_WIRE_NAME, Event
from services.errors import BadEvent
from services.translate import from_wire

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
BINARY = "application/json"

MEANS_NOTHING: Sequence[Event] = ()

_PREFIX = "ce-"


def item_of_headers(headers: Mapping[str, str], data: object) -> dict[str, Any]:
    """The item of a request in binary mode: attributes in `ce-` headers, data in the body (None: no body).

    Raises BadEvent.
    """
    item: dict[str, Any] = {}
    for name, value in headers.items():
        if name.startswith(_PREFIX):
            # What is not plain ASCII comes percent-encoded (HTTP binding, section 3.1.3.2).
            text = unquote(value, errors="replace")
            if "\0" in text:
                raise BadEvent("invalid", f"{name}: has the character U+0000")
            item[name.removeprefix(_PREFIX)] = text
    item["datacontenttype"] = BINARY
    if data is not None:
        item["data"] = data
    return item


def events_of(item: object) -> Sequence[Event]:
    """The event of an item, or `MEANS_NOTHING` where its type is none of ours. Raises BadEvent."""
    if not isinstance(item, Mapping):
        raise BadEvent("invalid", "a CloudEvent is an object")
    kind = item.get("type")
    if not isinstance(kind, str) or not kind:
        raise BadEvent("invalid", "type: a CloudEvent names its type")
    if kind not in TYPES_BY_WIRE_NAME:
        return MEANS_NOTHING
    if "data_base64" in item:
        raise BadEvent("invalid", "data_base64: the data of a canonical event is JSON, in `data`")
    if not isinstance(item.get("time"), str):
        raise BadEvent("invalid", "time: when it happened must be told, as an RFC 3339 text")
    content = item.get("datacontenttype")
    if isinstance(content, str):
        # Parameters such as a character set change nothing: JSON over HTTP is UTF-8.
        item = {**item, "datacontenttype": content.partition(";")[0].strip().lower()}
    return (from_wire(item),)

"""Between the wire (JSON, `schemas.events`) and the domain's `Event`: the one place that knows both."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.events import WIRE_EVENT
from services.domain.deals import deal_of
from services.domain.events import NOTHING, TYPES_BY_WIRE_NAME, Event
from services.domain.instants import format_exact
from services.errors import BadEvent

_SHOWN_ERRORS = 3

_MOST_DEPTH = 200
"""Lists and objects within each other; JSON is written to 254 levels, and rows put a few around an event's."""
_WHOLE = "the document"
NUL = "\0"
"""The one character that PostgreSQL cannot keep in a text."""
_MOST_KEY_BYTES = 2_500
"""Of what tells events apart, together: a little less than an index of PostgreSQL takes (2,704, a third of a page)."""
_SURELY_FEW = _MOST_KEY_BYTES // 4
"""As many characters are no more bytes."""


def from_wire(document: object) -> Event:
    """The event of a parsed CloudEvents document.

    Raises BadEvent, reason `invalid`, that names every field that is wrong (at most three of them).
    """
    try:
        event = WIRE_EVENT.validate_python(document)
    except ValidationError as error:
        raise BadEvent("invalid", _told(error)) from None
    # Validation is strict, so what was parsed is what was validated; dumping the model again would cost more
    # than everything else here.
    data = document.get("data") if isinstance(document, Mapping) else None
    return Event(
        time=event.time,
        type=TYPES_BY_WIRE_NAME[event.type],
        source=event.source,
        id=event.id,
        lead=event.subject or "",
        data=data or NOTHING,
    )


def from_json(text: bytes | str) -> Event:
    """The event of one JSON document, whoever wrote it: what no store could keep is refused here.

    Raises BadEvent, reason `unreadable` where it is no JSON, else as `from_wire`.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadEvent("unreadable", f"not JSON: {error}") from None
    if _needs_a_look(text.encode() if isinstance(text, str) else text):
        _check_storable(document)
    event = from_wire(document)
    _check_keys(event)
    return event


def to_wire(event: Event) -> dict[str, Any]:
    """The CloudEvents document of an event; `from_wire` reads it back to an equal one."""
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type.wire,
        "time": format_exact(event.time),
        "datacontenttype": "application/json",
        "data": dict(event.data),
    }
    if event.lead:
        document["subject"] = event.lead
    return document


def to_json(event: Event) -> bytes:
    """The CloudEvents document of an event as JSON."""
    return orjson.dumps(to_wire(event))


def _check_keys(event: Event) -> None:
    deal = deal_of(event) or ""
    if len(event.id) + len(event.source) + max(len(event.lead), len(deal)) <= _SURELY_FEW:
        return
    identity, source, lead, of_deal = (len(each.encode()) for each in (event.id, event.source, event.lead, deal))
    if identity + source + max(lead, of_deal) > _MOST_KEY_BYTES:
        raise BadEvent(
            "invalid", f"id, source, and subject or data.deal: longer than {_MOST_KEY_BYTES} bytes of UTF-8 together"
        )


def _needs_a_look(text: bytes) -> bool:
    """Whether valid JSON may have a NUL, which it can only write as an escape, or be deep: quick, for most are not."""
    return (b"\\" in text and b"\\u0000" in text) or (
        len(text) > 2 * _MOST_DEPTH and text.count(b"{") + text.count(b"[") > _MOST_DEPTH
    )


def _check_storable(document: object) -> None:
    """Raise BadEvent for a NUL or too many levels. Level by level, so that no document can exhaust the stack."""
    level: list[tuple[str, object]] = [(_WHOLE, document)]
    for _ in range(_MOST_DEPTH + 1):
        for place, value in level:
            if isinstance(value, str) and NUL in value:
                raise BadEvent("invalid", f"{place}: has the character U+0000")
            if isinstance(value, dict) and any(NUL in name for name in value):
                raise BadEvent("invalid", f"{place}: a name in it has the character U+0000")
        level = [inner for place, value in level for inner in _inside(place, value)]
    if level:
        raise BadEvent("invalid", f"{level[0][0]:.100}…: nested deeper than {_MOST_DEPTH} levels")


def _inside(place: str, value: object) -> Iterator[tuple[str, object]]:
    """What a list or object holds, each with where it is."""
    parts: Iterable[tuple[object, object]] = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    return ((str(name) if place == _WHOLE else f"{place}.{name}", part) for name, part in parts)


def _told(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False)
    texts = []
    for problem in problems[:_SHOWN_ERRORS]:
        # The first step of the place is the type that chose the model; the reader knows it.
        steps = problem["loc"][1:] if problem["loc"] and problem["loc"][0] in TYPES_BY_WIRE_NAME else problem["loc"]
        place = ".".join(str(step) for step in steps)
        message = problem["msg"].removeprefix("Value error, ")
        texts.append(f"{place}: {message}" if place else message)
    more = len(problems) - _SHOWN_ERRORS
    return "; ".join(texts) + (f"; and {more} more" if more > 0 else "")

"""Reads JSON from raw bytes so strictly that every later step can trust it. Never raises anything but UnreadableJson.

The standard library alone would take NaN, 1e400 (as infinity), duplicate keys and lone surrogates, and would
raise RecursionError on deep nesting.
"""

import json
import math
from typing import Any, NoReturn

MOST_DEPTH = 32
"""Lists and objects within each other; CRM payloads have 3 to 6."""
MOST_NODES = 30_000
"""Values in a document. A hundred notifications of HubSpot have 1,500; the 256 KB that Dataverse may send, of pairs
such as `{"key":"statecode","value":"Open"}`, have some 20,000."""

_CONTAINERS = (dict, list)


class UnreadableJson(ValueError):
    """The bytes are no JSON that can be trusted; the text says why, for the sender."""


def loads(raw: bytes) -> Any:
    """The value of a JSON document. Raises UnreadableJson."""
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except UnreadableJson:
        raise
    except UnicodeDecodeError as error:
        raise UnreadableJson(f"not valid UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise UnreadableJson(f"nested deeper than {MOST_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise UnreadableJson(f"not JSON: {error}") from None
    except ValueError:
        # The one ValueError left is CPython's refusal to read an integer of more than 4300 digits.
        raise UnreadableJson("a number has too many digits") from None
    # In valid UTF-8 a NUL or a surrogate can only come from an escape; without one, no string need be looked at.
    check(value, strings=b"\\u" in raw)
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise UnreadableJson("an object has the same key twice")
    return value


def _no_constant(text: str) -> NoReturn:
    raise UnreadableJson(f"{text} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise UnreadableJson("a number is too large")
    return value


def check(value: object, *, strings: bool = True) -> None:
    """Raise UnreadableJson for a parsed document that no later step can trust; with `strings`, for its texts too."""
    # Level by level, so that no document can exhaust the stack.
    level = [value]
    nodes = depth = 0
    while level:
        nodes += len(level)
        if nodes > MOST_NODES:
            raise UnreadableJson(f"more than {MOST_NODES} values")
        if strings:
            for node in level:
                _check_texts(node)
        containers = [node for node in level if isinstance(node, _CONTAINERS)]
        depth += bool(containers)
        if depth > MOST_DEPTH:
            raise UnreadableJson(f"nested deeper than {MOST_DEPTH} levels")
        level = [child for node in containers for child in (node.values() if isinstance(node, dict) else node)]


def _check_texts(node: object) -> None:
    if isinstance(node, str):
        _check_text(node)
    elif isinstance(node, dict):
        for key in node:
            _check_text(key)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise UnreadableJson("a text has the character U+0000")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableJson("a text has half of a surrogate pair") from None

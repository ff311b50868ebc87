"""How texts and names are written in a charter, and how a message speaks of what stands in the file.

Each `read_...` of this and the sister modules takes what stands in the file and returns the value, or raises
ValueError with a text for its author: what is wrong and what to write instead.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from services.domain.charter import Side
from services.domain.events import TYPES_BY_WIRE_NAME, EventType
from services.domain.silences import HANDOFF

T = TypeVar("T")

MAX_TEXT = 10_000
MAX_NAME = 100
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


def said(value: object) -> str:
    """How a message names what stands in the file."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a block of keys"
    if isinstance(value, list | tuple):
        return "a list"
    return f'"{written(value):.60}"'


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for the nearest known word, else the known words where they are few, else nothing."""
    words = list(known)
    by_lower = {each.lower(): each for each in words}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if near:
        return f'; did you mean "{by_lower[near[0]]}"?'
    return f"; write one of: {', '.join(words)}" if 0 < len(words) <= 30 else ""


def or_none(read: Callable[[Any], T], value: object) -> T | None:
    """What a reader reads, or None where it refuses."""
    try:
        return read(value)
    except ValueError:
        return None


def written(value: object) -> str:
    """The value as its author wrote it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(getattr(value, "written", value))


def read_text(value: object) -> str:
    """Any text; a number or true/false stands as it was written."""
    if value is None or isinstance(value, Mapping | list | tuple):
        raise ValueError(f"must be text, not {said(value)}")
    text = written(value)
    if not text.strip():
        raise ValueError("is empty; write a text")
    if len(text) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters; shorten it")
    return text


def read_name(value: object) -> str:
    """The name of something in the charter."""
    text = read_text(value)
    if len(text) > MAX_NAME or not text.isprintable():
        raise ValueError(f'"{text[:40]!s}" cannot be a name; write at most {MAX_NAME} characters on one line')
    return text


def read_clock_name(value: object) -> str:
    """The name of a clock, which is a part of ids such as `LEAD/CLOCK/1/overdue`."""
    text = read_name(value)
    if "/" in text:
        raise ValueError(f'"{text}" cannot name a clock, because it has a "/"; write "{text.replace("/", "-")}"')
    if text == HANDOFF:
        raise ValueError(f'"{text}" cannot name a clock, because it names the handoff itself; write "{text}-clock"')
    return text


def read_side(value: object) -> Side:
    """One of the two sides."""
    text = read_text(value)
    if text not in set(Side):
        raise ValueError(f'"{text:.40}" is no side of a charter{did_you_mean(text, Side)}')
    return Side(text)


def read_event_type(value: object) -> str:
    """The wire name of one of the 22 types."""
    text = read_text(value)
    if text not in TYPES_BY_WIRE_NAME:
        raise ValueError(f'there is no event "{text:.60}"{did_you_mean(text, TYPES_BY_WIRE_NAME)}')
    return text


def event_type(text: str) -> EventType:
    """The type that a checked wire name stands for."""
    return TYPES_BY_WIRE_NAME[text]


def read_currency(value: object) -> str:
    """A currency's three letters."""
    text = read_text(value)
    if not _CURRENCY.fullmatch(text):
        upper = text.strip().upper()
        hint = upper if _CURRENCY.fullmatch(upper) else "three capital letters, such as PLN"
        raise ValueError(f'"{text:.40}" is not a currency; write {hint}')
    return text

"""YAML 1.2, read safely: text in, nodes with their lines out, and every mistake that YAML itself can tell.

Nothing is ever constructed but text, numbers, true, false and null; there are no aliases, tags or duplicate keys.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from services.charters.nodes import Entry, Finding, Node, WrittenFloat, WrittenInt
from services.errors import UsageError

MAX_BYTES = 1 << 20
"""1 MiB: a hundred times the longest charter that people still sign."""
MAX_DEPTH = 30
"""The format nests eight deep; a file that nests without end must not exhaust the stack."""

# The plain scalars of YAML 1.2's core schema that are no text (10.3.2). Longer numbers stay text.
_NULL = re.compile(r"null|Null|NULL|~|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,18}|[0-9]{1,18}\.[0-9]{0,18})")
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_PLAIN_WORDS = (
    ("\\t' that cannot start", "a tab; indent with spaces"),
    ("'%' that cannot start", 'a value cannot begin with "%"; put it in quotes'),
    ("'@' that cannot start", 'a value cannot begin with "@"; put it in quotes'),
    ("'`' that cannot start", 'a value cannot begin with "`"; put it in quotes'),
    ("mapping values are not allowed", 'a ":" where none can stand; put the value in quotes, or check the indentation'),
    ("could not find expected ':'", 'a key without its ":"; write key: value'),
    ("unexpected end of stream", "a quotation mark is opened here or before and never closed; close it"),
    ("expected ',' or ']'", 'a list that is not closed; write a "," between its items and a "]" at its end'),
    ("expected ',' or '}'", 'a block that is not closed; write a "," between its keys and a "}" at its end'),
    ("expected <block end>", "the indentation does not fit the lines above; begin keys of one block in one column"),
    ("expected the node content", "a value is missing here; write one"),
    ("while scanning an alias", 'a value cannot begin with "*"; put it in quotes'),
    ("while scanning an anchor", 'a value cannot begin with "&"; put it in quotes'),
)


def read_text(path: Path) -> str:
    """The text of a file. UsageError when it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path}: larger than 1 MiB; a charter is a few pages")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from None


def read_nodes(text: str) -> tuple[Node | None, list[Finding]]:
    """The file's one document, as far as it can be read (None where it cannot), and what is wrong with it as YAML."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return None, [Finding(1, "larger than 1 MiB; a charter is a few pages")]
    control = _CONTROL.search(text.removeprefix("\ufeff"))
    if control is not None:
        line = text.count("\n", 0, control.start()) + 1
        return None, [Finding(line, f"a character that is no text (code {ord(control[0])}); delete it")]
    reader = _Reader()
    try:
        root = reader.document(_events(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reader.wrong(mark.line + 1 if mark is not None else 1, _in_plain_words(error))
        return None, reader.findings
    except (YAMLError, ValueError, OverflowError) as error:
        # The scanner turns an escape such as "\U99999999" into a character without looking.
        reader.wrong(reader.line, f"cannot be read from here on: {str(error).splitlines()[0]}")
        return None, reader.findings
    except _TooDeepError as error:
        reader.wrong(reader.line, str(error))
        return None, reader.findings
    return root, reader.findings


class _TooDeepError(Exception):
    """The file nests deeper than any charter."""


def _events(text: str) -> Iterator[Event]:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = "1.2"
    yield from yaml.parse(text)


def _in_plain_words(error: MarkedYAMLError) -> str:
    said = f"{error.context or ''} {error.problem or ''}"
    for sign, words in _PLAIN_WORDS:
        if sign in said:
            return words
    return f"this is not YAML: {(error.problem or said).strip().splitlines()[0]}"


class _Reader:
    """Makes nodes of the parser's events and collects what is wrong on the way."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.line = 1

    def wrong(self, line: int, text: str) -> None:
        self.findings.append(Finding(line, text))

    def document(self, events: Iterator[Event]) -> Node | None:
        root: Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                self._check_version(event)
            elif isinstance(event, NodeEvent):
                node = self._node(event, events, 1)
                if root is not None:
                    self.wrong(node.line, "a second document; keep one charter in a file, without further ---")
                    break
                root = node
        return root

    def _check_version(self, event: DocumentStartEvent) -> None:
        if event.version not in (None, (1, 2)):
            self.wrong(1, "the file says it is an older YAML; write %YAML 1.2, or leave the line out")

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        self.line = event.start_mark.line + 1
        if depth > MAX_DEPTH:
            raise _TooDeepError("lists and blocks nested without end; a charter needs less than ten levels")
        if isinstance(event, AliasEvent):
            self.wrong(
                self.line, f'an alias "*{event.anchor}"; write its value out, or quote a text that begins with "*"'
            )
            return Node(self.line, None)
        if isinstance(event, NodeEvent) and event.anchor is not None:
            self.wrong(self.line, f'an anchor "&{event.anchor}"; leave it out, or quote a text that begins with "&"')
        if isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent) and event.tag is not None:
            self.wrong(self.line, f'a tag "{event.tag}"; leave it out, or quote a text that begins with "!"')
        if isinstance(event, ScalarEvent):
            return Node(self.line, event.value if event.style or event.tag else _core(event.value))
        if isinstance(event, SequenceStartEvent):
            return self._list(self.line, events, depth)
        return self._block(self.line, events, depth)

    def _list(self, line: int, events: Iterator[Event], depth: int) -> Node:
        items = []
        while not isinstance(event := next(events), CollectionEndEvent):
            items.append(self._node(event, events, depth + 1))
        return Node(line, items)

    def _block(self, line: int, events: Iterator[Event], depth: int) -> Node:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(events), CollectionEndEvent):
            key = self._key(event, events, depth)
            value = self._node(next(events), events, depth + 1)
            if key is None:
                continue
            if key.value in entries:
                first = entries[str(key.value)].line
                self.wrong(key.line, f'the key "{key.value}" is written twice, first in line {first}; keep one')
            else:
                entries[str(key.value)] = Entry(key.line, value)
        return Node(line, entries)

    def _key(self, event: Event, events: Iterator[Event], depth: int) -> Node | None:
        """The key, always as text; None where it is a list or a block."""
        key = self._node(event, events, depth + 1)
        if isinstance(event, ScalarEvent):
            return Node(key.line, event.value)
        if not isinstance(event, AliasEvent):
            self.wrong(key.line, "a key must be text, not a list or a block; write key: value")
        return None


def _core(text: str) -> str | int | float | bool | None:
    """What a plain scalar means in YAML 1.2."""
    if _INT.fullmatch(text):
        whole = WrittenInt(text)
        whole.written = text
        return whole
    if _FLOAT.fullmatch(text):
        number = WrittenFloat(text)
        number.written = text
        return number
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    return None if _NULL.fullmatch(text) else text

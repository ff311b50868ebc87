"""What a YAML file says, with the line of every key and value."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from schemas.charter_values import written


class WrittenInt(int):
    """A whole number that remembers how it was written (`007`)."""

    written: str


class WrittenFloat(float):
    """A number that remembers how it was written (`1.10`)."""

    written: str


class Finding(NamedTuple):
    """One mistake: its line, what is wrong and what to write instead."""

    line: int
    text: str


class Entry(NamedTuple):
    """One key of a block, with the line of the key."""

    line: int
    node: "Node"


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, a list of nodes, or a block of entries by key."""

    line: int
    value: str | int | float | bool | list["Node"] | dict[str, Entry] | None

    @property
    def items(self) -> Sequence["Node"]:
        """The items of a list; none where it is no list."""
        return self.value if isinstance(self.value, list) else ()

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """The keys of a block; none where it is no block."""
        if isinstance(self.value, dict):
            yield from self.value.items()

    def get(self, key: str) -> "Node | None":
        """What stands after a key; None where that is nothing, or this is no block."""
        entry = self.value.get(key) if isinstance(self.value, dict) else None
        return entry.node if entry is not None and entry.node.value is not None else None

    def block(self, key: str) -> Iterator[tuple[str, Entry]]:
        """The entries of the block after a key."""
        node = self.get(key)
        if node is not None:
            yield from node.entries()

    def defines(self, section: str, name: str) -> bool:
        """Whether a block has the name, or may have it: a section without shape is one mistake, not many."""
        node = self.get(section)
        return node is not None and (not isinstance(node.value, dict) or name in node.value)

    def list(self, key: str) -> Sequence["Node"]:
        """The items of the list after a key."""
        node = self.get(key)
        return node.items if node is not None else ()

    def text(self, key: str) -> str | None:
        """The text after a key; None where there is none."""
        node = self.get(key)
        if node is None or isinstance(node.value, list | dict):
            return None
        return written(node.value)

    def plain(self) -> Any:
        """The same as plain data."""
        if isinstance(self.value, list):
            return [each.plain() for each in self.value]
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        return self.value

    def find(self, path: Sequence[str | int], *, key: bool = False) -> tuple["Node", int]:
        """The node at a path, or the last one on the way to it that is there, and its line.

        With `key` the line is that of the last key.
        """
        node, line = self, self.line
        for step in path:
            entry = _step(node, step)
            if entry is None:
                break
            node, line = entry.node, entry.line if key else entry.node.line
        return node, line


def _step(node: Node, step: str | int) -> Entry | None:
    if isinstance(node.value, dict):
        return node.value.get(str(step))
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return Entry(item.line, item)
    return None

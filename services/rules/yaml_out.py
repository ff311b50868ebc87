"""How both files are written as YAML: nothing is folded, and what a charter names is quoted unless it is a word."""

import io
import re
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

_UNFOLDED = 100_000
"""A line is as long as it is: an expression that is folded reads badly."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_ ][A-Za-z0-9]+)*")
_NOT_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def text(value: str) -> str:
    """A text that somebody else chose. Readers differ in what they take without quotes, but not within them."""
    plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _NOT_TEXT
    return value if plain else DoubleQuotedScalarString(value)


def dump(documents: Sequence[Any]) -> str:
    """The documents as one text, each after a line of its own where there are several."""
    yaml = YAML()
    yaml.width = _UNFOLDED
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.explicit_start = len(documents) > 1
    out = io.StringIO()
    yaml.dump_all(documents, out)
    return out.getvalue()

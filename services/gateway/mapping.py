"""Reads mapping files and maps of export files: YAML 1.2, safely, without aliases or duplicate keys.

Every mistake is told with its line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from schemas.export_map import ExportMap
from schemas.mapping import CrmMapping
from services.errors import Problem, UsageError

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class MappingFile:
    """A mapping, and where in its file what stands."""

    name: str
    mapping: CrmMapping
    node: Node | None

    def where(self, place: Sequence[int | str]) -> str:
        """`FILE:LINE` of a rule or attribute by its place: keys and numbers, from the top."""
        return f"{self.name}:{_line(self.node, place)}"


def read_mapping(crm: str, path: Path | None = None) -> CrmMapping:
    """The mapping in the file, or the one for the CRM that comes with Baton. Raises UsageError."""
    return read_mapping_file(crm, path).mapping


def read_mapping_file(crm: str, path: Path | None = None) -> MappingFile:
    """The same, which knows its lines. Raises UsageError."""
    name, content = _content(path, f"{crm}.yaml")
    mapping, node = _parsed(CrmMapping, content, name)
    return MappingFile(name, mapping, node)


def read_export_map(crm: str, path: Path | None = None) -> ExportMap:
    """The map of export files in the file, or the one for the CRM that comes with Baton. Raises UsageError."""
    name, content = _content(path, f"{crm}-export.yaml")
    export_map, _ = _parsed(ExportMap, content, name)
    if export_map.crm != crm:
        raise UsageError(f"{name}: it is a map of {export_map.crm}'s export files, not of {crm}'s")
    return export_map


def read_checked(model: type[_Model], path: Path) -> tuple[_Model, Callable[[Sequence[int | str]], str]]:
    """What a YAML file says by the model, and what tells `FILE:LINE` of a place in it. Raises UsageError."""
    name, content = _content(path, "")
    value, node = _parsed(model, content, name)
    return value, lambda place: f"{name}:{_line(node, place)}"


def _content(path: Path | None, built_in: str) -> tuple[str, bytes]:
    """The name and the bytes of the file, or of the one that comes with Baton."""
    if path is None:
        return built_in, (files("services.gateway.crm") / built_in).read_bytes()
    try:
        return str(path), path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _parsed(model: type[_Model], content: bytes, name: str) -> tuple[_Model, Node | None]:
    try:
        text = content.decode()
        _refuse_aliases(text, name)
        # An anew made reader each time: one that has read may keep state.
        value, node = _yaml().load(text), _yaml().compose(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(str(Problem(name, line, error.problem or "not YAML"))) from None
    except (YAMLError, ValueError, RecursionError):
        raise UsageError(str(Problem(name, 1, "not YAML in UTF-8"))) from None
    try:
        return model.model_validate(value), node
    except ValidationError as error:
        problems = [
            Problem(name, _line(node, one["loc"]), _told(one["loc"], one["msg"]))
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise UsageError("\n".join(str(problem) for problem in sorted(problems))) from None


def _yaml() -> YAML:
    return YAML(typ="safe", pure=True)


def _refuse_aliases(text: str, name: str) -> None:
    for event in _yaml().parse(text):
        if isinstance(event, AliasEvent):
            raise UsageError(str(Problem(name, event.start_mark.line + 1, "aliases are not read; write it out")))


def _told(place: tuple[int | str, ...], message: str) -> str:
    if place[-1:] == ("[key]",):
        message = "it is read as a number; put it in quotes"
    text = message.removeprefix("Value error, ")
    steps = ".".join(step for step in place if isinstance(step, str) and step != "[key]")
    return f"{steps}: {text}" if steps else text


def _line(node: Node | None, place: Sequence[int | str]) -> int:
    """The line of the deepest part of the place that the file has."""
    line = 1
    for step in place:
        if isinstance(node, MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        # A single rule is not written as a list: its number, 0, is no part of the file.
    return line

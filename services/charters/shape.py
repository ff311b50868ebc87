"""Whether the file has the shape of a charter: keys, types, single values; all mistakes, in plain words."""

import re
from collections.abc import Callable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from schemas.charter import CharterDocument
from schemas.charter_values import did_you_mean, said
from services.charters.nodes import Finding, Node

Path = Sequence[str | int]


def check_shape(root: Node) -> tuple[CharterDocument | None, list[Finding]]:
    """The document, or None and everything that is wrong with its shape."""
    try:
        return CharterDocument.model_validate(root.plain()), []
    except ValidationError as error:
        return None, [_finding(root, each) for each in error.errors(include_url=False)]


def _finding(root: Node, error: ErrorDetails) -> Finding:
    path = error["loc"]
    of_key = path[-1:] == ("[key]",)
    if of_key:
        path = path[:-1]
    about_key = of_key or error["type"] in {"missing", "extra_forbidden"}
    while not about_key and path and root.find(path)[0] is root.find(path[:-1])[0]:
        path = path[:-1]  # one value in place of a list, or a type in place of a trigger, is spelled out by the models
    node, line = root.find(path, key=about_key)
    return Finding(line, _WORDS.get(error["type"], _as_pydantic_says)(node, path, error))


def _missing(_: Node, path: Path, __: ErrorDetails) -> str:
    where, key = path[:-1], str(path[-1])
    return f"{_at(where)}`{key}` is missing; add it{_example(key, _fields(where))}"


def _unknown(_: Node, path: Path, __: ErrorDetails) -> str:
    where, key = path[:-1], str(path[-1])
    if ":" in key:
        return f'{_at(where)}"{key:.60}" is no key; put a space after the colon'
    return f'{_at(where)}there is no key "{key:.60}"{did_you_mean(key, _fields(where))}'


def _not_a_block(node: Node, path: Path, _: ErrorDetails) -> str:
    fields = list(_fields(path))
    keys = f" with {', '.join(fields[:4])}{' and others' if len(fields) > 4 else ''}" if fields else ""
    return f"{_at(path)}must be a block of keys{keys or ', each with its value'}, not {said(node.plain())}"


def _not_a_list(node: Node, path: Path, _: ErrorDetails) -> str:
    value = node.plain()
    inside = f"[{value}]" if isinstance(value, str) else "[one, two]"
    return f"{_at(path)}must be a list, not {said(value)}; write {inside}"


def _empty(_: Node, path: Path, __: ErrorDetails) -> str:
    key = str(path[-1])
    return f"{_at(path)}is empty; write at least one{_example(key, _fields(path[:-1]))}"


def _no_bool(node: Node, path: Path, _: ErrorDetails) -> str:
    return f"{_at(path)}must be true or false, not {said(node.plain())}"


def _not_among(node: Node, path: Path, error: ErrorDetails) -> str:
    known = re.findall(r"'?(\w+)'?(?:, | or |$)", error["ctx"]["expected"])
    value = node.plain()
    if isinstance(value, str) and value not in known:
        hint = did_you_mean(value, known)
    else:
        hint = f"; write {' or '.join(known)}" + (" without quotes" if value in known else "")
    return f"{_at(path)}cannot be {said(value)}{hint}"


def _value(_: Node, path: Path, error: ErrorDetails) -> str:
    return f"{_at(path)}{error['ctx']['error']}"


def _as_pydantic_says(_: Node, path: Path, error: ErrorDetails) -> str:
    return f"{_at(path)}{error['msg']}"


_WORDS: dict[str, Callable[[Node, Path, ErrorDetails], str]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "model_type": _not_a_block,
    "model_attributes_type": _not_a_block,
    "dict_type": _not_a_block,
    "list_type": _not_a_list,
    "too_short": _empty,
    "bool_type": _no_bool,
    "literal_error": _not_among,
    "value_error": _value,
}


def _at(path: Path) -> str:
    """Where in the charter; items of lists count from 1."""
    return ".".join(str(each + 1 if isinstance(each, int) else each) for each in path) + ": " if path else ""


def _example(key: str, fields: dict[str, FieldInfo]) -> str:
    examples = fields[key].examples if key in fields else None
    return f", such as `{key}: {examples[0]}`" if examples else ""


def _fields(path: Path) -> dict[str, FieldInfo]:
    """The keys of the block at a path; none where its keys are free."""
    here: Any = CharterDocument
    for step in path:
        model = _model(here)
        if model is not None and step in model.model_fields:
            here = model.model_fields[str(step)].annotation
        else:
            here = _inside(here)
    model = _model(here)
    return dict(model.model_fields) if model is not None else {}


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is, or may be (`Model | None`, `Annotated[Model, ...]`)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if getattr(annotation, "__origin__", None) in (dict, list):
        return None
    return next((model for each in get_args(annotation) if (model := _model(each)) is not None), None)


def _inside(annotation: Any) -> Any:
    """What a list or a block with free keys holds."""
    arguments = get_args(annotation)
    return arguments[-1] if arguments else None

"""The API's reference as a page shows it, read from the app's own OpenAPI document."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a shape."""

    name: str
    place: str
    """query, path, header; empty for a field of a shape."""
    type: str
    links: Sequence[str]
    """The shapes that the type names."""
    is_required: bool
    description: str
    example: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What may be answered."""

    status: str
    description: str
    media_type: str
    type: str
    links: Sequence[str]


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent."""

    type: str
    links: Sequence[str]
    examples: Sequence[tuple[str, str]]
    """What each is of, and the JSON of it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    id: str
    method: str
    path: str
    description: str
    parameters: Sequence[Field]
    body: Body | None
    replies: Sequence[Reply]


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape of an answer."""

    name: str
    description: str
    fields: Sequence[Field]


@dataclass(frozen=True, slots=True)
class Reference:
    """All of it."""

    title: str
    version: str
    operations: Sequence[Operation]
    shapes: Sequence[Shape]


def read(document: Mapping[str, Any]) -> Reference:
    """The reference of an OpenAPI document."""
    schemas = document.get("components", {}).get("schemas", {})
    return Reference(
        title=document["info"]["title"],
        version=document["info"]["version"],
        operations=list(_operations(document.get("paths", {}))),
        shapes=[_shape(name, schema) for name, schema in schemas.items()],
    )


def _operations(paths: Mapping[str, Any]) -> Iterator[Operation]:
    for path, item in paths.items():
        for method in METHODS:
            if method in item:
                said = item[method]
                yield Operation(
                    id=said.get("operationId", f"{method}-{path}"),
                    method=method.upper(),
                    path=path,
                    description=said.get("description") or said.get("summary", ""),
                    parameters=[_parameter(each) for each in said.get("parameters", ())],
                    body=_body(said.get("requestBody", {}).get("content", {}).get(_JSON)),
                    replies=[_reply(status, reply) for status, reply in said.get("responses", {}).items()],
                )


def _parameter(said: Mapping[str, Any]) -> Field:
    schema = said.get("schema", {})
    words, links = _type(schema)
    description = said.get("description") or schema.get("description", "")
    return Field(said["name"], said["in"], words, links, said.get("required", False), description, _example(schema))


def _body(said: Mapping[str, Any] | None) -> Body | None:
    if said is None:
        return None
    words, links = _type(said.get("schema", {}))
    examples = [
        (each.get("summary", ""), json.dumps(each.get("value"), indent=2, ensure_ascii=False))
        for each in said.get("examples", {}).values()
    ]
    return Body(words, links, examples)


def _reply(status: str, said: Mapping[str, Any]) -> Reply:
    contents: Mapping[str, Any] = said.get("content", {})
    media_type = next(iter(contents), "")
    words, links = _type(contents[media_type].get("schema", {})) if media_type == _JSON else ("", ())
    return Reply(status, said.get("description", ""), media_type, words, links)


def _shape(name: str, schema: Mapping[str, Any]) -> Shape:
    required = schema.get("required", ())
    fields = []
    for field, said in schema.get("properties", {}).items():
        words, links = _type(said)
        fields.append(Field(field, "", words, links, field in required, said.get("description", ""), _example(said)))
    if "enum" in schema:
        fields.append(Field("one of", "", ", ".join(map(str, schema["enum"])), (), True, "", ""))
    return Shape(name, schema.get("description", ""), fields)


def _type(schema: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """A schema in words, and the shapes that these words name."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return name, (name,)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            parts = [_type(each) for each in schema[several]]
            return " or ".join(words for words, _ in parts), tuple(name for _, names in parts for name in names)
    if schema.get("type") == "array":
        words, links = _type(schema.get("items", {}))
        return f"list of {words}", links
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"])), ()
    if isinstance(schema.get("additionalProperties"), Mapping):
        words, links = _type(schema["additionalProperties"])
        return f"map to {words}", links
    return str(schema.get("format") or schema.get("type", "anything")), ()


def _example(schema: Mapping[str, Any]) -> str:
    examples = schema.get("examples")
    return str(examples[0]) if examples and examples[0] is not None else ""

"""What the app's OpenAPI document says of the hooks; plain Starlette routes do not describe themselves.

All of it follows from what each sender says of itself.
"""

import inspect
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from services.gateway.sender import Answer, Counts, Sender, Senders

_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}

_PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
_COUNTS_SCHEMA = {
    "type": "object",
    "required": ["events", "ignored", "dead_letters"],
    "properties": {
        "events": {"type": "integer", "description": "Canonical events that the log has now"},
        "ignored": {"type": "integer", "description": "Parts that mean nothing here"},
        "dead_letters": {"type": "integer", "description": "Parts that could not be used, and are kept"},
    },
}
_SCHEMAS = {"Problem": _PROBLEM_SCHEMA, "WebhookCounts": _COUNTS_SCHEMA}


def _problem(description: str, **headers: Any) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content, **({"headers": headers} if headers else {})}


_REFUSALS: dict[str, Any] = {
    "400": _problem("The connection closed before the body was whole"),
    "401": _problem(
        "What proves the sender is wrong or missing; the request waits in the quarantine",
        **{"WWW-Authenticate": {"schema": {"type": "string"}}},
    ),
    "408": _problem("The body came too slowly"),
    "413": _problem("The body is too large"),
    "415": _problem("A format or a content encoding that is not read"),
    "429": _problem("Too many requests at the same time", **_RETRY_AFTER),
    "503": _problem("A store is away; nothing was taken", **_RETRY_AFTER),
}

_HANDSHAKE: dict[str, Any] = {
    "tags": ["hooks"],
    "summary": "Handshake of the CloudEvents webhook binding",
    "operationId": "hooks_cloudevents_handshake",
    "parameters": [
        {"in": "header", "name": "WebHook-Request-Origin", "schema": {"type": "string"}},
        {"in": "header", "name": "WebHook-Request-Rate", "schema": {"type": "string"}},
    ],
    "responses": {
        "200": {
            "description": "You may send, if you prove yourself",
            "headers": {
                "WebHook-Allowed-Origin": {"schema": {"type": "string"}},
                "WebHook-Allowed-Rate": {"schema": {"type": "integer"}},
            },
        }
    },
}


def describe(app: FastAPI, senders: Senders) -> None:
    """Make the app's OpenAPI document tell of the hooks of these senders too."""
    paths = {path: hook for crm, sender in senders.items() for path, hook in _hooks(crm, sender)}
    schemes = {_scheme(crm): {"type": "http", "scheme": _challenge(sender)} for crm, sender in senders.items()}
    without = app.openapi

    def openapi() -> dict[str, Any]:
        document = without()
        document.setdefault("paths", {}).update(paths)
        components = document.setdefault("components", {})
        components.setdefault("schemas", {}).update(_SCHEMAS)
        components.setdefault("securitySchemes", {}).update(schemes)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _hooks(crm: str, sender: Sender) -> Iterator[tuple[str, dict[str, Any]]]:
    yield f"/hooks/{crm}", {"post": _post(crm, sender), **({"options": _HANDSHAKE} if crm == "cloudevents" else {})}
    if sender.secret_in_path:
        post = _post(crm, sender)
        secret = {"in": "path", "name": "secret", "required": True, "schema": {"type": "string", "minLength": 1}}
        told = {"operationId": f"hooks_{crm}_secret", "parameters": [secret, *post["parameters"]], "security": []}
        yield f"/hooks/{crm}/{{secret}}", {"post": {**post, **told}}


def _post(crm: str, sender: Sender) -> dict[str, Any]:
    return {
        "tags": ["hooks"],
        "summary": _first_line(sender),
        "operationId": f"hooks_{crm}",
        "security": [{_scheme(crm): []}],
        "parameters": [{"in": "header", "name": name, "schema": {"type": "string"}} for name in sorted(sender.proofs)],
        "requestBody": {"required": True, "content": {each: {"schema": _body(each)} for each in sender.formats}},
        "responses": {**_accepted(sender), **_REFUSALS},
    }


def _accepted(sender: Sender) -> dict[str, Any]:
    """What is answered when the log has it, as far as it was of use."""
    accepted, unusable = sender.accepted(Counts()), sender.unusable()
    told = {str(accepted.status): _answer(accepted, "The event log has it")}
    if unusable is None:
        told["422"] = _problem("Of no use as a whole; it is kept as a dead letter, do not send it again")
    else:
        told.setdefault(str(unusable.status), _answer(unusable, "Of no use as a whole; it is kept as a dead letter"))
    return told


def _answer(answer: Answer, description: str) -> dict[str, Any]:
    is_json = answer.content_type == "application/json"
    schema = {"$ref": "#/components/schemas/WebhookCounts"} if is_json else {"type": "string"}
    return {"description": description, "content": {answer.content_type: {"schema": schema}}}


def _body(content_type: str) -> dict[str, Any]:
    """Any JSON, or any text: what it says in detail is the CRM's own documentation."""
    return {} if content_type.endswith("json") else {"type": "string"}


def _scheme(crm: str) -> str:
    return f"hooks_{crm}"


def _challenge(sender: Sender) -> str:
    """The scheme that the sender is asked for, without its parameters."""
    return sender.challenge.partition(" ")[0]


def _first_line(sender: Sender) -> str:
    return (inspect.getdoc(type(sender)) or "").partition("\n")[0]

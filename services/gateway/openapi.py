"""What the app's OpenAPI document says of the hooks; plain Starlette routes do not describe themselves."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI

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


def _problem(description: str, *, retry: bool = False) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content, **({"headers": _RETRY_AFTER} if retry else {})}


_RESPONSES: dict[str, Any] = {
    "202": {
        "description": "The event log has it",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WebhookCounts"}}},
    },
    "401": _problem("The signature or the token is wrong or missing"),
    "408": _problem("The body came too slowly"),
    "413": _problem("The body is too large"),
    "415": _problem("A format or a content encoding that is not read"),
    "422": _problem("Of no use as a whole; it is kept as a dead letter, do not send it again"),
    "429": _problem("Too many requests at the same time", retry=True),
    "503": _problem("A store is away; nothing was taken", retry=True),
}


def _header(name: str) -> dict[str, Any]:
    return {"type": "apiKey", "in": "header", "name": name}


_SECURITY_SCHEMES: dict[str, Any] = {
    "HubSpotSignature": _header("X-HubSpot-Signature-v3"),
    "HubSpotTimestamp": _header("X-HubSpot-Request-Timestamp"),
    "WebhookId": _header("webhook-id"),
    "WebhookTimestamp": _header("webhook-timestamp"),
    "WebhookSignature": _header("webhook-signature"),
    "WebhookToken": {"type": "http", "scheme": "bearer"},
}

_OBJECTS = {"type": "array", "maxItems": 100, "items": {"type": "object"}}

_PATHS: dict[str, dict[str, Any]] = {
    "hubspot": {
        "post": {
            "tags": ["hooks"],
            "summary": "Notifications of HubSpot",
            "operationId": "hooks_hubspot",
            "security": [{"HubSpotSignature": [], "HubSpotTimestamp": []}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": _OBJECTS}}},
            "responses": _RESPONSES,
        }
    },
    "salesforce": {
        "post": {
            "tags": ["hooks"],
            "summary": "Outbound Messages of Salesforce; the organization is in the body",
            "operationId": "hooks_salesforce",
            "parameters": [
                {"name": "code", "in": "query", "schema": {"type": "string"}, "description": "One of the secrets"},
                {
                    "name": "changed",
                    "in": "query",
                    "schema": {"type": "string"},
                    "description": "Which fields changed, parted by commas",
                },
            ],
            "requestBody": {"required": True, "content": {"text/xml": {"schema": {"type": "string"}}}},
            "responses": {
                "200": {
                    "description": "The event log has it, and what is of no use is kept as a dead letter",
                    "content": {"text/xml": {"schema": {"type": "string"}}},
                },
                **{status: told for status, told in _RESPONSES.items() if status not in ("202", "422")},
            },
        }
    },
    "zoho": {
        "post": {
            "tags": ["hooks"],
            "summary": "Notifications of Zoho CRM; the token of the channel is in the body",
            "operationId": "hooks_zoho",
            "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
            "responses": _RESPONSES,
        }
    },
    "cloudevents": {
        "post": {
            "tags": ["hooks"],
            "summary": "Canonical events as CloudEvents 1.0: structured, binary or in batches",
            "operationId": "hooks_cloudevents",
            "security": [{"WebhookId": [], "WebhookTimestamp": [], "WebhookSignature": []}, {"WebhookToken": []}],
            "requestBody": {
                "required": True,
                "content": {
                    "application/cloudevents+json": {"schema": {"type": "object"}},
                    "application/cloudevents-batch+json": {"schema": _OBJECTS},
                    "application/json": {"schema": {}},
                },
            },
            "responses": _RESPONSES,
        },
        "options": {
            "tags": ["hooks"],
            "summary": "Handshake of the CloudEvents webhook binding",
            "operationId": "hooks_cloudevents_handshake",
            "parameters": [{"in": "header", "name": "WebHook-Request-Origin", "schema": {"type": "string"}}],
            "responses": {
                "200": {
                    "description": "You may send",
                    "headers": {
                        "WebHook-Allowed-Origin": {"schema": {"type": "string"}},
                        "WebHook-Allowed-Rate": {"schema": {"type": "integer"}},
                    },
                }
            },
        },
    },
}


def describe(app: FastAPI, senders: Iterable[str]) -> None:
    """Make the app's OpenAPI document tell of the hooks of these senders too."""
    paths = {f"/hooks/{crm}": _PATHS[crm] for crm in senders if crm in _PATHS}
    without = app.openapi

    def openapi() -> dict[str, Any]:
        document = without()
        document.setdefault("paths", {}).update(paths)
        components = document.setdefault("components", {})
        components.setdefault("schemas", {}).update({"Problem": _PROBLEM_SCHEMA, "WebhookCounts": _COUNTS_SCHEMA})
        components.setdefault("securitySchemes", {}).update(_SECURITY_SCHEMES)
        return document

    app.openapi = openapi  # type: ignore[method-assign]

"""What could not be used, as it stands in the topic of dead letters: why, and what came, so that it can return."""

import base64
import binascii
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from schemas.events import Time
from services.domain.instants import format_exact

DeadLetterReason = Literal[
    "unreadable",  # no JSON, or none that can be trusted
    "invalid",  # JSON that says something impossible, or lacks something
    "too_many",  # more items than one request may carry
    "incomplete",  # the CRM left out what matters, and its API is not set up here
    "too_far_ahead",  # it happened in the future
    "lost",  # the log had lost it before it was read, and an operator went on without it
    "fault",  # a fault in Baton itself; it can return once that is mended
]
DEAD_LETTER_REASONS: tuple[str, ...] = get_args(DeadLetterReason)


def _from_base64(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("not base64") from None


Base64 = Annotated[
    bytes,
    BeforeValidator(_from_base64),
    PlainSerializer(lambda value: base64.b64encode(value).decode(), when_used="json"),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]
"""Bytes, on the wire as base64 text."""


class DeadLetter(BaseModel):
    """One thing that could not be used. `body`, sent with `content_type` to the door of `crm`, is the same again."""

    model_config = ConfigDict(strict=True, frozen=True)

    id: str
    """The same for every retry of the same thing."""
    crm: str
    reason: DeadLetterReason
    detail: str
    received_at: Annotated[Time, PlainSerializer(format_exact, when_used="json")]
    content_type: str
    body: Base64

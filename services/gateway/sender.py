"""What the gateway asks of a kind of sender: how it proves itself, and what its payload is made of.

Configuration comes in ready; no sender reads a file or the environment.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from services.domain.events import Event
from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway.request import Incoming
from services.gateway.strict_json import UnreadableJson, loads
from services.ports import Reference

MOST_ITEMS = 100
"""HubSpot and Salesforce send at most 100 notifications in a request; a batch of CloudEvents may be as long."""
ANSWER_WITHIN = 5.0
"""Seconds: HubSpot's limit, the shortest of those who try again."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a request's parts. A part may be several events."""

    events: int = 0
    ignored: int = 0
    dead_letters: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.events + other.events, self.ignored + other.ignored, self.dead_letters + other.dead_letters)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sender is told: the status, and a body of this content type."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """What one part of a payload gives."""

    events: Sequence[Event] = ()
    lacking: Sequence[Reference] = ()
    """What the CRM left out although it matters; without its API the part is a dead letter."""
    thin: Sequence[Reference] = ()
    """What the CRM's API could tell more of, where it is set up."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as the sender would make it: path and query, headers, and the body as it is."""

    target: str
    headers: Mapping[str, str]
    body: bytes


class Sender(Protocol):
    """One kind of sender. Everything but `verify` is asked of verified requests only."""

    challenge: str
    """What the answer 401 says under WWW-Authenticate."""
    settings: str
    """The settings that hold its secrets."""
    answer_within: float
    """Seconds that it waits for an answer; after them it is told to try again, while the log is still written."""

    secret_in_path: bool
    """Whether it shows its secret as the last part of the address: `/hooks/{crm}/{secret}`."""
    letter_type: str
    """The content type of dead letters of it, as `alone` writes them."""
    proofs: Collection[str]
    """The headers, in lower case, that prove or explain a request and hold no secret."""

    @property
    def formats(self) -> Sequence[str]:
        """The content types that it sends."""

    @property
    def configured(self) -> bool:
        """Whether it has any secret."""

    def shown(self, request: Incoming) -> str | None:
        """The digest of the secret that a request shows as it is (`request.shown_digest`); None where it signs."""

    def kept(self, request: Incoming) -> bytes:
        """The body as it is kept of a refused request: without a secret that it shows."""

    def verify(self, request: Incoming, now: Instant, window: int) -> None:
        """Raise Refused 401 unless a secret of ours made the request."""

    def signed(self, body: bytes, *, at: Instant, base_url: str) -> Outgoing:
        """The request that it would make of a body at that instant, with the first of our secrets.

        `base_url` is what comes before `/hooks/` in the address. Raises UsageError where no secret is set.
        """

    def items(self, request: Incoming) -> Sequence[object]:
        """The parts of the payload. Raises BadEvent where the whole is unusable, Refused 415 for a wrong format."""

    def read(self, item: object) -> Taken:
        """What a part says; nothing where it means nothing. Raises BadEvent."""

    def whole(self, request: Incoming) -> tuple[str, bytes]:
        """Content type and body that say all that the request says."""

    def alone(self, item: object) -> tuple[str, bytes]:
        """Content type and body of a request that has this part alone."""

    def identity(self, item: object) -> object:
        """What of a part is the same in every delivery of it."""

    def accepted(self, counts: Counts) -> Answer:
        """What it is told once the log has everything."""

    def unusable(self) -> Answer | None:
        """What it is told when the whole was of no use and is kept as a dead letter; None: 422 and why."""


Senders = Mapping[str, Sender]
"""By the last part of their address: `hubspot` for `/hooks/hubspot`."""


def accepted_as_json(counts: Counts) -> Answer:
    """202 with the counts."""
    document = {"events": counts.events, "ignored": counts.ignored, "dead_letters": counts.dead_letters}
    return Answer(202, "application/json", orjson.dumps(document))


def parsed(body: bytes) -> Any:
    """The value of a JSON body. Raises BadEvent."""
    try:
        return loads(body)
    except UnreadableJson as error:
        raise BadEvent("unreadable", str(error)) from None


def written(value: object) -> bytes:
    """The value as JSON."""
    # Not orjson: what could not be used may have integers beyond 64 bits.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def listed(items: object, *, fewest: int) -> Sequence[object]:
    """The items of a list of `fewest` to 100. Raises BadEvent."""
    if not isinstance(items, list):
        raise BadEvent("invalid", "the body is a list")
    if len(items) < fewest:
        raise BadEvent("invalid", "the list is empty")
    if len(items) > MOST_ITEMS:
        raise BadEvent("too_many", f"more than {MOST_ITEMS} items")
    return items

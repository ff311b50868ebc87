"""What goes into the event log: canonical events and dead letters, as records."""

import hashlib
import json

from schemas.dead_letters import DeadLetter, DeadLetterReason
from services.domain.deals import deal_of
from services.domain.events import Event
from services.domain.instants import Instant, format_exact
from services.errors import BadEvent
from services.ports import DEAD_LETTERS, DEALS, EVENTS, Record
from services.translate import to_json


def event_record(crm: str, event: Event) -> Record:
    """An event's record. Raises BadEvent where it has a number that the log's JSON cannot hold."""
    try:
        value = to_json(event)
    except TypeError:
        raise BadEvent("invalid", "data: a number is beyond 64 bits") from None
    topic, key = (EVENTS, event.lead) if event.lead else (DEALS, deal_of(event) or "")
    return Record(topic, key, value, {"crm": crm})


def check_time(event: Event, latest: Instant) -> None:
    """Raise BadEvent where the event is said to happen after `latest`."""
    if event.time > latest:
        raise BadEvent("too_far_ahead", f"it is said to happen at {format_exact(event.time)}, which is to come")


def letter_record(
    crm: str,
    *,
    reason: DeadLetterReason,
    detail: str,
    received_at: Instant,
    content_type: str,
    body: bytes,
    identity: object = None,
) -> Record:
    """A dead letter's record. Its id follows from `identity`, or else from the body, so that retries share it."""
    what = body if identity is None else json.dumps(identity, sort_keys=True).encode()
    letter = DeadLetter(
        id=hashlib.sha256(crm.encode() + b"\0" + what).hexdigest(),
        crm=crm,
        reason=reason,
        detail=detail,
        received_at=received_at,
        content_type=content_type,
        body=body,
    )
    return Record(DEAD_LETTERS, letter.id, letter.model_dump_json().encode(), {"crm": crm})

"""Dead letters of what came from a CRM's API: their form, which no CRM's webhooks have, and how they are read again."""

from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway.intake import letter_of, part_letter
from services.gateway.sender import Sender, parsed, written
from services.ports import Found, Record, Reference

_JSON = "application/json"
_FOUND, _WANTED = "baton_found", "baton_wanted"
"""The one name in such a document."""


def found_letter(crm: str, sender: Sender, found: Found, bad: BadEvent, received_at: Instant) -> Record:
    """The letter of what an API said: where that has the form of a webhook, it is as if that had come.

    Salesforce's webhooks are XML, its changes JSON: those have the form of what APIs say.
    """
    if not found.object and sender.letter_type == _JSON:
        return part_letter(crm, sender, found.content, bad, received_at)
    document = {"object": found.object, "content": found.content}
    return letter_of(crm, bad, received_at, _JSON, written({_FOUND: document}))


def wanted_letter(crm: str, reference: Reference, bad: BadEvent, received_at: Instant) -> Record:
    """The letter of something that an API could not be asked for."""
    document = {"object": reference.object, "id": reference.id, "since": reference.since}
    return letter_of(crm, bad, received_at, _JSON, written({_WANTED: document}))


def read_letter(body: bytes) -> Found | Reference | None:
    """What such a letter is about; None where it is another one."""
    if not body.startswith((f'{{"{_FOUND}":'.encode(), f'{{"{_WANTED}":'.encode())):
        return None
    try:
        match parsed(body):
            case {"baton_found": {"object": str(kind), "content": dict(content)}}:
                return Found(kind, content)
            case {"baton_wanted": {"object": str(kind), "id": str(number), "since": int() | None as since}}:
                return Reference(kind, number, since)
    except BadEvent:
        return None
    return None

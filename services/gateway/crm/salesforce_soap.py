"""Reads and writes the SOAP of Salesforce's Outbound Messages. Never a DTD, an entity or anything from elsewhere.

A notification is handed on as the text of its element, so that one which cannot be used is kept as it came.
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from services.errors import BadEvent
from services.gateway.sender import MOST_ITEMS

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
OUTBOUND = "http://soap.sforce.com/2005/09/outbound"
OBJECTS = "urn:sobject.enterprise.soap.sforce.com"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
BATON = "urn:baton"
"""Of the one attribute that is not Salesforce's: what the address of a message says, in one kept without it."""

MOST_DEPTH = 12
"""Elements within each other; a message has 6."""

ACKNOWLEDGED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<soapenv:Envelope xmlns:soapenv="{ENVELOPE}"><soapenv:Body>'
    f'<notificationsResponse xmlns="{OUTBOUND}"><Ack>true</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
).encode()
"""Anything else, and Salesforce sends the message again for 24 hours."""


@dataclass(frozen=True, slots=True)
class Message:
    """An Outbound Message."""

    organization: str
    """Empty where it names none."""
    notifications: Sequence[str]
    """Each as the text of its element."""
    changed: str | None
    """What was kept of its address."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What a notification says of a record."""

    object: str
    fields: Mapping[str, str | None]


def message_of(body: bytes) -> Message:
    """The message. Raises BadEvent where it is none."""
    envelope = _parsed(body)
    inside = envelope.find(f"{{{ENVELOPE}}}Body/{{{OUTBOUND}}}notifications")
    if envelope.tag != f"{{{ENVELOPE}}}Envelope" or inside is None:
        raise BadEvent("invalid", "the body is no Outbound Message")
    organizations = inside.findall(f"{{{OUTBOUND}}}OrganizationId")
    return Message(
        organization=_text(organizations[0]) if len(organizations) == 1 else "",
        notifications=[
            ET.tostring(each, encoding="unicode").strip() for each in inside.findall(f"{{{OUTBOUND}}}Notification")
        ],
        changed=inside.get(f"{{{BATON}}}changed"),
    )


def checked_count(notifications: Sequence[str]) -> Sequence[str]:
    """The notifications, 1 to 100. Raises BadEvent."""
    if not notifications:
        raise BadEvent("invalid", "the message has no Notification")
    if len(notifications) > MOST_ITEMS:
        raise BadEvent("too_many", f"more than {MOST_ITEMS} notifications")
    return notifications


def as_notification(value: object) -> str:
    """The text of a notification's element; of anything else, one that holds it and cannot be read."""
    if isinstance(value, str):
        try:
            if _parsed(value.encode("utf-8", "replace")).tag == f"{{{OUTBOUND}}}Notification":
                return value
        except BadEvent:
            pass
    return f"<Notification xmlns={quoteattr(OUTBOUND)}>{escape(json.dumps(value))}</Notification>"


def notification_of(text: str) -> Notification:
    """What a notification says. Raises BadEvent."""
    record = _parsed(text.encode()).find(f"{{{OUTBOUND}}}sObject")
    if record is None:
        raise BadEvent("invalid", "sObject: missing")
    kind = record.get(f"{{{INSTANCE}}}type", "").rpartition(":")[2]
    if not kind:
        raise BadEvent("invalid", "sObject: its type is missing")
    fields: dict[str, str | None] = {}
    for element in record:
        name = element.tag.rpartition("}")[2]
        if len(element) or name in fields:
            raise BadEvent("invalid", f"{name:.100}: not one plain value")
        empty = element.get(f"{{{INSTANCE}}}nil") in ("true", "1")
        fields[name] = None if empty else _text(element) or None
    return Notification(kind, fields)


def message_with(notifications: Sequence[str], *, organization: str = "", changed: str | None = None) -> bytes:
    """A message with these notifications."""
    kept = "" if changed is None else f" xmlns:baton={quoteattr(BATON)} baton:changed={quoteattr(changed)}"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<soapenv:Envelope xmlns:soapenv={quoteattr(ENVELOPE)}><soapenv:Body>"
        f"<notifications xmlns={quoteattr(OUTBOUND)}{kept}>"
        f"<OrganizationId>{escape(organization)}</OrganizationId>{''.join(notifications)}"
        "</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


class _Shallow(ET.TreeBuilder):
    """Builds a tree that no walk through it can exhaust the stack on."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: Any, attrs: Any, /) -> ET.Element:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise BadEvent("unreadable", f"nested deeper than {MOST_DEPTH} levels")
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> ET.Element:
        self._depth -= 1
        return super().end(tag)


def _parsed(body: bytes) -> ET.Element:
    parser = DefusedXMLParser(target=_Shallow(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(body)
        tree: ET.Element = parser.close()
    except DefusedXmlException:
        raise BadEvent("unreadable", "the XML has a DTD, which is not read") from None
    except (ET.ParseError, ValueError, LookupError) as error:
        raise BadEvent("unreadable", f"not XML: {error}"[:200]) from None
    return tree


def _text(element: ET.Element | None) -> str:
    return "" if element is None else (element.text or "").strip()

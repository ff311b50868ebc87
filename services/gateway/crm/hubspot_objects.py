"""HubSpot's objects: what notifications call them, what they are by a mapping, and how their fields are read."""

import re
from collections.abc import Mapping
from typing import Any

from schemas.mapping import CrmMapping, DealObject, LeadObject
from services.domain.events import Scalar
from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway.changes import Change, Fields, Kind

OBJECT_TYPES: Mapping[str, str] = {
    "0-1": "contact",
    "0-2": "company",
    "0-3": "deal",
    "0-18": "communication",
    "0-27": "task",
    "0-47": "meeting",
    "0-48": "call",
    "0-49": "email",
    "0-136": "lead",
}
"""HubSpot's "object type ids" (developers.hubspot.com/docs/guides/crm/using-object-apis).

All others are called by their number, in mappings too: `2-3453932` is an object that a company has made.
"""
COMPANY = "company"
CONTACT = "contact"
COMPANY_OF_CONTACT = "associatedcompanyid"
"""The property of a contact that has its primary company."""
OF_COMPANY = "company."
"""In a mapping, `company.name` is the name of a contact's primary company, which the API alone can tell."""

_OTHER_NAMES: Mapping[str, str] = {"meeting_event": "meeting"}
"""What types and workflows call some objects (the list of generic subscriptions has MEETING_EVENT)."""
_TYPE_ID = re.compile(r"[0-9]{1,3}-[0-9]{1,20}")
_ID = re.compile(r"[0-9]{1,40}")


def object_called(name: str) -> str:
    """Our name of an object that is called `CONTACT`, `meeting_event` or `0-1`."""
    if _TYPE_ID.fullmatch(name):
        return OBJECT_TYPES.get(name, name)
    lower = name.lower()
    return _OTHER_NAMES.get(lower, lower)


def meaning_of(kind: str, mapping: CrmMapping) -> LeadObject | DealObject | None:
    """What changes of such an object mean, where it is a lead or a deal."""
    return mapping.leads.get(kind) or mapping.deals.get(kind)


def asks_for_companies(mapping: CrmMapping) -> bool:
    """Whether anything of a contact's company is an attribute of the lead."""
    contact = mapping.leads.get(CONTACT)
    return contact is not None and any(name.startswith(OF_COMPANY) for name in contact.fields())


def key_of(kind: str, number: str) -> str:
    """The key of a lead or deal."""
    return f"hubspot:{kind}:{number}"


def change_of(
    mapping: CrmMapping,
    kind: str,
    number: str,
    what: Kind,
    at: Instant,
    *,
    changed: Fields | None = None,
    record: Fields | None = None,
    is_state: bool = False,
) -> Change:
    """A change of a lead or a deal."""
    key = key_of(kind, number)
    lead, deal = (key, None) if kind in mapping.leads else (None, key)
    return Change(
        object=kind,
        id=number,
        kind=what,
        at=at,
        lead=lead,
        deal=deal,
        changed=changed or {},
        record=record or {},
        is_state=is_state,
    )


def linked(lead_kind: str, lead: str, deal_kind: str, deal: str, at: Instant) -> Change:
    """A lead has to do with a deal."""
    return Change(
        object=lead_kind,
        id=lead,
        kind=Kind.LINKED,
        at=at,
        lead=key_of(lead_kind, lead),
        deal=key_of(deal_kind, deal),
    )


def number_of(item: Mapping[str, Any], name: str) -> str:
    """An id that a field must have. Raises BadEvent that names the field."""
    return checked_number(item.get(name), name)


def checked_number(value: object, name: str) -> str:
    """HubSpot's ids are whole numbers; some of its services write them as texts."""
    if isinstance(value, int | str) and not isinstance(value, bool):
        text = str(value)
        if _ID.fullmatch(text) and text.isascii():
            return text
    raise BadEvent("invalid", f"{name}: not the number of an object")


def value_text(value: object, name: str) -> str:
    """A property's value. HubSpot sends texts; an API call of a customer may have made it something else."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value).strip()
    raise BadEvent("invalid", f"{name}: neither a text nor a number")


def record_of(properties: Mapping[str, Any]) -> dict[str, Scalar]:
    """The properties of a record; one that is empty has no value. What is no plain value is none of the mapping's."""
    return {
        name: value_text(value, name) or None
        for name, value in properties.items()
        if value is None or isinstance(value, str | int | float)
    }

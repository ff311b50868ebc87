"""Reads Salesforce's change events (Change Data Capture), as JSON from the Pub/Sub API, CometD or a connector.

An event of an update has the new values of what changed and nothing of the rest; which fields those are, the header
says. Gap and overflow events say only that something changed.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.mapping import CrmMapping
from services.domain.events import Scalar
from services.domain.instants import SECOND, Instant
from services.errors import BadEvent
from services.gateway.changes import (
    NOTHING,
    Fields,
    Kind,
    Reading,
    flattened,
    instant_of,
    object_of,
    required,
    text_of,
)
from services.gateway.crm.salesforce_records import Told, id_of_record, knows, reading_of, together
from services.ports import Reference

HEADER = "ChangeEventHeader"
EARLIER = 3600 * SECOND
"""How long before the event of an overflow its transaction may have changed records: longer than any may run."""

_WRAPPERS = ("data", "detail", "payload")
"""Where CometD, EventBridge and connectors of Kafka put an event: `payload`, `data.payload`, `detail.payload`."""
_KINDS: Mapping[str, Kind] = {
    "CREATE": Kind.CREATED,
    "UPDATE": Kind.UPDATED,
    "DELETE": Kind.DELETED,
    "UNDELETE": Kind.RESTORED,
    # A gap event of a deletion says all that the deletion's own would have said.
    "GAP_DELETE": Kind.DELETED,
}
_GAPS = frozenset({"GAP_CREATE", "GAP_UPDATE", "GAP_UNDELETE"})
_OVERFLOW = "GAP_OVERFLOW"
_BITMAP = re.compile(r"(?:[0-9]+-)?0x[0-9A-Fa-f]*")
"""Field names as the Pub/Sub API sends them; who subscribes has the schema with which to decode them."""
_TIMES = {Kind.CREATED: "CreatedDate", Kind.UPDATED: "LastModifiedDate"}


@dataclass(frozen=True, slots=True)
class _Event:
    entity: str
    kind: str
    at: Instant
    """When it was committed."""
    header: Mapping[str, Any]
    fields: Fields


def reading_of_change(mapping: CrmMapping, item: object) -> Reading:
    """What a change event says. Raises BadEvent."""
    event = _event(item)
    if not knows(mapping, event.entity):
        return NOTHING
    ids = _listed(event.header, "recordIds")
    if event.kind == _OVERFLOW or any(each.endswith("*") for each in ids):
        # Too many to name: a transaction of more than 100,000 changes, or a field's type that changed in all records.
        return Reading(lacking=(Reference(event.entity, "", event.at - EARLIER),))
    numbers = [id_of_record(each, "recordIds") for each in dict.fromkeys(ids)]
    if not numbers:
        raise BadEvent("invalid", "recordIds: missing")
    if event.kind in _GAPS:
        return Reading(lacking=tuple(Reference(event.entity, number) for number in numbers))
    kind = _KINDS.get(event.kind)
    if kind is None:
        return NOTHING
    return together([_of_one(mapping, event, kind, number) for number in numbers])


def _event(item: object) -> _Event:
    content = _unwrapped(item)
    header = object_of(content[HEADER], HEADER)
    entity, kind = required(header, "entityName"), required(header, "changeType")
    if not isinstance(entity, str) or not isinstance(kind, str):
        raise BadEvent("invalid", "entityName and changeType: not texts")
    fields = flattened({name: value for name, value in content.items() if name != HEADER})
    return _Event(entity, kind, instant_of(required(header, "commitTimestamp"), "commitTimestamp"), header, fields)


def _unwrapped(item: object) -> Mapping[str, Any]:
    for _ in range(len(_WRAPPERS)):
        if not isinstance(item, Mapping) or HEADER in item:
            break
        item = next((item[name] for name in _WRAPPERS if isinstance(item.get(name), Mapping)), None)
    if not isinstance(item, Mapping) or HEADER not in item:
        raise BadEvent("invalid", f"{HEADER}: missing")
    return item


def _of_one(mapping: CrmMapping, event: _Event, kind: Kind, number: str) -> Reading:
    changed, record = _values(event, kind)
    told = Told(
        object=event.entity,
        id=number,
        kind=kind,
        at=_time(event, kind),
        changed=changed,
        record=record,
        is_whole=kind != Kind.UPDATED,
    )
    reading = reading_of(mapping, told)
    here = (Reference(event.entity, number),)
    # Only the API says whether a record was deleted because it was merged; and what a long text is of which an
    # event has the difference.
    asks = kind == Kind.DELETED and event.entity in mapping.leads
    return together([reading, Reading(thin=here)]) if asks or _tells_differences(mapping, event) else reading


def _time(event: _Event, kind: Kind) -> Instant:
    """When it happened: as the record has it, so that the API and history tables say the same."""
    name = _TIMES.get(kind, "")
    value = event.fields.get(name)
    return instant_of(value, name) if text_of(value) else event.at


def _values(event: _Event, kind: Kind) -> tuple[Fields, Fields]:
    """What changed, and all that is told of the record.

    An event of the Pub/Sub API has every field of the object, empty where it did not change.
    """
    differences = _listed(event.header, "diffFields")
    fields = {name: value for name, value in event.fields.items() if not _among(name, differences)}
    told = {name: value for name, value in fields.items() if value is not None}
    if kind == Kind.CREATED:
        return told, told
    if kind != Kind.UPDATED:
        # Nothing of it has changed by being deleted or restored.
        return {}, told
    names, nulled = _listed(event.header, "changedFields"), _listed(event.header, "nulledFields")
    changed: dict[str, Scalar] = dict(told)
    if names and not any(_BITMAP.fullmatch(name) for name in names):
        changed = {name: value for name, value in fields.items() if _among(name, names)}
    changed |= {name: None for name in nulled if not _BITMAP.fullmatch(name) and fields.get(name) is None}
    return changed, {**told, **changed}


def _tells_differences(mapping: CrmMapping, event: _Event) -> bool:
    differences = _listed(event.header, "diffFields")
    lead, deal = mapping.leads.get(event.entity), mapping.deals.get(event.entity)
    known = {*(lead.properties if lead else ()), *(lead.attributes if lead else ()), *(deal.properties if deal else ())}
    return any(_among(name, differences) for name in known)


def _among(name: str, names: Collection[str]) -> bool:
    """Whether a field is one of the names, or a part of a compound field that is."""
    return name in names or ("." in name and name.partition(".")[0] in names)


def _listed(header: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts in the header; empty where it has none. Raises BadEvent."""
    value = header.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadEvent("invalid", f"{name}: not a list of texts")
    return value

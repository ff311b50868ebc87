"""What a notification of HubSpot's webhooks says: the old names of its type, and the generic `object.*` of all objects.

Most of them are thin: a creation or an activity is told by its id alone, and a merge tells no property that it changed.
The API client tells changes in the same form, each with all `properties` of the record; those are not thin.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from typing import Any

from schemas.mapping import CrmMapping, LeadObject
from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway.changes import NOTHING, Change, Fields, Kind, Reading, instant_of
from services.gateway.crm.hubspot_objects import (
    COMPANY,
    COMPANY_OF_CONTACT,
    CONTACT,
    asks_for_companies,
    change_of,
    checked_number,
    key_of,
    linked,
    meaning_of,
    number_of,
    object_called,
    record_of,
    value_text,
)
from services.ports import Reference

LIFE: Mapping[str, Kind] = {
    "creation": Kind.CREATED,
    "deletion": Kind.DELETED,
    "restore": Kind.RESTORED,
    "privacyDeletion": Kind.ERASED,
}
_OF_AN_ACTIVITY = frozenset({"creation", "restore", "propertyChange"})
_THIN = frozenset({Kind.CREATED, Kind.RESTORED})
_END_IDS = ("fromObjectId", "toObjectId")
_OF_A_MERGE = "MERGE"
"""How the `changeSource` of a deletion begins that is no more than the other side of a merge, which is told as well.

MERGE_OBJECTS and the like are sources in property histories; that notifications have them too is not confirmed."""


def is_notification(item: Mapping[str, Any]) -> bool:
    """Whether it says of which type it is."""
    return "subscriptionType" in item or "eventType" in item


def reading(item: Mapping[str, Any], mapping: CrmMapping) -> Reading:
    """What a notification says. Raises BadEvent."""
    kind, change = _type(item)
    if change == "associationChange":
        return _association(item, mapping)
    if kind in mapping.activities:
        return Reading(thin=(_reference(kind, item),)) if change in _OF_AN_ACTIVITY else NOTHING
    if meaning_of(kind, mapping) is None:
        return _of_company(change, item, mapping) if kind == COMPANY else NOTHING
    if change == "merge":
        return _merge(kind, item, mapping)
    if change == "propertyChange":
        return _property_change(kind, item, mapping)
    return _life(kind, LIFE[change], item, mapping) if change in LIFE else NOTHING


def _type(item: Mapping[str, Any]) -> tuple[str, str]:
    """Which object changed, and how: `contact`, `propertyChange`."""
    text = item.get("subscriptionType") or item.get("eventType")
    if not isinstance(text, str):
        raise BadEvent("invalid", "subscriptionType: the type of the notification is missing")
    kind, _, change = text.partition(".")
    if kind == "object":
        number = item.get("objectTypeId")
        return object_called(number) if isinstance(number, str) else "", change
    return object_called(kind), change


def _is_fetched(item: Mapping[str, Any]) -> bool:
    """Whether the API tells it, with the whole record."""
    return isinstance(item.get("properties"), Mapping)


def _record(item: Mapping[str, Any]) -> Fields:
    return record_of(item["properties"]) if _is_fetched(item) else {}


def _reference(kind: str, item: Mapping[str, Any]) -> Reference:
    return Reference(kind, number_of(item, "objectId"))


def _life(kind: str, what: Kind, item: Mapping[str, Any], mapping: CrmMapping) -> Reading:
    if what == Kind.DELETED and str(item.get("changeSource")).startswith(_OF_A_MERGE):
        return NOTHING
    at = instant_of(item.get("occurredAt"), "occurredAt")
    reference = _reference(kind, item)
    record = _record(item)
    meaning = meaning_of(kind, mapping)
    rules = {Kind.CREATED: meaning.created, Kind.RESTORED: meaning.restored} if meaning is not None else {}
    asked = {name for rule in rules.get(what, ()) for name in rule.fields()}
    if not _is_fetched(item) and asked:
        return Reading(lacking=(reference,))
    change = change_of(mapping, kind, reference.id, what, at, record=record)
    return Reading((change,), thin=(reference,) if what in _THIN and not _is_fetched(item) else ())


def _property_change(kind: str, item: Mapping[str, Any], mapping: CrmMapping) -> Reading:
    at = instant_of(item.get("occurredAt"), "occurredAt")
    reference = _reference(kind, item)
    name = item.get("propertyName")
    if not isinstance(name, str) or not name:
        raise BadEvent("invalid", "propertyName: which property changed is missing")
    changed = {name: value_text(item.get("propertyValue"), "propertyValue")}
    record = {**_record(item), **changed}
    if not _is_fetched(item) and _fields_asked(kind, name, mapping) - record.keys():
        return Reading(lacking=(reference,))
    change = change_of(mapping, kind, reference.id, Kind.UPDATED, at, changed=changed, record=record)
    of_company = kind == CONTACT and name == COMPANY_OF_CONTACT and asks_for_companies(mapping)
    return Reading((change,), thin=(reference,) if of_company and not _is_fetched(item) else ())


def _fields_asked(kind: str, name: str, mapping: CrmMapping) -> frozenset[str]:
    """Which fields of the record the rules of a property ask for."""
    meaning = meaning_of(kind, mapping)
    told = meaning.properties.get(name) if meaning is not None else None
    return told.asked if told is not None else frozenset()


def _merge(kind: str, item: Mapping[str, Any], mapping: CrmMapping) -> Reading:
    """Today a merge makes a new record, into which the primary one went as well; older ones kept the primary."""
    at = instant_of(item.get("occurredAt"), "occurredAt")
    merged = item.get("mergedObjectIds")
    if not isinstance(merged, list) or not merged:
        raise BadEvent("invalid", "mergedObjectIds: a list of those that were merged is missing")
    primary = number_of(item, "primaryObjectId")
    into = number_of(item, "newObjectId") if item.get("newObjectId") is not None else primary
    gone = dict.fromkeys([*(checked_number(one, "mergedObjectIds") for one in merged), primary])
    gone.pop(into, None)
    # What the merge changed of the one that stays, no other notification tells.
    thin = (Reference(kind, into),) if gone and not _is_fetched(item) else ()
    return Reading(tuple(_merges(kind, gone, into, at)) if kind in mapping.leads else (), thin=thin)


def _merges(kind: str, gone: Iterable[str], into: str, at: Instant) -> Iterator[Change]:
    for one in gone:
        yield Change(object=kind, id=one, kind=Kind.MERGED, at=at, lead=key_of(kind, one), into=key_of(kind, into))


def _of_company(change: str, item: Mapping[str, Any], mapping: CrmMapping) -> Reading:
    """A company that is no lead: what it is called may be an attribute of its contacts, whom the API knows."""
    if not asks_for_companies(mapping):
        return NOTHING
    if change == "propertyChange":
        name = item.get("propertyName")
        if f"{COMPANY}.{name}" not in _contact(mapping).fields():
            return NOTHING
        return Reading(thin=(_reference(COMPANY, item),))
    if change == "merge":
        into = "newObjectId" if item.get("newObjectId") is not None else "primaryObjectId"
        return Reading(thin=(Reference(COMPANY, number_of(item, into)),))
    return NOTHING


def _contact(mapping: CrmMapping) -> LeadObject:
    return mapping.leads.get(CONTACT, LeadObject())


def _association(item: Mapping[str, Any], mapping: CrmMapping) -> Reading:
    """HubSpot may tell it twice, once from each side; seen from either, it is the same."""
    removed = item.get("associationRemoved", False)
    if not isinstance(removed, bool):
        raise BadEvent("invalid", "associationRemoved: neither true nor false")
    ends = _ends(item)
    for (one, its_id), (other, other_id) in permutations(zip(ends, _END_IDS, strict=True)):
        if one in mapping.leads and other in mapping.deals and not removed:
            at = instant_of(item.get("occurredAt"), "occurredAt")
            ids = {name: number_of(item, name) for name in _END_IDS}
            return Reading((linked(one, ids[its_id], other, ids[other_id], at),))
        if one in mapping.activities and other in mapping.leads and not removed:
            return Reading(thin=(Reference(one, number_of(item, its_id)),))
        if one == CONTACT and other == COMPANY and asks_for_companies(mapping):
            return Reading(thin=(Reference(one, number_of(item, its_id)),))
    return NOTHING


def _ends(item: Mapping[str, Any]) -> tuple[str, str]:
    numbers = (item.get("fromObjectTypeId"), item.get("toObjectTypeId"))
    if all(isinstance(number, str) for number in numbers):
        return object_called(str(numbers[0])), object_called(str(numbers[1]))
    named = item.get("associationType")
    if not isinstance(named, str):
        raise BadEvent("invalid", "associationType: what was associated is missing")
    one, _, other = named.lower().partition("_to_")
    return object_called(one), object_called(other)

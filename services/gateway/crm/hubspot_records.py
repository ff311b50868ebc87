"""What a record of HubSpot's says: as its API has it, and as a workflow sends it ("Send a webhook", custom actions).

A workflow sends the record at whatever instant, and again whenever it runs. So what counts there is a property with the
time of its own, which the payload has of every contact (`versions`) and of deals; where it has none, the API is asked.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.mapping import CrmMapping
from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway.changes import NOTHING, Change, Fields, Kind, Reading, instant_of, object_of
from services.gateway.crm.hubspot_objects import (
    CONTACT,
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

CREATED_AT = "createdate"

_IDS: Mapping[str, str] = {"canonical-vid": CONTACT, "vid": CONTACT, "dealId": "deal", "companyId": "company"}
"""By which field a workflow's payload tells the object, where it does not name it."""


def is_record(payload: object) -> bool:
    """Whether it is what a workflow sends."""
    return isinstance(payload, Mapping) and any(
        isinstance(payload.get(name), Mapping) for name in ("properties", "object")
    )


def of_api(kind: str, record: Mapping[str, Any], mapping: CrmMapping) -> Reading:
    """What a record of the API (v3) says; those that an activity is associated with stand under `associations`.

    These are by our names of the objects: `{"contact": {"results": [{"id": "151"}]}}`. Raises BadEvent.
    """
    number = number_of(record, "id")
    if record.get("archived") is True:
        return NOTHING
    fields = record_of(object_of(record.get("properties"), "properties"))
    at = instant_of(record.get("updatedAt"), "updatedAt")
    if kind in mapping.activities:
        return Reading(tuple(_of_activity(kind, number, record, fields, at, mapping)))
    if meaning_of(kind, mapping) is None:
        return NOTHING
    created = instant_of(record.get("createdAt"), "createdAt")
    return Reading(
        (
            change_of(mapping, kind, number, Kind.CREATED, created, record=fields),
            change_of(mapping, kind, number, Kind.UPDATED, at, changed=fields, record=fields, is_state=True),
        )
    )


def _of_activity(
    kind: str, number: str, record: Mapping[str, Any], fields: Fields, at: Instant, mapping: CrmMapping
) -> Iterator[Change]:
    associations = object_of(record.get("associations", {}), "associations")
    for lead_kind in mapping.leads:
        found = object_of(associations.get(lead_kind, {}), f"associations.{lead_kind}").get("results", [])
        if not isinstance(found, list):
            raise BadEvent("invalid", f"associations.{lead_kind}.results: not a list")
        for each in found:
            lead = number_of(object_of(each, f"associations.{lead_kind}.results"), "id")
            yield Change(
                object=kind,
                id=number,
                kind=Kind.UPDATED,
                at=at,
                lead=key_of(lead_kind, lead),
                changed=fields,
                record=fields,
                is_state=True,
            )


def of_workflow(payload: Mapping[str, Any], mapping: CrmMapping) -> Reading:
    """What a workflow's webhook says. Raises BadEvent."""
    record = payload["object"] if isinstance(payload.get("object"), Mapping) else payload
    properties = object_of(record.get("properties"), "properties")
    kind, number = _which(record, properties)
    meaning = meaning_of(kind, mapping)
    if meaning is None:
        return Reading(thin=(Reference(kind, number),)) if kind in mapping.activities else NOTHING
    fields = record_of({name: _current(value) for name, value in properties.items()})
    changes = [*_creation(kind, number, fields, record, mapping)]
    untimed = False
    for name in sorted(meaning.fields() & properties.keys()):
        versions = [*_versions(name, properties[name])]
        untimed |= not versions
        changes += [
            change_of(mapping, kind, number, Kind.UPDATED, at, changed={name: text}, record={**fields, name: text})
            for text, at in versions
        ]
    wanted = (Reference(kind, number),) if untimed else ()
    return Reading(tuple(changes), thin=wanted) if changes else Reading(lacking=wanted)


def _which(record: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[str, str]:
    named = record.get("objectTypeId") or record.get("objectType")
    if isinstance(named, str):
        values = (record.get("objectId"), record.get("id"), _current(properties.get("hs_object_id")))
        found = next((value for value in values if value is not None), None)
        return object_called(named), checked_number(found, "objectId")
    for name, kind in _IDS.items():
        if record.get(name) is not None:
            return kind, number_of(record, name)
    raise BadEvent("invalid", "objectType: which object this is, is missing")


def _creation(
    kind: str, number: str, fields: Fields, record: Mapping[str, Any], mapping: CrmMapping
) -> Iterator[Change]:
    created = fields.get(CREATED_AT)
    if created is None:
        return
    at = instant_of(created, CREATED_AT)
    yield change_of(mapping, kind, number, Kind.CREATED, at, record=fields)
    if kind in mapping.deals and CONTACT in mapping.leads:
        contacts = object_of(record.get("associations") or {}, "associations").get("associatedVids")
        for contact in contacts if isinstance(contacts, list) else ():
            yield linked(CONTACT, checked_number(contact, "associations.associatedVids"), kind, number, at)


def _current(value: Any) -> Any:
    return value.get("value") if isinstance(value, Mapping) else value


def _versions(name: str, told: Any) -> Iterator[tuple[str, Instant]]:
    """The values that a property had, each with its time."""
    if not isinstance(told, Mapping):
        return
    versions = told.get("versions")
    for version in versions if isinstance(versions, list) and versions else (told,):
        each = object_of(version, f"{name}.versions")
        # Of what was never set by anybody the time is 0.
        if each.get("timestamp"):
            yield value_text(each.get("value"), name), instant_of(each["timestamp"], f"{name}.timestamp")

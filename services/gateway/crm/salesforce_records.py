"""What Salesforce's records are to Baton, however they were told: a lead's, a deal's or an activity's changes.

Outbound Messages, change events and the REST API name objects and fields alike, so all of them end here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.mapping import Activity, CrmMapping
from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway.changes import NOTHING, Change, Fields, Kind, Reading, flattened, instant_of, text_of
from services.gateway.meaning import typed_fields
from services.ports import Reference

CRM = "salesforce"
LEAD, OPPORTUNITY = "Lead", "Opportunity"
_MEMBER = "CampaignMember"

_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_OF_WHO = {"00Q": LEAD, "003": "Contact"}
"""Which objects `WhoId` of an activity may name, by the prefix that their ids have in every organization."""
_OF_OWNER = {"005": "User", "00G": "Queue"}
_STARTS = "ActivityDateTime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One record, and what is said of it."""

    object: str
    id: str
    kind: Kind
    at: Instant
    changed: Fields = field(default_factory=dict)
    record: Fields = field(default_factory=dict)
    """Without the fields of which nothing is known."""
    is_whole: bool = True
    """Whether what the record lacks is empty; else it is unknown."""
    is_state: bool = False


def id_of_record(value: object, name: str) -> str:
    """An id in its long form of 18 characters; exports and older pages have the first 15. Raises BadEvent."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise BadEvent("invalid", f"{name}: not the id of a record")
    if len(value) > 15:
        return value
    # The last three characters say which of the others are capitals, five in each.
    parts = (value[start : start + 5] for start in (0, 5, 10))
    return value + "".join(_CHECK[sum(each.isupper() << place for place, each in enumerate(part))] for part in parts)


def key_of(kind: str, number: str) -> str:
    """The key of a record: `salesforce:Lead:00Q…`."""
    return f"{CRM}:{kind}:{number}"


def knows(mapping: CrmMapping, kind: str) -> bool:
    """Whether records of that object mean anything."""
    return kind in mapping.leads or kind in mapping.deals or kind in mapping.activities


def reading_of(mapping: CrmMapping, told: Told) -> Reading:
    """What is said of one record. Raises BadEvent."""
    activity = mapping.activities.get(told.object)
    if activity is not None:
        return _of_activity(mapping, activity, told)
    deal = mapping.deals.get(told.object)
    if deal is not None:
        lead = _lead_of_deal(mapping, told.record.get(deal.lead)) if deal.lead is not None else None
        return Reading((_change(told, lead=lead, deal=key_of(told.object, told.id)),))
    if told.object in mapping.leads:
        return Reading(tuple(_of_lead(told)))
    return NOTHING


def reading_of_state(mapping: CrmMapping, kind: str, content: Mapping[str, Any]) -> Reading:
    """What a record is, as a row of SOQL has it. Raises BadEvent."""
    # Every row, and every part of it that is another record's, says of which type it is.
    fields = {name: value for name, value in flattened(content).items() if "attributes" not in name.split(".")}
    number = id_of_record(fields.get("Id"), "Id")
    stamp = first_instant(fields, "SystemModstamp", "LastModifiedDate")
    at = first_instant(fields, "LastModifiedDate", "SystemModstamp")
    if stamp is None or at is None:
        raise BadEvent("invalid", "SystemModstamp: missing")
    if fields.get("IsDeleted") is True:
        return reading_of(mapping, Told(object=kind, id=number, kind=Kind.DELETED, at=stamp, record=fields))
    now = Told(object=kind, id=number, kind=Kind.UPDATED, at=at, changed=fields, record=fields, is_state=True)
    return together([*creation(mapping, now), reading_of(mapping, now)])


def creation(mapping: CrmMapping, told: Told) -> Sequence[Reading]:
    """That a lead or a deal was created at all, where the record says when; it counts once however often told."""
    at = first_instant(told.record, "CreatedDate")
    if at is None or told.object in mapping.activities:
        return ()
    return (reading_of(mapping, replace(told, kind=Kind.CREATED, at=at, changed={}, is_state=False)),)


def first_instant(fields: Fields, *names: str) -> Instant | None:
    """The time that the first of these fields has; None where all are empty. Raises BadEvent."""
    name = next((name for name in names if text_of(fields.get(name))), None)
    return None if name is None else instant_of(fields[name], name)


def together(readings: Sequence[Reading]) -> Reading:
    """Several readings as one."""
    return Reading(
        tuple(change for each in readings for change in each.changes),
        tuple(wanted for each in readings for wanted in each.lacking),
        tuple(wanted for each in readings for wanted in each.thin),
    )


def _of_lead(told: Told) -> Iterator[Change]:
    lead = _lead_of(told)
    if lead is None:
        return
    into = text_of(told.record.get("MasterRecordId"))
    if told.kind == Kind.DELETED and into:
        # Who loses a merge is deleted, and says into which record it went.
        merged = key_of(told.object, id_of_record(into, "MasterRecordId"))
        yield Change(object=told.object, id=told.id, kind=Kind.MERGED, at=told.at, lead=lead, into=merged)
        return
    yield _change(told, lead=lead)
    opportunity = text_of(told.changed.get("ConvertedOpportunityId"))
    if opportunity:
        # ConvertedDate has no time of day. The API can say when the opportunity was made, which is the same moment.
        since = first_instant(told.record, "ConvertedOpportunity.CreatedDate")
        yield Change(
            object=told.object,
            id=told.id,
            kind=Kind.LINKED,
            at=told.at if since is None else since,
            lead=lead,
            deal=key_of(OPPORTUNITY, id_of_record(opportunity, "ConvertedOpportunityId")),
            record=told.record,
        )


def _lead_of_deal(mapping: CrmMapping, value: object) -> str | None:
    """The lead that a field of a deal names, which a company has made for that."""
    number = text_of(value) if isinstance(value, str) else ""
    if not number:
        return None
    kinds = [kind for kind in mapping.leads if kind != _MEMBER]
    kind = _OF_WHO.get(number[:3], kinds[0] if len(kinds) == 1 else LEAD)
    return key_of(kind, id_of_record(number, "the deal's lead"))


def _lead_of(told: Told) -> str | None:
    """The lead that a record is, or that it is about: a member of a campaign may be a lead or a contact."""
    if told.object != _MEMBER:
        return key_of(told.object, told.id)
    lead = text_of(told.record.get("LeadId"))
    return key_of(LEAD, id_of_record(lead, "LeadId")) if lead else None


def _change(told: Told, *, lead: str | None = None, deal: str | None = None) -> Change:
    record = {**told.record, **owner_type(told.record)}
    return Change(
        object=told.object,
        id=told.id,
        kind=told.kind,
        at=told.at,
        lead=lead,
        deal=deal,
        changed=told.changed,
        record=record,
        is_state=told.is_state,
    )


def owner_type(record: Fields) -> Fields:
    """Whether a person or a queue owns the record, under the name that it has in SOQL; ids tell it by their prefix."""
    kind = _OF_OWNER.get(text_of(record.get("OwnerId"))[:3])
    return {"Owner.Type": kind} if kind else {}


def _of_activity(mapping: CrmMapping, activity: Activity, told: Told) -> Reading:
    if told.kind not in (Kind.CREATED, Kind.UPDATED) or not _may_touch(activity, told):
        return NOTHING
    here = (Reference(told.object, told.id),)
    asked = {name for touch in activity.touches for name, _ in touch.condition.tests}
    who = text_of(told.record.get("WhoId"))
    if not told.is_whole and (not who or not asked <= told.record.keys()):
        return Reading(lacking=here)
    if not told.is_state and _is_to_come(told):
        return NOTHING
    lead = text_of(told.record.get("ConvertedLead.Id")) or who
    kind = _OF_WHO.get(lead[:3])
    if kind in mapping.leads:
        return Reading((_change(told, lead=key_of(str(kind), id_of_record(lead, "WhoId"))),))
    # A contact was a lead once, or was not: the API alone can tell.
    return Reading(thin=here) if kind is not None and not told.is_state else NOTHING


def _may_touch(activity: Activity, told: Told) -> bool:
    """Whether what is said lets any touch be, whatever the fields are of which nothing is known."""
    if told.is_whole:
        return True
    asked = {name for touch in activity.touches for name, _ in touch.condition.tests}
    if not told.changed.keys() & {*asked, "WhoId"}:
        return False
    record = typed_fields(told.record, activity.types)
    return any(
        all(test.holds(record[name]) for name, test in touch.condition.tests if name in record)
        for touch in activity.touches
    )


def _is_to_come(told: Told) -> bool:
    """Whether it is a meeting that was only planned by then."""
    starts = told.record.get(_STARTS)
    return bool(text_of(starts)) and instant_of(starts, _STARTS) > told.at

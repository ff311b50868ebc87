"""What a notification of an Outbound Message says: the state of a record, and as far as it can be known what changed.

A message has the fields that its definition names, with their present values. Which of them changed it does not say:
the address may (`?changed=Status`). A value that is told again must not count again.
"""

from collections.abc import Collection
from dataclasses import replace

from schemas.mapping import RECORD, CrmMapping, DealObject, LeadObject, Rule, placeholders
from services.domain.instants import SECOND
from services.errors import BadEvent
from services.gateway.changes import NOTHING, Fields, Kind, Reading, text_of
from services.gateway.crm.salesforce_records import (
    Told,
    creation,
    first_instant,
    id_of_record,
    knows,
    owner_type,
    reading_of,
    together,
)
from services.gateway.crm.salesforce_soap import Notification
from services.gateway.meaning import rules_of, typed_fields
from services.ports import Reference

_SAFE = frozenset({"lead.updated", "deal.opened"})
"""Events that change nothing when they are told again at a later time."""
_NEW = 10 * SECOND
"""A record that was modified so soon after its creation was so by what made it: assignment rules and flows."""


def reading_of_message(mapping: CrmMapping, notification: Notification, chosen: Collection[str] | None) -> Reading:
    """What a notification says; `chosen` are the fields that changed, where the address says so. Raises BadEvent."""
    kind, fields = notification.object, notification.fields
    if not knows(mapping, kind):
        return NOTHING
    number = id_of_record(fields.get("Id"), "Id")
    at = first_instant(fields, "LastModifiedDate", "SystemModstamp")
    if at is None:
        raise BadEvent("invalid", "LastModifiedDate: missing; add it to the fields of the Outbound Message")
    told = Told(object=kind, id=number, kind=Kind.UPDATED, at=at, changed=fields, record=fields)
    meaning = mapping.leads.get(kind) or mapping.deals.get(kind)
    if meaning is None:
        # An activity says what it is, whatever changed. Whom it is with is the one thing that it cannot do without.
        return reading_of(mapping, replace(told, is_whole="WhoId" in fields))
    created = first_instant(fields, "CreatedDate")
    if created is not None and at - created < _NEW:
        values = {name: value for name, value in fields.items() if value is not None}
        return reading_of(mapping, replace(told, kind=Kind.CREATED, at=created, changed=values))
    return _of_change(mapping, meaning, told, chosen)


def _of_change(
    mapping: CrmMapping, meaning: LeadObject | DealObject, told: Told, chosen: Collection[str] | None
) -> Reading:
    unclear = _unclear(meaning, told.record) if chosen is None else told.record.keys() - set(chosen)
    changed = {
        name: value for name, value in told.record.items() if name not in meaning.properties or name not in unclear
    }
    readings = [*creation(mapping, told), reading_of(mapping, replace(told, changed=changed))]
    if chosen is None and unclear:
        # The API has the history of the record; without it, this is for somebody to look at.
        readings.append(Reading(lacking=(Reference(told.object, told.id),)))
    return together(readings)


def _unclear(meaning: LeadObject | DealObject, fields: Fields) -> Collection[str]:
    """The fields of which it matters whether they changed, and nothing says so.

    Where one field alone can tell anything, it is what the message is about.
    """
    record = typed_fields({**fields, **owner_type(fields)}, meaning.types)
    known = {name: meaning.properties[name] for name in fields if name in meaning.properties}
    telling = {
        name: told for name, told in known.items() if not all(_may_be_repeated(rule, fields) for rule in told.rules())
    }
    if len(telling) < 2:
        return ()
    return {
        name
        for name, told in telling.items()
        for rule in rules_of(told, text_of(fields[name]))[0]
        if not _may_be_repeated(rule, fields) and rule.condition.holds(record)
    }


def _may_be_repeated(rule: Rule, fields: Fields) -> bool:
    """Whether the event is the same one however often the state is told: it has a time of its own, or does no harm."""
    if rule.event in _SAFE or rule.time == "value":
        return True
    return any(text_of(fields.get(name.removeprefix(RECORD))) for name in placeholders(rule.time))

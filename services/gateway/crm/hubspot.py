"""HubSpot's notifications: one of them and a mapping in, canonical events out.

It knows the three namings of a notification's type and which fields go with which change; what a change means
stands in the mapping alone.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.mapping import HubSpotMapping, Rule, Rules, ValueType, filled
from services.domain.events import Event
from services.domain.instants import Instant, check_range, format_exact, parse_instant
from services.errors import BadEvent
from services.translate import from_wire

MEANS_NOTHING: Sequence[Event] = ()

OBJECT_TYPES: Mapping[object, str] = {"0-1": "contact", "0-2": "company", "0-3": "deal"}
"""What generic notifications call the objects."""

_CHANGES: Mapping[str, str] = {
    "creation": "created",
    "deletion": "deleted",
    "restore": "restored",
    "privacyDeletion": "erased",
}
_IDENTITY = (
    "portalId",
    "subscriptionId",
    "eventId",
    "objectId",
    "primaryObjectId",
    "fromObjectId",
    "toObjectId",
    "occurredAt",
    "propertyName",
)
_MILLISECONDS = re.compile(r"[0-9]{1,16}")
_ID = re.compile(r"[0-9]{1,40}")
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_UPDATED = Rule(event="lead.updated", data={"attributes": "{attributes}"})
_BOOLS: Mapping[str, bool] = {"true": True, "false": False}
_NO_SLUG = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class _Change:
    """Something that a rule makes an event of: of which lead and deal, and what its placeholders stand for."""

    rule: Rule
    lead: str | None = None
    deal: str | None = None
    names: Mapping[str, object] = field(default_factory=dict)


def events_of(item: object, mapping: HubSpotMapping) -> Sequence[Event]:
    """The events of one notification, or `MEANS_NOTHING`. Raises BadEvent where it cannot be read."""
    if not isinstance(item, Mapping):
        raise BadEvent("invalid", "a notification is an object")
    kind, change = _type(item)
    if kind not in ("contact", "deal"):
        return MEANS_NOTHING
    occurred = _instant(item.get("occurredAt"), "occurredAt")
    source = f"/hubspot/{_id(item, 'portalId')}"
    identity = _identity(item)
    return tuple(
        _event(one, item, occurred, source, identity if number == 0 else f"{identity}/{number}")
        for number, one in enumerate(_changes(kind, change, item, mapping))
    )


def without_attempt(item: object) -> object:
    """The notification without the one field that differs from one delivery of it to the next."""
    if isinstance(item, Mapping):
        return {name: value for name, value in item.items() if name != "attemptNumber"}
    return item


def _type(item: Mapping[str, Any]) -> tuple[str, str]:
    """Which object changed, and how: `contact`, `propertyChange`."""
    text = item.get("subscriptionType") or item.get("eventType")
    if not isinstance(text, str):
        raise BadEvent("invalid", "subscriptionType: the type of the notification is missing")
    kind, _, change = text.partition(".")
    if kind == "object":
        # An association names both its ends; seen from either, it is the same.
        number = item.get("objectTypeId", item.get("fromObjectTypeId"))
        kind = OBJECT_TYPES.get(number, "") if isinstance(number, str) else ""
    return kind, change


def _identity(item: Mapping[str, Any]) -> str:
    """Tells the notification from others and is the same in every delivery; `eventId` alone is not unique."""
    parts = [item.get(name) for name in _IDENTITY]
    return ":".join(str(part) for part in parts if part is not None)


def _changes(kind: str, change: str, item: Mapping[str, Any], mapping: HubSpotMapping) -> Iterator[_Change]:
    if change == "associationChange":
        yield from _association(item, mapping)
    elif change == "merge":
        if kind == "contact":
            yield from _merge(item, mapping)
    elif change == "propertyChange" or change in _CHANGES:
        key = _key(kind, _id(item, "objectId"))
        lead, deal = (key, None) if kind == "contact" else (None, key)
        for rule, names in _rules(kind, change, item, mapping):
            yield _Change(rule, lead, deal, names)


def _rules(
    kind: str, change: str, item: Mapping[str, Any], mapping: HubSpotMapping
) -> Iterator[tuple[Rule, Mapping[str, object]]]:
    """The rules that apply to a change of one object, each with what its placeholders stand for."""
    if change == "propertyChange":
        yield from _property(kind, item, mapping)
    else:
        meaning = mapping.contact if kind == "contact" else mapping.deal
        # Deals have no `erased`: there is no such notification of them.
        rules: Rules = getattr(meaning, _CHANGES[change], ())
        yield from ((rule, {}) for rule in rules)


def _association(item: Mapping[str, Any], mapping: HubSpotMapping) -> Iterator[_Change]:
    removed = item.get("associationRemoved", False)
    if not isinstance(removed, bool):
        raise BadEvent("invalid", "associationRemoved: neither true nor false")
    ends = _ends(item)
    if removed or set(ends) != {"contact", "deal"}:
        return
    ids = dict(zip(ends, (_id(item, "fromObjectId"), _id(item, "toObjectId")), strict=True))
    for rule in mapping.contact.with_deal:
        yield _Change(rule, lead=_key("contact", ids["contact"]), deal=_key("deal", ids["deal"]))


def _ends(item: Mapping[str, Any]) -> tuple[str, str]:
    named = item.get("associationType")
    if isinstance(named, str):
        one, _, other = named.lower().partition("_to_")
        return one, other
    numbers = (item.get("fromObjectTypeId"), item.get("toObjectTypeId"))
    if not all(isinstance(number, str) for number in numbers):
        raise BadEvent("invalid", "associationType: what was associated is missing")
    return OBJECT_TYPES.get(numbers[0], ""), OBJECT_TYPES.get(numbers[1], "")


def _merge(item: Mapping[str, Any], mapping: HubSpotMapping) -> Iterator[_Change]:
    """Some merges make a new contact; then the primary one went into it as well."""
    merged = item.get("mergedObjectIds")
    if not isinstance(merged, list) or not merged:
        raise BadEvent("invalid", "mergedObjectIds: a list of those that were merged is missing")
    primary = _id(item, "primaryObjectId")
    into = _id(item, "newObjectId") if item.get("newObjectId") is not None else primary
    gone = dict.fromkeys([*(_checked_id(one, "mergedObjectIds") for one in merged), primary])
    gone.pop(into, None)
    for one in gone:
        for rule in mapping.contact.merged:
            yield _Change(rule, lead=_key("contact", one), names={"into": _key("contact", into)})


def _property(
    kind: str, item: Mapping[str, Any], mapping: HubSpotMapping
) -> Iterator[tuple[Rule, Mapping[str, object]]]:
    name = item.get("propertyName")
    if not isinstance(name, str) or not name:
        raise BadEvent("invalid", "propertyName: which property changed is missing")
    text = _text(item.get("propertyValue"))
    attribute = mapping.contact.attributes.get(name) if kind == "contact" else None
    if attribute is not None:
        yield _UPDATED, {"attributes": {attribute.to: _typed(text, attribute.type)}}
    meaning = (mapping.contact if kind == "contact" else mapping.deal).properties.get(name)
    if meaning is not None:
        rules = meaning.values.get(text, meaning.other) if text else meaning.empty
        # A value is read as the mapping says only where a rule asks for it.
        names = {"value": _typed(text, meaning.type), "slug": _slug(text)} if rules else {}
        yield from ((rule, names) for rule in rules)


def _event(change: _Change, item: Mapping[str, Any], occurred: Instant, source: str, identity: str) -> Event:
    rule = change.rule
    data = filled(rule.data, change.names)
    if change.deal is not None and rule.event.startswith("deal."):
        data["deal"] = change.deal
    at = _instant(_text(item.get("propertyValue")), "propertyValue") if rule.time == "value" else occurred
    document = {
        "specversion": "1.0",
        "id": identity,
        "source": source,
        "type": rule.event,
        "time": format_exact(at),
        "data": data,
    }
    if change.lead is not None:
        document["subject"] = change.lead
    return from_wire(document)


def _key(kind: str, number: str) -> str:
    return f"hubspot:{kind}:{number}"


def _id(item: Mapping[str, Any], name: str) -> str:
    return _checked_id(item.get(name), name)


def _checked_id(value: object, name: str) -> str:
    """HubSpot's ids are whole numbers; some of its services write them as texts."""
    if isinstance(value, int | str) and not isinstance(value, bool):
        text = str(value)
        if _ID.fullmatch(text):
            return text
    raise BadEvent("invalid", f"{name}: not the number of an object")


def _instant(value: object, name: str) -> Instant:
    """A time as HubSpot writes it: milliseconds since 1970, as a number or a text, or ISO 8601."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    try:
        if _MILLISECONDS.fullmatch(text):
            return check_range(int(text) * 1_000, text)
        return parse_instant(text)
    except ValueError as error:
        raise BadEvent("invalid", f"{name}: {error}") from None


def _text(value: object) -> str:
    """A property's value. HubSpot sends texts; an API call of a customer may have made it something else."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value).strip()
    raise BadEvent("invalid", "propertyValue: neither a text nor a number")


def _typed(text: str, kind: ValueType) -> str | int | float | bool | None:
    if not text:
        return None
    if kind == "text":
        return text
    if kind == "bool":
        if text.lower() not in _BOOLS:
            raise BadEvent("invalid", "propertyValue: neither true nor false")
        return _BOOLS[text.lower()]
    if not _NUMBER.fullmatch(text):
        raise BadEvent("invalid", "propertyValue: not a number")
    return float(text) if "." in text or len(text) > 15 else int(text)


def _slug(text: str) -> str:
    return _NO_SLUG.sub("_", text.lower()).strip("_") or "other"

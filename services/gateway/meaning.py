"""From changes in a CRM to canonical events, by the company's mapping. Pure, and the same for every CRM.

An event's id says what it means and is made of nothing else: object, id, property, value, time. So the same fact is
the same event, whether a webhook told it, a redelivery, the CRM's API or one of its export files.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from schemas.mapping import (
    RECORD,
    Activity,
    Attribute,
    CrmMapping,
    DealObject,
    LeadObject,
    Property,
    Rule,
    Rules,
    Touch,
    ValueType,
    filled,
    placeholders,
)
from services.domain.events import Event, Scalar
from services.domain.instants import Instant, format_exact, to_datetime
from services.errors import BadEvent
from services.gateway.changes import Change, Fields, Kind, instant_of, text_of
from services.translate import from_wire

_LONGEST_VALUE = 80
"""Characters of a value that an id has; of a longer one it has the start and a digest."""
_TEXTS = frozenset({"owner", "team", "reason", "stage", "by", "comment", "action", "currency"})
"""What is text in an event, though it may be a number in a CRM."""
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_BOOLS: Mapping[str, bool] = {"true": True, "false": False}
_NO_SLUG = re.compile(r"[\W_]+")
_UPDATED = Rule(event="lead.updated", data={"attributes": "{attributes}"})
_FORMATS = {"minute": "%Y-%m-%dT%H:%MZ", "second": "%Y-%m-%dT%H:%M:%SZ"}

Place = tuple[str | int, ...]
"""Where in a mapping something stands: `leads, contact, created, 0` for the first rule of a contact's creation."""


@dataclass(frozen=True, slots=True)
class Meant:
    """An event, and the places of the mapping that made it: one rule, or all attributes of one update."""

    event: Event
    places: Sequence[Place]


def events_of(crm: str, change: Change, mapping: CrmMapping) -> Sequence[Event]:
    """The events that a change means; none where it means nothing. Raises BadEvent."""
    return tuple(meant.event for meant in meant_by(crm, change, mapping))


def meant_by(crm: str, change: Change, mapping: CrmMapping) -> Iterator[Meant]:
    """The same, each with where the mapping says it."""
    activity = mapping.activities.get(change.object)
    if activity is not None:
        return _touch(crm, change, activity)
    deal = mapping.deals.get(change.object)
    if deal is not None:
        return _of_deal(crm, change, deal)
    lead = mapping.leads.get(change.object)
    return _of_lead(crm, change, lead) if lead is not None and change.lead is not None else iter(())


def slug(text: str) -> str:
    """A name of the text: lower case, everything but letters and digits made `_`."""
    return _NO_SLUG.sub("_", text.lower()).strip("_") or "other"


def _of_lead(crm: str, change: Change, meaning: LeadObject) -> Iterator[Meant]:
    record = typed_fields(change.record, meaning.types)
    place: Place = ("leads", change.object)
    match change.kind:
        case Kind.MERGED:
            what = f"into:{change.into}"
            yield from _run(crm, change, meaning.merged, (*place, "merged"), record, what, {"into": change.into})
        case Kind.LINKED:
            yield from _run(crm, change, meaning.with_deal, (*place, "with_deal"), record, f"with:{change.deal}")
        case Kind.ERASED:
            yield from _run(crm, change, meaning.erased, (*place, "erased"), record, "erased")
        case _:
            yield from _life(crm, change, meaning, place, record)
            yield from _attributes(crm, change, meaning, place)
            yield from _properties(crm, change, meaning, place, record)


def _of_deal(crm: str, change: Change, meaning: DealObject) -> Iterator[Meant]:
    record = typed_fields(change.record, meaning.types)
    place: Place = ("deals", change.object)
    yield from _life(crm, change, meaning, place, record)
    yield from _properties(crm, change, meaning, place, record)


def _life(crm: str, change: Change, meaning: LeadObject | DealObject, place: Place, record: Fields) -> Iterator[Meant]:
    """The object comes, goes or returns. It comes once, so that no time is in that id."""
    if change.kind == Kind.CREATED:
        yield from _run(crm, change, meaning.created, (*place, "created"), record, "created")
    elif change.kind == Kind.DELETED:
        what = f"deleted:{format_exact(change.at)}"
        yield from _run(crm, change, meaning.deleted, (*place, "deleted"), record, what)
    elif change.kind == Kind.RESTORED:
        what = f"restored:{format_exact(change.at)}"
        yield from _run(crm, change, meaning.restored, (*place, "restored"), record, what)


def _attributes(crm: str, change: Change, meaning: LeadObject, place: Place) -> Iterator[Meant]:
    values: dict[str, Scalar] = {}
    places: list[Place] = []
    for name, attribute in meaning.attributes.items():
        if name in change.changed:
            places.append((*place, "attributes", name))
            value = _attribute(attribute, change.changed[name], meaning.types.get(name), name)
            # Several properties may be the same attribute; an empty one says nothing against another.
            if value is not None or attribute.to not in values:
                values[attribute.to] = value
    if values:
        told = ",".join(f"{name}={text_of(value)}" for name, value in sorted(values.items()))
        what = f"attributes:{_short(told)}:{format_exact(change.at)}"
        yield Meant(_event(crm, change, _UPDATED, {"attributes": values}, change.at, what), places)


def _attribute(attribute: Attribute, told: Scalar, kind: ValueType | None, name: str) -> Scalar:
    called = attribute.values.get(text_of(told))
    value: Scalar = _as_text(attribute.to, _typed(told, attribute.type or kind, name) if called is None else called)
    return value


def rules_of(told: Property, text: str) -> tuple[Rules, Place]:
    """The rules for a property's new value, and where in the property they stand."""
    if not text:
        return told.empty, ("empty",)
    if text in told.values:
        return told.values[text], ("values", text)
    return told.other, ("other",)


def _properties(
    crm: str, change: Change, meaning: LeadObject | DealObject, place: Place, record: Fields
) -> Iterator[Meant]:
    for name, value in change.changed.items():
        told = meaning.properties.get(name)
        if told is None:
            continue
        text = text_of(value)
        rules, within = rules_of(told, text)
        if rules:
            # A value is read as the mapping says only where a rule asks for it.
            names = {"value": _typed(value, told.type or meaning.types.get(name), name), "slug": slug(text)}
            # A value that is a time says so in its id by itself, however it is written.
            what = name if all(rule.time == "value" for rule in rules) else f"{name}={_short(text)}"
            there = (*place, "properties", name, *within)
            yield from _run(crm, change, rules, there, record, what, names, told.precision)


def _touch(crm: str, change: Change, activity: Activity) -> Iterator[Meant]:
    """An activity is told anew whenever it is edited: it stays one contact, and one that succeeded in the end."""
    if change.lead is None or change.kind not in (Kind.CREATED, Kind.UPDATED):
        return
    record = typed_fields(change.record, activity.types)
    for number, touch in enumerate(activity.touches):
        if touch.condition.holds(record):
            rule = _rule_of(touch)
            what = "touch:connected" if touch.connected else "touch"
            event = _event(crm, change, rule, {}, _time(rule, change, record, {}), what)
            yield Meant(event, [("activities", change.object, "touches", number)])
            return


def _rule_of(touch: Touch) -> Rule:
    data = {"kind": touch.kind, "direction": touch.direction, "connected": touch.connected}
    return Rule(event="lead.touched", data=data, time=touch.time)


def _run(
    crm: str,
    change: Change,
    rules: Rules,
    place: Place,
    record: Fields,
    what: str,
    names: Mapping[str, object] | None = None,
    precision: str | None = None,
) -> Iterator[Meant]:
    """The events of the rules that hold. With `precision` the time of an event is part of its id, that fine."""
    values = names or {}
    number = 0
    for index, rule in enumerate(rules):
        if not rule.condition.holds(record):
            continue
        at = _time(rule, change, record, values)
        identity = what if precision is None else f"{what}:{_as_fine(at, precision)}"
        event = _event(crm, change, rule, _Names(values, record), at, f"{identity}/{number}" if number else identity)
        yield Meant(event, [(*place, index)])
        number += 1


class _Names(dict[str, object]):
    """What placeholders stand for. A field that the record lacks is empty."""

    def __init__(self, names: Mapping[str, object], record: Fields) -> None:
        super().__init__(names)
        self._record = record

    def __missing__(self, name: str) -> object:
        return self._record.get(name.removeprefix(RECORD))


def _time(rule: Rule, change: Change, record: Fields, names: Mapping[str, object]) -> Instant:
    if rule.time == "occurred":
        return change.at
    if rule.time == "value":
        return instant_of(names.get("value"), "the value")
    name = next(placeholders(rule.time)).removeprefix(RECORD)
    value = record.get(name)
    return instant_of(value, name) if text_of(value) else change.at


def _event(crm: str, change: Change, rule: Rule, names: Mapping[str, object], at: Instant, what: str) -> Event:
    data = {name: _as_text(name, value) for name, value in _filled(rule, names).items()}
    if change.deal is not None and rule.event.startswith("deal."):
        data["deal"] = change.deal
    document = {
        "specversion": "1.0",
        "id": f"{change.object}:{change.id}:{what}",
        "source": f"/{crm}",
        "type": rule.event,
        "time": format_exact(at),
        "data": data,
    }
    if change.lead is not None:
        document["subject"] = change.lead
    return from_wire(document)


def _filled(rule: Rule, names: Mapping[str, object]) -> dict[str, Any]:
    """The rule's data. What a field of the record should have said, and did not, is left out."""
    found: dict[str, Any] = filled(rule.data, names)
    return {name: value for name, value in found.items() if value is not None or rule.data[name] is None}


def _as_text(name: str, value: Any) -> Any:
    return text_of(value) if name in _TEXTS and isinstance(value, int | float) else value


def typed_fields(fields: Fields, types: Mapping[str, ValueType]) -> Fields:
    """The fields, each read as what the mapping says it is. Raises BadEvent."""
    if not types:
        return fields
    return {name: _typed(value, types.get(name), name) for name, value in fields.items()}


def _typed(value: Scalar, kind: ValueType | None, name: str) -> Scalar:
    text = text_of(value)
    if not text:
        return None
    if kind is None:
        return text if isinstance(value, str) else value
    if kind == "text":
        return text
    if kind == "bool":
        if text.lower() not in _BOOLS:
            raise BadEvent("invalid", f"{name}: neither true nor false")
        return _BOOLS[text.lower()]
    if not _NUMBER.fullmatch(text):
        raise BadEvent("invalid", f"{name}: not a number")
    return float(text) if "." in text or len(text) > 15 else int(text)


def _short(text: str) -> str:
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"{text[: _LONGEST_VALUE // 2]}…{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _as_fine(at: Instant, precision: str) -> str:
    form = _FORMATS.get(precision)
    return format_exact(at) if form is None else to_datetime(at).astimezone(UTC).strftime(form)

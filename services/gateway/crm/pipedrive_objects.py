"""What Pipedrive says of its objects: in webhooks of v2, in those of v1 as older ones send them, and in its API.

The key of a lead is its person, else its organization, else the lead itself: a conversion deletes the lead and makes a
deal of the same person, so that nothing has to be guessed. What a change means stands in the mapping alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from services.domain.events import Scalar
from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway.changes import (
    Change,
    Fields,
    Kind,
    flattened,
    id_of,
    instant_of,
    object_of,
    required,
    text_of,
    with_values,
)

LEAD_OF_DEAL = "lead_of_deal"
"""What a mapping calls the lead that a deal is about, where a change of the deal says something of the lead."""

_ACTIONS: Mapping[object, tuple[Kind, str]] = {
    "create": (Kind.CREATED, "create"),
    "change": (Kind.UPDATED, "change"),
    "delete": (Kind.DELETED, "delete"),
    # As v1 calls them.
    "added": (Kind.CREATED, "create"),
    "updated": (Kind.UPDATED, "change"),
    "merged": (Kind.UPDATED, "change"),
    "deleted": (Kind.DELETED, "delete"),
}
_OF_LEADS = frozenset({"lead", "person", "organization", "deal", "activity", "note"})
"""The entities that have to do with a lead. Others, such as products and users, mean nothing here."""
_KEYS = frozenset({"person", "organization"})
"""The entities of which Pipedrive merges one into another, and whose ids are in keys of leads."""


@dataclass(frozen=True, slots=True)
class _Told:
    """One event, whichever version of webhooks told it."""

    entity: str
    kind: Kind
    id: str
    at: Instant
    now: Fields
    """All that is said of the object; of one that was deleted, what it was."""
    changed: Fields = field(default_factory=dict)
    before: Fields = field(default_factory=dict)
    """What the fields that changed were."""
    merged_to: str | None = None
    merged_from: str | None = None


def changes_of_event(body: Mapping[str, Any]) -> Iterator[Change]:
    """The changes that a webhook tells. Raises BadEvent."""
    meta = object_of(body.get("meta"), "meta")
    entity, action = meta.get("entity", meta.get("object")), meta.get("action")
    if not isinstance(entity, str) or not isinstance(action, str):
        raise BadEvent("invalid", "meta: what happened to which entity is missing")
    if entity in _OF_LEADS and action in _ACTIONS:
        yield from _changes(_told(body, meta, entity, *_ACTIONS[action]))


def changes_of_object(entity: str, content: Mapping[str, Any]) -> Iterator[Change]:
    """What the API says that an object is: that it was made, and its state. Raises BadEvent."""
    if entity not in _OF_LEADS or content.get("is_deleted") is True:
        return
    record = _record(entity, content)
    now = _fields(record)
    added, modified = instant_of(required(record, "add_time"), "add_time"), record.get("update_time")
    at = added if modified is None else instant_of(modified, "update_time")
    told = _Told(entity, Kind.CREATED, id_of(record.get("id"), "id"), added, _with_meaning(now))
    if entity != "activity":
        yield from _of_one(told)
    for change in _of_one(replace(told, kind=Kind.UPDATED, at=at, changed=now)):
        # That a deal has a person is said by each of its events.
        if change.kind != Kind.LINKED:
            yield replace(change, is_state=True)


def _told(body: Mapping[str, Any], meta: Mapping[str, Any], entity: str, kind: Kind, action: str) -> _Told:
    # v2 calls the object data, v1 current.
    current, previous = body.get("data", body.get("current")), body.get("previous")
    before = _record(entity, previous) if isinstance(previous, Mapping) else {}
    record = before if kind == Kind.DELETED else _record(entity, object_of(current, "data"))
    number = id_of(meta.get("entity_id", record.get("id", meta.get("id"))), "meta.entity_id")
    now, was = _fields(record), _fields(before)
    sent = instant_of(required(meta, "timestamp"), "meta.timestamp")
    return _Told(
        entity=entity,
        kind=kind,
        id=number,
        # An object that is added counts from when it was, as its API tells it; Pipedrive sends it a moment later.
        at=instant_of(now["add_time"], "add_time") if kind == Kind.CREATED and now.get("add_time") else sent,
        now=_with_meaning(now, action, meta),
        before=was,
        changed=with_values(now)
        if kind == Kind.CREATED
        else _changed(now, was, before)
        if kind == Kind.UPDATED
        else {},
        merged_to=_number(meta.get("merged_to_id"), "meta.merged_to_id"),
        merged_from=_number(meta.get("merged_from_id"), "meta.merged_from_id"),
    )


def _record(entity: str, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object with its custom fields beside the others, by the names of v2."""
    custom = raw.get("custom_fields")
    record = {**(custom if isinstance(custom, Mapping) else {}), **raw}
    record.pop("custom_fields", None)
    if entity in ("deal", "activity") and "user_id" in record:
        record.setdefault("owner_id", record.pop("user_id"))
    return record


def _fields(record: Mapping[str, Any]) -> dict[str, Scalar]:
    fields: dict[str, Scalar] = {}
    for name, value in record.items():
        fields |= _field(name, value)
    return fields


def _field(name: str, value: object) -> Mapping[str, Scalar]:
    """A field as plain values.

    Custom fields are objects that have a value, an id, or several ids. Of several ids, such as labels, each is also a
    field of its own that is true, so that a mapping can say what one label means.
    """
    if isinstance(value, Mapping):
        parts = {key: part for key, part in value.items() if key not in ("type", "timezone_id")}
        if isinstance(parts.get("values"), list):
            return _several(name, [each.get("id") if isinstance(each, Mapping) else each for each in parts["values"]])
        for main in ("value", "id"):
            if main in parts:
                return {**flattened({name: parts.pop(main)}), **flattened({name: parts})}
    return _several(name, value) if isinstance(value, list) else flattened({name: value})


def _several(name: str, values: list[Any]) -> Mapping[str, Scalar]:
    each = {f"{name}.{text_of(value)}": True for value in values if isinstance(value, str | int)}
    return {**flattened({name: values}), **each}


def _changed(now: Fields, was: Fields, before: Mapping[str, Any]) -> Fields:
    """The fields that `previous` names, where they are another now: v1 names all, v2 also some that are the same."""
    names = [name for name in {**now, **was} if name in before or name.partition(".")[0] in before]
    return {name: now.get(name) for name in names if now.get(name) != was.get(name)}


def _with_meaning(now: Fields, action: str | None = None, meta: Mapping[str, Any] | None = None) -> Fields:
    """The fields, and what rules may ask for beside them: how it was told, and whether the owner is who made it."""
    record = dict(now)
    if meta is not None:
        bulk = meta.get("is_bulk_edit", meta.get("is_bulk_update"))
        said = {"change_source": meta.get("change_source"), "user_id": meta.get("user_id"), "is_bulk_edit": bulk}
        record |= {**flattened({"meta": said}), "meta.action": action}
    owner, creator = now.get("owner_id"), now.get("creator_id", now.get("creator_user_id"))
    if owner is not None and creator is not None:
        record["owner_is_creator"] = owner == creator
    return record


def _changes(told: _Told) -> Iterator[Change]:
    if told.merged_to is not None or told.merged_from is not None:
        yield from _merge(told)
        if told.kind == Kind.DELETED:
            return
    if told.entity == "lead" and told.kind == Kind.UPDATED:
        yield from _new_key(told)
    yield from _of_one(told)


def _of_one(told: _Told) -> Iterator[Change]:
    """The change itself; of a deal also what it is to the lead."""
    lead = _lead_key(told.entity, told.id, told.now)
    deal = _key("deal", told.id) if told.entity == "deal" else None
    change = Change(
        object=told.entity,
        id=told.id,
        kind=told.kind,
        at=told.at,
        lead=lead,
        deal=deal,
        changed=told.changed,
        record=told.now,
    )
    yield change
    if deal is None or lead is None:
        return
    yield replace(change, object=LEAD_OF_DEAL)
    if told.kind == Kind.UPDATED and told.changed.keys() & {"person_id", "org_id"}:
        _, kind, number = lead.split(":")
        yield replace(change, object=kind, id=number, kind=Kind.LINKED)


def _merge(told: _Told) -> Iterator[Change]:
    """Pipedrive tells a merge twice, of the one that goes and of the one that stays; it is the same event."""
    gone, kept = (told.id, told.merged_to) if told.merged_to is not None else (told.merged_from, told.id)
    if told.entity in _KEYS and gone and kept and gone != kept:
        yield _into(told, told.entity, gone, _key(told.entity, gone), _key(told.entity, kept))


def _new_key(told: _Told) -> Iterator[Change]:
    """A lead that gets a person only later has been known by another key until then."""
    was = _lead_key("lead", told.id, {**told.now, **{name: told.before.get(name) for name in told.changed}})
    now = _lead_key("lead", told.id, told.now)
    if was and now and was != now and not was.startswith(_key("person", "")):
        yield _into(told, "lead", told.id, was, now)


def _into(told: _Told, kind: str, number: str, gone: str, kept: str) -> Change:
    return Change(object=kind, id=number, kind=Kind.MERGED, at=told.at, lead=gone, into=kept, record=told.now)


def _lead_key(entity: str, number: str, fields: Fields) -> str | None:
    """The key of the lead that an object is about; None where it is about none."""
    if entity in _KEYS:
        return _key(entity, number)
    linked = {
        "person": fields.get("person_id"),
        # Leads have organization_id, the rest org_id.
        "organization": fields.get("organization_id") or fields.get("org_id"),
        "lead": number if entity == "lead" else fields.get("lead_id"),
    }
    return next((_key(kind, id_of(value, f"{kind}_id")) for kind, value in linked.items() if value), None)


def _key(kind: str, number: str) -> str:
    return f"pipedrive:{kind}:{number}"


def _number(value: object, name: str) -> str | None:
    return None if value is None else id_of(value, name)

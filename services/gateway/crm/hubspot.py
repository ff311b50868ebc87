"""HubSpot: its notifications, signed with the app's client secret (v3), and what each says.

It knows the three namings of a notification's type and which fields go with which change; what a change means
stands in the mapping alone.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway import signatures
from services.gateway.changes import NOTHING, Change, Kind, Reading, instant_of
from services.gateway.crm.base import CrmSender
from services.gateway.request import Incoming
from services.gateway.sender import Outgoing, listed, parsed
from services.ports import Found

OBJECT_TYPES: Mapping[object, str] = {"0-1": "contact", "0-2": "company", "0-3": "deal"}
"""What generic notifications call the objects."""
LEADS = frozenset({"contact"})

_LIFE: Mapping[str, Kind] = {
    "creation": Kind.CREATED,
    "deletion": Kind.DELETED,
    "restore": Kind.RESTORED,
    "privacyDeletion": Kind.ERASED,
}
_ID = re.compile(r"[0-9]{1,40}")


class HubSpot(CrmSender):
    """HubSpot's webhooks."""

    crm = "hubspot"
    challenge = "HubSpot-Signature-v3"
    proofs: Collection[str] = frozenset({signatures.HUBSPOT_SIGNATURE, signatures.HUBSPOT_TIMESTAMP})

    def verify(self, request: Incoming, now: Instant, window: int) -> None:
        """Raise Refused 401 unless HubSpot signed the request.

        Where a proxy stands in front, only the public URL says what address it signed: what a request says of its
        own host proves nothing.
        """
        signatures.verify_hubspot(
            method=request.method,
            url=request.url if self._public_url is None else self._public_url + request.target,
            headers=request.headers,
            body=request.body,
            secrets=self._secrets,
            now=now,
            window=window,
        )

    def signed(self, body: bytes, *, at: Instant, base_url: str) -> Outgoing:
        """The request that HubSpot would make."""
        target = "/hooks/hubspot"
        headers = signatures.sign_hubspot(
            method="POST", url=base_url + target, body=body, secret=self._first_secret(), at=at
        )
        return Outgoing(target, {"content-type": "application/json", **headers}, body)

    def items(self, request: Incoming) -> Sequence[object]:
        """The notifications."""
        self._check_json(request)
        return listed(parsed(request.body), fewest=1)

    def alone(self, item: object) -> tuple[str, bytes]:
        """A request with one notification."""
        return super().alone([item])

    def identity(self, item: object) -> object:
        """The notification without its `attemptNumber`, which differs from one delivery of it to the next."""
        if isinstance(item, Mapping):
            return {name: value for name, value in item.items() if name != "attemptNumber"}
        return item

    def reading(self, item: object) -> Reading:
        """What a notification says."""
        if not isinstance(item, Mapping):
            raise BadEvent("invalid", "a notification is an object")
        kind, change = _type(item)
        if kind not in ("contact", "deal"):
            return NOTHING
        occurred = instant_of(item.get("occurredAt"), "occurredAt")
        return Reading(tuple(_changes(kind, change, item, occurred)))

    def found(self, found: Found) -> Reading:
        """What the API says."""
        return self.reading(found.content)


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


def _changes(kind: str, change: str, item: Mapping[str, Any], at: Instant) -> Iterator[Change]:
    if change == "associationChange":
        yield from _association(item, at)
    elif change == "merge":
        if kind in LEADS:
            yield from _merge(kind, item, at)
    elif change == "propertyChange":
        yield _of_one(kind, Kind.UPDATED, item, at, _property(item))
    elif change in _LIFE:
        yield _of_one(kind, _LIFE[change], item, at, {})


def _of_one(kind: str, what: Kind, item: Mapping[str, Any], at: Instant, fields: Mapping[str, str]) -> Change:
    number = _id(item, "objectId")
    key = _key(kind, number)
    lead, deal = (key, None) if kind in LEADS else (None, key)
    return Change(object=kind, id=number, kind=what, at=at, lead=lead, deal=deal, changed=fields, record=fields)


def _association(item: Mapping[str, Any], at: Instant) -> Iterator[Change]:
    removed = item.get("associationRemoved", False)
    if not isinstance(removed, bool):
        raise BadEvent("invalid", "associationRemoved: neither true nor false")
    ends = _ends(item)
    if removed or set(ends) != {"contact", "deal"}:
        return
    ids = dict(zip(ends, (_id(item, "fromObjectId"), _id(item, "toObjectId")), strict=True))
    yield Change(
        object="contact",
        id=ids["contact"],
        kind=Kind.LINKED,
        at=at,
        lead=_key("contact", ids["contact"]),
        deal=_key("deal", ids["deal"]),
    )


def _ends(item: Mapping[str, Any]) -> tuple[str, str]:
    named = item.get("associationType")
    if isinstance(named, str):
        one, _, other = named.lower().partition("_to_")
        return one, other
    numbers = (item.get("fromObjectTypeId"), item.get("toObjectTypeId"))
    if not all(isinstance(number, str) for number in numbers):
        raise BadEvent("invalid", "associationType: what was associated is missing")
    return OBJECT_TYPES.get(numbers[0], ""), OBJECT_TYPES.get(numbers[1], "")


def _merge(kind: str, item: Mapping[str, Any], at: Instant) -> Iterator[Change]:
    """Some merges make a new contact; then the primary one went into it as well."""
    merged = item.get("mergedObjectIds")
    if not isinstance(merged, list) or not merged:
        raise BadEvent("invalid", "mergedObjectIds: a list of those that were merged is missing")
    primary = _id(item, "primaryObjectId")
    into = _id(item, "newObjectId") if item.get("newObjectId") is not None else primary
    gone = dict.fromkeys([*(_checked_id(one, "mergedObjectIds") for one in merged), primary])
    gone.pop(into, None)
    for one in gone:
        yield Change(object=kind, id=one, kind=Kind.MERGED, at=at, lead=_key(kind, one), into=_key(kind, into))


def _property(item: Mapping[str, Any]) -> Mapping[str, str]:
    name = item.get("propertyName")
    if not isinstance(name, str) or not name:
        raise BadEvent("invalid", "propertyName: which property changed is missing")
    return {name: _text(item.get("propertyValue"))}


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


def _text(value: object) -> str:
    """A property's value. HubSpot sends texts; an API call of a customer may have made it something else."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value).strip()
    raise BadEvent("invalid", "propertyValue: neither a text nor a number")

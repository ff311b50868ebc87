"""Close: events of its event log as webhooks tell them, signed with the subscription's key, and what each says.

The event log's API tells the same events in the same form. What a change means stands in the mapping alone.
"""

import hmac
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from schemas.mapping import CrmMapping
from services.domain.events import Scalar
from services.domain.instants import SECOND, Instant
from services.errors import BadEvent, UsageError
from services.gateway import signatures
from services.gateway.changes import (
    NOTHING,
    Change,
    Fields,
    Kind,
    Reading,
    flattened,
    id_of,
    instant_of,
    object_of,
    required,
    with_values,
)
from services.gateway.crm.base import CrmSender
from services.gateway.request import Incoming
from services.gateway.sender import Answer, Counts, Outgoing, accepted_as_json
from services.ports import Found, Reference

SIGNATURE = "close-sig-hash"
TIMESTAMP = "close-sig-timestamp"

_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){16,}")
"""A key as Close shows it: the one of its documentation has 32 bytes, and fewer than 16 are none."""
_KINDS: Mapping[str, Kind] = {"created": Kind.CREATED, "deleted": Kind.DELETED}
"""All other actions, such as `updated`, `sent` and `completed`, tell what the object is by then."""
_OF_LEADS = re.compile(r"lead|contact|opportunity|task\..+|activity\..+")
"""The objects that belong to a lead. Others, such as imports and users, mean nothing here."""
_CENTS = 100


class Close(CrmSender):
    """Close's webhooks."""

    crm = "close"
    challenge = SIGNATURE
    proofs: Collection[str] = frozenset({SIGNATURE, TIMESTAMP})

    def __init__(
        self,
        *,
        mapping: CrmMapping,
        secrets: Sequence[str] = (),
        public_url: str | None = None,
        settings: str | None = None,
    ) -> None:
        """Raises UsageError where a secret is no signature key."""
        super().__init__(mapping=mapping, secrets=secrets, public_url=public_url, settings=settings)
        if not all(_HEX.fullmatch(secret) for secret in secrets):
            raise UsageError(f"{self.settings}: write the webhook's signature_key as Close shows it, in hexadecimal")
        self._known = frozenset({*mapping.leads, *mapping.deals, *mapping.activities})

    def verify(self, request: Incoming, now: Instant, window: int) -> None:
        """Raise Refused 401 unless Close signed the request, not long ago."""
        given = signatures.required(request.headers, SIGNATURE)
        timestamp = signatures.required(request.headers, TIMESTAMP)
        signatures.check_window(timestamp, SECOND, now, window)
        expected = (_signature(secret, timestamp, request.body) for secret in self._secrets)
        signatures.check_one_matches(expected, [given.lower()])

    def signed(self, body: bytes, *, at: Instant, base_url: str) -> Outgoing:  # noqa: ARG002 - it signs no address
        """The request that Close would make."""
        timestamp = str(at // SECOND)
        signature = _signature(self._first_secret(), timestamp, body)
        headers = {"content-type": "application/json", TIMESTAMP: timestamp, SIGNATURE: signature}
        return Outgoing("/hooks/close", headers, body)

    def unusable(self) -> Answer:
        """202: it is kept, and Close would send it for days, and in the end pause the subscription."""
        return accepted_as_json(Counts(dead_letters=1))

    def reading(self, item: object) -> Reading:
        """What an event says."""
        event = object_of(object_of(item, "the body").get("event"), "event")
        kind, action = event.get("object_type"), event.get("action")
        if not isinstance(kind, str) or not isinstance(action, str):
            raise BadEvent("invalid", "event: what happened to which object is missing")
        if kind not in self._known or not _OF_LEADS.fullmatch(kind):
            return NOTHING
        merge = _merge(event, kind, action)
        if merge is not None:
            return Reading([merge])
        if action != "deleted" and event.get("data") is None:
            # Who is no admin sees nothing of an event that is older than an hour.
            return Reading(lacking=[Reference(kind, _id(event, kind))])
        return Reading(tuple(_changes(event, kind, action)))

    def found(self, found: Found) -> Reading:
        """What the API says: an event of the log, or what an object is now."""
        if not found.object:
            return self.reading(found.content)
        if not _OF_LEADS.fullmatch(found.object):
            return NOTHING
        return Reading(tuple(_states(found.object, found.content)))


def _changes(event: Mapping[str, Any], kind: str, action: str) -> Iterator[Change]:
    said = event.get("previous_data") if action == "deleted" else event.get("data")
    now = _fields(object_of({} if said is None else said, "event.data"))
    what = _KINDS.get(action, Kind.UPDATED)
    change = _change(
        kind,
        _id(event, kind),
        lead=event.get("lead_id") or now.get("lead_id"),
        # An event that tells several changes within a short time keeps its date_created, and so its facts their ids.
        at=instant_of(required(event, "date_created"), "event.date_created"),
        what=what,
        record={**now, **_circumstances(event, action, now)},
        changed=with_values(now) if what == Kind.CREATED else _changed(event, now) if what == Kind.UPDATED else {},
    )
    yield change
    # A deal may go from one lead to another. That it begins with one is said by each of its events.
    if change.deal and change.lead and what == Kind.UPDATED and "lead_id" in change.changed:
        yield replace(change, object="lead", id=change.lead.rpartition(":")[2], kind=Kind.LINKED)


def _states(kind: str, content: Mapping[str, Any]) -> Iterator[Change]:
    now = _fields(content)
    number, lead = id_of(content.get("id"), "id"), now.get("lead_id")
    created = instant_of(required(content, "date_created"), "date_created")
    modified = content.get("date_updated")
    at = created if modified is None else instant_of(modified, "date_updated")
    change = _change(kind, number, lead=lead, at=created, what=Kind.CREATED, record=now, changed={})
    if not kind.startswith("activity."):
        yield change
    yield replace(change, kind=Kind.UPDATED, at=at, changed=now, is_state=True)


def _change(
    kind: str, number: str, *, lead: object, at: Instant, what: Kind, record: Fields, changed: Fields
) -> Change:
    owner = number if kind == "lead" else id_of(lead, "lead_id") if lead else None
    return Change(
        object=kind,
        id=number,
        kind=what,
        at=at,
        lead=f"close:lead:{owner}" if owner else None,
        deal=f"close:opportunity:{number}" if kind == "opportunity" else None,
        changed=changed,
        record=record,
    )


def _merge(event: Mapping[str, Any], kind: str, action: str) -> Change | None:
    """A merge of two leads, which is told by itself and by the deletion of the one that went; it is the same event."""
    meta = event.get("meta")
    if kind != "lead" or action not in ("merged", "deleted") or not isinstance(meta, Mapping):
        return None
    gone, kept = meta.get("merge_source_lead_id"), meta.get("merge_destination_lead_id")
    if gone is None and kept is None and action == "deleted":
        return None
    one, other = id_of(gone, "meta.merge_source_lead_id"), id_of(kept, "meta.merge_destination_lead_id")
    at = instant_of(required(event, "date_created"), "event.date_created")
    change = _change("lead", one, lead=None, at=at, what=Kind.MERGED, record={}, changed={})
    return replace(change, into=f"close:lead:{other}")


def _id(event: Mapping[str, Any], kind: str) -> str:
    """The object's id. Samples of webhooks have it within the object alone."""
    data = event.get("data") or event.get("previous_data")
    within = data.get("id") if isinstance(data, Mapping) else None
    return id_of(
        event.get("object_id", within) or (event.get("lead_id") if kind == "lead" else None), "event.object_id"
    )


def _fields(data: Mapping[str, Any]) -> dict[str, Scalar]:
    """The object's fields; of an opportunity also its amount, for Close counts its value in cents."""
    fields = flattened(data)
    cents = fields.get("value")
    if "value_currency" in fields and isinstance(cents, int | float) and not isinstance(cents, bool):
        whole, rest = divmod(cents, _CENTS)
        fields["amount"] = whole if rest == 0 else cents / _CENTS
    return fields


def _changed(event: Mapping[str, Any], now: Fields) -> Fields:
    names, before = event.get("changed_fields"), event.get("previous_data")
    if not isinstance(names, list):
        return {}
    told = {name for name in names if isinstance(name, str)} | ({"amount"} if "value" in names else set())
    was = _fields(before) if isinstance(before, Mapping) else {}
    # Of a field that holds others, such as `custom`, Close may name the whole.
    fields = dict.fromkeys(name for name in now if name in told or any(name.startswith(f"{one}.") for one in told))
    fields |= dict.fromkeys(name for name in sorted(told) if name in was and name not in now)
    return {name: now.get(name) for name in fields if name not in was or now.get(name) != was[name]}


def _circumstances(event: Mapping[str, Any], action: str, now: Fields) -> Fields:
    """What rules may ask for beside the object's fields: how it happened, and who did it."""
    meta, user = event.get("meta"), event.get("user_id")
    bulk = meta.get("bulk_action_id") if isinstance(meta, Mapping) else None
    said = {"user_id": user, "api_key_id": event.get("api_key_id"), "bulk_action_id": bulk}
    by_assignee = {"event.by_assignee": now["assigned_to"] == user} if now.get("assigned_to") and user else {}
    return {**flattened({"event": said}), "event.action": action, **by_assignee}


def _signature(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.digest(bytes.fromhex(secret), timestamp.encode() + body, "sha256").hex()

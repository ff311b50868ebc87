"""Zoho CRM: the notifications of its channels, proved by the token that they echo, and what each says.

A notification may be about many records; each of them is a part of its own. It knows the forms in which Zoho tells
fields, relations and a lead's conversion; what a change means stands in the mapping alone.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from schemas.mapping import Activity, DealObject, LeadObject
from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway import signatures
from services.gateway.changes import NOTHING, Change, Fields, Kind, Reading, id_of, instant_of, text_of
from services.gateway.crm import zoho_fields, zoho_notification
from services.gateway.crm.base import CrmSender
from services.gateway.request import Incoming, shown_digest
from services.gateway.sender import Outgoing, parsed
from services.ports import Found, Reference

_SINGULAR: Mapping[str, str] = {"Leads": "lead", "Contacts": "contact", "Accounts": "account", "Deals": "deal"}
"""What keys call the records of a module; those of other modules they call by the module's name."""


class Zoho(CrmSender):
    """Zoho CRM's notifications."""

    crm = "zoho"
    challenge = "Zoho-Notification-Token"
    secret_in_path = True

    def shown(self, request: Incoming) -> str | None:
        """The digest of the secret that ends the address, or else of the token in the body."""
        return shown_digest(request, request.last_part or zoho_notification.token_of(request.body))

    def verify(self, request: Incoming, now: Instant, window: int) -> None:  # noqa: ARG002 - nothing says when
        """Raise Refused 401 unless the token, or the end of the address, is one of ours."""
        signatures.verify_shared(self.shown(request), self._secrets, "the token of the channel")

    def signed(self, body: bytes, *, at: Instant, base_url: str) -> Outgoing:  # noqa: ARG002 - nothing is signed
        """The request that Zoho would make: with the secret in place of the body's token, or at the end of the address.

        The address is that of a channel that was made by hand.
        """
        secret = self._first_secret()
        headers = {"content-type": "application/json"}
        with_token = zoho_notification.with_token(body, secret)
        if zoho_notification.token_of(with_token) == secret:
            return Outgoing("/hooks/zoho", headers, with_token)
        return Outgoing(f"/hooks/zoho/{quote(secret, safe='')}", headers, body)

    def kept(self, request: Incoming) -> bytes:
        """The body with null in place of the token."""
        return zoho_notification.with_token(request.body, None)

    def whole(self, request: Incoming) -> tuple[str, bytes]:
        """The request without the token."""
        return request.headers.get("content-type", ""), self.kept(request)

    def items(self, request: Incoming) -> Sequence[object]:
        """A notification for each record that it is about. As what Zoho sends JSON is not documented."""
        return tuple(zoho_notification.parts(parsed(request.body)))

    def identity(self, item: object) -> object:
        """The notification without its channel: two of them may tell the same."""
        if isinstance(item, Mapping):
            return {name: value for name, value in item.items() if name != "channel_id"}
        return item

    def reading(self, item: object) -> Reading:
        """What a notification says."""
        changes: list[Change] = []
        lacking: list[Reference] = []
        thin: list[Reference] = []
        for part in zoho_notification.parts(item):
            reading = self._of_one(part)
            changes += reading.changes
            lacking += reading.lacking
            thin += reading.thin
        return Reading(changes, lacking, thin)

    def found(self, found: Found) -> Reading:
        """What the API says: a notification, or the record of a module."""
        if not found.object:
            return self.reading(found.content)
        module, meaning = found.object, self._meaning(found.object)
        if meaning is None:
            return NOTHING
        number = id_of(found.content.get("id"), "id")
        record = zoho_fields.read(found.content)
        modified = instant_of(record.get("Modified_Time"), "Modified_Time")
        if isinstance(meaning, Activity):
            lead = self._lead_of_activity(record)
            state = self._change(module, number, Kind.UPDATED, modified, record, lead=lead, is_state=True)
            return Reading((state,)) if lead else NOTHING
        told = zoho_fields.changed(record, found.content)
        state = self._change(module, number, Kind.UPDATED, modified, told, record, is_state=True)
        if found.content.get(zoho_fields.HISTORY):
            return Reading((state,))
        created = instant_of(record.get("Created_Time"), "Created_Time")
        birth = self._change(module, number, Kind.CREATED, created, {}, record)
        return Reading((birth, state, *self._links(module, number, modified, record)))

    def _of_one(self, item: object) -> Reading:
        """What a notification about one record says."""
        if not isinstance(item, Mapping):
            raise BadEvent("invalid", "a notification is an object")
        module = zoho_fields.module_of(item.get("module"))
        operation = item.get("operation")
        if not isinstance(operation, str) or not operation:
            raise BadEvent("invalid", "operation: what was done is missing")
        meaning, kind = self._meaning(module), zoho_notification.KINDS.get(operation.lower())
        if meaning is None or kind is None:
            return NOTHING
        ids = item.get("ids")
        if not isinstance(ids, list) or not ids:
            raise BadEvent("invalid", "ids: which record it is about is missing")
        number = id_of(ids[0], "ids")
        record = zoho_fields.read(zoho_notification.values_of(item))
        at = zoho_notification.time_of(item, kind, record)
        if kind == Kind.DELETED:
            return self._gone(module, number, at, record)
        names = zoho_notification.names_of(item)
        if isinstance(meaning, Activity):
            return self._activity(meaning, self._change(module, number, kind, at, record), names)
        if kind == Kind.CREATED:
            change = self._change(module, number, kind, at, record, {**record, zoho_fields.OPERATION: "insert"})
            links = tuple(self._conversion(module, number, at, record))
            # Whether an insertion tells all that the record has is not documented.
            return Reading((change, *links), thin=(Reference(module, number),))
        return self._updated(meaning, self._change(module, number, kind, at, record), names)

    def _updated(self, meaning: LeadObject | DealObject, change: Change, names: Collection[str]) -> Reading:
        reference = Reference(change.object, change.id)
        if not change.changed:
            asked = _first_names(meaning.fields() | zoho_fields.CONVERSION)
            return Reading(lacking=(reference,)) if not names or asked & set(names) else NOTHING
        links = tuple(self._links(change.object, change.id, change.at, change.record))
        # A conversion may make no deal; only the API says for certain.
        unknown = change.object in self.mapping.leads and zoho_fields.is_converted(change.record) and not links
        return Reading((change, *links), thin=(reference,) if unknown else ())

    def _activity(self, meaning: Activity, change: Change, names: Collection[str]) -> Reading:
        """What was done with a lead. Of an update Zoho tells what has changed alone: not who was called, or how."""
        asked = _first_names(meaning.fields())
        if change.kind == Kind.UPDATED and names and not asked & set(names):
            return NOTHING
        whole = change.kind == Kind.CREATED or asked <= change.record.keys()
        if not whole or not zoho_fields.tells_relation(change.record):
            return Reading(lacking=(Reference(change.object, change.id),))
        lead = self._lead_of_activity(change.record)
        return Reading((replace(change, lead=lead),)) if lead else NOTHING

    def _gone(self, module: str, number: str, at: Instant, record: Fields) -> Reading:
        if module in self.mapping.leads and zoho_fields.is_converted(record):
            # A lead that became a contact and a deal is nothing that was thrown away.
            return Reading(tuple(self._links(module, number, at, record)), thin=(Reference(module, number),))
        return Reading((self._change(module, number, Kind.DELETED, at, {}, record),))

    def _links(self, module: str, number: str, at: Instant, record: Fields) -> Iterator[Change]:
        """A lead and a deal belong together, as either of them says."""
        yield from self._conversion(module, number, at, record)
        lead = self._lead_of_deal(module, record)
        if lead is not None:
            number_of_lead = lead.rpartition(":")[2]
            yield Change(
                object="Leads", id=number_of_lead, kind=Kind.LINKED, at=at, lead=lead, deal=self._deal(module, number)
            )

    def _conversion(self, module: str, number: str, at: Instant, record: Fields) -> Iterator[Change]:
        deal = zoho_fields.converted_deal(record) if module in self.mapping.leads else None
        if deal is None:
            return
        told = record.get("Converted_Date_Time")
        when = instant_of(told, "Converted_Date_Time") if text_of(told) else at
        yield Change(
            object=module,
            id=number,
            kind=Kind.LINKED,
            at=when,
            lead=self._of(module, number),
            deal=self._deal("Deals", id_of(deal, "Converted_Deal")),
            record=record,
        )

    def _change(
        self,
        module: str,
        number: str,
        kind: Kind,
        at: Instant,
        changed: Fields,
        record: Fields | None = None,
        *,
        lead: str | None = None,
        is_state: bool = False,
    ) -> Change:
        told = changed if record is None else record
        if module in self.mapping.leads:
            lead = self._of(module, number)
        return Change(
            object=module,
            id=number,
            kind=kind,
            at=at,
            lead=lead or self._lead_of_deal(module, told),
            deal=self._deal(module, number) if module in self.mapping.deals else None,
            changed=changed,
            record=told,
            is_state=is_state,
        )

    def _lead_of_deal(self, module: str, record: Fields) -> str | None:
        """The lead that a deal names in the field that the mapping says."""
        meaning = self.mapping.deals.get(module)
        told = record.get(meaning.lead) if meaning is not None and meaning.lead is not None else None
        return self._of("Leads", id_of(told, str(meaning and meaning.lead))) if text_of(told) else None

    def _lead_of_activity(self, record: Fields) -> str | None:
        related = zoho_fields.related(record, self.mapping.leads)
        return None if related is None else self._of(related[0], id_of(related[1], "What_Id"))

    def _meaning(self, module: str) -> LeadObject | DealObject | Activity | None:
        mapping = self.mapping
        return mapping.leads.get(module) or mapping.deals.get(module) or mapping.activities.get(module)

    def _of(self, module: str, number: str) -> str:
        return self._key(_SINGULAR.get(module, module.lower()), number)

    _deal = _of


def _first_names(fields: Collection[str]) -> frozenset[str]:
    """`Owner` of `Owner.name`."""
    return frozenset(field.partition(".")[0] for field in fields)

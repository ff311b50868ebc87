"""Odoo: the webhooks of its server actions, with the secret as the last part of their address, and what each says.

`crm.lead` is the lead and the opportunity in one: a record is the lead `odoo:lead:ID`, and once its type is
`opportunity` the deal `odoo:deal:ID` as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from services.domain.instants import Instant, format_exact
from services.errors import BadEvent
from services.gateway.changes import NOTHING, Change, Fields, Kind, Reading, id_of, instant_of, object_of, required
from services.gateway.crm.base import CrmSender
from services.gateway.crm.labels import LABEL, labels_asked
from services.gateway.crm.odoo_rows import OWN, fields_of, second_of, told_by
from services.gateway.request import Incoming, shown_digest
from services.gateway.sender import Outgoing
from services.gateway.signatures import verify_shared
from services.ports import Found, Reference

RECEIVED = "_received_at"
"""Beside the payload: when it came, for payloads that do not say when their record was written."""
MODEL = "crm.lead"
LEAD = "lead"
OPPORTUNITY = "opportunity"

_DELETED = "baton deleted"
"""How the name of an action begins that is run when a record is deleted; nothing else of a payload shows that."""
_NO_FIELDS: Fields = {}


class Odoo(CrmSender):
    """Odoo's webhooks."""

    crm = "odoo"
    challenge = "Webhook-Secret"
    secret_in_path = True
    # It waits for one second, and does not try again.
    answer_within = 1.0

    def shown(self, request: Incoming) -> str | None:
        """The digest of the last part of the address."""
        return shown_digest(request, request.last_part)

    def verify(self, request: Incoming, now: Instant, window: int) -> None:  # noqa: ARG002 - nothing is signed
        """Raise Refused 401 unless its address ends with one of the secrets."""
        verify_shared(self.shown(request), self._secrets, "the secret, the last part of the address,")

    def signed(self, body: bytes, *, at: Instant, base_url: str) -> Outgoing:  # noqa: ARG002 - nothing is signed
        """The request that Odoo would make."""
        target = f"/hooks/odoo/{quote(self._first_secret(), safe='')}"
        return Outgoing(target, {"content-type": "application/json"}, body)

    def items(self, request: Incoming) -> Sequence[object]:
        """The one record, and when it came; in a dead letter that returns that stands there already."""
        return [_stamped(item, request.received_at) for item in super().items(request)]

    def identity(self, item: object) -> object:
        """The payload without the time at which it came."""
        return {name: value for name, value in item.items() if name != RECEIVED} if isinstance(item, Mapping) else item

    def reading(self, item: object) -> Reading:
        """What a payload says."""
        payload = object_of(item, "the body")
        model = required(payload, "_model")
        if not isinstance(model, str):
            raise BadEvent("invalid", "_model: not a text")
        kind = LEAD if model == MODEL else model
        if not self._knows(kind):
            return NOTHING
        number = id_of(required(payload, "_id"), "_id")
        received = instant_of(required(payload, RECEIVED), RECEIVED)
        if str(payload.get("_action", "")).lower().startswith(_DELETED):
            return Reading(tuple(self._gone(kind, number, received)))
        return self._record(kind, number, payload, received, is_state=False)

    def found(self, found: Found) -> Reading:
        """What the API says: a record as it is."""
        if not found.object:
            return self.reading(found.content)
        kind = LEAD if found.object == OPPORTUNITY else found.object
        if not self._knows(kind):
            return NOTHING
        number = id_of(required(found.content, "id"), "id")
        written = instant_of(required(found.content, "write_date"), "write_date")
        # The API tells all fields that there are: others are none, and no further asking would bring them.
        others = dict.fromkeys(name for name in self._asked(kind) if not name.startswith(OWN))
        return Reading(self._record(kind, number, {**others, **found.content}, written, is_state=True).changes)

    def _asked(self, kind: str) -> Iterator[str]:
        """The fields of a record that rules ask for beside the one that they are about, in whichever role."""
        if kind in self.mapping.activities:
            asked = [self.mapping.activities[kind].fields()]
        else:
            roles = (self.mapping.leads.get(LEAD), self.mapping.deals.get(OPPORTUNITY))
            asked = [frozenset(rule.fields()) for role in roles if role is not None for rule in role.rules()]
        for fields in asked:
            yield from (name.removesuffix(LABEL) for name in fields)

    def _knows(self, kind: str) -> bool:
        return kind == LEAD or kind in self.mapping.activities

    def _record(self, kind: str, number: str, row: Mapping[str, Any], otherwise: Instant, *, is_state: bool) -> Reading:
        meanings = (self.mapping.activities, self.mapping.leads, self.mapping.deals)
        types = {name: told for each in meanings for one in each.values() for name, told in one.types.items()}
        fields = fields_of(row, frozenset(name for name, told in types.items() if told == "bool"))
        at = second_of(fields, "write_date")
        at = otherwise if at is None else at
        if kind in self.mapping.activities:
            return self._activity(kind, number, fields, at, is_state=is_state)
        return self._lead(number, fields, at, is_state=is_state)

    def _lead(self, number: str, fields: Fields, at: Instant, *, is_state: bool) -> Reading:
        """A record of `crm.lead`, in both of its roles."""
        born = second_of(fields, "create_date")
        readings = [self._role(LEAD, number, fields, at, born, is_state=is_state)]
        if fields.get("type") == OPPORTUNITY and OPPORTUNITY in self.mapping.deals:
            opened = second_of(fields, "date_conversion") or born
            readings.append(self._role(OPPORTUNITY, number, fields, at, opened, is_state=is_state))
            readings.append(Reading((self._change(LEAD, number, Kind.LINKED, opened or at, linked=True),)))
        reference = (Reference(LEAD, number),)
        is_lacking = "type" not in fields or any(each.lacking for each in readings)
        return Reading(
            tuple(change for each in readings for change in each.changes),
            lacking=reference if is_lacking else (),
            thin=reference if not is_lacking and any(each.thin for each in readings) else (),
        )

    def _role(
        self, role: str, number: str, fields: Fields, at: Instant, since: Instant | None, *, is_state: bool
    ) -> Reading:
        """The record as a lead or as a deal, which it is `since` then."""
        meaning = self.mapping.leads.get(role) or self.mapping.deals.get(role)
        if meaning is None:
            return NOTHING
        changes = [] if since is None else [self._change(role, number, Kind.CREATED, since, record=fields)]
        told, is_short = told_by(meaning, fields)
        changes.append(self._change(role, number, Kind.UPDATED, at, changed=told, record=fields, is_state=is_state))
        decisive, useful = labels_asked(self.mapping, role)
        unlabelled = {name for name in fields if fields[name] is not None and name + LABEL not in fields}
        reference = (Reference(LEAD, number),)
        return Reading(
            tuple(changes),
            lacking=reference if is_short or unlabelled & decisive else (),
            thin=reference if unlabelled & useful else (),
        )

    def _change(
        self,
        role: str,
        number: str,
        kind: Kind,
        at: Instant,
        *,
        changed: Fields = _NO_FIELDS,
        record: Fields = _NO_FIELDS,
        linked: bool = False,
        is_state: bool = False,
    ) -> Change:
        lead, deal = self._key(LEAD, number), self._key("deal", number)
        return Change(
            object=role,
            id=number,
            kind=kind,
            at=at,
            lead=lead,
            deal=deal if linked or role == OPPORTUNITY else None,
            changed=changed,
            record=record,
            is_state=is_state,
        )

    def _activity(self, kind: str, number: str, fields: Fields, at: Instant, *, is_state: bool) -> Reading:
        """An activity, a message or a meeting; it names the record that it is about in one of three ways."""
        models = {name: fields[name] for name in ("res_model", "model") if name in fields}
        about = fields.get("res_id") if MODEL in models.values() else fields.get("opportunity_id")
        asked = {name for name in self._asked(kind) if not name.startswith(OWN)}
        says = ("res_id" in fields and models) or "opportunity_id" in fields
        if not says or not asked <= fields.keys():
            return Reading(lacking=(Reference(kind, number),))
        if about is None:
            return NOTHING
        lead = self._key(LEAD, id_of(about, "res_id"))
        change = Change(
            object=kind,
            id=number,
            kind=Kind.UPDATED,
            at=at,
            lead=lead,
            changed=fields,
            record=fields,
            is_state=is_state,
        )
        return Reading((change,))

    def _gone(self, kind: str, number: str, at: Instant) -> Iterator[Change]:
        if kind == LEAD:
            yield self._change(LEAD, number, Kind.DELETED, at)
            yield self._change(OPPORTUNITY, number, Kind.DELETED, at)


def _stamped(item: object, received_at: Instant) -> object:
    if not isinstance(item, Mapping) or RECEIVED in item:
        return item
    return {**item, RECEIVED: format_exact(received_at)}

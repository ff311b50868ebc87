"""Dynamics 365: the execution contexts that Dataverse posts, shown with a static key, and what each message says.

The same change may be told by several messages (`Update` and one of `Assign`, `SetState`, `QualifyLead`); its time is
the row's own `modifiedon` where that is told, which is also what the Web API says.
"""

from services.domain.events import Scalar
from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway.changes import NOTHING, Change, Fields, Kind, Reading, instant_of, object_of, required
from services.gateway.crm.base import CrmSender
from services.gateway.crm.dataverse import fields_of_entity, fields_of_row, over, root_of, row_id
from services.gateway.crm.dataverse_changes import REGARDING, Changes, Row
from services.gateway.crm.dataverse_context import Context
from services.gateway.crm.labels import LABEL, labels_asked
from services.gateway.request import Incoming, shown_digest
from services.gateway.sender import Outgoing
from services.gateway.signatures import verify_shared
from services.ports import Found, Reference

KEY_HEADER = "x-baton-key"
"""For webhooks that are registered with authentication `HttpHeader`; with `WebhookKey` the key is `?code=`."""
MESSAGE = "messagename"
"""The message, among the fields of a record: `Create`, `Update`, `Assign`, ..."""

_CLOSING = {"WinOpportunity": 1, "LoseOpportunity": 2}
"""The messages that close an opportunity, and the state in which each leaves it."""


class Dynamics(CrmSender):
    """Webhooks of Dataverse, on which Dynamics 365 Sales stands."""

    crm = "dynamics"
    challenge = "Webhook-Key"
    # Dataverse waits 60 s, and tries once more where it is answered 502, 503 or 504, but not where nobody answers.
    answer_within = 20.0

    def shown(self, request: Incoming) -> str | None:
        """The digest of the key."""
        return shown_digest(request, request.headers.get(KEY_HEADER) or request.query("code"))

    def verify(self, request: Incoming, now: Instant, window: int) -> None:  # noqa: ARG002 - nothing is signed
        """Raise Refused 401 unless it shows one of the keys."""
        verify_shared(self.shown(request), self._secrets, "the key, as ?code= or as the header X-Baton-Key,")

    def signed(self, body: bytes, *, at: Instant, base_url: str) -> Outgoing:  # noqa: ARG002 - nothing is signed
        """The request that Dataverse would make with authentication `HttpHeader`."""
        headers = {"content-type": "application/json", KEY_HEADER: self._first_secret()}
        return Outgoing("/hooks/dynamics", headers, body)

    def reading(self, item: object) -> Reading:
        """What an execution context says.

        Where a payload of more than 256 KB had its parameters and images removed, the row has to be fetched. A header
        tells of it; that they are missing says the same, and is still there when a dead letter returns.
        """
        context = Context.of(item)
        if not self._rows.knows(context.table):
            return NOTHING
        match context.message:
            case "Create" | "Update" | "CreateMultiple" | "UpdateMultiple":
                return self._written(context)
            case "Assign" | "SetState" | "SetStateDynamicEntity":
                return self._updated(context)
            case "Delete" if context.table not in self.mapping.activities:
                return self._deleted(context)
            case "QualifyLead" if context.table in self.mapping.leads:
                return self._qualified(context)
            case "Merge" if context.table in self.mapping.leads:
                return self._merged(context)
            case "WinOpportunity" | "LoseOpportunity" if context.table in self.mapping.deals:
                return self._closed(context)
        return NOTHING

    def found(self, found: Found) -> Reading:
        """What the Web API says: a row as it is."""
        if not found.object:
            return self.reading(found.content)
        table = found.object
        if not self._rows.knows(table):
            return NOTHING
        fields = fields_of_row(found.content)
        number = row_id(fields.get(f"{table}id") or fields.get("activityid"), f"{table}id")
        modified = instant_of(required(fields, "modifiedon"), "modifiedon")
        created = instant_of(required(fields, "createdon"), "createdon")
        record = {**fields, MESSAGE: "Create" if created == modified else "Update"}
        now = Row(table=table, id=number, at=modified, record=record, changed=fields)
        changes = [*self._rows.of(Kind.UPDATED, now, is_state=True)]
        if table not in self.mapping.activities:
            born = Row(table=table, id=number, at=created, record=record, changed={})
            changes.insert(0, self._rows.one(Kind.CREATED, born))
        return Reading(tuple(changes))

    @property
    def _rows(self) -> Changes:
        return Changes(self.crm, self.mapping)

    def _written(self, context: Context) -> Reading:
        """A row is made or changed (`Target`), or several are (`Targets`)."""
        several = context.entity("Targets").get("Entities")
        if several is None:
            target = context.entity("Target")
            number = context.id(target.get("Id"))
            if target.get("Attributes") is None:
                return Reading(lacking=(Reference(context.table, number),))
            return self._row(context, number, fields_of_entity(target), is_alone=True)
        if not isinstance(several, list):
            raise BadEvent("invalid", "Targets: not a list")
        readings = [
            self._row(context, row_id(target.get("Id"), "Id"), fields_of_entity(target), is_alone=False)
            for target in (object_of(each, "Targets") for each in several)
        ]
        return Reading(
            tuple(change for each in readings for change in each.changes),
            tuple(reference for each in readings for reference in each.lacking),
            tuple(reference for each in readings for reference in each.thin),
        )

    def _row(self, context: Context, number: str, target: Fields, *, is_alone: bool) -> Reading:
        """What is said of one row whose new values are `target`. Images are of one row alone."""
        before = context.images("PreEntityImages") if is_alone else {}
        after = context.images("PostEntityImages") if is_alone else {}
        # A label that the target lacks is the image's, where the value is the same.
        told = {name: value for name, value in over(after, target).items() if root_of(name) in target}
        record: dict[str, Scalar] = {
            **over(over(before, after), told),
            MESSAGE: context.message.removesuffix("Multiple"),
        }
        changed = _without_unchanged(told, before)
        is_new = context.message.startswith("Create")
        at = context.time(record, *(("createdon", "modifiedon") if is_new else ("modifiedon",)))
        if not (is_new or before or after) and self._lacks_regarding(context.table, changed, record):
            return Reading(lacking=(Reference(context.table, number),))
        row = Row(table=context.table, id=number, at=at, record=record, changed=changed)
        return self._labelled(row, tuple(self._rows.of(Kind.CREATED if is_new else Kind.UPDATED, row)))

    def _lacks_regarding(self, table: str, changed: Fields, record: Fields) -> bool:
        """Whether an activity without an image changes in what counts, and does not say what it is about."""
        activity = self.mapping.activities.get(table)
        if activity is None or REGARDING in record:
            return False
        return any(name in changed for touch in activity.touches for name in touch.when)

    def _labelled(self, row: Row, changes: tuple[Change, ...]) -> Reading:
        """The changes, and that labels have to be fetched which the mapping asks for and the payload lacks."""
        decisive, useful = labels_asked(self.mapping, row.table)
        lacking = {name for name, value in row.changed.items() if value is not None and name + LABEL not in row.record}
        reference = (Reference(row.table, row.id),)
        if lacking & decisive:
            return Reading(changes, lacking=reference)
        return Reading(changes, thin=reference if lacking & useful else ())

    def _updated(self, context: Context) -> Reading:
        """The messages that Dataverse has from before `Update` could do the same."""
        if context.message == "Assign":
            told, row = {"ownerid": "Assignee"}, "Target"
        else:
            told, row = {"statecode": "State"}, "EntityMoniker"
            if context.choice("Status") is not None:
                told["statuscode"] = "Status"
        number = context.id(context.entity(row).get("Id"))
        given = [{"key": name, "value": context.given[each]} for name, each in told.items() if context.entity(each)]
        if not given:
            return Reading(lacking=(Reference(context.table, number),))
        return self._row(context, number, fields_of_entity({"Attributes": given}), is_alone=True)

    def _deleted(self, context: Context) -> Reading:
        number = context.id(context.entity("Target").get("Id"))
        record: dict[str, Scalar] = {**context.images("PreEntityImages"), MESSAGE: context.message}
        row = Row(table=context.table, id=number, at=context.time({}), record=record, changed={})
        return Reading((self._rows.one(Kind.DELETED, row),))

    def _qualified(self, context: Context) -> Reading:
        """A lead became opportunities. What it is now an `Update` says as well, within a second or two."""
        number = context.id(context.entity("LeadId").get("Id"))
        row = self._closing_row(context, number, 1, {})
        changes = [self._rows.one(Kind.UPDATED, row)]
        for each in context.created():
            table = each.get("LogicalName")
            if isinstance(table, str) and table in self.mapping.deals:
                deal = self._key(table, row_id(each.get("Id"), "CreatedEntities"))
                changes.append(self._rows.linked(context.table, number, deal, row.at))
        return Reading(tuple(changes))

    def _closed(self, context: Context) -> Reading:
        """An opportunity is won or lost. An `Update` says so as well, within a second or two."""
        closing = fields_of_entity(context.entity("OpportunityClose"))
        number = context.id(closing.get("opportunityid"))
        amount = {"actualvalue": closing["actualrevenue"]} if closing.get("actualrevenue") is not None else {}
        row = self._closing_row(context, number, _CLOSING[context.message], amount)
        lacking = () if closing else (Reference(context.table, number),)
        return Reading((self._rows.one(Kind.UPDATED, row),), lacking=lacking)

    def _closing_row(self, context: Context, number: str, state: int, more: Fields) -> Row:
        fields: dict[str, Scalar] = {"statecode": state, **more}
        if context.choice("Status") is not None:
            fields["statuscode"] = context.choice("Status")
        record = {**over(context.images("PostEntityImages"), fields), MESSAGE: context.message}
        return Row(table=context.table, id=number, at=context.time({}), record=record, changed=fields)

    def _merged(self, context: Context) -> Reading:
        into, gone = context.id(context.entity("Target").get("Id")), context.given.get("SubordinateId")
        at = context.time({})
        if gone is None:
            # It does not say which lead went into this one; that lead was modified by it.
            return Reading(lacking=(Reference(context.table, "", since=at),))
        return Reading((self._rows.merged(context.table, row_id(gone, "SubordinateId"), into, at),))


def _without_unchanged(told: Fields, before: Fields) -> Fields:
    """Whoever saves a form or imports a list may write a value that was there before."""
    return {
        name: value
        for name, value in told.items()
        if root_of(name) not in before or before[root_of(name)] != told.get(root_of(name))
    }

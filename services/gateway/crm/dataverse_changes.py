"""Changes of rows of Dataverse: which lead or deal a row is about, and what its lookups say beside its values."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.mapping import CrmMapping
from services.domain.instants import Instant
from services.gateway.changes import Change, Fields, Kind
from services.gateway.crm.dataverse import TYPE, row_id

LEAD = "lead"
OPPORTUNITY = "opportunity"
REGARDING = "regardingobjectid"
"""Of an activity: the row that it is about."""
ORIGIN = "originatingleadid"
"""Of an opportunity: the lead that became it."""
QUALIFIED_TO = "qualifyingopportunityid"
"""Of a lead: the opportunity that it became."""
MASTER = "masterid"
"""Of a lead: the one into which it was merged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row at an instant."""

    table: str
    id: str
    at: Instant
    record: Fields
    changed: Fields


@dataclass(frozen=True, slots=True)
class Changes:
    """Makes changes of rows, by what the mapping says of their tables."""

    crm: str
    mapping: CrmMapping

    def knows(self, table: str) -> bool:
        """Whether rows of the table can mean anything."""
        return table in self.mapping.leads or table in self.mapping.deals or table in self.mapping.activities

    def of(self, kind: Kind, row: Row, *, is_state: bool = False) -> Iterator[Change]:
        """The change itself, and what the row's lookups say. Raises BadEvent."""
        changed = row.changed
        if row.table in self.mapping.activities:
            if row.record.get(REGARDING) and row.record.get(REGARDING + TYPE) in self.mapping.leads:
                yield self.one(kind, row, is_state=is_state)
            return
        yield self.one(kind, row, is_state=is_state)
        if row.table in self.mapping.deals and changed.get(ORIGIN) and LEAD in self.mapping.leads:
            yield self.linked(LEAD, row_id(changed[ORIGIN], ORIGIN), self.key(row.table, row.id), row.at)
        if row.table in self.mapping.leads:
            if changed.get(QUALIFIED_TO) and OPPORTUNITY in self.mapping.deals:
                deal = self.key(OPPORTUNITY, row_id(changed[QUALIFIED_TO], QUALIFIED_TO))
                yield self.linked(row.table, row.id, deal, row.at)
            if changed.get(MASTER):
                yield self.merged(row.table, row.id, row_id(changed[MASTER], MASTER), row.at)

    def one(self, kind: Kind, row: Row, *, is_state: bool = False) -> Change:
        """The change of the row alone. Raises BadEvent."""
        lead: str | None = self.key(row.table, row.id)
        deal = None
        if row.table in self.mapping.activities:
            lead = self.key(str(row.record[REGARDING + TYPE]), row_id(row.record[REGARDING], REGARDING))
        elif row.table in self.mapping.deals:
            lead, deal = None, lead
            if row.record.get(ORIGIN) and LEAD in self.mapping.leads:
                lead = self.key(LEAD, row_id(row.record[ORIGIN], ORIGIN))
        return Change(
            object=row.table,
            id=row.id,
            kind=kind,
            at=row.at,
            lead=lead,
            deal=deal,
            changed=row.changed,
            record=row.record,
            is_state=is_state,
        )

    def linked(self, table: str, number: str, deal: str, at: Instant) -> Change:
        """A lead has to do with a deal."""
        return Change(object=table, id=number, kind=Kind.LINKED, at=at, lead=self.key(table, number), deal=deal)

    def merged(self, table: str, number: str, into: str, at: Instant) -> Change:
        """A lead went into another one."""
        lead, stays = self.key(table, number), self.key(table, into)
        return Change(object=table, id=number, kind=Kind.MERGED, at=at, lead=lead, into=stays)

    def key(self, table: str, number: str) -> str:
        """The key of a lead or a deal."""
        return f"{self.crm}:{table}:{number}"

"""What a repair reads of the store, and notes in it, in SQL."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import bindparam, case, func, select

from services.adapters.sql import tables
from services.adapters.sql.database import Database
from services.adapters.sql.statements import insert_into
from services.adapters.sql.store import SqlStore
from services.domain.events import Event
from services.domain.instants import Instant

_VALUE = select(tables.meta.c.value).where(tables.meta.c.name == bindparam("of"))
_LEADS = tables.leads.c
# Keys begin with the CRM's name and a colon, after which the semicolon is the next character: a part of the index.
_LAST_EVENT = select(func.max(_LEADS.last_event_at)).where(
    _LEADS.key >= bindparam("first"), _LEADS.key < bindparam("beyond")
)


class SqlSeen:
    """Implements `services.storage.Seen`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._store = SqlStore(database)
        insert = insert_into(tables.meta, database.dialect)
        stored, given = tables.meta.c.value, insert.excluded.value
        self._note = insert.on_conflict_do_update(
            index_elements=["name"], set_={"value": case((stored > given, stored), else_=given)}
        )

    def events(self, streams: Collection[str]) -> Mapping[str, Sequence[Event]]:
        """All events of the streams."""
        return self._store.events(streams)

    def reconciled_until(self, crm: str) -> Instant | None:
        """The instant up to which the CRM's API was read for what was missed; None: it never was."""
        with self._database.reading() as connection:
            until: Instant | None = connection.execute(_VALUE, {"of": _name(crm)}).scalar()
            return until

    def note_reconciled(self, crm: str, until: Instant) -> None:
        """It was read up to `until`. Noting an earlier instant than before changes nothing."""
        with self._database.writing() as connection:
            connection.execute(self._note, {"name": _name(crm), "value": until})

    def last_event_of(self, crm: str) -> Instant | None:
        """The time of the last event of any of the CRM's leads; None where it has none. Reads all of them."""
        with self._database.reading() as connection:
            last: Instant | None = connection.execute(_LAST_EVENT, {"first": f"{crm}:", "beyond": f"{crm};"}).scalar()
            return last


def _name(crm: str) -> str:
    return f"reconciled {crm}"

"""The store of the tracker in SQL: reads by key, and one transaction per batch. It judges nothing."""

from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter

from sqlalchemy import Connection, bindparam, case, delete, func, or_, select, update

from services.adapters import tables
from services.adapters.database import Database
from services.adapters.sql_rows import (
    ALERT_COLUMNS,
    EVENT_COLUMNS,
    EventFinder,
    alert_values,
    deal_values,
    event_values,
    labels_text,
    read_deal,
    read_event,
    values_of,
)
from services.adapters.statements import Writer, among, chunks, insert_into, upsert
from services.domain.events import Event
from services.domain.instants import Instant
from services.domain.merges import links_of, together
from services.errors import PositionLost, UsageError
from services.storage import Changes, DealRow, TransitionRow, stream_of

_LEAD = values_of(tables.leads)
_HANDOFF = values_of(tables.handoffs)
_CLOCK = values_of(tables.clocks)
_TRANSITION = values_of(tables.transitions)

_POSITION = select(tables.positions.c.next).where(
    tables.positions.c.topic == bindparam("topic"), tables.positions.c.partition == bindparam("partition")
)
_STATES = select(tables.leads.c.key, tables.leads.c.state).where(among(tables.leads.c.key))
_EVENTS = select(*EVENT_COLUMNS).where(among(tables.events.c.stream))
_TRANSITIONS = select(tables.transitions).where(among(tables.transitions.c.lead))
_DEALS = select(tables.deals).where(among(tables.deals.c.deal))
_DEALS_OF = (
    select(tables.deals.c.lead, tables.deals.c.deal).where(among(tables.deals.c.lead)).order_by(tables.deals.c.deal)
)
_MERGES = select(tables.merges).where(or_(among(tables.merges.c.lead), among(tables.merges.c.into)))
_FORGET = delete(tables.leads).where(among(tables.leads.c.key))
_DUE = (
    select(tables.leads.c.key)
    .where(tables.leads.c.wake_at <= bindparam("now"))
    .order_by(tables.leads.c.wake_at, tables.leads.c.key)
    .limit(bindparam("most"))
)


class SqlStore:
    """Implements `services.storage.Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = database.dialect
        dead_letter = insert_into(tables.dead_letters, dialect).excluded
        counter = insert_into(tables.counters, dialect).excluded
        self._finder = EventFinder(dialect)
        self._events = upsert(tables.events, dialect)
        self._leads = upsert(tables.leads, dialect)
        self._handoffs = upsert(tables.handoffs, dialect)
        self._clocks = upsert(tables.clocks, dialect)
        # What was told stays as it was told; only whether it stands can change.
        told = insert_into(tables.transitions, dialect).excluded
        self._transitions = upsert(tables.transitions, dialect, standing=told.standing)
        self._deals = upsert(tables.deals, dialect)
        self._merges = upsert(tables.merges, dialect, into=insert_into(tables.merges, dialect).excluded.into)
        self._alerts = Writer(insert_into(tables.alerts, dialect), dialect, ALERT_COLUMNS)
        self._counters = upsert(tables.counters, dialect, value=tables.counters.c.value + counter.value)
        # What comes back after it was replayed waits to be looked at again.
        self._dead_letters = upsert(
            tables.dead_letters,
            dialect,
            reason=dead_letter.reason,
            detail=dead_letter.detail,
            replayed_at=dead_letter.replayed_at,
        )

    def position(self, topic: str, partition: int) -> int:
        """The offset of the first record that is not yet applied."""
        with self._database.reading() as connection:
            return connection.execute(_POSITION, {"topic": topic, "partition": partition}).scalar() or 0

    def judged_at(self) -> Instant:
        """The latest `judged_at` of all commits; 0 before the first."""
        with self._database.reading() as connection:
            return connection.execute(select(func.max(tables.positions.c.judged_at))).scalar() or 0

    def states(self, leads: Collection[str]) -> Mapping[str, bytes]:
        """The snapshots of those leads that are known."""
        with self._database.reading() as connection:
            return {key: state for part in chunks(leads) for key, state in connection.execute(_STATES, {"keys": part})}

    def known_events(self, identities: Collection[tuple[str, str, str]]) -> Mapping[tuple[str, str, str], Event]:
        """Of (stream, source, id), those that are stored, with what is stored."""
        with self._database.reading() as connection:
            found = self._finder.find(connection, identities)
            return {(stream_of(event), event.source, event.id): event for event in found}

    def events(self, streams: Collection[str]) -> Mapping[str, Sequence[Event]]:
        """All events of the streams; a stream without events has an empty list."""
        found: dict[str, list[Event]] = {stream: [] for stream in streams}
        with self._database.reading() as connection:
            for part in chunks(found):
                for row in connection.execute(_EVENTS, {"keys": part}):
                    found[row[0]].append(read_event(row))
        return found

    def transitions(self, leads: Collection[str]) -> Sequence[TransitionRow]:
        """All that was told of the leads."""
        with self._database.reading() as connection:
            parts = [connection.execute(_TRANSITIONS, {"keys": part}).all() for part in chunks(leads)]
        return [TransitionRow(*row) for part in parts for row in part]

    def deals(self, deals: Collection[str]) -> Mapping[str, DealRow]:
        """Of the deals, those whose lead is known."""
        with self._database.reading() as connection:
            return {
                row[0]: read_deal(row) for part in chunks(deals) for row in connection.execute(_DEALS, {"keys": part})
            }

    def deals_of(self, leads: Collection[str]) -> Mapping[str, Sequence[str]]:
        """The deals that belong to each of the leads; a lead without deals has an empty list."""
        found: dict[str, list[str]] = {lead: [] for lead in leads}
        with self._database.reading() as connection:
            for part in chunks(found):
                for lead, deal in connection.execute(_DEALS_OF, {"keys": part}):
                    found[lead].append(deal)
        return found

    def merged_with(self, leads: Collection[str]) -> Mapping[str, frozenset[str]]:
        """Of the leads, those that were merged with others: all that belong together, each lead itself among them."""
        found: set[tuple[str, str]] = set()
        asked: set[str] = set()
        fresh = set(leads)
        with self._database.reading() as connection:
            while fresh:
                asked |= fresh
                for part in chunks(fresh):
                    found.update((lead, into) for lead, into in connection.execute(_MERGES, {"keys": part}))
                fresh = {lead for pair in found for lead in pair} - asked
        links = links_of(found)
        return {lead: frozenset(together(lead, links)) for lead in leads if lead in links}

    def due(self, now: Instant, limit: int) -> Sequence[str]:
        """Leads whose `wake_at` has come, the longest due first."""
        with self._database.reading() as connection:
            return list(connection.execute(_DUE, {"now": now, "most": limit}).scalars())

    def commit(self, changes: Changes) -> None:
        """Write all changes in one transaction. Raises PositionLost when the position is another one."""
        # Made before the transaction, so that the one writer is not held up by it; and in the order of the keys, so
        # that neighbours are written together, and workers of two partitions never wait for each other crosswise.
        events = [event_values(row) for row in changes.events]
        leads = sorted((_LEAD(row) for row in changes.leads), key=itemgetter(0))
        clocks = sorted((_CLOCK(row) for row in changes.clocks), key=itemgetter(0, 1, 2))
        transitions = [_TRANSITION(row) for row in changes.transitions]
        counters = sorted(
            (name, labels_text(labels), changes.partition, amount)
            for (name, labels), amount in changes.counters.items()
        )
        with self._database.writing() as connection:
            _move_position(connection, changes)
            _clear(connection, changes.refolded)
            for part in chunks(changes.gone):
                connection.execute(_FORGET, {"keys": part})
            self._events.write(connection, events)
            self._leads.write(connection, leads)
            self._handoffs.write(connection, [_HANDOFF(row) for row in changes.handoffs])
            self._clocks.write(connection, clocks)
            self._transitions.write(connection, transitions)
            self._alerts.write(connection, [alert_values(row) for row in changes.alerts])
            self._deals.write(connection, [deal_values(row) for row in changes.deals])
            self._merges.write(connection, changes.merges)
            self._dead_letters.write(
                connection,
                [
                    (row.id, row.crm, row.reason, row.detail, row.received_at, row.body, None)
                    for row in changes.dead_letters
                ],
            )
            self._counters.write(connection, counters)

    def wake_all(self, at: Instant) -> None:
        """Have every lead looked at again by `at` at the latest, because a charter reaches into the past.

        No tracker may be in the middle of a batch: it would write over what is written here.
        """
        leads = tables.leads
        later = or_(leads.c.wake_at.is_(None), leads.c.wake_at > at)
        with self._database.writing() as connection:
            connection.execute(update(leads).where(later).values(wake_at=at))

    def replayed(self, dead_letter: str, at: Instant) -> None:
        """A dead letter was sent in again: it is no longer listed, unless it comes back."""
        letters = tables.dead_letters
        with self._database.writing() as connection:
            connection.execute(update(letters).where(letters.c.id == dead_letter).values(replayed_at=at))
            note_change(connection)

    def charter_texts(self) -> Sequence[tuple[str, str]]:
        """The version and the text of every charter that was put in force, in that order."""
        charters = tables.charters
        query = select(charters.c.version, charters.c.text).order_by(charters.c.put_in_force_at, charters.c.version)
        with self._database.reading() as connection:
            return [(version, text) for version, text in connection.execute(query)]

    def put_in_force(self, version: str, text: str, at: Instant) -> bool:
        """Keep a charter for good; False where it is there already. Raises UsageError where it has another text."""
        charters = tables.charters
        with self._database.writing() as connection:
            known = connection.execute(select(charters.c.text).where(charters.c.version == version)).scalar()
            if known is None:
                connection.execute(charters.insert().values(version=version, text=text, put_in_force_at=at))
                note_change(connection)
        if known not in (None, text):
            raise UsageError(
                f"charter: version {version} is already in force with another text; raise `version` to put the "
                "changed charter in force"
            )
        return known is None


def note_change(connection: Connection) -> None:
    """Count a change that moves no position, so that pages look again."""
    meta = tables.meta
    connection.execute(update(meta).where(meta.c.name == "changes").values(value=meta.c.value + 1))


_AT = tables.positions.c
_MOVE = (
    update(tables.positions)
    .where(
        _AT.topic == bindparam("of_topic"),
        _AT.partition == bindparam("of_partition"),
        _AT.next == bindparam("from_position"),
    )
    .values(
        next=bindparam("to_position"),
        judged_at=case((_AT.judged_at > bindparam("judged"), _AT.judged_at), else_=bindparam("judged")),
        changes=_AT.changes + 1,
    )
)


def _move_position(connection: Connection, changes: Changes) -> None:
    moved = connection.execute(
        _MOVE,
        {
            "of_topic": changes.topic,
            "of_partition": changes.partition,
            "from_position": changes.position,
            "to_position": changes.next_position,
            "judged": changes.judged_at,
        },
    ).rowcount
    if not moved and changes.position == 0:
        # Either nothing was ever written of the partition, or somebody else is past its start.
        first = insert_into(tables.positions, connection.dialect).on_conflict_do_nothing()
        first = first.execution_options(preserve_rowcount=True)  # psycopg forgets it with the cursor
        row = {
            "topic": changes.topic,
            "partition": changes.partition,
            "next": changes.next_position,
            "judged_at": changes.judged_at,
            "changes": 1,
        }
        moved = connection.execute(first, row).rowcount
    if not moved:
        raise PositionLost(f"{changes.topic}/{changes.partition} is no longer at {changes.position}")


_CLEAR = [delete(table).where(among(table.c.lead)) for table in (tables.handoffs, tables.clocks)]


def _clear(connection: Connection, refolded: Sequence[str]) -> None:
    """Remove what leads had that are written whole. What was told stays: it was told."""
    for part in chunks(refolded):
        for statement in _CLEAR:
            connection.execute(statement, {"keys": part})

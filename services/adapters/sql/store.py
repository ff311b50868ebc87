"""The store of the tracker in SQL: reads by key, and one transaction per batch. It judges nothing."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter

from sqlalchemy import Connection, bindparam, case, delete, or_, select, update

from services.adapters.sql import tables
from services.adapters.sql.database import Database
from services.adapters.sql.fact_rows import FactKeeper
from services.adapters.sql.rows import (
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
from services.adapters.sql.statements import (
    Deleter,
    Updater,
    Values,
    Writer,
    among,
    chunks,
    insert_into,
    insert_new,
    upsert,
)
from services.domain.events import Event
from services.domain.facts import Fact
from services.domain.instants import Instant
from services.domain.merges import links_of, together
from services.errors import Conflict, PositionLost, UsageError
from services.storage import ABSENT, Changes, DealRow, LeadState, TransitionRow, stream_of

_LEAD = values_of(tables.leads)
_HANDOFF = values_of(tables.handoffs)
_CLOCK = values_of(tables.clocks)
_TRANSITION = values_of(tables.transitions)

_POSITION = select(tables.positions.c.next).where(
    tables.positions.c.topic == bindparam("topic"), tables.positions.c.partition == bindparam("partition")
)
_STATES = select(tables.leads.c.key, tables.leads.c.state, tables.leads.c.revision).where(among(tables.leads.c.key))
_EVENTS = select(*EVENT_COLUMNS).where(among(tables.events.c.stream))
_TRANSITIONS = select(tables.transitions).where(among(tables.transitions.c.lead))
_DEALS = select(tables.deals).where(among(tables.deals.c.deal))
_DEALS_OF = (
    select(tables.deals.c.lead, tables.deals.c.deal).where(among(tables.deals.c.lead)).order_by(tables.deals.c.deal)
)
_MERGES = select(tables.merges).where(or_(among(tables.merges.c.lead), among(tables.merges.c.into)))
_DUE = (
    select(tables.leads.c.key)
    .where(tables.leads.c.partition == bindparam("of_partition"), tables.leads.c.wake_at <= bindparam("now"))
    .order_by(tables.leads.c.wake_at, tables.leads.c.key)
    .limit(bindparam("most"))
)
_NEXT_DUE = (
    select(tables.leads.c.wake_at)
    .where(tables.leads.c.partition == bindparam("of_partition"), tables.leads.c.wake_at.is_not(None))
    .order_by(tables.leads.c.wake_at)
    .limit(1)
)


class SqlStore:
    """Implements `services.storage.Store`, and keeps the charters."""

    def __init__(self, database: Database, *, relays: bool = False) -> None:
        """`relays`: whether somebody takes what changes to the topics of leads and transitions (see `SqlRelay`)."""
        self._database = database
        self._relays = relays
        dialect = database.dialect
        dead_letter = insert_into(tables.dead_letters, dialect).excluded
        counter = insert_into(tables.counters, dialect).excluded
        self._finder = EventFinder(dialect)
        self._events = upsert(tables.events, dialect)
        self._new_leads = insert_new(tables.leads, dialect)
        self._known_leads = Updater(tables.leads, dialect, expected="revision")
        self._gone_leads = Deleter(tables.leads, dialect, keys=("key", "revision"))
        self._handoffs = upsert(tables.handoffs, dialect)
        self._clocks = upsert(tables.clocks, dialect)
        # What was told stays as it was told; only whether it stands can change.
        told = insert_into(tables.transitions, dialect).excluded
        self._transitions = upsert(tables.transitions, dialect, standing=told.standing)
        self._new_deals = insert_new(tables.deals, dialect)
        self._known_deals = Updater(tables.deals, dialect, expected="revision")
        self._merges = insert_new(tables.merges, dialect)
        self._facts = FactKeeper(dialect)
        self._alerts = Writer(insert_into(tables.alerts, dialect), dialect, ALERT_COLUMNS)
        self._outbox = Writer(insert_into(tables.outbox, dialect), dialect, ("lead", "clock", "number", "name"))
        self._counters = upsert(tables.counters, dialect, value=tables.counters.c.value + counter.value)
        heard, said = tables.heard.c.at, insert_into(tables.heard, dialect).excluded.at
        # Records that are applied again, or of another gateway whose clock is behind, take nothing back.
        self._heard = upsert(tables.heard, dialect, at=case((heard > said, heard), else_=said))
        # What comes back after it was replayed waits to be looked at again.
        self._dead_letters = upsert(
            tables.dead_letters,
            dialect,
            reason=dead_letter.reason,
            detail=dead_letter.detail,
            replayed_at=dead_letter.replayed_at,
        )

    def open_partitions(self, topic: str, count: int) -> None:
        """Note that the topic has so many partitions; those that are not known yet stand at their beginning."""
        start = {"topic": topic, "next": 0, "read_at": 0, "changes": 0}
        fresh = [{**start, "partition": partition} for partition in range(count)]
        with self._database.writing() as connection:
            connection.execute(insert_into(tables.positions, connection.dialect).on_conflict_do_nothing(), fresh)

    def position(self, topic: str, partition: int) -> int:
        """The offset of the first record that is not yet applied."""
        with self._database.reading() as connection:
            return connection.execute(_POSITION, {"topic": topic, "partition": partition}).scalar() or 0

    def read_until(self) -> Mapping[tuple[str, int], Instant]:
        """Of every partition, by topic and number, the instant up to which it is read (0: not at all)."""
        positions = tables.positions.c
        with self._database.reading() as connection:
            rows = connection.execute(select(positions.topic, positions.partition, positions.read_at))
            return {(topic, partition): read_at for topic, partition, read_at in rows}

    def note_read(self, topic: str, partition: int, position: int, read_at: Instant) -> None:
        """Note that a partition at `position` is read up to `read_at`. Raises PositionLost when it is not there."""
        with self._database.writing() as connection:
            _move_position(connection, Changes(topic, partition, position, position, read_at), changed=0)

    def charter_generation(self) -> int:
        """A number that grows with each charter that is put in force."""
        with self._database.reading() as connection:
            return int(connection.execute(_GENERATION).scalar_one())

    def states(self, leads: Collection[str]) -> Mapping[str, LeadState]:
        """The snapshots of those leads that are known."""
        with self._database.reading() as connection:
            return {
                key: LeadState(state, revision)
                for part in chunks(leads)
                for key, state, revision in connection.execute(_STATES, {"keys": part})
            }

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

    def facts(self, leads: Collection[str]) -> Mapping[str, Sequence[Fact]]:
        """The facts of those leads that have any."""
        with self._database.reading() as connection:
            return self._facts.read(connection, leads)

    def deals(self, deals: Collection[str]) -> Mapping[str, DealRow]:
        """Those of the deals that any event was about."""
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

    def due(self, partition: int, now: Instant, limit: int) -> Sequence[str]:
        """Leads of the partition whose `wake_at` has come, the longest due first."""
        with self._database.reading() as connection:
            found = connection.execute(_DUE, {"of_partition": partition, "now": now, "most": limit})
            return list(found.scalars())

    def next_due(self, partition: int) -> Instant | None:
        """The earliest `wake_at` of the partition's leads; None where none is to be woken."""
        with self._database.reading() as connection:
            return connection.execute(_NEXT_DUE, {"of_partition": partition}).scalar()

    def commit(self, changes: Changes) -> None:
        """Write all changes in one transaction.

        Raises PositionLost when the position is another one, and Conflict when a lead, a deal or the charters are
        no longer what was read of them.
        """
        # Made before the transaction, so that the one writer is not held up by it; and in the order of the keys, so
        # that neighbours are written together, and workers of two partitions seldom wait for each other crosswise.
        revision = _new_revision()
        events = sorted((event_values(row) for row in changes.events), key=itemgetter(0, 1, 2))
        leads = sorted((_LEAD(row) for row in changes.leads), key=itemgetter(0))
        clocks = sorted((_CLOCK(row) for row in changes.clocks), key=itemgetter(0, 1, 2))
        transitions = [_TRANSITION(row) for row in changes.transitions]
        deals = sorted((deal_values(row) for row in changes.deals), key=itemgetter(0))
        shard = f"{changes.topic}/{changes.partition}"
        counters = sorted(
            (name, labels_text(labels), shard, amount) for (name, labels), amount in changes.counters.items()
        )
        with self._database.writing() as connection:
            # First what may refuse the batch: a row that is ours from then on keeps others from all that hangs on it.
            _move_position(connection, changes)
            _hold_charters(connection, changes.charters)
            _compare_and_set(connection, "deal", self._new_deals, self._known_deals, deals, revision)
            _compare_and_set(connection, "lead", self._new_leads, self._known_leads, leads, revision)
            if self._gone_leads.delete(connection, changes.gone) != sum(was != ABSENT for _, was in changes.gone):
                raise Conflict("a lead was changed by another worker")
            _clear(connection, changes.refolded)
            self._events.write(connection, events)
            self._handoffs.write(connection, [_HANDOFF(row) for row in changes.handoffs])
            self._clocks.write(connection, clocks)
            self._transitions.write(connection, transitions)
            self._alerts.write(connection, [alert_values(row) for row in changes.alerts])
            self._merges.write(connection, changes.merges)
            self._facts.write(connection, changes, shard)
            self._dead_letters.write(
                connection,
                [
                    (row.id, row.crm, row.reason, row.detail, row.received_at, row.body, None)
                    for row in changes.dead_letters
                ],
            )
            self._counters.write(connection, counters)
            self._heard.write(connection, [(crm, shard, at) for crm, at in sorted(changes.heard.items())])
            if self._relays:
                self._outbox.write(connection, _to_relay(changes))

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

    def put_in_force(
        self, charters: Sequence[tuple[str, str]], at: Instant, *, generation: int, reaching_back: bool = False
    ) -> None:
        """Keep charters (version and text) for good; those that are there already stay as they are.

        With `reaching_back` every lead is looked at again by `at` at the latest. No batch that is judged by the
        charters before can be committed from then on. Raises Conflict where the generation is another one, and
        UsageError where a version has another text already; then it keeps none of them.
        """
        table = tables.charters
        with self._database.writing() as connection:
            # Waits for the commits in work, and has those that come after find another generation.
            connection.execute(_RAISE_GENERATION, {"by": 0})
            if connection.execute(_GENERATION).scalar_one() != generation:
                raise Conflict("another charter was put in force")
            known = {row[0]: row[1] for row in connection.execute(select(table.c.version, table.c.text))}
            for version, text in charters:
                if known.get(version, text) != text:
                    raise UsageError(
                        f"charter: version {version} is already in force with another text; raise `version` to put "
                        "the changed charter in force"
                    )
            fresh = [
                {"version": version, "text": text, "put_in_force_at": at}
                for version, text in charters
                if version not in known
            ]
            if fresh:
                connection.execute(table.insert(), fresh)
                connection.execute(_RAISE_GENERATION, {"by": len(fresh)})
                note_change(connection)
            if reaching_back:
                leads = tables.leads
                later = or_(leads.c.wake_at.is_(None), leads.c.wake_at > at)
                connection.execute(update(leads).where(later).values(wake_at=at, revision=_new_revision()))


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
        read_at=case((_AT.read_at > bindparam("read"), _AT.read_at), else_=bindparam("read")),
        changes=_AT.changes + bindparam("changed"),
    )
)


def _move_position(connection: Connection, changes: Changes, *, changed: int = 1) -> None:
    moved = connection.execute(
        _MOVE,
        {
            "of_topic": changes.topic,
            "of_partition": changes.partition,
            "from_position": changes.position,
            "to_position": changes.next_position,
            "read": changes.read_at,
            "changed": changed,
        },
    ).rowcount
    if not moved:
        raise PositionLost(f"{changes.topic}/{changes.partition} is no longer at {changes.position}")


_GENERATION = select(tables.meta.c.value).where(tables.meta.c.name == "charters")
_HOLD_GENERATION = _GENERATION.with_for_update(read=True)
_RAISE_GENERATION = (
    update(tables.meta).where(tables.meta.c.name == "charters").values(value=tables.meta.c.value + bindparam("by"))
)


def _hold_charters(connection: Connection, generation: int) -> None:
    """Keep the charters as they are until the end of the transaction, if they are those that judged."""
    if connection.execute(_HOLD_GENERATION).scalar_one() != generation:
        raise Conflict("another charter was put in force")


def _new_revision() -> int:
    """A number that no row bore before, so that nothing passes for unchanged because it is as it once was."""
    return secrets.randbelow(2**62) + 1


def _compare_and_set(
    connection: Connection, what: str, new: Writer, known: Updater, rows: Sequence[Values], revision: int
) -> None:
    """Write rows (key, revision as it was read, ...) under another revision, if all are as they were read."""
    fresh = [(key, revision, *rest) for key, was, *rest in rows if was == ABSENT]
    changed = [(key, revision, *rest, was) for key, was, *rest in rows if was != ABSENT]
    if new.write(connection, fresh) != len(fresh) or known.write(connection, changed) != len(changed):
        raise Conflict(f"a {what} was changed by another worker")


def _to_relay(changes: Changes) -> Sequence[Values]:
    """Rows of the outbox: leads whose view has changed, then what was told of them."""
    keys = [row.key for row in changes.leads] + [key for key, was in changes.gone if was != ABSENT]
    return [(key, None, None, None) for key in sorted(keys)] + [
        (row.lead, row.clock, row.number, row.name) for row in changes.transitions
    ]


_CLEAR = [delete(table).where(among(table.c.lead)) for table in (tables.handoffs, tables.clocks)]


def _clear(connection: Connection, refolded: Sequence[str]) -> None:
    """Remove what leads had that are written whole. What was told stays: it was told."""
    for part in chunks(refolded):
        for statement in _CLEAR:
            connection.execute(statement, {"keys": part})

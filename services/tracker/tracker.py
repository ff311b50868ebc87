"""The tracker: loads the leads of a batch, judges them, and commits everything in one transaction.

It knows no broker and no clock: a driver hands in the records, and the instant up to which all is read.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.domain.charter import Charters
from services.domain.deals import deal_of
from services.domain.events import IS_DEAL, Event, EventType
from services.domain.fold import fold_together, in_order
from services.domain.instants import SECOND, Instant
from services.domain.merges import links_of, together
from services.domain.snapshot import ToldByInstance
from services.domain.telling import Told
from services.ports import LogRecord
from services.storage import (
    Changes,
    DealRow,
    EventRow,
    Store,
    TransitionRow,
    deal_stream,
    lead_stream,
)
from services.tracker import judging
from services.tracker.intake import (
    CEREMONY_PREFIX,
    Intake,
    count_delay,
    count_feedback,
    decode,
    identity_of,
    sift,
)
from services.tracker.judging import Judged
from services.tracker.rows import event_name

CLOCKS_MAY_DIFFER = 300 * SECOND
"""How far ahead of ours a CRM's clock may be: as much as webhook signatures allow."""


_NAMED = 3
"""Events that a correction names; a batch may bring hundreds of one lead."""


@dataclass(slots=True)
class _Work:
    """What a batch means to its leads."""

    events: dict[str, list[Event]]
    """New events by lead."""
    refold: set[str]
    """Leads to be judged anew whatever the order of their new events."""


class Tracker:
    """Applies batches of one partition at a time to one store."""

    def __init__(self, *, store: Store, charters: Charters, clocks_may_differ: int = CLOCKS_MAY_DIFFER) -> None:
        """`clocks_may_differ`: microseconds by which an event may lie in the future; it then waits for its time."""
        self._store = store
        self._charters = charters
        self._clocks_may_differ = clocks_may_differ

    def judge_by(self, charters: Charters) -> None:
        """Judge by other charters from the next batch on; what they change of the past is judged anew when it wakes."""
        self._charters = charters

    def apply(self, records: Sequence[LogRecord], now: Instant) -> None:
        """Apply records that follow each other in one partition, the first at the stored position.

        `now` is the instant up to which everything is known: the time of day when these are the last records
        there are, else the time of the last of them. Raises PositionLost, and then nothing is written.
        """
        first, last = records[0], records[-1]
        changes = Changes(
            first.topic, first.partition, position=first.offset, next_position=last.offset + 1, judged_at=now
        )
        rows = decode(records, latest=now + self._clocks_may_differ, changes=changes)
        stored = self._store.known_events({identity_of(row.event) for row in rows})
        intake = sift(rows, stored, changes)
        changes.events += intake.rows.values()
        self._judge(self._work(intake, changes), now, changes)
        self._count(intake.rows.values(), now, changes)
        self._store.commit(changes)

    def tick(self, topic: str, partition: int, now: Instant, limit: int) -> int:
        """Look at leads whose time has come, at most `limit`; returns how many there were.

        `now` as for `apply`. The stored position stays; that it is still ours is checked all the same.
        """
        due = self._store.due(now, limit)
        if due:
            position = self._store.position(topic, partition)
            changes = Changes(topic, partition, position=position, next_position=position, judged_at=now)
            self._judge(_Work({key: [] for key in due}, set()), now, changes)
            self._store.commit(changes)
        return len(due)

    def _work(self, intake: Intake, changes: Changes) -> _Work:
        """Which lead each event is for, and who has to be judged anew; notes whose deals are whose, and merges."""
        events = [row.event for row in intake.rows.values()]
        named = {deal for event in events if (deal := deal_of(event)) is not None}
        owners = dict(self._store.deals(named)) if named else {}
        work = _Work(defaultdict(list), set())
        for event in events:
            deal = deal_of(event)
            if event.lead and deal is not None:
                self._own(DealRow(deal, event.lead, event), owners, work, changes)
            if event.type == EventType.LEAD_MERGED:
                # What the survivor carries on depends on both.
                pair = (event.lead, str(event.data["into"]))
                changes.merges.append(pair)
                work.refold.update(pair)
        for event in events:
            lead = self._owner(event, owners) if IS_DEAL[event.type] else event.lead
            if lead and not lead.startswith(CEREMONY_PREFIX):
                work.events[lead].append(event)
                if identity_of(event) in intake.conflicts:
                    work.refold.add(lead)
        return work

    def _own(self, claim: DealRow, owners: dict[str, DealRow], work: _Work, changes: Changes) -> None:
        """The first in the canonical order that names a deal and a lead decides whose the deal is."""
        known = owners.get(claim.deal)
        if known is not None and known.named_by[:5] <= claim.named_by[:5]:
            return
        owners[claim.deal] = claim
        changes.deals = [row for row in changes.deals if row.deal != claim.deal] + [claim]
        if known is None or known.lead != claim.lead:
            # The deal's own events join this lead, and leave the one that had it.
            work.refold.update({claim.lead} if known is None else {claim.lead, known.lead})

    @staticmethod
    def _owner(event: Event, owners: Mapping[str, DealRow]) -> str | None:
        row = owners.get(deal_of(event) or "")
        return row.lead if row is not None else None

    def _judge(self, work: _Work, now: Instant, changes: Changes) -> None:
        keys = work.events.keys() | work.refold
        states = self._store.states(keys)
        judged: dict[str, Judged] = {}
        anew: set[str] = set()
        for key in sorted(keys):
            judged[key], is_current = self._read(key, states.get(key))
            fresh = work.events.get(key, ())
            judged[key].because = _told_by(fresh) or judged[key].because
            if is_current and key not in work.refold and self._in_order(judged[key], fresh, now):
                judged[key].apply_in_order(in_order(fresh), now)
            else:
                anew.add(key)
        if anew:
            self._judge_anew(anew, judged, now, changes)
        for key in sorted(judged):
            judging.write(judged[key], now, changes)

    def _read(self, key: str, state: bytes | None) -> tuple[Judged, bool]:
        """The lead as stored, and whether it can be used as it stands."""
        if state is None:
            return judging.new(key, self._charters), True
        found = judging.read(key, state, self._charters)
        if found is not None:
            return found, True
        outdated = judging.new(key, self._charters)
        outdated.because = f"charter {self._charters.latest.version}"
        outdated.outcomes = judging.outcomes_counted(state)
        return outdated, False

    @staticmethod
    def _in_order(judged: Judged, events: Sequence[Event], now: Instant) -> bool:
        """Whether the state can take the events as they are, and holds no event whose time has come since."""
        if judged.future_at is not None and judged.future_at <= now:
            return False
        lead = judged.lead
        if lead.merged_into is not None and any(IS_DEAL[event.type] for event in events):
            return False  # its deals have gone with it
        return lead.last is None or all(event[:4] > lead.last for event in events)

    def _judge_anew(self, anew: set[str], judged: dict[str, Judged], now: Instant, changes: Changes) -> None:
        """Fold leads from all their events, together with those that they were merged with."""
        links = links_of(changes.merges)
        for key, others in self._store.merged_with(anew | links.keys()).items():
            links.setdefault(key, set()).update(others)
        groups = {frozenset(together(key, links)) for key in anew}
        keys = {key for group in groups for key in group}
        missing = keys - judged.keys()
        states = self._store.states(missing)
        judged.update({key: self._read(key, states.get(key))[0] for key in missing})
        histories = self._histories(keys, changes)
        told = _told(self._store.transitions(keys))
        for group in groups:
            arrived = "; ".join(filter(None, (judged[key].because for key in sorted(group)))) or None
            past = {key: [event for event in histories[key] if event.time <= now] for key in sorted(group)}
            for key, lead in fold_together(past, self._charters).items():
                judged[key].because = arrived
                judged[key].take(lead, histories[key], told.get(key, {}), now)

    def _histories(self, keys: Collection[str], changes: Changes) -> dict[str, list[Event]]:
        """All events of the leads, stored or in this batch."""
        deals = {key: set(owned) for key, owned in self._store.deals_of(keys).items()}
        for row in changes.deals:
            for owned in deals.values():
                owned.discard(row.deal)
            deals.setdefault(row.lead, set()).add(row.deal)
        streams = {key: [lead_stream(key), *map(deal_stream, sorted(deals.get(key, ())))] for key in keys}
        stored = self._store.events({stream for each in streams.values() for stream in each})
        fresh = _by_stream(changes.events)
        return {
            key: [
                event
                for stream in streams[key]
                for event in {**_identified(stored.get(stream, ())), **fresh.get(stream, {})}.values()
            ]
            for key in keys
        }

    def _count(self, rows: Iterable[EventRow], now: Instant, changes: Changes) -> None:
        sources = {row.key: row.source for row in changes.leads}
        charter = self._charters.in_force(now) or self._charters.versions[0]
        for row in rows:
            count_delay(row, now, changes.counters)
            count_feedback(row.event, sources.get(row.event.lead), charter, changes.counters)


def _told_by(events: Iterable[Event]) -> str | None:
    """Names events as `type source id`; no more than a line of them."""
    names = [event_name(event.order) for event in events]
    more = len(names) - _NAMED
    return "; ".join(names[:_NAMED]) + (f"; and {more} more" if more > 0 else "") or None


def _identified(events: Iterable[Event]) -> dict[tuple[str, str], Event]:
    return {(event.source, event.id): event for event in events}


def _by_stream(rows: Iterable[EventRow]) -> dict[str, dict[tuple[str, str], Event]]:
    streams: dict[str, dict[tuple[str, str], Event]] = defaultdict(dict)
    for row in rows:
        streams[row.stream][row.event.source, row.event.id] = row.event
    return streams


def _told(rows: Collection[TransitionRow]) -> dict[str, ToldByInstance]:
    told: dict[str, ToldByInstance] = defaultdict(dict)
    for row in rows:
        each = told[row.lead].setdefault((row.clock, row.number), Told())
        each.ever.add(row.name)
        if row.standing:
            each.standing.add(row.name)
    return told

"""One batch: which leads its events are for, these loaded and judged, and all that this changes noted.

Other workers may write to the same leads meanwhile. So what bears a revision (deals, leads) is read first, and what is
judged by (events, links, what was told) afterwards: where that has changed since, the revision has, and the commit is
refused.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from services.domain.charter import Charters
from services.domain.deals import deal_of
from services.domain.events import IS_DEAL, Event, EventType
from services.domain.fold import Lead, fold_together, in_order
from services.domain.instants import Instant
from services.domain.merges import links_of, together
from services.domain.snapshot import ToldByInstance
from services.domain.telling import Told
from services.storage import ABSENT, Changes, DealRow, EventRow, Store, TransitionRow, deal_stream, lead_stream
from services.tracker import judging
from services.tracker.intake import CEREMONY_PREFIX, Intake, count_delay, count_feedback, identity_of, sift
from services.tracker.judging import Judged


@dataclass(slots=True)
class _Work:
    """What a batch means to its leads."""

    events: dict[str, list[Event]]
    """New events by lead."""
    refold: set[str]
    """Leads to be judged anew whatever the order of their new events."""


class Batch:
    """Judges at `now`, the instant up to which everything is known, and notes in `changes` what is to be written."""

    def __init__(
        self, store: Store, charters: Charters, partition_of: Callable[[str], int], now: Instant, changes: Changes
    ) -> None:
        self._store = store
        self._charters = charters
        self._partition_of = partition_of
        self._now = now
        self._changes = changes
        self._deals: dict[str, DealRow] = {}
        self._leads: dict[str, Judged] = {}
        self._outdated: set[str] = set()
        """Of the leads, those that were judged by other charters."""
        self.refolded = 0
        """How many leads were judged anew from all their events."""

    def apply(self, rows: Sequence[EventRow]) -> None:
        """Judge the leads that events are for."""
        about = {deal for row in rows if (deal := deal_of(row.event)) is not None}
        self._deals = dict(self._store.deals(about)) if about else {}
        self._load({row.event.lead for row in rows if _is_lead(row.event.lead)})
        self._load({row.lead for row in self._deals.values() if row.lead is not None})
        stored = self._store.known_events({identity_of(row.event) for row in rows})
        intake = sift(rows, stored, self._changes)
        self._changes.events += intake.rows.values()
        self._judge(self._work(intake))
        self._count(intake.rows.values())

    def wake(self, leads: Collection[str]) -> None:
        """Judge leads whose time has come."""
        self._judge(_Work({key: [] for key in leads}, set()))

    def _load(self, leads: Collection[str]) -> None:
        """Read leads that are not read yet."""
        fresh = sorted(set(leads) - self._leads.keys())
        states = self._store.states(fresh) if fresh else {}
        for key in fresh:
            partition = self._partition_of(key)
            if key in states:
                judged, is_current = judging.read(key, partition, states[key], self._charters)
                if not is_current:
                    self._outdated.add(key)
            else:
                judged = judging.new(key, partition, self._charters)
            judged.judged_at = max(judged.judged_at, self._now)
            self._leads[key] = judged

    def _work(self, intake: Intake) -> _Work:
        """Which lead each event is for, and who has to be judged anew; notes whose deals are whose, and merges."""
        events = [row.event for row in intake.rows.values()]
        about = sorted({deal for event in events if (deal := deal_of(event)) is not None})
        work = _Work(defaultdict(list), set())
        for event in events:
            deal = deal_of(event)
            if event.lead and deal is not None:
                self._own(deal, event, work)
            if event.type == EventType.LEAD_MERGED:
                # What the survivor carries on depends on both.
                pair = (event.lead, str(event.data["into"]))
                self._changes.merges.append(pair)
                work.refold.update(pair)
        self._changes.deals = [self._deals.get(deal) or DealRow(deal) for deal in about]
        for event in events:
            lead = self._owner(event) if IS_DEAL[event.type] else event.lead
            if _is_lead(lead):
                work.events[lead].append(event)
                if identity_of(event) in intake.conflicts:
                    work.refold.add(lead)
        return work

    def _own(self, deal: str, event: Event, work: _Work) -> None:
        """The first in the canonical order that names a deal and a lead decides whose the deal is."""
        known = self._deals.get(deal) or DealRow(deal)
        if known.named_by is not None and known.named_by[:5] <= event[:5]:
            return
        self._deals[deal] = replace(known, lead=event.lead, named_by=event)
        if known.lead != event.lead and not (known.lead is None and known.revision == ABSENT):
            # The deal's own events join this lead, and leave the one that had it. (There are none stored of a deal
            # that is not, and those of this batch are yet to be given to their lead.)
            work.refold.update({event.lead} if known.lead is None else {event.lead, known.lead})

    def _owner(self, event: Event) -> str:
        row = self._deals.get(deal_of(event) or "")
        return (row.lead if row is not None else None) or ""

    def _judge(self, work: _Work) -> None:
        keys = work.events.keys() | work.refold
        self._load(keys)
        anew: set[str] = set()
        for key in sorted(keys):
            judged, fresh = self._leads[key], work.events.get(key, ())
            judged.arrived = fresh
            if key not in self._outdated and key not in work.refold and self._in_order(judged, fresh):
                judged.apply_in_order(in_order(fresh))
            else:
                anew.add(key)
        for key in sorted(keys | (self._judge_anew(anew) if anew else set())):
            judging.write(self._leads[key], self._changes)

    @staticmethod
    def _in_order(judged: Judged, events: Sequence[Event]) -> bool:
        """Whether the state can take the events as they are, and holds no event whose time has come since."""
        if judged.future_at is not None and judged.future_at <= judged.judged_at:
            return False
        lead = judged.lead
        if lead.merged_into is not None and any(IS_DEAL[event.type] for event in events):
            return False  # its deals have gone with it
        if any(_reaches_back(event, lead) for event in events):
            return False
        return lead.last is None or all(event[:4] > lead.last for event in events)

    def _judge_anew(self, anew: set[str]) -> set[str]:
        """Fold leads from all their events, together with those that they were merged with; returns all of these."""
        groups = self._groups(anew)
        keys = {key for group in groups for key in group}
        self.refolded += len(keys)
        histories = self._histories(keys)
        told = _told(self._store.transitions(keys))
        facts = self._store.facts(keys)
        for group in groups:
            members = [self._leads[key] for key in sorted(group)]
            arrived = "; ".join(filter(None, (judged.shown_by() for judged in members))) or None
            at = max(judged.judged_at for judged in members)
            past = {each.key: [event for event in histories[each.key] if event.time <= at] for each in members}
            for key, lead in fold_together(past, self._charters).items():
                self._leads[key].arrived, self._leads[key].because = (), arrived
                self._leads[key].judged_at = at
                self._leads[key].take(lead, histories[key], told.get(key, {}), facts.get(key, ()))
        return keys

    def _groups(self, anew: set[str]) -> set[frozenset[str]]:
        """Who is folded together. All of them are loaded before their links are read for the last time."""
        links = links_of(self._changes.merges)
        known = anew | links.keys()
        while True:
            self._load(known)
            for key, others in self._store.merged_with(known).items():
                links.setdefault(key, set()).update(others)
            groups = {frozenset(together(key, links)) for key in anew}
            members = {key for group in groups for key in group}
            if members <= known:
                return groups
            known |= members

    def _histories(self, keys: Collection[str]) -> dict[str, list[Event]]:
        """All events of the leads, stored or in this batch."""
        deals = {key: set(owned) for key, owned in self._store.deals_of(keys).items()}
        for row in self._changes.deals:
            for owned in deals.values():
                owned.discard(row.deal)
            if row.lead is not None:
                deals.setdefault(row.lead, set()).add(row.deal)
        streams = {key: [lead_stream(key), *map(deal_stream, sorted(deals.get(key, ())))] for key in keys}
        stored = self._store.events({stream for each in streams.values() for stream in each})
        fresh = _by_stream(self._changes.events)
        return {
            key: [
                event
                for stream in streams[key]
                for event in {**_identified(stored.get(stream, ())), **fresh.get(stream, {})}.values()
            ]
            for key in keys
        }

    def _count(self, rows: Iterable[EventRow]) -> None:
        changes = self._changes
        sources = {row.key: row.source for row in changes.leads}
        charter = self._charters.in_force(self._now) or self._charters.versions[0]
        for row in rows:
            count_delay(row, changes.read_at, changes.counters)
            count_feedback(row.event, sources.get(row.event.lead), charter, changes.counters)


def _reaches_back(event: Event, lead: Lead) -> bool:
    """Whether an event changes what was counted before it: what a won deal was worth, or whom facts name."""
    if IS_DEAL[event.type]:
        return lead.occurrences.has_won(deal_of(event))
    return event.type == EventType.LEAD_ERASED


def _is_lead(key: str) -> bool:
    """Whether a subject is a lead's: ceremonies have their own, and some events of deals have none."""
    return bool(key) and not key.startswith(CEREMONY_PREFIX)


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

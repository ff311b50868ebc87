"""Several workers on one store: whatever they do between each other's reading and writing, the verdicts are those of
judging all events at once, and every record is counted once.
"""

import threading
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services import metric_table as metrics
from services.adapters.sql.database import Database, open_database
from services.adapters.sql.store import SqlStore
from services.adapters.sql.views import SqlViews
from services.domain.charter import Charters
from services.domain.deals import deal_of
from services.domain.events import Event
from services.domain.instants import SECOND, Instant
from services.errors import PositionLost, Unavailable
from services.ports import DEALS, EVENTS, LogRecord
from services.storage import Changes, LeadState
from services.tracker.intake import identity_of
from services.tracker.partitions import ABREAST, PartitionedTracker
from services.tracker.tracker import Tracker
from services.translate import to_json
from tests.databases import FILE, POSTGRES, empty, url_of
from tests.tracker.counted import COUNTING_CHARTER, facts_hold, tallies_hold
from tests.tracker.support import at, charters_of, event, expected_clocks, shuffled_with_duplicates
from tests.tracker.test_machine import LEADS, data_of, judged_at_once, some_draft

COUNTS = {EVENTS: 3, DEALS: 2}
CASES = 60
NOW = at("23:00")


def partition_of(key: str, topic: str = EVENTS) -> int:
    """Where a key's records come."""
    return zlib.crc32(key.encode()) % COUNTS[topic]


_STEPS = frozenset(
    {"states", "known_events", "events", "transitions", "facts", "deals", "deals_of", "merged_with", "commit"}
)


class MeddledStore(SqlStore):
    """A store on which others work between any two steps of a batch."""

    def __init__(self, database: Database, meddle: Callable[[], None]) -> None:
        super().__init__(database)
        self._meddle = meddle

    def __getattribute__(self, name: str) -> Any:
        """Every read, and the commit, with the others' work before it."""
        if name in _STEPS:
            object.__getattribute__(self, "_meddle")()
        return object.__getattribute__(self, name)


class Cluster:
    """Workers that share a store, the records of each partition, and where each has been read."""

    def __init__(self, url: str, random: Random, charters: Charters, *, meddled: float = 0.15) -> None:
        self.database = open_database(url)
        self.store = SqlStore(self.database)
        for topic, count in COUNTS.items():
            self.store.open_partitions(topic, count)
        self.records: dict[tuple[str, int], list[LogRecord]] = {
            (topic, partition): [] for topic, count in COUNTS.items() for partition in range(count)
        }
        self.charters = charters
        self.refused = 0
        self._random = random
        self._meddled = meddled
        self._busy: set[tuple[str, int]] = set()
        self._workers = {each: self._worker() for each in self.records}
        for (topic, partition), worker in self._workers.items():
            worker.position(topic, partition)

    def _worker(self) -> PartitionedTracker:
        store = MeddledStore(self.database, self._others_work)
        tracker = Tracker(store=store, charters=self.charters, partition_of=partition_of)
        return PartitionedTracker(tracker=tracker, store=store, charters=self._charters)

    def _charters(self) -> tuple[Charters, int]:
        self.refused += 1
        return self.charters, self.store.charter_generation()

    def append(self, each: Event) -> None:
        """As the gateway would."""
        topic, key = (EVENTS, each.lead) if each.lead else (DEALS, deal_of(each) or "")
        records = self.records[topic, partition := partition_of(key, topic)]
        records.append(LogRecord(topic, partition, len(records), key, to_json(each), {"crm": "hubspot"}, NOW))

    def step(self, topic: str, partition: int) -> bool:
        """Apply the next few records of a partition, where there are any."""
        position = self.store.position(topic, partition)
        batch = self.records[topic, partition][position : position + self._random.randint(1, 5)]
        if not batch or (topic, partition) in self._busy:
            return False
        self._busy.add((topic, partition))
        try:
            self._workers[topic, partition].apply(batch, NOW)
        finally:
            self._busy.discard((topic, partition))
        return True

    def drain(self, topic: str, partition: int) -> None:
        """Apply all records of a partition."""
        while self.step(topic, partition):
            pass

    def _others_work(self) -> None:
        if len(self._busy) < 3 and self._random.random() < self._meddled:
            self.step(*self._random.choice(list(self.records)))

    def run(self) -> None:
        """Apply everything, partition by partition as chance will, then wake whoever is due."""
        while any(self.step(*each) for each in self._random.sample(list(self.records), len(self.records))):
            pass
        for _ in ("all are read", "and looked at"):
            for (topic, partition), worker in self._workers.items():
                worker.position(topic, partition)
                while worker.idle(topic, partition, NOW):
                    pass


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Workers who leave each other alone."""
    cluster = Cluster(f"sqlite:///{tmp_path / 'baton.db'}", Random(1), charters_of(), meddled=0)
    yield cluster
    cluster.database.close()


def some_events(random: Random, count: int) -> list[Event]:
    """Events of a few leads and deals, many of them merged or named for several leads."""
    events = []
    for number in range(count):
        draft = some_draft(random)
        time = at("09:00") + random.randrange(12 * 3600) * SECOND
        data = data_of(draft, draft.type)
        lead = "" if "deal" in data and not draft.named else draft.lead
        if draft.type.wire.startswith("ceremony"):
            lead = "ceremony:review"
        events.append(Event(time, draft.type, "/crm", str(number), lead, data))
    return events


@pytest.mark.parametrize(
    ("kind", "seed"),
    [*((FILE, seed) for seed in range(CASES)), *((POSTGRES, seed) for seed in range(CASES, CASES + 8))],
)
def test_workers_together_judge_as_one(kind: str, seed: int, request: pytest.FixtureRequest) -> None:
    """Merges and deals reach over partitions, others commit at any moment, and batches are judged anew."""
    random = Random(seed)
    cluster = Cluster(url_of(kind, request), random, charters_of(COUNTING_CHARTER))
    events = some_events(random, random.randint(20, 80))
    sent = shuffled_with_duplicates(events, random, 0.2)
    for each in sent:
        cluster.append(each)
    cluster.run()
    judged_as_one(cluster, events, sent)
    cluster.database.close()


@pytest.mark.parametrize("seed", range(3))
def test_workers_at_the_same_time_judge_as_one(postgres_tables: str, seed: int) -> None:
    """Each in a thread of its own, on a database that lets them meet in the middle of their transactions."""
    empty(postgres_tables)
    random = Random(seed)
    cluster = Cluster(postgres_tables, random, charters_of(COUNTING_CHARTER), meddled=0)
    events = some_events(random, 300)
    sent = shuffled_with_duplicates(events, random, 0.2)
    for each in sent:
        cluster.append(each)
    with ThreadPoolExecutor(len(cluster.records)) as threads:
        for done in [threads.submit(cluster.drain, *each) for each in cluster.records]:
            done.result()
    cluster.run()
    judged_as_one(cluster, events, sent)
    cluster.database.close()


def judged_as_one(cluster: Cluster, events: Sequence[Event], sent: Sequence[Event]) -> None:
    """Fail unless clocks and facts are those of judging everything at once, and each record was counted once."""
    facts_hold(cluster.database, judged_at_once(events, cluster.charters, NOW), cluster.charters)
    tallies_hold(cluster.database, LEADS)
    views = SqlViews(cluster.database)
    expected = expected_clocks(events, cluster.charters, NOW)
    for lead in LEADS:
        file = views.lead(lead)
        stored = sorted(file.clocks, key=lambda row: (row.clock, row.number)) if file is not None else []
        assert stored == expected.get(lead, []), lead
    counted = Counter[str]()
    for (name, labels), amount in views.counters().items():
        if name == metrics.EVENTS_TOTAL.name:
            counted[dict(labels)["outcome"]] += amount
    distinct = len({identity_of(each) for each in events})
    assert counted == Counter(used=distinct, duplicate=len(sent) - distinct) - Counter()


def test_conflicts_are_met(tmp_path: Path) -> None:
    """The cases above do have workers refused, else they would show nothing."""
    random = Random(0)
    cluster = Cluster(f"sqlite:///{tmp_path / 'baton.db'}", random, charters_of(COUNTING_CHARTER), meddled=0.5)
    for each in some_events(random, 80):
        cluster.append(each)
    cluster.run()
    cluster.database.close()
    assert cluster.refused >= 3


def test_a_deal_event_waits_for_its_lead_in_another_partition(cluster: Cluster) -> None:
    """Stored when nobody knows whose the deal is, it counts as soon as any event names both."""
    cluster.append(event("lead.handed_off", "09:00", LEADS[0]))
    cluster.append(event("deal.won", "11:00", "", deal="d1"))
    cluster.append(event("deal.opened", "10:00", LEADS[0], deal="d1"))
    topic_partition = (DEALS, partition_of("d1", DEALS))
    assert cluster.step(*topic_partition)
    assert SqlViews(cluster.database).lead(LEADS[0]) is None
    cluster.run()
    file = SqlViews(cluster.database).lead(LEADS[0])
    assert file is not None
    assert [row.status for row in file.clocks if row.clock == "close"] == ["met"]


@pytest.mark.parametrize("value", [b"lead.merged", b'{"type": "lead.merged"}', b'{"of": "lead.merged"}'])
def test_what_looks_like_a_merge_and_is_none_is_a_dead_letter_as_ever(cluster: Cluster, value: bytes) -> None:
    """The look for survivors takes nothing amiss."""
    worker, mine = a_worker(cluster), partition_of(LEADS[0])
    worker.apply([LogRecord(EVENTS, mine, 0, LEADS[0], value, {}, NOW)], NOW)
    assert cluster.store.position(EVENTS, mine) == 1
    assert [letter.body for letter in SqlViews(cluster.database).dead_letters(None, 10)] == [value]


def overdue(cluster: Cluster) -> list[str]:
    """What was told of the first lead."""
    return sorted(row.name for row in cluster.store.transitions([LEADS[0]]) if row.name == "overdue")


def a_worker(cluster: Cluster) -> PartitionedTracker:
    """A worker on the plain store, which holds the partition of the first lead."""
    tracker = Tracker(store=cluster.store, charters=cluster.charters, partition_of=partition_of)
    worker = PartitionedTracker(tracker=tracker, store=cluster.store, charters=lambda: (cluster.charters, 0))
    worker.position(EVENTS, partition_of(LEADS[0]))
    return worker


def record(each: Event, offset: int, appended_at: Instant) -> LogRecord:
    """A record of the first lead's partition."""
    return LogRecord(EVENTS, partition_of(LEADS[0]), offset, each.lead, to_json(each), {"crm": "hubspot"}, appended_at)


def deals_are_read(cluster: Cluster, until: Sequence[Instant]) -> None:
    """Both partitions of the deals are read up to these instants."""
    for partition, instant in enumerate(until):
        cluster.store.note_read(DEALS, partition, 0, instant)


def test_nobody_is_called_late_while_deals_lie_unread(cluster: Cluster) -> None:
    """A partition of the deals that is behind may hold the proof; once it is read, time does its work."""
    worker, mine = a_worker(cluster), partition_of(LEADS[0])
    deals_are_read(cluster, [at("09:30"), at("12:00")])
    worker.apply([record(event("lead.handed_off", "09:00", LEADS[0]), 0, at("09:00"))], at("09:20"))
    assert not worker.idle(EVENTS, mine, at("12:00"))
    assert overdue(cluster) == []
    deals_are_read(cluster, [at("12:00") - ABREAST, at("12:00")])
    assert not worker.idle(EVENTS, mine, at("12:00"))
    assert overdue(cluster) == ["overdue"]


def test_a_worker_that_is_behind_takes_nothing_back(cluster: Cluster) -> None:
    """A lead was judged at noon; who is read up to ten only judges it at noon all the same."""
    worker, mine = a_worker(cluster), partition_of(LEADS[0])
    deals_are_read(cluster, [at("12:00"), at("12:00")])
    worker.apply([record(event("lead.handed_off", "09:00", LEADS[0]), 0, at("09:00"))], at("12:00"))
    assert overdue(cluster) == ["overdue"]
    told = cluster.store.transitions([LEADS[0]])
    worker.apply([record(event("lead.updated", "08:00", LEADS[0], attributes={}), 1, at("09:30"))], at("09:30"))
    worker.idle(EVENTS, mine, at("09:30"))
    assert cluster.store.transitions([LEADS[0]]) == told


def test_what_a_partition_holds_is_read_whatever_our_clock_says(cluster: Cluster) -> None:
    """A record that the broker's clock dates after ours is judged at once, not kept for later."""
    worker = a_worker(cluster)
    deals_are_read(cluster, [at("09:00"), at("09:00")])
    worker.apply([record(event("lead.handed_off", "09:00:05", LEADS[0]), 0, at("09:00:06"))], at("09:00"))
    file = SqlViews(cluster.database).lead(LEADS[0])
    assert file is not None
    assert file.row.handoff == 1


@pytest.mark.parametrize("does", ["apply", "wake", "idle"])
def test_who_lost_the_partition_writes_nothing(cluster: Cluster, does: str) -> None:
    """Another worker has moved it on: neither records nor the time of day are applied by the one before."""
    stale, mine = a_worker(cluster), partition_of(LEADS[0])
    deals_are_read(cluster, [NOW, NOW])
    wakes = "09:00" if does == "wake" else "22:59"
    a_worker(cluster).apply([record(event("lead.handed_off", wakes, LEADS[0]), 0, at(wakes))], at(wakes))
    before = (cluster.store.transitions(LEADS), cluster.store.read_until())
    records = [record(event("lead.touched", "10:00", LEADS[0]), 0, NOW)]
    work = (lambda: stale.apply(records, NOW)) if does == "apply" else (lambda: stale.idle(EVENTS, mine, NOW))
    with pytest.raises(PositionLost):
        work()
    assert (cluster.store.transitions(LEADS), cluster.store.read_until()) == before


def test_another_charter_in_force_is_read(cluster: Cluster) -> None:
    """Who judged by the one before is refused, reads those in force, and judges anew."""
    worker = a_worker(cluster)
    deals_are_read(cluster, [NOW, NOW])
    cluster.store.put_in_force([("test", "text")], NOW, generation=0)
    tracker = Tracker(store=cluster.store, charters=cluster.charters, partition_of=partition_of)
    read: list[int] = []

    def charters() -> tuple[Charters, int]:
        read.append(cluster.store.charter_generation())
        return cluster.charters, read[-1]

    worker = PartitionedTracker(tracker=tracker, store=cluster.store, charters=charters)
    worker.position(EVENTS, partition_of(LEADS[0]))
    worker.apply([record(event("lead.handed_off", "09:00", LEADS[0]), 0, NOW)], NOW)
    assert read == [1]
    assert tracker.generation == 1
    assert cluster.store.position(EVENTS, partition_of(LEADS[0])) == 1


def test_a_merge_waits_for_the_batch_that_has_the_survivor(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one process neither is judged in vain: what is merged is read when the other partition's batch is written."""
    survivor = LEADS[0]
    gone = next(key for key in LEADS if partition_of(key) != partition_of(survivor))
    batches = [
        [event("lead.handed_off", "09:00", survivor)],
        [event("lead.handed_off", "09:00", gone), event("lead.merged", "10:00", gone, into=survivor)],
    ]
    records = [
        [
            LogRecord(EVENTS, partition_of(each.lead), offset, each.lead, to_json(each), {}, NOW)
            for offset, each in enumerate(batch)
        ]
        for batch in batches
    ]
    reads: list[Collection[str]] = []
    committing, go_on = threading.Event(), threading.Event()
    states, commit = cluster.store.states, cluster.store.commit

    def noted_states(leads: Collection[str]) -> Mapping[str, LeadState]:
        reads.append(leads)
        return states(leads)

    def held_commit(changes: Changes) -> None:
        committing.set()
        assert go_on.wait(timeout=60)
        commit(changes)

    monkeypatch.setattr(cluster.store, "states", noted_states)
    monkeypatch.setattr(cluster.store, "commit", held_commit)
    worker = a_worker(cluster)
    deals_are_read(cluster, [NOW, NOW])
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(worker.apply, records[0], NOW)
        assert committing.wait(timeout=60)
        second = threads.submit(worker.apply, records[1], NOW)
        wait([second], timeout=0.3)  # for a batch that does not wait to be caught reading
        read_meanwhile = [*reads]
        go_on.set()
        first.result()
        second.result()
    assert read_meanwhile == [[survivor]]
    file = SqlViews(cluster.database).lead(gone)
    assert file is not None
    assert [row.status for row in file.clocks] == ["cancelled"]


def test_conflicts_without_end_are_told(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that is refused again and again does not hold up its worker in silence."""
    monkeypatch.setattr("services.tracker.partitions._LONGEST_PAUSE", 0)
    worker = a_worker(cluster)
    commit = cluster.store.commit

    def changed_before(changes: Changes) -> None:
        cluster.store.put_in_force(
            [(f"{cluster.store.charter_generation()}", "text")], NOW, generation=cluster.store.charter_generation()
        )
        commit(changes)

    monkeypatch.setattr(cluster.store, "commit", changed_before)
    with pytest.raises(Unavailable, match="times others changed what a batch had read"):
        worker.apply([record(event("lead.handed_off", "09:00", LEADS[0]), 0, NOW)], NOW)

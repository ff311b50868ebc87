"""The tracker behind a driver of many partitions: how far each may be judged, and what is done anew after a conflict.

What a lead hangs on comes in its own partition of the events and, through its deals, in any partition of the deals.
So nobody is called late while these lie unread; but a partition of other leads that stands still holds up nobody.

Batches that are about the same leads are not judged at once in one process: one of them would be in vain. Other
processes' work is noticed when a batch is committed.
"""

import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import structlog

from services.domain.charter import Charters
from services.domain.instants import SECOND, Instant
from services.errors import Conflict, Unavailable
from services.ports import DEALS, EVENTS, LogRecord
from services.storage import Store
from services.tracker.intake import survivor_of
from services.tracker.tracker import Tracker

BATCH = 1000
"""Leads that are woken in one transaction."""
ABREAST = 10 * SECOND
"""Partitions that are read this far apart are read alike: each notes once a second or so how far it is."""
_TRIES = 40
"""Of a batch that others' commits keep refusing. Each conflict is somebody's progress, so more means something else."""
_LONGEST_PAUSE = 0.5
"""Seconds between two of them, at most; they are drawn by chance, so that two batches do not meet again and again."""

log = structlog.get_logger()


class PartitionedTracker:
    """Implements `services.ports.Processor` with a tracker on a store that other processes write to as well."""

    def __init__(self, *, tracker: Tracker, store: Store, charters: Callable[[], tuple[Charters, int]]) -> None:
        """`charters` reads those in force, with their generation, from the store."""
        self._tracker = tracker
        self._store = store
        self._charters = charters
        self._positions: dict[tuple[str, int], int] = {}
        """Where this process has left its partitions: elsewhere, somebody else has written."""
        self._in_work: dict[int, threading.Lock] = {}
        """By partition of the events: whether its leads are being judged."""

    def position(self, topic: str, partition: int) -> int:
        """The offset of the first record that is not yet applied: where to read on."""
        position = self._positions[topic, partition] = self._store.position(topic, partition)
        return position

    def apply(self, records: Sequence[LogRecord], read_at: Instant) -> None:
        """Apply records of one partition that follow each other, the first at its position."""
        first, last = records[0], records[-1]
        # What is known of the partition are these records at the least, whatever the clock of this machine says.
        read_at = max(read_at, last.appended_at)
        with self._alone_with(self._reached(records)):
            self._until_no_conflict(
                lambda: self._tracker.apply(records, self._horizon(first.topic, read_at), read_at=read_at)
            )
        self._positions[first.topic, first.partition] = last.offset + 1

    def idle(self, topic: str, partition: int, read_at: Instant) -> bool:
        """Wake leads of the partition that are due, or note that it is read up to `read_at`; whether more are due."""
        position = self._positions[topic, partition]

        def wake() -> int:
            now = self._horizon(topic, read_at)
            return self._tracker.tick(topic, partition, now, BATCH, read_at=read_at, position=position)

        woken = 0
        if topic == EVENTS:
            with self._alone_with({partition}):
                woken = self._until_no_conflict(wake)
        if not woken:
            self._store.note_read(topic, partition, position, read_at)
        return woken == BATCH

    def _horizon(self, topic: str, read_at: Instant) -> Instant:
        """The instant up to which everything is read that leads of a partition of the topic may hang on."""
        others = EVENTS if topic == DEALS else DEALS
        read_until = min((at for (name, _), at in self._store.read_until().items() if name == others), default=read_at)
        return read_at if read_until >= read_at - ABREAST else read_until

    def _reached(self, records: Sequence[LogRecord]) -> set[int]:
        """Partitions whose leads the records are surely about. (A deal's lead is found out when it is judged.)"""
        if records[0].topic != EVENTS:
            return set()
        survivors = {into for record in records if (into := survivor_of(record.value)) is not None}
        return {records[0].partition, *map(self._tracker.partition_of, survivors)}

    @contextmanager
    def _alone_with(self, partitions: Collection[int]) -> Iterator[None]:
        """Judge no others' leads of these partitions meanwhile; taken in their order, so that none wait crosswise."""
        with ExitStack() as held:
            for partition in sorted(partitions):
                held.enter_context(self._in_work.setdefault(partition, threading.Lock()))
            yield

    def _until_no_conflict(self, work: Callable[[], int]) -> int:
        """Do the work, again and again while other workers change what it had read."""
        for tries in range(_TRIES):
            try:
                return work()
            except Conflict as conflict:
                log.debug("judged_anew", why=str(conflict))
                self._read_charters()
                time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.01 * 2**tries)))  # noqa: S311 - nothing is secret
        raise Unavailable(f"{_TRIES} times others changed what a batch had read")

    def _read_charters(self) -> None:
        """Judge by the charters in force, where they are no longer those that were."""
        charters, generation = self._charters()
        if generation != self._tracker.generation:
            self._tracker.judge_by(charters, generation)
            log.info("charters_read", versions=[each.version for each in charters.versions])

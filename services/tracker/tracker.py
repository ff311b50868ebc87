"""The tracker: judges a batch, or leads whose time has come, and commits everything in one transaction.

It knows no broker and no clock: a driver hands in the records, and the instant up to which all is read.
"""

import time
from collections.abc import Callable, Collection, Sequence

from services import metric_table as metrics
from services.domain.charter import Charters
from services.domain.instants import SECOND, Instant
from services.ports import READ_TOPICS, LogRecord, Tally
from services.storage import Changes, Store
from services.tracker.batch import Batch
from services.tracker.intake import decode

CLOCKS_MAY_DIFFER = 300 * SECOND
"""How far ahead of ours a CRM's clock may be: as much as webhook signatures allow."""


class Tracker:
    """Applies batches of one partition at a time to one store. Calls for different partitions may overlap."""

    def __init__(
        self,
        *,
        store: Store,
        charters: Charters,
        generation: int = 0,
        clocks_may_differ: int = CLOCKS_MAY_DIFFER,
        partition_of: Callable[[str], int] = lambda _lead: 0,
        tally: Tally | None = None,
        doors: Collection[str] | None = None,
    ) -> None:
        """Judge by `charters`, which are those of the store's `generation`.

        `clocks_may_differ`: microseconds by which an event may lie in the future; it then waits for its time.
        `partition_of`: the partition of the topic of events in which a lead's own events come.
        `doors`: the names of those through which something may come, as of `decode`.
        """
        self._store = store
        self._judged_by = (charters, generation)
        self._clocks_may_differ = clocks_may_differ
        self.partition_of = partition_of
        self._doors = doors
        self._tally = tally
        if tally is not None:
            tally.expect(metrics.BATCH_SECONDS.name, batch=metrics.BATCH_KINDS)
            tally.expect(metrics.RECORDS_JUDGED_TOTAL.name, topic=READ_TOPICS)
            tally.expect(metrics.REFOLDS_TOTAL.name)

    @property
    def generation(self) -> int:
        """Of the charters that judge, the store's number."""
        return self._judged_by[1]

    def judge_by(self, charters: Charters, generation: int = 0) -> None:
        """Judge by other charters from the next batch on; what they change of the past is judged anew when it wakes."""
        self._judged_by = (charters, generation)

    def apply(self, records: Sequence[LogRecord], now: Instant, *, read_at: Instant | None = None) -> int:
        """Apply records that follow each other in one partition, the first at the stored position; returns how many.

        `now` is the instant up to which everything is known that the leads of this partition hang on, `read_at` the
        one up to which the partition itself is read; left out, they are the same. Raises PositionLost or Conflict,
        and then nothing is written.
        """
        began = time.perf_counter()
        first, last = records[0], records[-1]
        charters, generation = self._judged_by
        changes = Changes(
            first.topic,
            first.partition,
            position=first.offset,
            next_position=last.offset + 1,
            read_at=now if read_at is None else read_at,
            charters=generation,
        )
        batch = Batch(self._store, charters, self.partition_of, now, changes)
        batch.apply(decode(records, most_ahead=self._clocks_may_differ, changes=changes, doors=self._doors))
        self._store.commit(changes)
        self._count("records", batch, began, topic=first.topic, records=len(records))
        return len(records)

    def tick(
        self,
        topic: str,
        partition: int,
        now: Instant,
        limit: int,
        *,
        read_at: Instant | None = None,
        position: int | None = None,
    ) -> int:
        """Look at leads of the partition whose time has come, at most `limit`; returns how many there were.

        `now` and `read_at` as for `apply`. The stored position stays; that it is `position` (where it is given) is
        checked all the same.
        """
        began = time.perf_counter()
        due = self._store.due(partition, now, limit)
        if due:
            charters, generation = self._judged_by
            if position is None:
                position = self._store.position(topic, partition)
            changes = Changes(
                topic,
                partition,
                position=position,
                next_position=position,
                read_at=now if read_at is None else read_at,
                charters=generation,
            )
            batch = Batch(self._store, charters, self.partition_of, now, changes)
            batch.wake(due)
            self._store.commit(changes)
            self._count("due", batch, began)
        return len(due)

    def _count(self, kind: str, batch: Batch, began: float, *, topic: str = "", records: int = 0) -> None:
        if self._tally is None:
            return
        self._tally.observe(metrics.BATCH_SECONDS.name, {"batch": kind}, time.perf_counter() - began)
        if batch.refolded:
            self._tally.count(metrics.REFOLDS_TOTAL.name, {}, batch.refolded)
        if records:
            self._tally.count(metrics.RECORDS_JUDGED_TOTAL.name, {"topic": topic}, records)

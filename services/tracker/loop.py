"""The embedded driver: reads the log in this process, hands batches to the tracker, and wakes it when time does."""

import asyncio
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Protocol

import structlog

from services.domain.instants import Instant
from services.errors import Unavailable, UsageError
from services.ports import READ_TOPICS, LogReader, LogRecord, WallClock
from services.storage import Store
from services.tracker.tracker import Tracker

PARTITION = 0
"""The embedded log has one partition a topic."""
BATCH = 1000
"""Records in a transaction: at this size syncing to disk costs nothing any more."""
LONGEST_SLEEP = 1.0
"""Seconds of its clock between two looks at the time, when nothing arrives and nobody is due before."""
SHORTEST_SLEEP = 0.05
"""Real seconds: leads that are due one after the other are woken together, and a time-lapse looks no oftener."""
_PAST = 0.001
"""Real seconds after which what is due surely is, by the clock that is read then."""
_BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds to wait while the store or the log is away."""

log = structlog.get_logger()


class EmbeddedLog(LogReader, Protocol):
    """A log of this process, which tells when something was appended."""

    def end(self, topic: str) -> int:
        """The offset that the topic's next record will have."""

    async def wait_for_records(self, timeout_seconds: float) -> None:
        """Return when records have been appended since the last call, or the time is over."""


class Loop:
    """Drives one tracker over one embedded log, until it is stopped."""

    def __init__(
        self,
        *,
        tracker: Tracker,
        log: EmbeddedLog,
        store: Store,
        clock: WallClock,
        judged: Callable[[], None] = lambda: None,
    ) -> None:
        """`judged` is called in the event loop whenever something was committed."""
        self._judged = judged
        self._tracker = tracker
        self._log = log
        self._store = store
        self._clock = clock
        self._horizon: Instant = 0
        self._between: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.is_away = False
        """Whether the store or the log cannot be reached."""

    async def run(self, stop: asyncio.Event) -> None:
        """Apply what arrives until `stop` is set. An outage is waited out; another error ends it."""
        failures = 0
        while not stop.is_set():
            try:
                worked = await asyncio.to_thread(self.step)
                sleep = 0.0 if worked else await asyncio.to_thread(self._sleep)
            except Unavailable as error:
                self.is_away = True
                wait = _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
                failures += 1
                log.warning("storage away", error=str(error), retry_in_seconds=wait)
                await _pause(stop, wait)
                continue
            failures, self.is_away = 0, False
            if worked:
                self._judged()
            else:
                await self._log.wait_for_records(sleep)

    def between_batches(self, action: Callable[[], None]) -> None:
        """Have something done that must not happen in the middle of a batch, such as a change of the charters."""
        self._between.put(action)

    def check_log(self) -> None:
        """Raise UsageError where the log lacks what was already judged: what is appended next would never be read."""
        for topic in READ_TOPICS:
            position, end = self._store.position(topic, PARTITION), self._log.end(topic)
            if position > end:
                raise UsageError(
                    f"the event log has {end} records of {topic}, but {position} were judged: it is missing, or older "
                    "than the database. Put back the log.db that belongs to it (of a backup, take log.db last)"
                )

    def step(self) -> bool:
        """Apply one batch of each topic, then wake the leads that are due; whether there was anything to do."""
        while not self._between.empty():
            self._between.get()()
        # Read before the log is: what was appended until then is in the batches.
        now = self._clock.now()
        batches = [batch for topic in READ_TOPICS if (batch := self._next(topic))]
        self._advance(batches, now)
        for batch in batches:
            self._tracker.apply(batch, self._horizon)
        if any(len(batch) == BATCH for batch in batches):
            return True  # the log has more: nobody is called late while the proof may lie unread
        return bool(self._tracker.tick(READ_TOPICS[0], PARTITION, self._horizon, BATCH)) or bool(batches)

    def _sleep(self) -> float:
        """Real seconds until a lead is due, within bounds."""
        longest, due = LONGEST_SLEEP / self._clock.speed, self._store.next_due(PARTITION)
        if due is not None:
            longest = min(longest, self._clock.real_seconds(max(0, due - self._clock.now())) + _PAST)
        return max(longest, SHORTEST_SLEEP)

    def _next(self, topic: str) -> Sequence[LogRecord]:
        return self._log.read(topic, self._store.position(topic, PARTITION), BATCH)

    def _advance(self, batches: Sequence[Sequence[LogRecord]], now: Instant) -> None:
        """Move on the instant up to which everything is known; it never goes back, whatever the clock does."""
        behind = [batch[-1].appended_at for batch in batches if len(batch) == BATCH]
        self._horizon = max(self._horizon, max(self._store.read_until().values(), default=0), min([now, *behind]))


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

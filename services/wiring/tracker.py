"""The tracker alone: judges the partitions that Kafka assigns to it."""

import asyncio
import gc
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import structlog

from services import metric_table as table
from services.adapters.drivers.consumer import Membership
from services.adapters.drivers.faust_driver import faust_driver
from services.adapters.drivers.plain_driver import kafka_driver
from services.adapters.kafka.placing import count_partitions, partition_of
from services.adapters.sql.store import SqlStore
from services.charters.watch import watch
from services.domain.instants import SECOND
from services.errors import Unavailable, UsageError
from services.metrics.collector import single
from services.ports import EVENTS, READ_TOPICS, Driver
from services.settings import Settings
from services.tracker.partitions import PartitionedTracker
from services.tracker.tracker import Tracker
from services.wiring.charters import charters_in_force, put_in_force
from services.wiring.parts import DOORS
from services.wiring.service import Part, check_database, connection_of

log = structlog.get_logger()
T = TypeVar("T")


_OBJECTS = 100_000
"""Objects that are made before Python looks among them for circles (700 as delivered)."""


class TrackerService(Part):
    """Judges the partitions that Kafka assigns to it, and shares with other trackers."""

    def __init__(self, settings: Settings, *, url: str) -> None:
        """Open the database and put the charter in force. Raises UsageError for what the user has to mend."""
        super().__init__(settings)
        with self._undone():
            self._connection = connection_of(settings)
            self._store = SqlStore(self._open_database(), relays=True)
            self._charter_refused = 0.0
            put_in_force(self._store, settings.charter, self.clock.now())
            self._driver: Driver | None = None
            self.app = self._new_app(
                url,
                {"database": lambda: check_database(self._store), "driver": self._check_driver},
                {
                    table.CHARTER_REFUSED.name: single(lambda: self._charter_refused),
                    table.DRIVER_STALLED.name: single(lambda: float(self._trouble() is not None)),
                    table.LOG_LAG_RECORDS.name: self._lag,
                },
            )

    async def run(self, stop: asyncio.Event) -> None:
        """Judge until `stop` is set."""
        counts = await _unless(stop, count_partitions(self._connection, READ_TOPICS))
        if counts is None:
            return
        for topic, count in counts.items():
            await asyncio.to_thread(self._store.open_partitions, topic, count)
        self._driver = self._new_driver(counts[EVENTS])
        _look_for_garbage_seldom()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._drive(self._driver, stop))
            if self._settings.charter is not None:
                tasks.create_task(watch(self._settings.charter, self.reload_charter, stop))

    def reload_charter(self) -> None:
        """Read the charter again. One that cannot be used changes nothing, and says why.

        Trackers notice a new one, here and elsewhere, when the first batch after it is refused.
        """
        if self._settings.charter is None:
            return
        try:
            put_in_force(self._store, self._settings.charter, self.clock.now())
        except (UsageError, Unavailable) as error:
            self._charter_refused = 1.0
            log.error("charter refused; the one in force stays", problems=str(error).splitlines())
            return
        self._charter_refused = 0.0

    def _new_driver(self, partitions: int) -> Driver:
        charters, generation = charters_in_force(self._store)
        tracker = Tracker(
            store=self._store,
            charters=charters,
            generation=generation,
            clocks_may_differ=self._settings.clocks_may_differ * SECOND,
            partition_of=partition_of(partitions),
            tally=self._tally,
            doors=DOORS,
        )
        processor = PartitionedTracker(
            tracker=tracker, store=self._store, charters=lambda: charters_in_force(self._store)
        )
        membership = Membership(group=self._settings.kafka_group, member=self._settings.kafka_member)
        new = {"faust": faust_driver, "aiokafka": kafka_driver}[self._settings.driver]
        return new(connection=self._connection, membership=membership, processor=processor)

    async def _drive(self, driver: Driver, stop: asyncio.Event) -> None:
        try:
            await driver.run(stop)
        finally:
            stop.set()  # the watch over the charter ends too

    def _lag(self) -> Mapping[tuple[str, ...], float]:
        lag = self._driver.lag() if self._driver is not None else {}
        return {(topic, str(partition)): float(records) for (topic, partition), records in lag.items()}

    def _trouble(self) -> str | None:
        return self._driver.trouble if self._driver is not None else "looking for the topics in Kafka"

    def _check_driver(self) -> None:
        if (trouble := self._trouble()) is not None:
            raise Unavailable(trouble)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work comes to, or None where `stop` is set before."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if working.done():
        return working.result()
    working.cancel()
    return None


def _look_for_garbage_seldom() -> None:
    """What a batch makes is hundreds of thousands of objects, and none in circles: looking for these took a fifth of
    the time that judging takes. What there is by now stays as long as the process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])

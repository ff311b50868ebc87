"""Baton as `baton tracker` runs it: `python -m tests.bench.live.baton_worker JOB faust|aiokafka`."""

import asyncio
import signal
import sys
from collections.abc import Sequence

from services import logs
from services.adapters.drivers.consumer import Membership
from services.adapters.drivers.faust_driver import faust_driver
from services.adapters.drivers.plain_driver import kafka_driver
from services.adapters.kafka.client import KafkaConnection
from services.adapters.kafka.placing import partition_of
from services.adapters.sql.database import open_database
from services.adapters.sql.store import SqlStore
from services.domain.instants import Instant
from services.ports import LogRecord, Processor
from services.tracker.partitions import PartitionedTracker
from services.tracker.tracker import Tracker
from tests.bench.live.job import PARTITIONS, Job, load

_DRIVERS = {"faust": faust_driver, "aiokafka": kafka_driver}


class Announcing:
    """A processor that says when it gets its first records."""

    def __init__(self, processor: Processor, job: Job) -> None:
        self._processor = processor
        self._job = job
        self._has_begun = False
        self.position = processor.position
        self.idle = processor.idle

    def apply(self, records: Sequence[LogRecord], read_at: Instant) -> None:
        """As `Processor` has it."""
        if not self._has_begun:
            self._has_begun = True
            self._job.began()
        self._processor.apply(records, read_at)


async def drive(job: Job, processor: Processor, kind: str) -> None:
    """Drive the processor until SIGTERM."""
    driver = _DRIVERS[kind](
        connection=KafkaConnection(broker=f"kafka://{job.broker}"),
        membership=Membership(group=job.group),
        processor=Announcing(processor, job),
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await driver.run(stop)


def main() -> None:
    """Work until SIGTERM."""
    job, kind = load(sys.argv[1]), sys.argv[2]
    logs.set_up("warning")
    database = open_database(job.database)
    store = SqlStore(database, relays=True)
    charters = job.load_charters()
    tracker = Tracker(store=store, charters=charters, partition_of=partition_of(PARTITIONS))
    generation = store.charter_generation()
    tracked = PartitionedTracker(tracker=tracker, store=store, charters=lambda: (charters, generation))
    asyncio.run(drive(job, tracked, kind))
    database.close()


if __name__ == "__main__":
    main()

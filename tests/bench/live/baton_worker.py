"""Baton's tracker as `baton tracker` runs it: `python -m tests.bench.live.baton_worker JOB faust|aiokafka`."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from services import logs
from services.domain.instants import Instant
from services.ports import LogRecord
from services.settings import read_settings
from services.tracker.partitions import PartitionedTracker
from services.wiring.tracker import TrackerService
from tests.bench.live.job import Job, load


def announcing(job: Job) -> type[PartitionedTracker]:
    """The same, but for saying when the first records come."""

    class Announcing(PartitionedTracker):
        def apply(self, records: Sequence[LogRecord], read_at: Instant) -> None:
            job.began()
            super().apply(records, read_at)

    return Announcing


async def run(service: TrackerService) -> None:
    """Work until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await service.run(stop)


def main() -> None:
    """Work until SIGTERM."""
    job, driver = load(sys.argv[1]), sys.argv[2]
    logs.set_up("warning")
    settings = read_settings(
        broker=f"kafka://{job.broker}",
        database=job.database,
        driver=driver,
        kafka_group=job.group,
        charter=Path(job.charter),
    )
    with patch("services.wiring.tracker.PartitionedTracker", announcing(job)):
        service = TrackerService(settings, url="http://127.0.0.1")
        try:
            asyncio.run(run(service))
        finally:
            service.close()


if __name__ == "__main__":
    main()

"""A driver alone, in front of a processor that does nothing: `python -m tests.bench.live.idle_worker JOB DRIVER`."""

import asyncio
import signal
import sys
import threading
from collections import Counter
from collections.abc import Sequence

from services import logs
from services.adapters.drivers.consumer import Membership
from services.adapters.drivers.faust_driver import faust_driver
from services.adapters.drivers.plain_driver import kafka_driver
from services.adapters.kafka.client import KafkaConnection
from services.domain.instants import Instant
from services.ports import LogRecord
from tests.bench.live.job import Job, load

_DRIVERS = {"faust": faust_driver, "aiokafka": kafka_driver}


class Nothing:
    """Counts what it is handed, and says when the first and the last of it came."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._guard = threading.Lock()
        self._next: Counter[tuple[str, int]] = Counter()

    def position(self, topic: str, partition: int) -> int:
        """As `Processor` has it."""
        return self._next[topic, partition]

    def apply(self, records: Sequence[LogRecord], _read_at: Instant) -> None:
        """As `Processor` has it."""
        with self._guard:
            self._job.began()
            self._next[records[0].topic, records[0].partition] += len(records)
            if self._next.total() == self._job.records:
                self._job.ended()

    def idle(self, _topic: str, _partition: int, _read_at: Instant) -> bool:
        """As `Processor` has it."""
        return False


async def drive(job: Job, kind: str) -> None:
    """Drive until SIGTERM."""
    driver = _DRIVERS[kind](
        connection=KafkaConnection(broker=f"kafka://{job.broker}"),
        membership=Membership(group=job.group),
        processor=Nothing(job),
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await driver.run(stop)


def main() -> None:
    """Work until SIGTERM."""
    logs.set_up("warning")
    asyncio.run(drive(load(sys.argv[1]), sys.argv[2]))


if __name__ == "__main__":
    main()

"""A driver alone, in front of a processor that does nothing: `python -m tests.bench.live.idle_worker JOB DRIVER`."""

import asyncio
import sys
import threading
from collections import Counter
from collections.abc import Sequence

from services import logs
from services.domain.instants import Instant
from services.ports import LogRecord
from tests.bench.live.baton_worker import drive
from tests.bench.live.job import Job, load


class Nothing:
    """Counts what it is handed, and says when it has had all of it."""

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
            self._next[records[0].topic, records[0].partition] += len(records)
            if self._next.total() == self._job.records:
                self._job.ended()

    def idle(self, _topic: str, _partition: int, _read_at: Instant) -> bool:
        """As `Processor` has it."""
        return False


def main() -> None:
    """Work until SIGTERM."""
    job, kind = load(sys.argv[1]), sys.argv[2]
    logs.set_up("warning")
    asyncio.run(drive(job, Nothing(job), kind))


if __name__ == "__main__":
    main()

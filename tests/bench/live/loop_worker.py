"""The limit: a plain loop around aiokafka, with the same tracker and the same transaction, and nothing else.

One partition after the other, in the event loop's own thread. It does not wait out an outage, judges each partition by
its own records alone, wakes no lead, and starts from the group's beginning, not from the stored positions: it is what
is left when all that makes a service of it is taken away.
"""

import asyncio
import gc
import sys

from aiokafka import AIOKafkaConsumer

from services.adapters.drivers.reader import to_log_record
from services.adapters.kafka.placing import partition_of
from services.adapters.sql.database import open_database
from services.adapters.sql.store import SqlStore
from services.tracker.tracker import Tracker
from tests.bench.live.job import PARTITIONS, Job, load

_BATCH = 1000
_PAUSE_SECONDS = 0.005
"""Where no partition has records, for the fetches to go on."""


async def loop(job: Job, tracker: Tracker) -> None:
    """Read and judge until killed."""
    consumer = AIOKafkaConsumer(
        job.topic,
        bootstrap_servers=job.broker,
        group_id=job.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    while True:
        has_any = False
        for place in consumer.assignment():
            for records in (await consumer.getmany(place, timeout_ms=0, max_records=_BATCH)).values():
                has_any = True
                job.began()
                batch = [to_log_record(each) for each in records]
                tracker.apply(batch, batch[-1].appended_at)
        await asyncio.sleep(0 if has_any else _PAUSE_SECONDS)


def main() -> None:
    """Work until killed."""
    job = load(sys.argv[1])
    store = SqlStore(open_database(job.database), relays=True)
    tracker = Tracker(store=store, charters=job.load_charters(), partition_of=partition_of(PARTITIONS))
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)  # as the tracker's service sets it
    asyncio.run(loop(job, tracker))


if __name__ == "__main__":
    main()

"""Events per second that the drivers of Kafka hand on to a tracker that does nothing, Faust beside aiokafka alone.

`python -m tests.bench.driver [--events N] [--rounds N] [--partitions N]`. Both read the same topic on a broker of
their own, records of 227 bytes, from its beginning, in turns. The rate is that between the first and the last batch;
the time until the first is told apart.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from aiokafka import AIOKafkaProducer

from services.adapters.drivers.consumer import Membership
from services.adapters.drivers.faust_driver import faust_driver
from services.adapters.drivers.group_driver import GroupDriver
from services.adapters.drivers.plain_driver import kafka_driver
from services.adapters.kafka.client import KafkaConnection
from services.ports import LogRecord
from tests.servers.kafka import KafkaCluster

TOPIC = "baton.events"
LEADS = 5_000
DRIVERS: dict[str, Callable[..., GroupDriver]] = {"faust": faust_driver, "aiokafka": kafka_driver}


class Nothing:
    """A processor that counts."""

    def __init__(self) -> None:
        self.count = 0
        self.first = self.last = 0.0

    def position(self, topic: str, partition: int) -> int:
        """From the beginning."""
        del topic, partition
        return 0

    def apply(self, records: Sequence[LogRecord], read_at: int) -> None:
        """Count them."""
        del read_at
        self.last = time.perf_counter()
        self.first = self.first or self.last
        self.count += len(records)

    def idle(self, topic: str, partition: int, read_at: int) -> bool:
        """Nothing is due."""
        del topic, partition, read_at
        return False


async def write(bootstrap: str, events: int, partitions: int) -> None:
    """Fill the topic, in record sets of the size that a busy gateway sends."""
    value = b"x" * 227
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=256 * 1024) as producer:
        for first in range(0, events, 5_000):
            sent = [
                await producer.send(TOPIC, value, b"hubspot:contact:%d" % (number % LEADS), number % partitions)
                for number in range(first, min(first + 5_000, events))
            ]
            await asyncio.gather(*sent)


async def read(bootstrap: str, kind: str, events: int, group: str) -> tuple[float, float, float]:
    """Rate, microseconds of CPU per event, and seconds until the first."""
    processor = Nothing()
    driver = DRIVERS[kind](
        connection=KafkaConnection(broker=f"kafka://{bootstrap}"),
        membership=Membership(group=group, topics=(TOPIC,)),
        processor=processor,
    )
    stop = asyncio.Event()
    begun, used = time.perf_counter(), time.process_time()
    task = asyncio.create_task(driver.run(stop))
    while processor.count < events:
        await asyncio.wait({task}, timeout=0.02)
        if task.done():
            task.result()
    used = time.process_time() - used
    stop.set()
    await task
    return events / (processor.last - processor.first), used / events * 1e6, processor.first - begun


async def measure(events: int, rounds: int, partitions: int) -> None:
    """Fill a topic, and let each driver read it in turns."""
    with tempfile.TemporaryDirectory() as folder, KafkaCluster(Path(folder)) as kafka:
        kafka.needs_real("rates worth measuring")
        kafka.create_topic(TOPIC, partitions, config={"message.timestamp.type": "LogAppendTime"})
        await write(kafka.bootstrap, events, partitions)
        found: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in DRIVERS}
        for number in range(rounds):
            for kind, results in found.items():
                results.append(await read(kafka.bootstrap, kind, events, f"{kind}-{number}"))
                print(f"{kind:8} {results[-1][0]:9,.0f} events/s", flush=True)
    for kind, results in found.items():
        rate, used, begun = (statistics.median(each) for each in zip(*results, strict=True))
        print(f"{kind:8} median {rate:9,.0f} events/s, {used:.1f} us CPU an event, first after {begun:.1f} s")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--partitions", type=int, default=12)
    given = parser.parse_args()
    asyncio.run(measure(given.events, given.rounds, given.partitions))


if __name__ == "__main__":
    main()

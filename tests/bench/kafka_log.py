"""Appends per second to Kafka and to the spool, beside plain aiokafka on the same broker in the same run.

`python -m tests.bench.kafka_log [--appends N] [--rounds N] [--at-once N]`. One record of 300 bytes an append; a round
has all of: aiokafka's producer with the same settings, the log on Kafka, the spooled log, the spooled log with the
broker killed, and the draining afterwards. The broker runs on the same machine.
"""

import argparse
import asyncio
import logging
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from aiokafka import AIOKafkaProducer

from services import logs
from services.adapters.kafka_client import KafkaConnection
from services.adapters.kafka_log import KafkaLog
from services.adapters.spool import Spool
from services.adapters.spooled_log import SpooledLog
from services.ports import Record
from tests.servers.kafka import KafkaCluster

PARTITIONS = 12
KEYS = 5_000
_GIB = 1024**3
_VALUE = b'{"specversion":"1.0","type":"lead.updated",'.ljust(300, b"x")


def records(topic: str) -> list[Record]:
    """One of each key."""
    return [Record(topic, f"hubspot:contact:{number}", _VALUE, {"crm": "hubspot"}) for number in range(KEYS)]


async def rate(append: Callable[[int], Awaitable[object]], appends: int, at_once: int) -> float:
    """Appends per second, so many at a time."""
    numbers = iter(range(appends))

    async def work() -> None:
        for number in numbers:
            await append(number)

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return appends / (time.perf_counter() - started)


async def round_of(cluster: KafkaCluster, folder: Path, topic: str, appends: int, at_once: int) -> dict[str, float]:
    """One round of all."""
    connection = KafkaConnection(broker=f"kafka://{cluster.bootstrap}")
    made = records(topic)
    plain = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, enable_idempotence=True, max_batch_size=64 * 1024)
    kafka = KafkaLog(connection)
    spool = Spool(folder / f"{time.time_ns()}.db", most_bytes=_GIB)
    spooled = SpooledLog(kafka=kafka, spool=spool)
    stop = asyncio.Event()

    async def plainly(number: int) -> None:
        each = made[number % KEYS]
        await plain.send_and_wait(topic, each.value, key=each.key.encode(), headers=[("crm", b"hubspot")])

    async with plain:
        rates = {"aiokafka": await rate(plainly, appends, at_once)}
    rates["log on Kafka"] = await rate(lambda number: kafka.append([made[number % KEYS]]), appends, at_once)
    relay = asyncio.create_task(spooled.run(stop))
    rates["spooled log"] = await rate(lambda number: spooled.append([made[number % KEYS]]), appends, at_once)
    cluster.kill(0)
    await spooled.append(made[:1])
    rates["spooled log, Kafka away"] = await rate(
        lambda number: spooled.append([made[number % KEYS]]), appends, at_once
    )
    waiting = spooled.waiting
    await asyncio.to_thread(cluster.start, 0)
    while spooled.is_away:  # noqa: ASYNC110 - nothing tells when it is back
        await asyncio.sleep(0.001)
    started, waiting = time.perf_counter(), spooled.waiting
    while spooled.waiting:  # noqa: ASYNC110 - nothing tells when it is empty
        await asyncio.sleep(0.001)
    rates["draining"] = waiting / (time.perf_counter() - started)
    stop.set()
    await relay
    await kafka.close()
    spool.close()
    return rates


async def measure(appends: int, rounds: int, at_once: int) -> None:
    """Print the medians."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with KafkaCluster(folder / "kafka") as cluster:
            cluster.create_topic("bench", partitions=PARTITIONS)
            found = [await round_of(cluster, folder, "bench", appends, at_once) for _ in range(rounds)]
    plain = statistics.median(each["aiokafka"] for each in found)
    for what in found[0]:
        median = statistics.median(each[what] for each in found)
        print(f"{what:24} {median:10,.0f}/s   {median / plain:5.2f} of aiokafka")


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--appends", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=256)
    given = parser.parse_args()
    logs.set_up("error")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells every try to reach the broker that was killed
    uvloop.run(measure(given.appends, given.rounds, given.at_once))


if __name__ == "__main__":
    main()

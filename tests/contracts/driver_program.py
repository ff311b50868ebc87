"""A driver in a process of its own, with a ledger: for tests in which a process ends, by itself or by force.

KIND BOOTSTRAP TOPIC GROUP FOLDER, and the limits of the watchdog as JSON. It runs until SIGTERM, and takes its time for
a batch, that there is something to end in the middle.
"""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from services.adapters.drivers.consumer import Membership
from services.adapters.drivers.faust_driver import faust_driver
from services.adapters.drivers.pace import Pace
from services.adapters.drivers.plain_driver import kafka_driver
from services.adapters.drivers.watchdog import Limits
from services.adapters.kafka.client import KafkaConnection
from tests.contracts.ledger import Ledger


async def main(kind: str, bootstrap: str, topic: str, group: str, folder: str, limits: str) -> None:
    """Run until told to stop."""
    new_driver = {"faust": faust_driver, "aiokafka": kafka_driver}[kind]
    ledger = Ledger(Path(folder) / "ledger.db", batch=20)
    ledger.on_apply = lambda _records: time.sleep(0.1)
    driver = new_driver(
        connection=KafkaConnection(broker=f"kafka://{bootstrap}"),
        membership=Membership(group=group, topics=(topic,), session=6.0),
        processor=ledger,
        pace=Pace(batch=20, idle=0.1),
        limits=Limits(**json.loads(limits)),
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await driver.run(stop)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

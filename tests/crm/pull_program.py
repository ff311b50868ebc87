"""A puller in a process of its own, that is killed after the log has a batch and before its place is kept.

ADDRESS of the Pub/Sub API, FOLDER of the log, and which of its writes of a place never happens (0: all do). It ends by
itself when there is nothing more to pull.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

from services.adapters.data_dir import DataDir
from services.adapters.salesforce.subscription import Subscription
from services.adapters.sqlite.log import SqliteLog
from services.adapters.sqlite.positions import SqlitePositions
from services.adapters.wall_clock import SystemClock
from services.gateway.change_door import ChangeDoor
from services.gateway.crm.salesforce import Salesforce
from services.gateway.mapping import read_mapping
from services.gateway.pulling import Puller
from services.metrics.tally import ProcessTally
from services.ports import Position, Pulled
from tests.crm.change_events import CHANNEL, ORGANIZATION


class DeadlyPositions(SqlitePositions):
    """Kills the process in place of one of its writes."""

    def __init__(self, path: Path, *, deadly: int) -> None:
        super().__init__(path)
        self._left = deadly

    def write(self, stream: str, position: Position) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(stream, position)


class UntilQuiet(Subscription):
    """Ends at the first sign that there is nothing more."""

    async def pulled(self) -> AsyncGenerator[Pulled, None]:
        async for each in super().pulled():
            yield each
            if not each.items:
                return


class SignedIn:
    """Has a token that is good."""

    async def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("accesstoken", "token-1"), ("instanceurl", "https://company.test"), ("tenantid", ORGANIZATION))

    def forget(self) -> None:
        return


async def main(address: str, folder: str, deadly: str) -> None:
    """Pull until there is nothing more."""
    clock = SystemClock()
    data = DataDir(Path(folder))
    with (
        closing(data),
        closing(SqliteLog(data.log, clock)) as log,
        closing(DeadlyPositions(data.positions, deadly=int(deadly))) as positions,
    ):
        stream = UntilQuiet(
            target=address, channel=CHANNEL, session=SignedIn(), positions=positions, now=clock.now, secure=False
        )
        senders = {"salesforce": Salesforce(mapping=read_mapping("salesforce"))}
        door = ChangeDoor(log=log, tally=ProcessTally(), clock=clock, senders=senders)
        await Puller(crm="salesforce", name=CHANNEL, stream=stream, door=door, fetches=None).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""What commands use that bring something into the log of either mode, by webhooks' way or by that of APIs."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.adapters.kafka.log import KafkaLog
from services.adapters.sql.database import open_database
from services.adapters.sql.seen import SqlSeen
from services.adapters.sql.store import SqlStore
from services.adapters.sql.views import SqlViews
from services.adapters.sqlite.quarantine import SqliteQuarantine
from services.gateway.api_door import ApiDoor
from services.gateway.applied import AppliedByTime
from services.gateway.door import Door
from services.gateway.repair import Repair
from services.metrics.tally import ProcessTally
from services.ports import WallClock
from services.settings import Settings
from services.views import Views
from services.wiring.apis import apis_of
from services.wiring.embedded import Embedded
from services.wiring.parts import clock_of, database_url, door_of
from services.wiring.repairs import api_door_of, close_all, repairs_of
from services.wiring.service import connection_of


@dataclass(frozen=True, slots=True)
class AtHand:
    """The ways in, and the store behind them."""

    door: Door
    api_door: ApiDoor
    repairs: Mapping[str, Repair]
    """By CRM, where its API is set up."""
    store: SqlStore
    views: Views
    clock: WallClock


@asynccontextmanager
async def at_hand(settings: Settings) -> AsyncIterator[AtHand]:
    """For the data folder, which no Baton may use meanwhile, or for the deployment whose Kafka is named.

    Raises UsageError for what the user has to mend, and Unavailable.
    """
    async with AsyncExitStack() as resources:
        if settings.broker is not None and settings.broker.startswith("kafka"):
            yield await _of_deployment(settings, resources)
        else:
            yield await _of_folder(settings, resources)


async def _of_folder(settings: Settings, resources: AsyncExitStack) -> AtHand:
    embedded = Embedded(settings, board_url="")
    resources.callback(embedded.close)
    resources.push_async_callback(embedded.repairs.close)
    # What comes in is judged at once, for what an API says is compared with what was judged.
    stop = asyncio.Event()
    tasks = await resources.enter_async_context(asyncio.TaskGroup())
    resources.callback(stop.set)
    tasks.create_task(embedded.loop.run(stop))
    return AtHand(
        embedded.door,
        embedded.api_door,
        embedded.repairs.repairs,
        embedded.store,
        embedded.views,
        embedded.clock,
    )


async def _of_deployment(settings: Settings, resources: AsyncExitStack) -> AtHand:
    clock, tally = clock_of(settings), ProcessTally()
    log = KafkaLog(connection_of(settings), name="baton-by-hand")
    resources.push_async_callback(log.close)
    database = open_database(database_url(settings))
    resources.callback(database.close)
    # Whatever comes here was verified when it came: nothing is held.
    quarantine = SqliteQuarantine(Path(":memory:"))
    resources.callback(quarantine.close)
    store, seen = SqlStore(database), SqlSeen(database)
    door = door_of(settings, log=log, quarantine=quarantine, tally=tally, clock=clock)
    api_door = api_door_of(
        settings,
        log=log,
        seen=seen,
        applied=AppliedByTime(read_until=store.read_until, clock=clock),
        senders=door.senders,
        tally=tally,
        clock=clock,
    )
    apis = apis_of(settings)
    resources.push_async_callback(close_all, apis)
    repairs = repairs_of(settings, apis=apis, door=api_door, seen=seen, clock=clock)
    return AtHand(door, api_door, repairs, store, SqlViews(database), clock)

"""`baton pull`: changes of a CRM from its stream, a file or a topic, into the log of either mode."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from services.adapters.data_dir import DataDir
from services.adapters.kafka.change_stream import KafkaChangeStream
from services.adapters.kafka.log import KafkaLog
from services.adapters.line_stream import LineStream
from services.adapters.sqlite.fetch_queue import SqliteFetchQueue
from services.adapters.sqlite.log import SqliteLog
from services.adapters.sqlite.positions import SqlitePositions
from services.errors import UsageError
from services.gateway.change_door import ChangeDoor
from services.gateway.pulling import Puller
from services.gateway.sender import Counts
from services.metrics.tally import ProcessTally
from services.ports import ChangeStream, EventLog, FetchQueue, WallClock
from services.settings import Settings
from services.wiring.apis import apis_of
from services.wiring.embedded import log_file
from services.wiring.parts import clock_of, senders_of
from services.wiring.pulls import EVERYTHING, SALESFORCE, change_door_of, channels_of, subscriptions
from services.wiring.service import connection_of

GROUP = "baton-pull-salesforce"
"""The consumer group whose offsets say how far a topic of changes is pulled."""
_KAFKA = "kafka://"


@dataclass(frozen=True, slots=True)
class Ended:
    """What a pull came to."""

    counts: Counts
    is_whole: bool
    """Whether the streams ended by themselves; else it was told to stop."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a pull works with."""

    folder: DataDir
    clock: WallClock
    door: ChangeDoor
    fetches: Mapping[str, FetchQueue]


async def pull_salesforce(settings: Settings, source: str | None, stop: asyncio.Event) -> Ended:
    """Pull until `stop` is set, or the source ends. Raises UsageError for what the user has to mend.

    `source` is a file of change events, `-`, or kafka://HOST:PORT/TOPIC; left out, it is Salesforce's Pub/Sub API.
    """
    async with _parts(settings) as parts, _streams(settings, source, parts) as streams:
        pullers = [
            Puller(crm=SALESFORCE, name=name, stream=stream, door=parts.door, fetches=parts.fetches.get(SALESFORCE))
            for name, stream in streams.items()
        ]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(puller.run(stop)) for puller in pullers]
    counts = sum((puller.counts for puller in pullers), Counts())
    return Ended(counts, all(each.result() for each in running))


@asynccontextmanager
async def _parts(settings: Settings) -> AsyncIterator[_Parts]:
    """For the log of the data folder, which no Baton may use meanwhile, or of the deployment whose Kafka is named."""
    async with AsyncExitStack() as resources:
        folder = DataDir(settings.data)
        resources.callback(folder.close)
        clock = clock_of(settings)
        log: EventLog
        if settings.broker is not None and settings.broker.startswith("kafka"):
            kafka = KafkaLog(connection_of(settings), name="baton-pull")
            await kafka.start()
            resources.push_async_callback(kafka.close)
            log = kafka
        else:
            log = sqlite = SqliteLog(log_file(settings, folder.log), clock)
            resources.callback(sqlite.close)
        queue = SqliteFetchQueue(folder.fetches)
        resources.callback(queue.close)
        apis = apis_of(settings)
        for api in apis.values():
            resources.push_async_callback(api.close)
        fetches: Mapping[str, FetchQueue] = dict.fromkeys(apis, queue)
        door = change_door_of(
            settings, log=log, tally=ProcessTally(), clock=clock, senders=senders_of(settings), fetches=fetches
        )
        yield _Parts(folder, clock, door, fetches)


@asynccontextmanager
async def _streams(settings: Settings, source: str | None, parts: _Parts) -> AsyncIterator[Mapping[str, ChangeStream]]:
    if source is None:
        positions = SqlitePositions(parts.folder.positions)
        try:
            channels = channels_of(settings) or [EVERYTHING]
            async with subscriptions(settings, channels, positions=positions, clock=parts.clock) as streams:
                yield streams
        finally:
            positions.close()
    elif source.startswith(_KAFKA):
        yield {source: _topic(settings, source)}
    else:
        yield {source: LineStream(source)}


def _topic(settings: Settings, source: str) -> ChangeStream:
    servers, _, topic = source.removeprefix(_KAFKA).partition("/")
    if not topic:
        raise UsageError("--from: write kafka://HOST:PORT/TOPIC")
    try:
        connection = connection_of(settings.model_copy(update={"broker": f"{_KAFKA}{servers}"}))
    except UsageError as error:
        raise UsageError(str(error).replace("BATON_BROKER", "--from")) from None
    return KafkaChangeStream(connection, topic=topic, group=GROUP)

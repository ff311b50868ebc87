"""`baton pull`: changes of a CRM from its stream, a file or a topic, into the log of either mode."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from services.adapters.data_dir import DataDir
from services.adapters.kafka.change_stream import KafkaChangeStream
from services.adapters.kafka.log import KafkaLog
from services.adapters.line_stream import LineStream
from services.adapters.sql.seen import SqlSeen
from services.adapters.sql.store import SqlStore
from services.adapters.sqlite.fetch_queue import SqliteFetchQueue
from services.adapters.sqlite.log import SqliteLog
from services.adapters.sqlite.positions import SqlitePositions
from services.errors import UsageError
from services.gateway.applied import AppliedByTime
from services.gateway.change_door import ChangeDoor
from services.gateway.pulling import Puller
from services.gateway.sender import Counts, Senders
from services.metrics.tally import ProcessTally
from services.ports import ChangeStream, EventLog, Tally, WallClock
from services.settings import Settings
from services.wiring.apis import apis_of, salesforce_api
from services.wiring.embedded import log_file
from services.wiring.parts import clock_of, senders_of
from services.wiring.pulls import EVERYTHING, SALESFORCE, change_door_of, channels_of, subscriptions
from services.wiring.repairs import KeptUp, api_door_of, opened
from services.wiring.service import connection_of, pause, shared_database_url

GROUP = "baton-pull-salesforce"
"""The consumer group whose offsets say how far a topic of changes is pulled."""
_KAFKA = "kafka://"
_LOOK_SECONDS = 1.0
"""Between two looks whether all that was lacking is fetched."""


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
    queue: SqliteFetchQueue
    repairs: KeptUp
    fetcher: "_Fetcher | None"
    """What asks the API for what changes lack; None where `baton up` does, on the same folder."""


async def pull_salesforce(settings: Settings, source: str | None, stop: asyncio.Event) -> Ended:
    """Pull until `stop` is set, or the source ends. Raises UsageError for what the user has to mend.

    `source` is a file of change events, `-`, or kafka://HOST:PORT/TOPIC; left out, it is Salesforce's Pub/Sub API.
    """
    async with _parts(settings) as parts, _streams(settings, source, parts) as streams:
        fetches = parts.repairs.fetches.get(SALESFORCE)
        pullers = [
            Puller(crm=SALESFORCE, name=name, stream=stream, door=parts.door, fetches=fetches)
            for name, stream in streams.items()
        ]
        async with _fetching(parts, stop), asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(puller.run(stop)) for puller in pullers]
    counts = sum((puller.counts for puller in pullers), Counts())
    return Ended(counts, all(each.result() for each in running))


@asynccontextmanager
async def _parts(settings: Settings) -> AsyncIterator[_Parts]:
    """For the log of the data folder, which no Baton may use meanwhile, or of the deployment whose Kafka is named."""
    async with AsyncExitStack() as resources:
        folder = DataDir(settings.data)
        resources.callback(folder.close)
        queue = SqliteFetchQueue(folder.fetches)
        resources.callback(queue.close)
        repairs = KeptUp(settings, apis=apis_of(settings, (salesforce_api,)), queue=queue)
        resources.push_async_callback(repairs.close)
        clock, tally, senders = clock_of(settings), ProcessTally(), senders_of(settings)
        log: EventLog
        fetcher = None
        if settings.broker is not None and settings.broker.startswith("kafka"):
            kafka = KafkaLog(connection_of(settings), name="baton-pull")
            if repairs.apis:
                fetcher = _Fetcher(settings, repairs=repairs, log=kafka, senders=senders, tally=tally, clock=clock)
            await kafka.start()
            resources.push_async_callback(kafka.close)
            log = kafka
        else:
            log = sqlite = SqliteLog(log_file(settings, folder.log), clock)
            resources.callback(sqlite.close)
        door = change_door_of(settings, log=log, tally=tally, clock=clock, senders=senders, fetches=repairs.fetches)
        yield _Parts(folder, clock, door, queue, repairs, fetcher)


class _Fetcher:
    """Asks Salesforce's API for what changes lack, where the log is Kafka: what it says is compared with the store."""

    def __init__(
        self,
        settings: Settings,
        *,
        repairs: KeptUp,
        log: EventLog,
        senders: Senders,
        tally: Tally,
        clock: WallClock,
    ) -> None:
        """Raises UsageError where no database is named."""
        if settings.database is None:
            raise UsageError(
                "BATON_DATABASE: not given, but the API of salesforce is set up, and what it says is compared with "
                "what Baton has; write postgresql://USER:PASSWORD@HOST/NAME"
            )
        self._url = shared_database_url(settings)
        self._settings = settings
        self._repairs = repairs
        self._log = log
        self._senders = senders
        self._tally = tally
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Fetch until `stop` is set."""
        database = await opened(self._url, stop)
        if database is None:
            return
        try:
            store, seen = SqlStore(database), SqlSeen(database)
            door = api_door_of(
                self._settings,
                log=self._log,
                seen=seen,
                applied=AppliedByTime(read_until=store.read_until, clock=self._clock),
                senders=self._senders,
                tally=self._tally,
                clock=self._clock,
            )
            self._repairs.begin(door=door, seen=seen, tally=self._tally, clock=self._clock)
            await self._repairs.fetch(stop)
        finally:
            database.close()


@asynccontextmanager
async def _fetching(parts: _Parts, stop: asyncio.Event) -> AsyncIterator[None]:
    """Fetch what changes lack meanwhile; where the source ends by itself, also what is left then."""
    if parts.fetcher is None:
        yield
        return
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(parts.fetcher.run(ended))
        try:
            yield
            while not stop.is_set() and await asyncio.to_thread(parts.queue.count, SALESFORCE) > 0:
                await pause(stop, _LOOK_SECONDS)
        finally:
            ended.set()


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

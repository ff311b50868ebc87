"""The services of the distributed deployment, each in a process of its own: Kafka between them, PostgreSQL behind."""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import structlog
from fastapi import FastAPI

from services import health
from services import metric_table as table
from services.adapters.data_dir import DataDir
from services.adapters.database import Database, open_database
from services.adapters.faust_driver import faust_driver
from services.adapters.kafka_client import KafkaConnection
from services.adapters.kafka_consumer import Membership
from services.adapters.kafka_driver import kafka_driver
from services.adapters.kafka_log import KafkaLog
from services.adapters.kafka_partitions import count_partitions, partition_of
from services.adapters.spool import NEARLY_FULL, Spool
from services.adapters.spooled_log import SpooledLog
from services.adapters.sql_outbox import SqlOutbox
from services.adapters.sql_relay import SqlRelay
from services.adapters.sql_store import SqlStore
from services.adapters.sql_views import SqlViews
from services.adapters.sqlite_quarantine import SqliteQuarantine
from services.adapters.turn import DatabaseTurn
from services.board import app as board
from services.charters.watch import watch
from services.domain.charter import Charters
from services.domain.instants import SECOND
from services.errors import Unavailable, UsageError
from services.gateway.routes import add_routes as add_hooks
from services.metrics.collector import Gauges, ServiceCollector, StoreCollector, registry_of, single
from services.metrics.routes import add_routes as add_metrics
from services.metrics.tally import ProcessTally
from services.notifier.notifier import Notifier
from services.notifier.relay import Relay
from services.notifier.standby import Standby
from services.ports import EVENTS, READ_TOPICS, Driver
from services.settings import Settings, secret
from services.tracker.partitions import PartitionedTracker
from services.tracker.tracker import Tracker
from services.wiring.charters import charters_in_force, put_in_force
from services.wiring.parts import clock_of, database_url, door_of, new_app, sinks_of, verify_again

_LOOK_EVERY = 2.0
"""Seconds between two looks at whether other charters are in force, or any at all."""

log = structlog.get_logger()
T = TypeVar("T")


class _Part:
    """What the services have in common."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._resources = ExitStack()
        self._tally = ProcessTally()
        self.clock = clock_of(settings)

    def reload_charter(self) -> None:
        """This service has no file of the charter."""

    def end_streams(self) -> None:
        """No answer of this service goes on for good."""

    def close(self) -> None:
        """Let go of everything."""
        self._resources.close()

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Let go of what was taken where the block fails."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _new_app(self, url: str, checks: Mapping[str, health.Check], gauges: Gauges) -> FastAPI:
        app = new_app(self._settings, url)
        collector = ServiceCollector(process_counts=self._tally.counts, gauges=gauges)
        add_metrics(app, registry_of(collector))
        health.add_routes(app, checks)
        return app

    def _open_database(self) -> Database:
        url = database_url(self._settings, default="none")
        if url.startswith("sqlite"):
            raise UsageError(
                "BATON_DATABASE: services that run apart share postgresql://USER:PASSWORD@HOST/NAME; on one machine, "
                "`baton up` runs everything on SQLite"
            )
        database = open_database(url)
        self._resources.callback(database.close)
        return database


class GatewayService(_Part):
    """Webhooks in, to Kafka; while Kafka is away, to a spool on this machine's disk."""

    def __init__(self, settings: Settings, *, url: str) -> None:
        """Take the data folder. Kafka may be away. Raises UsageError for what the user has to mend."""
        super().__init__(settings)
        with self._undone():
            folder = DataDir(settings.data)
            self._resources.callback(folder.close)
            spool = Spool(folder.spool, most_bytes=settings.spool_bytes)
            self._resources.callback(spool.close)
            quarantine = SqliteQuarantine(folder.quarantine)
            self._resources.callback(quarantine.close)
            self._kafka = KafkaLog(connection_of(settings), name="baton-gateway")
            self._log = SpooledLog(kafka=self._kafka, spool=spool)
            self.door = door_of(settings, log=self._log, quarantine=quarantine, tally=self._tally, clock=self.clock)
            self.app = self._new_app(
                url,
                {"spool": self._check_spool},
                {
                    table.SPOOL_BYTES.name: single(lambda: float(self._log.bytes_used)),
                    table.SPOOL_RATIO.name: single(lambda: self._log.share_used),
                },
            )
            add_hooks(self.app, self.door, most_bytes=settings.max_body_bytes)

    async def run(self, stop: asyncio.Event) -> None:
        """Bring to Kafka what the spool keeps; first, try again what was refused before."""
        await self._kafka.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._log.run(stop))
                await verify_again(self.door)
        finally:
            await self._kafka.close()

    def _check_spool(self) -> None:
        if self._log.share_used >= NEARLY_FULL:
            raise Unavailable(f"nearly full, and Kafka is away: {self._log.trouble}")


class TrackerService(_Part):
    """Judges the partitions that Kafka assigns to it, and shares with other trackers."""

    def __init__(self, settings: Settings, *, url: str) -> None:
        """Open the database and put the charter in force. Raises UsageError for what the user has to mend."""
        super().__init__(settings)
        with self._undone():
            self._connection = connection_of(settings)
            self._store = SqlStore(self._open_database(), relays=True)
            self._charter_refused = 0.0
            put_in_force(self._store, settings.charter, self.clock.now())
            self._driver: Driver | None = None
            self.app = self._new_app(
                url,
                {"database": lambda: _check(self._store), "driver": self._check_driver},
                {
                    table.CHARTER_REFUSED.name: single(lambda: self._charter_refused),
                    table.DRIVER_STALLED.name: single(lambda: float(self._trouble() is not None)),
                    table.LOG_LAG_RECORDS.name: self._lag,
                },
            )

    async def run(self, stop: asyncio.Event) -> None:
        """Judge until `stop` is set."""
        counts = await _unless(stop, count_partitions(self._connection, READ_TOPICS))
        if counts is None:
            return
        for topic, count in counts.items():
            await asyncio.to_thread(self._store.open_partitions, topic, count)
        self._driver = self._new_driver(counts[EVENTS])
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._drive(self._driver, stop))
            if self._settings.charter is not None:
                tasks.create_task(watch(self._settings.charter, self.reload_charter, stop))

    def reload_charter(self) -> None:
        """Read the charter again. One that cannot be used changes nothing, and says why.

        Trackers notice a new one, here and elsewhere, when the first batch after it is refused.
        """
        if self._settings.charter is None:
            return
        try:
            put_in_force(self._store, self._settings.charter, self.clock.now())
        except (UsageError, Unavailable) as error:
            self._charter_refused = 1.0
            log.error("charter refused; the one in force stays", problems=str(error).splitlines())
            return
        self._charter_refused = 0.0

    def _new_driver(self, partitions: int) -> Driver:
        charters, generation = charters_in_force(self._store)
        tracker = Tracker(
            store=self._store,
            charters=charters,
            generation=generation,
            clocks_may_differ=self._settings.clocks_may_differ * SECOND,
            partition_of=partition_of(partitions),
        )
        processor = PartitionedTracker(
            tracker=tracker, store=self._store, charters=lambda: charters_in_force(self._store)
        )
        membership = Membership(group=self._settings.kafka_group, member=self._settings.kafka_member)
        new = {"faust": faust_driver, "aiokafka": kafka_driver}[self._settings.driver]
        return new(connection=self._connection, membership=membership, processor=processor)

    async def _drive(self, driver: Driver, stop: asyncio.Event) -> None:
        try:
            await driver.run(stop)
        finally:
            stop.set()  # the watch over the charter ends too

    def _lag(self) -> Mapping[tuple[str, ...], float]:
        lag = self._driver.lag() if self._driver is not None else {}
        return {(topic, str(partition)): float(records) for (topic, partition), records in lag.items()}

    def _trouble(self) -> str | None:
        return self._driver.trouble if self._driver is not None else "looking for the topics in Kafka"

    def _check_driver(self) -> None:
        if (trouble := self._trouble()) is not None:
            raise Unavailable(trouble)


class BoardService(_Part):
    """Pages, API and the metrics of the database."""

    def __init__(self, settings: Settings, *, url: str) -> None:
        """Open the database, and wait until a charter is in force. Raises UsageError for what the user has to mend."""
        super().__init__(settings)
        with self._undone():
            database = self._open_database()
            self._store = SqlStore(database)
            self._charters, self._generation = _await_charters(self._store)
            views = SqlViews(database)
            collector = StoreCollector(
                views=views,
                charters=lambda: self._charters,
                clock=self.clock,
                process_counts=self._tally.counts,
                gauges={
                    table.ALERTS_UNSETTLED.name: single(SqlOutbox(database).unsettled),
                    table.RELAY_UNSENT.name: single(SqlRelay(database).unsent),
                },
            )
            self.app = new_app(settings, url)
            add_metrics(self.app, registry_of(collector))
            health.add_routes(self.app, {"database": lambda: _check(self._store)})
            self._board = board.Board(views=views, charters=lambda: self._charters, clock=self.clock)
            board.add_routes(self.app, self._board)

    async def run(self, stop: asyncio.Event) -> None:
        """Show by the charters in force, those that come later too."""
        while not stop.is_set():
            await _pause(stop, _LOOK_EVERY)
            try:
                if await asyncio.to_thread(self._store.charter_generation) != self._generation:
                    self._charters, self._generation = await asyncio.to_thread(charters_in_force, self._store)
            except Unavailable as error:
                log.warning("database_away", error=str(error))

    def end_streams(self) -> None:
        """End the pages' live streams."""
        self._board.close()


class NotifierService(_Part):
    """Alerts, and what the topics of leads and transitions have to get. One of all notifiers works at a time."""

    def __init__(self, settings: Settings, *, url: str) -> None:
        """`url` is where the links in messages lead, unless BATON_PUBLIC_URL says so. Raises UsageError."""
        super().__init__(settings)
        with self._undone():
            database = self._open_database()
            self._store = SqlStore(database)
            self._topics = KafkaLog(connection_of(settings), name="baton-notifier")
            notifier = Notifier(
                outbox=SqlOutbox(database),
                sinks=sinks_of(settings),
                clock=self.clock,
                board_url=settings.public_url or url,
            )
            relay = Relay(outbox=SqlRelay(database), topics=self._topics)
            self._standby = Standby(turn=DatabaseTurn(database, "notifier"), parts=[notifier.run, relay.run])
            self.app = self._new_app(
                url,
                {"database": lambda: _check(self._store)},
                {table.NOTIFIER_ACTIVE.name: single(lambda: float(self._standby.is_active))},
            )

    async def run(self, stop: asyncio.Event) -> None:
        """Tell, whenever it is this process's turn."""
        await self._topics.start()
        try:
            await self._standby.run(stop)
        finally:
            await self._topics.close()


def connection_of(settings: Settings) -> KafkaConnection:
    """How to reach Kafka. Raises UsageError where the settings do not say."""
    if settings.broker is None:
        raise UsageError("BATON_BROKER: not given; write kafka://HOST:PORT,HOST:PORT")
    return KafkaConnection(
        broker=settings.broker,
        security=settings.kafka_security,
        sasl=settings.kafka_sasl,
        username=settings.kafka_username,
        password=secret(settings.kafka_password),
        ca_file=settings.kafka_ca_file,
        cert_file=settings.kafka_cert_file,
        key_file=settings.kafka_key_file,
    )


def _await_charters(store: SqlStore) -> tuple[Charters, int]:
    """The charters in force, once there are any: a tracker puts them in force."""
    while not store.charter_texts():
        log.warning("no charter in force yet", remedy="give one to a tracker: baton tracker --charter FILE")
        time.sleep(_LOOK_EVERY)
    return charters_in_force(store)


def _check(store: SqlStore) -> None:
    store.position(EVENTS, 0)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work comes to, or None where `stop` is set before."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if working.done():
        return working.result()
    working.cancel()
    return None


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

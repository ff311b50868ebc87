"""Everything in one process on embedded storage, and what commands read of its data folder."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import structlog
from fastapi import FastAPI

from services import health
from services import metric_table as table
from services.adapters.data_dir import DataDir
from services.adapters.sql.account_views import SqlAccountViews
from services.adapters.sql.database import open_database
from services.adapters.sql.facts import SqlFacts
from services.adapters.sql.live_views import SqlLiveViews
from services.adapters.sql.seen import SqlSeen
from services.adapters.sql.store import SqlStore
from services.adapters.sqlite.fetch_queue import SqliteFetchQueue
from services.adapters.sqlite.log import SqliteLog
from services.adapters.sqlite.quarantine import SqliteQuarantine
from services.board import app as board
from services.charters.watch import watch
from services.domain.instants import SECOND
from services.errors import Unavailable, UsageError
from services.gateway.applied import AppliedByOffset
from services.gateway.routes import add_routes as add_hooks
from services.metrics.collector import StoreCollector, single
from services.metrics.routes import add_routes as add_metrics
from services.metrics.tally import ProcessTally
from services.metrics.text import page_of
from services.metrics.traffic import Traffic
from services.ports import EVENTS, READ_TOPICS
from services.settings import Settings
from services.tracker.loop import PARTITION, Loop
from services.tracker.tracker import Tracker
from services.wiring.alerting import Alerting
from services.wiring.apis import apis_of, without_apis
from services.wiring.charters import Documents, put_in_force
from services.wiring.parts import (
    DOORS,
    clock_of,
    database_url,
    door_of,
    new_app,
    process_gauges,
    verify_again,
    watched,
)
from services.wiring.pulls import Pulls, change_door_of
from services.wiring.repairs import KeptUp, api_door_of
from services.wiring.subscriptions import keeper_of

log = structlog.get_logger()


class Embedded:
    """Everything in one process on embedded storage: gateway, tracker, board, metrics, alerts."""

    def __init__(self, settings: Settings, *, board_url: str, asks_apis: bool = True) -> None:
        """Open the storage and put the charter in force. Raises UsageError for what the user has to mend.

        Without `asks_apis` no CRM's API is asked, whatever the settings say.
        """
        self._resources = ExitStack()
        try:
            self._build(settings if asks_apis else without_apis(settings), board_url, asks_apis=asks_apis)
        except BaseException:
            self._resources.close()
            raise

    def _build(self, settings: Settings, board_url: str, *, asks_apis: bool) -> None:
        folder = DataDir(settings.data)
        self._resources.callback(folder.close)
        self.clock = clock_of(settings)
        self._tally = ProcessTally()
        self.database = watched(open_database(database_url(settings, folder.database_url)), self._tally)
        self._resources.callback(self.database.close)
        self.store = SqlStore(self.database)
        for topic in READ_TOPICS:
            self.store.open_partitions(topic, 1)
        self.charters = put_in_force(self.store, settings.charter, self.clock.now())
        self.log = SqliteLog(log_file(settings, folder.log), self.clock)
        self._resources.callback(self.log.close)
        self.quarantine = SqliteQuarantine(folder.quarantine)
        self._resources.callback(self.quarantine.close)
        queue = SqliteFetchQueue(folder.fetches)
        self._resources.callback(queue.close)
        self.repairs = KeptUp(settings, apis=apis_of(settings) if asks_apis else {}, queue=queue)
        self.door = door_of(
            settings,
            log=self.log,
            quarantine=self.quarantine,
            tally=self._tally,
            clock=self.clock,
            fetches=self.repairs.fetches,
        )
        self.pulls = Pulls(
            settings,
            door=change_door_of(
                settings,
                log=self.log,
                tally=self._tally,
                clock=self.clock,
                senders=self.door.senders,
                fetches=self.repairs.fetches,
            ),
            fetches=self.repairs.fetches,
            positions=folder.positions,
            clock=self.clock,
            is_wanted=asks_apis,
        )
        self._resources.callback(self.pulls.close)
        self._begin_repairs(settings)
        self._subscriptions = keeper_of(settings, is_wanted=asks_apis)
        self._charter_path = settings.charter
        self._charter_refused = 0.0
        self._tracker = Tracker(
            store=self.store,
            charters=self.charters,
            generation=self.store.charter_generation(),
            clocks_may_differ=settings.clocks_may_differ * SECOND,
            tally=self._tally,
            doors=DOORS,
        )
        self._alerting = Alerting(
            settings,
            database=self.database,
            clock=self.clock,
            board_url=board_url,
            charter=lambda: self.charters.in_force(self.clock.now()),
            known=self.charters.in_force(self.clock.now()) or self.charters.latest,
        )
        self._resources.callback(self._alerting.close)
        self.loop = Loop(
            tracker=self._tracker, log=self.log, store=self.store, clock=self.clock, judged=self._alerting.ring
        )
        self.loop.check_log()
        self.views = SqlLiveViews(self.database)
        self.facts = SqlFacts(self.database)
        self.app = self._app(settings, board_url)

    def _begin_repairs(self, settings: Settings) -> None:
        self.seen = SqlSeen(self.database)
        self.api_door = api_door_of(
            settings,
            log=self.log,
            seen=self.seen,
            applied=AppliedByOffset(end=self.log.end, position=lambda topic: self.store.position(topic, PARTITION)),
            senders=self.door.senders,
            tally=self._tally,
            clock=self.clock,
        )
        self.repairs.begin(door=self.api_door, seen=self.seen, tally=self._tally, clock=self.clock)

    def _app(self, settings: Settings, board_url: str) -> FastAPI:
        app = new_app(settings, board_url)
        traffic = Traffic(self._tally)
        traffic.watch(app)
        collector = StoreCollector(
            views=self.views,
            charters=lambda: self.charters,
            clock=self.clock,
            process_counts=self._tally.counts,
            crms=[crm for crm, sender in self.door.senders.items() if sender.configured],
            gauges={
                table.ALERTS_UNSETTLED.name: single(self._alerting.outbox.unsettled),
                **self._alerting.gauges,
                table.CHARTER_REFUSED.name: single(lambda: self._charter_refused),
                table.LOG_LAG_RECORDS.name: self._lag,
                **self.repairs.gauges,
                table.SUBSCRIPTION_EXPIRY.name: self._subscriptions.expiries,
                **process_gauges(traffic, [self.database]),
            },
        )
        add_hooks(app, self.door, most_bytes=settings.max_body_bytes)
        add_metrics(app, page_of(collector))
        health.add_routes(app, {"store": self._check_store, "tracker": self._check_tracker})
        self._board = board.Board(
            views=self.views,
            accounts=SqlAccountViews(self.database),
            charters=lambda: self.charters,
            documents=Documents(self.store),
            clock=self.clock,
        )
        board.add_routes(app, self._board)
        return app

    def end_streams(self) -> None:
        """End the pages' live streams, for which a server would wait when it stops."""
        self._board.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Judge and tell until `stop` is set. Whatever ends one of them unexpectedly ends all, and is raised."""
        try:
            await verify_again(self.door)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.loop.run(stop))
                for part in self._alerting.parts:
                    tasks.create_task(part(stop))
                tasks.create_task(self._subscriptions.run(stop))
                tasks.create_task(self.repairs.reconcile(stop))
                tasks.create_task(self.repairs.fetch(stop))
                tasks.create_task(self.pulls.run(stop))
                if self._charter_path is not None:
                    tasks.create_task(watch(self._charter_path, self.reload_charter, stop))
        finally:
            await self.repairs.close()

    def reload_charter(self) -> None:
        """Read the charter again, between two batches. One that cannot be used changes nothing, and says why."""
        self.loop.between_batches(self._reload_charter)

    def _reload_charter(self) -> None:
        if self._charter_path is None:
            return
        try:
            charters = put_in_force(self.store, self._charter_path, self.clock.now())
        except UsageError as error:
            self._charter_refused = 1.0
            log.error("charter refused; the one in force stays", problems=str(error).splitlines())
            return
        self._charter_refused = 0.0
        self._tracker.judge_by(charters, self.store.charter_generation())
        self.charters = charters
        log.warning("charter read", versions=[charter.version for charter in charters.versions])

    def close(self) -> None:
        """Close all storage."""
        self._resources.close()

    def _lag(self) -> Mapping[tuple[str, ...], float]:
        return {
            (topic, str(PARTITION)): self.log.end(topic) - self.store.position(topic, PARTITION)
            for topic in READ_TOPICS
        }

    def _check_store(self) -> None:
        self.store.position(EVENTS, PARTITION)

    def _check_tracker(self) -> None:
        if self.loop.is_away:
            raise Unavailable("waits for the storage")


def log_file(settings: Settings, default: Path) -> Path:
    """The file of the embedded log. Raises UsageError where the settings name another kind of log."""
    if settings.broker is None:
        return default
    if not settings.broker.removeprefix("sqlite:///") or not settings.broker.startswith("sqlite:///"):
        raise UsageError(
            "BATON_BROKER: write sqlite:///FILE; with kafka:// the services run apart: baton gateway, baton tracker, "
            "baton board, baton notifier"
        )
    return Path(settings.broker.removeprefix("sqlite:///"))

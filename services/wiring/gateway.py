"""The gateway alone: webhooks in, to Kafka."""

import asyncio
from collections.abc import Mapping

from services import metric_table as table
from services.adapters.data_dir import DataDir
from services.adapters.kafka.log import KafkaLog
from services.adapters.kafka.spooled_log import SpooledLog
from services.adapters.sql.seen import SqlSeen
from services.adapters.sql.store import SqlStore
from services.adapters.sql.turn import DatabaseTurn
from services.adapters.sqlite.fetch_queue import SqliteFetchQueue
from services.adapters.sqlite.quarantine import SqliteQuarantine
from services.adapters.sqlite.spool import NEARLY_FULL, Spool
from services.errors import Unavailable, UsageError
from services.gateway.applied import AppliedByTime
from services.gateway.routes import add_routes as add_hooks
from services.metrics.collector import single
from services.notifier.standby import Standby
from services.ports import CrmApi
from services.settings import Settings
from services.wiring.apis import apis_of
from services.wiring.parts import door_of, verify_again, watched
from services.wiring.repairs import KeptUp, api_door_of, opened
from services.wiring.service import Part, connection_of, shared_database_url
from services.wiring.subscriptions import keeper_of


class GatewayService(Part):
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
            queue = SqliteFetchQueue(folder.fetches)
            self._resources.callback(queue.close)
            self._repairs = KeptUp(settings, apis=apis_of(settings), queue=queue)
            self._database_url = _database_url(settings, self._repairs.apis) if self._repairs.apis else None
            self._kafka = KafkaLog(connection_of(settings), name="baton-gateway")
            self._log = SpooledLog(kafka=self._kafka, spool=spool)
            self.door = door_of(
                settings,
                log=self._log,
                quarantine=quarantine,
                tally=self._tally,
                clock=self.clock,
                fetches=self._repairs.fetches,
            )
            self._subscriptions = keeper_of(settings)
            self.app = self._new_app(
                url,
                {"spool": self._check_spool},
                {
                    table.SPOOL_BYTES.name: single(lambda: float(self._log.bytes_used)),
                    table.SPOOL_RATIO.name: single(lambda: self._log.share_used),
                    **self._repairs.gauges,
                    table.SUBSCRIPTION_EXPIRY.name: self._subscriptions.expiries,
                },
            )
            add_hooks(self.app, self.door, most_bytes=settings.max_body_bytes)

    async def run(self, stop: asyncio.Event) -> None:
        """Bring to Kafka what the spool keeps, and repair; first, try again what was refused before."""
        await self._kafka.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._log.run(stop))
                tasks.create_task(self._subscriptions.run(stop))
                if self._database_url is not None:
                    tasks.create_task(self._repair(self._database_url, stop))
                await verify_again(self.door)
        finally:
            await self._repairs.close()
            await self._kafka.close()

    async def _repair(self, url: str, stop: asyncio.Event) -> None:
        """Fetch, and reconcile when it is this gateway's turn."""
        database = await opened(url, stop)
        if database is None:
            return
        self._databases.append(watched(database, self._tally))
        try:
            store, seen = SqlStore(database), SqlSeen(database)
            applied = AppliedByTime(read_until=store.read_until, clock=self.clock, waiting=lambda: self._log.waiting)
            door = api_door_of(
                self._settings,
                log=self._log,
                seen=seen,
                applied=applied,
                senders=self.door.senders,
                tally=self._tally,
                clock=self.clock,
            )
            self._repairs.begin(door=door, seen=seen, tally=self._tally, clock=self.clock)
            standby = Standby(turn=DatabaseTurn(database, "reconcile"), parts=[self._repairs.reconcile])
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(standby.run(stop))
                tasks.create_task(self._repairs.fetch(stop))
        finally:
            self._databases.remove(database)
            database.close()

    def _check_spool(self) -> None:
        if self._log.is_away and self._log.share_used >= NEARLY_FULL:
            raise Unavailable(f"nearly full, and Kafka is away: {self._log.trouble}")


def _database_url(settings: Settings, apis: Mapping[str, CrmApi]) -> str:
    if settings.database is None:
        raise UsageError(
            f"BATON_DATABASE: not given, but the API of {', '.join(sorted(apis))} is set up, and what it says is "
            "compared with what Baton has; write postgresql://USER:PASSWORD@HOST/NAME"
        )
    return shared_database_url(settings)

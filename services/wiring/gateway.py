"""The gateway alone: webhooks in, to Kafka."""

import asyncio

from services import metric_table as table
from services.adapters.data_dir import DataDir
from services.adapters.kafka_log import KafkaLog
from services.adapters.spool import NEARLY_FULL, Spool
from services.adapters.spooled_log import SpooledLog
from services.adapters.sqlite_quarantine import SqliteQuarantine
from services.errors import Unavailable
from services.gateway.routes import add_routes as add_hooks
from services.metrics.collector import single
from services.settings import Settings
from services.wiring.parts import door_of, verify_again
from services.wiring.service import Part, connection_of


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

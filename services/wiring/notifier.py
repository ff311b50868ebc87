"""The notifier alone: alerts, and what other topics get."""

import asyncio

from services import metric_table as table
from services.adapters.kafka.log import KafkaLog
from services.adapters.sql.relay import SqlRelay
from services.adapters.sql.store import SqlStore
from services.adapters.sql.turn import DatabaseTurn
from services.metrics.collector import single
from services.notifier.relay import Relay
from services.notifier.standby import Standby
from services.settings import Settings
from services.wiring.alerting import Alerting, StoredCharter
from services.wiring.service import Part, check_database, connection_of


class NotifierService(Part):
    """Alerts, and what the topics of leads and transitions have to get. One of all notifiers works at a time."""

    def __init__(self, settings: Settings, *, url: str) -> None:
        """`url` is where the links in messages lead, unless BATON_PUBLIC_URL says so. Raises UsageError."""
        super().__init__(settings)
        with self._undone():
            database = self._open_database()
            self._store = SqlStore(database)
            self._topics = KafkaLog(connection_of(settings), name="baton-notifier")
            charter = StoredCharter(self._store, self.clock)
            alerting = Alerting(
                settings,
                database=database,
                clock=self.clock,
                board_url=settings.public_url or url,
                charter=charter,
                known=charter.known(),
            )
            self._resources.callback(alerting.close)
            relay = Relay(outbox=SqlRelay(database), topics=self._topics)
            self._standby = Standby(turn=DatabaseTurn(database, "notifier"), parts=[*alerting.parts, relay.run])
            self.app = self._new_app(
                url,
                {"database": lambda: check_database(self._store)},
                {table.NOTIFIER_ACTIVE.name: single(lambda: float(self._standby.is_active)), **alerting.gauges},
            )

    async def run(self, stop: asyncio.Event) -> None:
        """Tell, whenever it is this process's turn."""
        await self._topics.start()
        try:
            await self._standby.run(stop)
        finally:
            await self._topics.close()

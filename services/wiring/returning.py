"""The return of dead letters, in either mode."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from services.adapters.database import open_database
from services.adapters.kafka_log import KafkaLog
from services.adapters.sql_store import SqlStore
from services.adapters.sql_views import SqlViews
from services.adapters.sqlite_quarantine import SqliteQuarantine
from services.errors import BatonError
from services.gateway.door import Door
from services.metrics.tally import ProcessTally
from services.ports import WallClock
from services.settings import Settings
from services.storage import DeadLetterRow
from services.views import Views
from services.wiring.embedded import Embedded
from services.wiring.parts import clock_of, database_url, door_of
from services.wiring.service import connection_of


class Returning:
    """What takes dead letters in anew, with the mapping and the code of today."""

    def __init__(self, *, door: Door, store: SqlStore, views: Views, clock: WallClock) -> None:
        self.views = views
        self._door = door
        self._store = store
        self._clock = clock

    async def take_in(self, letter: DeadLetterRow) -> bool:
        """Take one in; whether all of it could be used."""
        try:
            counts = await self._door.take_again(letter.crm, letter.body)
        except BatonError:
            return False
        if counts.dead_letters:
            return False
        self._store.replayed(letter.id, self._clock.now())
        return True


@asynccontextmanager
async def returning(settings: Settings) -> AsyncIterator[Returning]:
    """For the data folder, which no Baton may use meanwhile, or for the deployment whose Kafka is named."""
    if settings.broker is None or not settings.broker.startswith("kafka"):
        embedded = Embedded(settings, board_url="")
        try:
            yield Returning(door=embedded.door, store=embedded.store, views=embedded.views, clock=embedded.clock)
        finally:
            embedded.close()
        return
    log = KafkaLog(connection_of(settings), name="baton-dead-letters")
    clock = clock_of(settings)
    with ExitStack() as resources:
        database = open_database(database_url(settings))
        resources.callback(database.close)
        # Whatever comes here was verified when it came: nothing is held.
        quarantine = SqliteQuarantine(Path(":memory:"))
        resources.callback(quarantine.close)
        door = door_of(settings, log=log, quarantine=quarantine, tally=ProcessTally(), clock=clock)
        try:
            yield Returning(door=door, store=SqlStore(database), views=SqlViews(database), clock=clock)
        finally:
            await log.close()

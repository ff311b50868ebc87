"""The board alone: pages, API and the metrics of the database."""

import asyncio
import time

import structlog

from services import health
from services import metric_table as table
from services.adapters.sql.account_views import SqlAccountViews
from services.adapters.sql.facts import SqlFacts
from services.adapters.sql.live_views import SqlLiveViews
from services.adapters.sql.outbox import SqlOutbox
from services.adapters.sql.relay import SqlRelay
from services.adapters.sql.store import SqlStore
from services.board import app as board
from services.domain.charter import Charters
from services.errors import Unavailable
from services.metrics.collector import StoreCollector, single
from services.metrics.routes import add_routes as add_metrics
from services.metrics.text import page_of
from services.settings import Settings
from services.wiring.charters import Documents, charters_in_force
from services.wiring.parts import DOORS, new_app, process_gauges
from services.wiring.service import Part, check_database, pause

_LOOK_EVERY = 2.0
"""Seconds between two looks at whether other charters are in force, or any at all."""

log = structlog.get_logger()


class BoardService(Part):
    """Pages, API and the metrics of the database."""

    def __init__(self, settings: Settings, *, url: str) -> None:
        """Open the database, and wait until a charter is in force. Raises UsageError for what the user has to mend."""
        super().__init__(settings)
        with self._undone():
            database = self._open_database()
            self._store = SqlStore(database)
            self._charters, self._generation = _await_charters(self._store)
            views = SqlLiveViews(database)
            self.facts = SqlFacts(database)
            collector = StoreCollector(
                views=views,
                charters=lambda: self._charters,
                clock=self.clock,
                process_counts=self._tally.counts,
                gauges={
                    table.ALERTS_UNSETTLED.name: single(SqlOutbox(database).unsettled),
                    table.RELAY_UNSENT.name: single(SqlRelay(database).unsent),
                    **process_gauges(self._traffic, self._databases),
                },
                # Which of them are set up, gateways alone know.
                crms=sorted(DOORS),
            )
            self.app = new_app(settings, url)
            self._traffic.watch(self.app)
            add_metrics(self.app, page_of(collector))
            health.add_routes(self.app, {"database": lambda: check_database(self._store)})
            self._board = board.Board(
                views=views,
                accounts=SqlAccountViews(database),
                charters=lambda: self._charters,
                documents=Documents(self._store),
                clock=self.clock,
            )
            board.add_routes(self.app, self._board)

    async def run(self, stop: asyncio.Event) -> None:
        """Show by the charters in force, those that come later too."""
        while not stop.is_set():
            await pause(stop, _LOOK_EVERY)
            try:
                if await asyncio.to_thread(self._store.charter_generation) != self._generation:
                    self._charters, self._generation = await asyncio.to_thread(charters_in_force, self._store)
            except Unavailable as error:
                log.warning("database_away", error=str(error))

    def end_streams(self) -> None:
        """End the pages' live streams."""
        self._board.close()


def _await_charters(store: SqlStore) -> tuple[Charters, int]:
    """The charters in force, once there are any: a tracker puts them in force."""
    while not store.charter_texts():
        log.warning("no charter in force yet", remedy="give one to a tracker: baton tracker --charter FILE")
        time.sleep(_LOOK_EVERY)
    return charters_in_force(store)

"""The systems that are measured: what each is, how its worker is started, and the tables that it begins with."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from services.adapters.sql.database import migrate, open_database
from services.adapters.sql.store import SqlStore
from services.adapters.wall_clock import SystemClock
from services.ports import DEAD_LETTERS, DEALS, EVENTS
from tests.bench.live import peers
from tests.bench.live.job import PARTITIONS

_WORKERS = "tests.bench.live"
ROOT = Path(__file__).resolve().parents[3]
QUIX_PYTHON = ROOT / ".servers" / "quix" / "bin" / "python"
"""Made by `make bench-live`: what Quix Streams needs does not go together with what Baton needs."""


@dataclass(frozen=True, slots=True)
class System:
    """One way from Kafka to PostgreSQL."""

    name: str
    module: str
    arguments: Sequence[str] = ()
    python: str = sys.executable
    prepare: Callable[[str], None] | None = None
    """Makes the tables in a fresh database; None where it writes to none."""
    workers: int = 1
    share: int = 1
    """It drains one of so many records, where all of them would take too long."""

    def command(self, job: Path) -> list[str]:
        """Starts a worker."""
        return [self.python, "-m", f"{_WORKERS}.{self.module}", str(job), *self.arguments]


def _baton_tables(url: str) -> None:
    """As it stands when no deal's event waits for its lead: what would lie unread there holds back judging."""
    migrate(url)
    database = open_database(url)
    store = SqlStore(database)
    for topic, partitions in ((EVENTS, PARTITIONS), (DEALS, PARTITIONS), (DEAD_LETTERS, 1)):
        store.open_partitions(topic, partitions)
    for partition in range(PARTITIONS):
        store.note_read(DEALS, partition, 0, SystemClock().now())
    database.close()


def _tables(statements: str) -> Callable[[str], None]:
    def prepare(url: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute(statements.encode())

    return prepare


BATON = System("Baton, Faust driver", "baton_worker", ["faust"], prepare=_baton_tables)
LIMIT = System("limit: plain loop", "loop_worker", prepare=_baton_tables)
AGENT = System("Faust agent", "faust_worker", prepare=_tables(peers.TABLES))
QUIX = System("Quix Streams", "quix_worker", python=str(QUIX_PYTHON), prepare=_tables(peers.PLAIN_CLOCKS))
SYSTEMS = (
    BATON,
    System("Baton, aiokafka driver", "baton_worker", ["aiokafka"], prepare=_baton_tables),
    LIMIT,
    QUIX,
    AGENT,
    System("Baton, two workers", "baton_worker", ["faust"], prepare=_baton_tables, workers=2),
    System("Faust driver alone", "idle_worker", ["faust"]),
    System("aiokafka driver alone", "idle_worker", ["aiokafka"]),
)

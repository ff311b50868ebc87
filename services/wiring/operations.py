"""What commands do to the storage of either mode, while services run on it or not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.adapters.data_dir import DATABASE, QUARANTINE
from services.adapters.database import Migration, lacking, migrate, open_database
from services.adapters.kafka_topics import TopicReport, plans
from services.adapters.kafka_topics import create_topics as create_kafka_topics
from services.adapters.sql_store import SqlStore
from services.adapters.sql_views import SqlViews
from services.adapters.sqlite_quarantine import SqliteQuarantine
from services.errors import UsageError
from services.ports import HeldRequest
from services.settings import Settings
from services.tracker import gaps
from services.views import Views
from services.wiring.parts import clock_of, database_url
from services.wiring.service import connection_of


@contextmanager
def reading(settings: Settings) -> Iterator[Views]:
    """The views of the database, or of a data folder's, whether or not a process runs on it."""
    default = f"sqlite:///{_existing(settings, DATABASE)}" if settings.database is None else None
    database = open_database(database_url(settings, default))
    try:
        yield SqlViews(database)
    finally:
        database.close()


def held_requests(settings: Settings) -> Sequence[HeldRequest]:
    """The refused requests of a data folder, whether or not a process runs on it."""
    quarantine = SqliteQuarantine(_existing(settings, QUARANTINE))
    try:
        return quarantine.held()
    finally:
        quarantine.close()


def _existing(settings: Settings, name: str) -> Path:
    file = settings.data.absolute() / name
    if not file.is_file():
        raise UsageError(f"{settings.data}: no data of Baton here; say which folder with --data")
    return file


def migrate_database(settings: Settings, *, check: bool) -> Migration:
    """Bring the database's tables to the newest revision, or with `check` only say what they lack."""
    url = database_url(settings, None if settings.database else f"sqlite:///{_existing(settings, DATABASE)}")
    return lacking(url) if check else migrate(url)


async def create_topics(settings: Settings) -> Sequence[TopicReport]:
    """Make the topics of Kafka that are missing; what became of each. Raises Unavailable and UsageError."""
    planned = plans(
        partitions=settings.topic_partitions, replicas=settings.topic_replicas, max_body_bytes=settings.max_body_bytes
    )
    return await create_kafka_topics(connection_of(settings), planned)


def accept_gap(settings: Settings, topic: str, partition: int, first: int, following: int) -> int:
    """Go on at `following` in a partition that stands at `first`; how many records that leaves out."""
    database = open_database(database_url(settings))
    try:
        return gaps.accept_gap(SqlStore(database), topic, partition, first, following, clock_of(settings).now())
    finally:
        database.close()

"""The import of a CRM's export files, in either mode."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from services.adapters.bookmarks import FileBookmarks
from services.adapters.data_dir import DataDir
from services.adapters.kafka.log import KafkaLog
from services.adapters.sqlite.log import SqliteLog
from services.gateway.backfill import Backfill, Progress
from services.gateway.mapping import read_export_map, read_mapping
from services.ports import EventLog
from services.settings import Settings
from services.wiring.embedded import log_file
from services.wiring.parts import clock_of
from services.wiring.service import connection_of


@asynccontextmanager
async def _backfill(
    settings: Settings, crm: str, *, map_file: Path | None, timezone: str | None, report: Callable[[str], None]
) -> AsyncIterator[Backfill]:
    """Into the log of the data folder, which no Baton may use meanwhile, or of the deployment whose Kafka is named.

    Raises UsageError for what the user has to mend.
    """
    mapping = read_mapping(crm, getattr(settings, f"{crm}_mapping"))
    export_map = read_export_map(crm, map_file)
    if timezone is not None:
        export_map = export_map.model_copy(update={"timezone": timezone})
    async with AsyncExitStack() as resources:
        folder = DataDir(settings.data)
        resources.callback(folder.close)
        clock = clock_of(settings)
        log: EventLog
        if settings.broker is not None and settings.broker.startswith("kafka"):
            kafka = KafkaLog(connection_of(settings), name="baton-import")
            await kafka.start()
            resources.push_async_callback(kafka.close)
            log = kafka
        else:
            log = sqlite = SqliteLog(log_file(settings, folder.log), clock)
            resources.callback(sqlite.close)
        yield Backfill(
            crm=crm,
            mapping=mapping,
            export_map=export_map,
            log=log,
            bookmarks=FileBookmarks(folder.bookmarks),
            clock=clock,
            report=report,
        )


async def import_files(
    settings: Settings,
    crm: str,
    files: Sequence[Path],
    *,
    map_file: Path | None,
    timezone: str | None,
    report: Callable[[str], None],
    progress: Progress,
) -> Mapping[str, int]:
    """Take files in; what became of their rows, as `Imported` has it. Raises UsageError and Unavailable."""
    async with _backfill(settings, crm, map_file=map_file, timezone=timezone, report=report) as into:
        for path in files:
            await into.take(path, progress)
        return asdict(into.done)

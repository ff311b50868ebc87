"""The composition root: builds everything from the settings. The only importer of adapters."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from services import health
from services import metric_table as table
from services.adapters.alert_sinks import AppriseSink, LogSink
from services.adapters.data_dir import DATABASE, QUARANTINE, DataDir
from services.adapters.database import open_database
from services.adapters.kafka_client import KafkaConnection
from services.adapters.kafka_topics import TopicReport, plans
from services.adapters.kafka_topics import create_topics as create_kafka_topics
from services.adapters.sql_outbox import SqlOutbox
from services.adapters.sql_store import SqlStore
from services.adapters.sql_views import SqlViews
from services.adapters.sqlite_log import SqliteLog
from services.adapters.sqlite_quarantine import SqliteQuarantine
from services.adapters.wall_clock import LapsedClock, SystemClock
from services.board import app as board
from services.charters.files import CharterFile, parse_charter, read_versions
from services.charters.watch import watch
from services.domain.charter import Charters
from services.domain.instants import SECOND, Instant, parse_instant
from services.errors import Unavailable, UsageError
from services.gateway.door import Door
from services.gateway.mapping import hubspot_mapping
from services.gateway.routes import add_routes as add_hooks
from services.gateway.senders import CloudEventsSender, HubSpotSender
from services.metrics.collector import StoreCollector, registry_of
from services.metrics.routes import add_routes as add_metrics
from services.metrics.tally import ProcessTally
from services.notifier.notifier import Notifier
from services.ports import DEALS, EVENTS, AlertSink, HeldRequest, WallClock
from services.settings import Settings, secret, secrets
from services.tracker.loop import PARTITION, Loop
from services.tracker.tracker import Tracker
from services.views import Views

log = structlog.get_logger()


class Embedded:
    """Everything in one process on embedded storage: gateway, tracker, board, metrics, alerts."""

    def __init__(self, settings: Settings, *, board_url: str) -> None:
        """Open the storage and put the charter in force. Raises UsageError for what the user has to mend."""
        self._resources = ExitStack()
        try:
            self._build(settings, board_url)
        except BaseException:
            self._resources.close()
            raise

    def _build(self, settings: Settings, board_url: str) -> None:
        folder = DataDir(settings.data)
        self._resources.callback(folder.close)
        self.clock = clock_of(settings)
        self.database = open_database(_sqlite("BATON_DATABASE", secret(settings.database), folder.database_url))
        self._resources.callback(self.database.close)
        self.store = SqlStore(self.database)
        self.charters = put_in_force(self.store, settings.charter, self.clock.now())
        self.log = SqliteLog(Path(_sqlite("BATON_BROKER", settings.broker, f"sqlite:///{folder.log}")[10:]), self.clock)
        self._resources.callback(self.log.close)
        self._tally = ProcessTally()
        self.quarantine = SqliteQuarantine(folder.quarantine)
        self._resources.callback(self.quarantine.close)
        self.door = Door(
            log=self.log,
            quarantine=self.quarantine,
            tally=self._tally,
            clock=self.clock,
            senders={
                "hubspot": HubSpotSender(
                    mapping=hubspot_mapping(settings.hubspot_mapping),
                    secrets=secrets(settings.hubspot_secrets),
                    public_url=settings.public_url,
                ),
                "cloudevents": CloudEventsSender(
                    secrets=secrets(settings.cloudevents_secrets), tokens=secrets(settings.cloudevents_tokens)
                ),
            },
            most_in_work=settings.max_requests,
            most_ahead=settings.clocks_may_differ * SECOND,
        )
        self._charter_path = settings.charter
        self._charter_refused = 0.0
        self._tracker = Tracker(
            store=self.store, charters=self.charters, clocks_may_differ=settings.clocks_may_differ * SECOND
        )
        self.loop = Loop(tracker=self._tracker, log=self.log, store=self.store, clock=self.clock)
        self.loop.check_log()
        outbox = SqlOutbox(self.database)
        self.notifier = Notifier(outbox=outbox, sinks=sinks_of(settings), clock=self.clock, board_url=board_url)
        self.views = SqlViews(self.database)
        self.app = self._app(settings, outbox, board_url)

    def _app(self, settings: Settings, outbox: SqlOutbox, board_url: str) -> FastAPI:
        app = FastAPI(title="Baton", version="1", docs_url=None, redoc_url=None)
        if not settings.allow_open:
            # Without it, any page on the internet could have this machine's browser read the board (DNS rebinding).
            # (The middleware cuts a host at its first colon, so that "[" is what remains of [::1]:8700.)
            ours = {urlsplit(board_url).hostname or "localhost", "localhost", "127.0.0.1", "["}
            app.add_middleware(TrustedHostMiddleware, allowed_hosts=sorted(ours), www_redirect=False)
        collector = StoreCollector(
            views=self.views,
            charters=lambda: self.charters,
            clock=self.clock,
            process_counts=self._tally.counts,
            gauges={
                table.ALERTS_UNSETTLED.name: outbox.unsettled,
                table.CHARTER_REFUSED.name: lambda: self._charter_refused,
                table.LOG_LAG_RECORDS.name: self._lag,
            },
        )
        add_hooks(app, self.door, most_bytes=settings.max_body_bytes)
        add_metrics(app, registry_of(collector))
        health.add_routes(app, {"store": self._check_store, "tracker": self._check_tracker})
        self._board = board.Board(views=self.views, charters=lambda: self.charters, clock=self.clock)
        board.add_routes(app, self._board)
        return app

    def end_streams(self) -> None:
        """End the pages' live streams, for which a server would wait when it stops."""
        self._board.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Judge and tell until `stop` is set. Whatever ends one of them unexpectedly ends all, and is raised."""
        held = await self.door.verify_again()
        if held.verified or held.refused:
            log.info("held webhooks tried again", verified=held.verified, refused=held.refused)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.loop.run(stop))
            tasks.create_task(self.notifier.run(stop))
            if self._charter_path is not None:
                tasks.create_task(watch(self._charter_path, self.reload_charter, stop))

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
        self._tracker.judge_by(charters)
        self.charters = charters
        log.warning("charter read", versions=[charter.version for charter in charters.versions])

    def close(self) -> None:
        """Close all storage."""
        self._resources.close()

    def _lag(self) -> float:
        return sum(self.log.end(topic) - self.store.position(topic, PARTITION) for topic in (EVENTS, DEALS))

    def _check_store(self) -> None:
        self.store.position(EVENTS, PARTITION)

    def _check_tracker(self) -> None:
        if self.loop.is_away:
            raise Unavailable("waits for the storage")


@contextmanager
def reading(settings: Settings) -> Iterator[Views]:
    """The views of a data folder, whether or not a process runs on it."""
    file = _existing(settings, DATABASE)
    database = open_database(_sqlite("BATON_DATABASE", secret(settings.database), f"sqlite:///{file}"))
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


def clock_of(settings: Settings) -> WallClock:
    """The time of day, or the time-lapse that the settings ask for."""
    if settings.lapse_start is None:
        return SystemClock()
    return LapsedClock(parse_instant(settings.lapse_start), settings.lapse_speed)


def sinks_of(settings: Settings) -> Sequence[AlertSink]:
    """Where alerts go."""
    return [LogSink(), *(AppriseSink(url) for url in secrets(settings.alert_urls))]


def put_in_force(store: SqlStore, path: Path | None, now: Instant) -> Charters:
    """The charters that judge: those of `path`, which are put in force, and those that were before.

    A charter is kept with what it judged. Raises UsageError for a draft, for a version whose text has changed,
    and where there is none at all.
    """
    given: Sequence[CharterFile] = read_versions(path) if path is not None else ()
    for file in given:
        if file.charter.is_draft:
            raise UsageError(
                f"{file.path}: a side has not agreed to version {file.charter.version}; a draft can be tried with "
                "baton replay, and is put in force once `agreed:` has marketing and sales"
            )
    known = dict(store.charter_texts())
    fresh = [file for file in given if file.charter.version not in known]
    stored = [parse_charter(text, f"version {version} in force").charter for version, text in known.items()]
    if not stored and not fresh:
        raise UsageError(
            "no charter: give --charter FILE (or BATON_CHARTER); the project's deploy/charters/ has examples"
        )
    try:
        # Before anything is kept, because that is for good.
        charters = Charters([*stored, *(file.charter for file in fresh)])
    except ValueError as error:
        raise UsageError(f"the charters in force do not fit together: {error}") from None
    if any(file.charter.effective_from <= now for file in fresh):
        # It reaches back: what was judged since then is judged anew. Before it is kept, so that a crash in between
        # cannot leave a charter that is in force and has judged nothing.
        store.wake_all(now)
    # Those that are there first: where one's text has changed, nothing new is kept.
    for file in sorted(given, key=lambda file: file.charter.version not in known):
        store.put_in_force(file.charter.version, file.text, now)
    return charters


def _sqlite(setting: str, url: str | None, default: str) -> str:
    if url is None:
        return default
    if not url.removeprefix("sqlite:///") or not url.startswith("sqlite:///"):
        raise UsageError(f"{setting}: write sqlite:///FILE; everything else needs the distributed deployment")
    return url


def kafka_connection(settings: Settings) -> KafkaConnection:
    """How to reach Kafka. Raises UsageError."""
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


async def create_topics(settings: Settings) -> Sequence[TopicReport]:
    """Make the topics of Kafka that are missing; what became of each. Raises Unavailable and UsageError."""
    planned = plans(
        partitions=settings.topic_partitions, replicas=settings.topic_replicas, max_body_bytes=settings.max_body_bytes
    )
    return await create_kafka_topics(kafka_connection(settings), planned)

"""What every service is to whoever runs it, and what those that run apart have in common."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Protocol

from fastapi import FastAPI

from services import health
from services.adapters.kafka.client import KafkaConnection
from services.adapters.sql.database import Database, open_database
from services.adapters.sql.store import SqlStore
from services.errors import UsageError
from services.metrics.collector import Gauges, ServiceCollector
from services.metrics.routes import add_routes as add_metrics
from services.metrics.tally import ProcessTally
from services.metrics.text import page_of
from services.metrics.traffic import Traffic
from services.ports import EVENTS
from services.settings import Settings, secret
from services.wiring.parts import clock_of, database_url, new_app, process_gauges, watched


class Service(Protocol):
    """A part of Baton that serves HTTP and works beside it."""

    app: FastAPI

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. What it cannot go on from is raised."""

    def reload_charter(self) -> None:
        """Look at the charter's file again, where this service has one."""

    def end_streams(self) -> None:
        """End answers that would go on for good, because the server is about to stop."""

    def close(self) -> None:
        """Let go of everything."""


class Part:
    """What the services have in common."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._resources = ExitStack()
        self._tally = ProcessTally()
        self._traffic = Traffic(self._tally)
        self._databases: list[Database] = []
        self.clock = clock_of(settings)

    def reload_charter(self) -> None:
        """This service has no file of the charter."""

    def end_streams(self) -> None:
        """No answer of this service goes on for good."""

    def close(self) -> None:
        """Let go of everything."""
        self._resources.close()

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Let go of what was taken where the block fails."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _new_app(self, url: str, checks: Mapping[str, health.Check], gauges: Gauges) -> FastAPI:
        app = new_app(self._settings, url)
        self._traffic.watch(app)
        mine = process_gauges(self._traffic, self._databases)
        add_metrics(app, page_of(ServiceCollector(process_counts=self._tally.counts, gauges={**gauges, **mine})))
        health.add_routes(app, checks)
        return app

    def _open_database(self) -> Database:
        database = watched(open_database(shared_database_url(self._settings)), self._tally)
        self._resources.callback(database.close)
        self._databases.append(database)
        return database


def shared_database_url(settings: Settings) -> str:
    """The URL of the database of services that run apart. Raises UsageError where it is none that can be shared."""
    url = database_url(settings, default="none")
    if url.startswith("sqlite"):
        raise UsageError(
            "BATON_DATABASE: services that run apart share postgresql://USER:PASSWORD@HOST/NAME; on one machine, "
            "`baton up` runs everything on SQLite"
        )
    return url


def connection_of(settings: Settings) -> KafkaConnection:
    """How to reach Kafka. Raises UsageError where the settings do not say."""
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


def check_database(store: SqlStore) -> None:
    """Raise Unavailable when the database is away."""
    store.position(EVENTS, 0)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `stop` is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

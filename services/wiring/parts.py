"""Parts that both modes are built of, from the settings."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from services import metric_table as table
from services.adapters.sql.database import Database
from services.adapters.wall_clock import LapsedClock, SystemClock
from services.domain.instants import SECOND, parse_instant
from services.errors import UsageError
from services.gateway.crm.base import CrmSender
from services.gateway.crm.cloudevents import CloudEventsSender
from services.gateway.crms import CRMS
from services.gateway.door import Door
from services.gateway.sender import Senders
from services.metrics.collector import Gauges, single
from services.metrics.traffic import Traffic
from services.ports import EventLog, FetchQueue, Quarantine, Tally, WallClock
from services.settings import Settings, secret, secrets
from services.wiring.apis import mapping_of

CLOUDEVENTS = "cloudevents"
DOORS = frozenset({*(sender.crm for sender in CRMS), CLOUDEVENTS})
"""The names of all through which something may come."""

log = structlog.get_logger()


def clock_of(settings: Settings) -> WallClock:
    """The time of day, or the time-lapse that the settings ask for."""
    if settings.lapse_start is None:
        return SystemClock()
    return LapsedClock(parse_instant(settings.lapse_start), settings.lapse_speed)


def database_url(settings: Settings, default: str | None = None) -> str:
    """The URL of the database. Raises UsageError where it is none that keeps anything."""
    url = secret(settings.database) or default or ""
    if not re.match(r"sqlite:///.|postgresql(\+psycopg)?://", url):
        raise UsageError("BATON_DATABASE: write sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME")
    return url


def watched(database: Database, tally: Tally) -> Database:
    """The database, whose transactions are timed from now on."""
    name = table.DATABASE_SECONDS.name
    tally.expect(name, access=table.DATABASE_ACCESSES, outcome=table.DATABASE_OUTCOMES)
    database.tell(lambda access, outcome, seconds: tally.observe(name, {"access": access, "outcome": outcome}, seconds))
    return database


def process_gauges(traffic: Traffic, databases: Sequence[Database]) -> Gauges:
    """What every service tells of itself; `databases` has the one that it uses, while it does."""
    return {
        table.HTTP_IN_FLIGHT.name: single(lambda: float(traffic.in_flight)),
        table.DATABASE_POOL.name: lambda: {
            (access,): share for database in databases for access, share in database.pools().items()
        },
    }


def senders_of(settings: Settings) -> Senders:
    """Who may send webhooks, and how each is verified."""
    return {
        **{sender.crm: _crm(sender, settings) for sender in CRMS},
        CLOUDEVENTS: CloudEventsSender(
            secrets=secrets(settings.cloudevents_secrets), tokens=secrets(settings.cloudevents_tokens)
        ),
    }


def _crm(sender: type[CrmSender], settings: Settings) -> CrmSender:
    return sender.made(
        mapping=mapping_of(sender.crm, settings),
        given=lambda name: secrets(getattr(settings, f"{sender.crm}_{name}")),
        public_url=settings.public_url,
    )


def door_of(
    settings: Settings,
    *,
    log: EventLog,
    quarantine: Quarantine,
    tally: Tally,
    clock: WallClock,
    fetches: Mapping[str, FetchQueue] | None = None,
) -> Door:
    """The way in for all senders, to one log; `fetches` are for those whose API is set up."""
    return Door(
        log=log,
        quarantine=quarantine,
        tally=tally,
        clock=clock,
        senders=senders_of(settings),
        fetches=fetches,
        most_in_work=settings.max_requests,
        most_ahead=settings.clocks_may_differ * SECOND,
    )


async def verify_again(door: Door) -> None:
    """Try what was refused before with the present secrets."""
    held = await door.verify_again()
    if held.verified or held.refused:
        log.info("held webhooks tried again", verified=held.verified, refused=held.refused)


def new_app(settings: Settings, url: str) -> FastAPI:
    """An application without routes, which answers under its own name alone unless it is meant to be open."""
    app = FastAPI(title="Baton", version="1", docs_url=None, redoc_url=None)
    if not settings.allow_open:
        # Without it, any page on the internet could have this machine's browser read the board (DNS rebinding).
        # (The middleware cuts a host at its first colon, so that "[" is what remains of [::1]:8700.)
        ours = {urlsplit(url).hostname or "localhost", "localhost", "127.0.0.1", "["}
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=sorted(ours), www_redirect=False)
    return app

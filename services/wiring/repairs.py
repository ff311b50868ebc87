"""The repair of all CRMs whose API is set up: what each service has of it, whichever mode it runs in."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from services import metric_table as table
from services.adapters.sql.database import Database, open_database
from services.adapters.sqlite.fetch_queue import SqliteFetchQueue
from services.domain.instants import SECOND
from services.errors import Unavailable, UsageError
from services.gateway.api_door import ApiDoor
from services.gateway.crm.base import CrmSender
from services.gateway.repair import Repair
from services.gateway.repairing import Repairing, pause
from services.gateway.sender import Senders
from services.metrics.collector import Gauges
from services.ports import Applied, CrmApi, EventLog, FetchQueue, Tally, WallClock
from services.settings import Settings
from services.storage import Seen

_HOUR = 3_600 * SECOND
_OPEN_EVERY = 10.0
"""Seconds between two tries to open a database that is away, or has no tables yet."""

log = structlog.get_logger()


def api_door_of(
    settings: Settings, *, log: EventLog, seen: Seen, applied: Applied, senders: Senders, tally: Tally, clock: WallClock
) -> ApiDoor:
    """The way in for what APIs say, to one log."""
    return ApiDoor(
        log=log,
        tally=tally,
        clock=clock,
        senders={crm: sender for crm, sender in senders.items() if isinstance(sender, CrmSender)},
        seen=seen,
        applied=applied,
        most_ahead=settings.clocks_may_differ * SECOND,
    )


def repairs_of(
    settings: Settings, *, apis: Mapping[str, CrmApi], door: ApiDoor, seen: Seen, clock: WallClock
) -> Mapping[str, Repair]:
    """A repair for each CRM whose API is set up."""
    every = round(settings.reconcile_hours * _HOUR)
    return {crm: Repair(api=api, door=door, seen=seen, clock=clock, every=every) for crm, api in apis.items()}


class KeptUp:
    """The repairs of a process that goes on."""

    def __init__(self, settings: Settings, *, apis: Mapping[str, CrmApi], queue: SqliteFetchQueue) -> None:
        self.apis = apis
        self._settings = settings
        self._queue = queue
        self.repairs: Mapping[str, Repair] = {}
        """By CRM, once it has begun."""
        self._kept: Sequence[Repairing] = ()

    @property
    def fetches(self) -> Mapping[str, FetchQueue]:
        """What a door puts in what has to be fetched, for those whose API is set up."""
        return dict.fromkeys(self.apis, self._queue)

    @property
    def gauges(self) -> Gauges:
        """How much is still to be fetched, and how far it has come."""
        return {
            table.API_WAITING.name: lambda: {(crm,): float(self._queue.count(crm)) for crm in self.apis},
            table.RECONCILED.name: lambda: {
                (crm,): repair.reconciled_until / SECOND
                for crm, repair in self.repairs.items()
                if repair.reconciled_until is not None
            },
        }

    def begin(self, *, door: ApiDoor, seen: Seen, tally: Tally, clock: WallClock) -> None:
        """Have what it needs of storage, before it is run."""
        self.repairs = repairs_of(self._settings, apis=self.apis, door=door, seen=seen, clock=clock)
        every = clock.real_seconds(round(self._settings.reconcile_hours * _HOUR))
        self._kept = [
            Repairing(repair=repair, queue=self._queue, tally=tally, every=every) for repair in self.repairs.values()
        ]

    async def reconcile(self, stop: asyncio.Event) -> None:
        """Look for what was missed on the schedule, until `stop` is set."""
        async with asyncio.TaskGroup() as tasks:
            for each in self._kept:
                tasks.create_task(each.reconcile(stop))

    async def fetch(self, stop: asyncio.Event) -> None:
        """Fetch what webhooks leave out, until `stop` is set."""
        async with asyncio.TaskGroup() as tasks:
            for each in self._kept:
                tasks.create_task(each.fetch(stop))

    async def close(self) -> None:
        """Let go of the connections to the APIs."""
        await close_all(self.apis)


async def close_all(apis: Mapping[str, CrmApi]) -> None:
    """Let go of the connections to the APIs."""
    for api in apis.values():
        await api.close()


def named(repairs: Mapping[str, Repair], crm: str) -> Repair:
    """The repair of a CRM. Raises UsageError where its API is not set up."""
    if crm not in repairs:
        set_up = f"; set up are {', '.join(sorted(repairs))}" if repairs else ""
        raise UsageError(f"{crm}: its API is not set up{set_up}. BATON_{crm.upper()}_API_… say how: docs/repair.md")
    return repairs[crm]


async def opened(url: str, stop: asyncio.Event) -> Database | None:
    """The database, once it can be used; None where `stop` is set before. A gateway takes webhooks in without it."""
    while not stop.is_set():
        try:
            return await asyncio.to_thread(open_database, url)
        except (Unavailable, UsageError) as error:
            log.error("repair_waits_for_database", error=str(error), retry_in_seconds=_OPEN_EVERY)
            await pause(stop, _OPEN_EVERY)
    return None

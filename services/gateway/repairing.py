"""Keeps a CRM's repair going: on a schedule, and for what webhooks ask for. An API that fails ends nothing."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from services.errors import BadEvent, Unavailable, UsageError
from services.gateway.api_door import Said
from services.gateway.repair import Repair
from services.metric_table import API_EVENTS_TOTAL, API_FAILURES, API_FAILURES_TOTAL, API_OUTCOMES
from services.ports import FetchQueue, Tally

T = TypeVar("T")

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How long is waited for what, in seconds."""

    look: float = 1.0
    """Between two looks into an empty queue."""
    gather: float = 5.0
    """From the first reference to the call: webhooks about one object come together, and tell some themselves."""
    away: tuple[float, ...] = (5.0, 15.0, 60.0, 300.0)
    """After a failure, the next, and so on."""
    refused: float = 600.0
    """Where somebody has to do something first."""
    batch: int = 500
    """References that are asked for together."""


class Repairing:
    """The schedule and the fetcher of one CRM."""

    def __init__(
        self, *, repair: Repair, queue: FetchQueue, tally: Tally, every: float, pace: Pace | None = None
    ) -> None:
        """`every`: seconds between two looks for what was missed."""
        self._repair = repair
        self._queue = queue
        self._tally = tally
        self._every = every
        self._pace = pace or Pace()
        tally.expect(API_EVENTS_TOTAL.name, crm=[repair.crm], outcome=API_OUTCOMES)
        tally.expect(API_FAILURES_TOTAL.name, crm=[repair.crm], failure=API_FAILURES)

    async def reconcile(self, stop: asyncio.Event) -> None:
        """Look for what was missed at once, and then every so often, until `stop` is set."""
        await self._keep_on(self._reconcile, stop)

    async def fetch(self, stop: asyncio.Event) -> None:
        """Fetch what webhooks asked for, until `stop` is set. What is in work then is fetched after the next start."""
        await self._keep_on(lambda: self._fetch(stop), stop)

    async def _reconcile(self) -> float:
        said = await self._repair.reconcile()
        _log.info("reconciled", crm=self._repair.crm, **_counts(said))
        return self._every

    async def _fetch(self, stop: asyncio.Event) -> float:
        crm, most = self._repair.crm, self._pace.batch
        if not await asyncio.to_thread(self._queue.waiting, crm, 1):
            return self._pace.look
        await pause(stop, self._pace.gather)
        wanted = await asyncio.to_thread(self._queue.waiting, crm, most)
        said = await self._repair.fetch([each.reference for each in wanted])
        await asyncio.to_thread(self._queue.done, [each.number for each in wanted])
        _log.info("fetched", crm=crm, references=len(wanted), **_counts(said))
        return 0.0

    async def _keep_on(self, work: Callable[[], Coroutine[Any, Any, float]], stop: asyncio.Event) -> None:
        """Work again and again, after as many seconds as the work says; after a failure, when it may be over."""
        failures = 0
        while not stop.is_set():
            try:
                wait = await unless(stop, work())
            except Exception as error:
                # Whatever an API or its client does: webhooks go on coming in, and nothing is dropped here.
                wait = self._failed(error, failures)
                failures += 1
            else:
                failures = 0
            await pause(stop, wait or 0.0)

    def _failed(self, error: Exception, failures: int) -> float:
        """Tell of a failure; how long to wait."""
        crm, pace = self._repair.crm, self._pace
        match error:
            case Unavailable():
                failure, wait = "away", pace.away[min(failures, len(pace.away) - 1)]
                _log.warning("repair_waits", crm=crm, error=str(error), retry_in_seconds=wait)
            case UsageError():
                failure, wait = "refused", pace.refused
                _log.error("api_refuses", crm=crm, error=str(error), retry_in_seconds=wait)
            case BadEvent():
                failure, wait = "wrong", pace.refused
                _log.error("api_asked_wrongly", crm=crm, error=str(error), retry_in_seconds=wait)
            case _:
                failure, wait = "wrong", pace.refused
                _log.error("api_not_understood", crm=crm, exc_info=error, retry_in_seconds=wait)
        self._tally.count(API_FAILURES_TOTAL.name, {"crm": crm, "failure": failure})
        return wait


def _counts(said: Said) -> dict[str, int]:
    return {"records": said.records, "new": said.new, "known": said.known, "bad": said.bad}


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `stop` is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work comes to; None where `stop` is set before, and the work is given up then."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        stopped.cancel()
        working.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)

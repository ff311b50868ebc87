"""Pulls a CRM's changes from a stream into the log: a change is left behind only once the log has it.

So an end at any moment costs nothing: what was appended and not yet left behind comes again, and counts once.
"""

import asyncio
import base64
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import structlog

from services.domain.instants import Instant, format_instant
from services.errors import BadEvent, Unavailable, UsageError
from services.gateway.change_door import UNREADABLE, ChangeDoor
from services.gateway.sender import Counts, parsed
from services.ports import ChangeStream, FetchQueue, Pulled, Reference

PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds between two tries while the stream or the log is away; the last for all further ones."""
_TELL_SECONDS = 60.0

log = structlog.get_logger()


class Puller:
    """Brings the changes of one stream to the log, through the door that webhooks take."""

    def __init__(
        self,
        *,
        crm: str,
        name: str,
        stream: ChangeStream,
        door: ChangeDoor,
        fetches: FetchQueue | None,
        is_patient: bool = False,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        """`name` is what logs call the stream; `fetches` has what the CRM's API shall be asked for.

        Whoever `is_patient` waits for credentials or rights to be mended, as for an outage.
        """
        self._crm = crm
        self._name = name
        self._stream = stream
        self._door = door
        self._fetches = fetches
        self._is_patient = is_patient
        self._pauses = pauses
        self._failures = 0
        self._told_at = 0.0
        self._told = Counts()
        self.counts = Counts()
        """What became of all changes so far."""

    async def run(self, stop: asyncio.Event) -> bool:
        """Pull until the stream ends, or `stop` is set and what is in work is in the log; whether it has ended.

        Raises UsageError for what the user has to mend, unless it is patient.
        """
        log.info("pull started", crm=self._crm, stream=self._name)
        self._told_at = asyncio.get_running_loop().time()
        while not stop.is_set():
            try:
                async with aclosing(self._stream.pulled()) as pulled, aclosing(_unless(stop, pulled)) as coming:
                    async for each in coming:
                        if await self._taken(each, stop):
                            await self._stream.keep(each)
                            self._worked()
                if not stop.is_set():
                    self._tell()
                    return True
            except Unavailable as error:
                await self._pause(stop, error)
            except UsageError as error:
                if not self._is_patient:
                    raise
                await self._pause(stop, error)
        self._tell()
        return False

    async def _taken(self, pulled: Pulled, stop: asyncio.Event) -> bool:
        """Bring it to the log, however long that is away; whether that was done before a stop."""
        changes = [
            each for number, item in enumerate(pulled.items) for each in self._changes(item, pulled.places, number)
        ]
        while True:
            try:
                if changes:
                    self.counts += await self._door.take(self._crm, changes)
                if pulled.lost_since is not None:
                    await self._ask_for_all(pulled.lost_since)
            except Unavailable as error:
                await self._pause(stop, error)
                if stop.is_set():
                    return False
            else:
                return True

    def _changes(
        self, item: Mapping[str, Any] | bytes, places: Sequence[str], number: int
    ) -> Sequence[Mapping[str, Any]]:
        """The changes that an item is; what cannot be read is one that becomes a dead letter."""
        if not isinstance(item, bytes):
            return [item]
        try:
            value = parsed(item)
            changes = value if isinstance(value, list) else [value]
            if not all(isinstance(each, dict) for each in changes):
                raise BadEvent("invalid", "not an object")
        except BadEvent as bad:
            place = places[number] if number < len(places) else self._name
            log.warning("change unreadable", crm=self._crm, place=place, why=str(bad))
            return [{UNREADABLE: f"{place}: {bad}", "content_base64": base64.b64encode(item).decode()}]
        return changes

    async def _ask_for_all(self, since: Instant) -> None:
        if self._fetches is None:
            raise UsageError(
                f"{self._crm} has lost changes since {format_instant(since)}; set up its API, so that all that was "
                "modified can be asked for"
            )
        log.warning("changes lost; asking for all that was modified", crm=self._crm, since=format_instant(since))
        await asyncio.to_thread(self._fetches.put, self._crm, [Reference("", "", since)])

    async def _pause(self, stop: asyncio.Event, error: Exception) -> None:
        seconds = self._pauses[min(self._failures, len(self._pauses) - 1)]
        level = log.warning if self._failures == 0 else log.debug
        self._failures += 1
        level("pull waits", crm=self._crm, stream=self._name, error=str(error), retry_in_seconds=seconds)
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            return

    def _worked(self) -> None:
        if self._failures:
            log.warning("pull goes on", crm=self._crm, stream=self._name)
            self._failures = 0
        if asyncio.get_running_loop().time() - self._told_at >= _TELL_SECONDS:
            self._tell()

    def _tell(self) -> None:
        """Say how far it is, where that has changed."""
        self._told_at = asyncio.get_running_loop().time()
        if self.counts != self._told:
            self._told = self.counts
            log.info(
                "changes pulled",
                crm=self._crm,
                stream=self._name,
                events=self.counts.events,
                ignored=self.counts.ignored,
                dead_letters=self.counts.dead_letters,
            )


async def _unless(stop: asyncio.Event, pulled: AsyncGenerator[Pulled, None]) -> AsyncGenerator[Pulled, None]:
    """What is pulled, until `stop` is set: nothing is waited for any more then."""
    stopped = asyncio.create_task(stop.wait())
    coming: asyncio.Task[Pulled | None] | None = None
    try:
        while not stop.is_set():
            coming = asyncio.create_task(_next(pulled))
            await asyncio.wait({coming, stopped}, return_when=asyncio.FIRST_COMPLETED)
            found = coming.result() if coming.done() else None
            if found is None:
                return
            yield found
    finally:
        stopped.cancel()
        if coming is not None and not coming.done():
            coming.cancel()
            await asyncio.wait({coming})


async def _next(pulled: AsyncGenerator[Pulled, None]) -> Pulled | None:
    return await anext(pulled, None)

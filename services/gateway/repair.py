"""Closes the holes that webhooks leave: asks a CRM's API for what changed, and for what webhooks left out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from services.domain.instants import EARLIEST, SECOND, Instant
from services.errors import Unavailable, UsageError
from services.gateway.api_door import ApiDoor, Said
from services.ports import CrmApi, Found, Reference, WallClock
from services.storage import Seen

OVERLAP = 300 * SECOND
"""A schedule looks back by so much more: HubSpot's search, for one, finds what was changed only after a while."""
_STEPS = 3
"""How often what an answer lacks is asked for, and what that lacks: no object of a CRM hangs on more."""


class Repair:
    """The repair of one CRM."""

    def __init__(
        self, *, api: CrmApi, door: ApiDoor, seen: Seen, clock: WallClock, every: int, overlap: int = OVERLAP
    ) -> None:
        """`every` is how often a schedule reconciles, in microseconds of the clock."""
        self.crm = api.crm
        self.reconciled_until: Instant | None = None
        """As far as this process has read the API for what was missed."""
        self._api = api
        self._door = door
        self._seen = seen
        self._clock = clock
        self._every = every
        self._overlap = overlap

    def begins_at(self) -> Instant:
        """Where a schedule goes on: a little before it came to.

        The first time, one period ago, or at the last event of this CRM where that is longer ago. Raises Unavailable.
        """
        until = self._seen.reconciled_until(self.crm)
        if until is None:
            until = min(self._clock.now() - self._every, self._seen.last_event_of(self.crm) or self._clock.now())
        return max(EARLIEST, until - self._overlap)

    async def reconcile(self, since: Instant | None = None, progress: Callable[[Said], None] = lambda _: None) -> Said:
        """Take in everything that changed since then (left out: since the last time) and was missed.

        Page by page, `progress` being told what each came to. Raises Unavailable, and what the API's client raises;
        what the log has by then, it keeps. Notes how far it came, where that leaves no hole.
        """
        began = self._clock.now()
        goes_on_at = await asyncio.to_thread(self.begins_at)
        settled = await self._door.settle()
        total = Said()
        async with _pages(self._api, goes_on_at if since is None else since) as pages:
            async for page in pages:
                taken = await self._door.take(self.crm, page, settled=settled)
                said = _complete(taken) + await self._fetched(taken.lacking)
                progress(said)
                total += said
        if since is None or since <= goes_on_at:
            await asyncio.to_thread(self._seen.note_reconciled, self.crm, began)
            self.reconciled_until = began
        return total

    async def fetch(self, references: Sequence[Reference]) -> Said:
        """Take in what these objects are. Raises as `reconcile`; what cannot be asked for becomes a dead letter."""
        said = Said()
        since = [each.since for each in references if not each.id]
        if since:
            # The CRM did not say which: all that changed since the earliest of the times that it said.
            times = [at for at in since if at is not None]
            said += await self.reconcile(min(times) if len(times) == len(since) else None)
        return said + await self._fetched([each for each in references if each.id])

    async def _fetched(self, references: Sequence[Reference]) -> Said:
        """What the objects come to, and what these lack; nothing twice."""
        total = Said()
        asked: set[tuple[str, str]] = set()
        for _ in range(_STEPS):
            fresh = {(each.object, each.id): each for each in references if each.id}
            wanted = [each for key, each in fresh.items() if key not in asked]
            if not wanted:
                break
            asked |= fresh.keys()
            taken = await self._door.take(self.crm, await self._found(wanted))
            references = taken.lacking
            total += _complete(taken)
        return total

    async def _found(self, references: Sequence[Reference]) -> Sequence[Found]:
        """What the API says. One that it (or its client) cannot make sense of is buried, and holds up no other."""
        try:
            return await self._api.fetch(references)
        except (Unavailable, UsageError):
            raise
        except Exception as error:
            if len(references) == 1:
                await self._door.bury(self.crm, references[0], error)
                return ()
        half = len(references) // 2
        return [*await self._found(references[:half]), *await self._found(references[half:])]


def _complete(said: Said) -> Said:
    return replace(said, lacking=())


@asynccontextmanager
async def _pages(api: CrmApi, since: Instant) -> AsyncIterator[AsyncIterator[Sequence[Found]]]:
    """The pages of an answer; where no more of them are wanted, the client learns of it at once."""
    pages = api.changed_since(since)
    try:
        yield pages
    finally:
        close = getattr(pages, "aclose", None)
        if close is not None:
            await close()

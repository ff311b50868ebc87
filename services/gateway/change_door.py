"""The way in for changes that a CRM's own stream tells: read, mapped and checked as webhooks are.

Each has its own time and place, so that what comes twice counts once: what Baton has seen need not be looked up.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.errors import BadEvent
from services.gateway.api_letters import found_letter
from services.gateway.crm.base import CrmSender
from services.gateway.intake import MOST_AHEAD, Batch, Intake, as_bad, keep
from services.gateway.sender import Counts, Senders, Taken
from services.gateway.strict_json import UnreadableJson, check
from services.ports import EventLog, FetchQueue, Found, Tally, WallClock

UNREADABLE = "unreadable"
"""The one field that an item has which is no change: why. What else it has is what there was to read."""


class ChangeDoor:
    """The way in for the streams of all CRMs."""

    def __init__(
        self,
        *,
        log: EventLog,
        tally: Tally,
        clock: WallClock,
        senders: Senders,
        fetches: Mapping[str, FetchQueue] | None = None,
        most_ahead: int = MOST_AHEAD,
    ) -> None:
        """`fetches` has a queue for each CRM whose API is set up; `most_ahead` is as for `Door`."""
        self._log = log
        self._tally = tally
        self._clock = clock
        self._senders = senders
        self._fetches = fetches or {}
        self._intake = Intake(clock=clock, most_ahead=most_ahead, fetches=self._fetches)

    async def take(self, crm: str, changes: Sequence[Mapping[str, Any]]) -> Counts:
        """Take in changes; when this returns, the log has them, and what they lack is on the list to be asked for.

        Raises Unavailable when the log or that list is away.
        """
        batch = Batch()
        for change in changes:
            self._add(batch, crm, change)
        return await keep(batch, crm, log=self._log, fetches=self._fetches, tally=self._tally)

    def _add(self, batch: Batch, crm: str, change: Mapping[str, Any]) -> None:
        try:
            self._intake.add_taken(batch, crm, self._read(crm, change))
        except Exception as error:
            batch.dead_letters += 1
            content = {name: value for name, value in change.items() if name != UNREADABLE}
            bad, now = as_bad(crm, error), self._clock.now()
            batch.records.append(found_letter(crm, self._senders[crm], Found("", content), bad, now))

    def _read(self, crm: str, change: Mapping[str, Any]) -> Taken:
        if UNREADABLE in change:
            raise BadEvent("unreadable", str(change[UNREADABLE]))
        try:
            check(change)
        except UnreadableJson as error:
            raise BadEvent("unreadable", str(error)) from None
        sender = self._senders[crm]
        if not isinstance(sender, CrmSender):
            raise BadEvent("invalid", f"{crm} has no changes of its own")
        return sender.meant(sender.found(Found("", change)))

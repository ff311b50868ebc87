"""Makes records of what senders say: events that pass the checks, and dead letters of what cannot be used."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import structlog

from schemas.dead_letters import DeadLetterReason
from services.domain.events import Event
from services.domain.instants import SECOND, Instant
from services.errors import BadEvent
from services.gateway.records import check_time, event_record, letter_record
from services.gateway.request import Incoming
from services.gateway.sender import Counts, Sender, Taken
from services.metric_table import EVENTS_TOTAL
from services.ports import EventLog, FetchQueue, Record, Reference, Tally, WallClock

MOST_AHEAD = 300 * SECOND
"""Five minutes, as for the timestamp of a signature: beyond them a time is a mistake, not a clock that differs."""

_log = structlog.get_logger()


@dataclass(slots=True)
class Batch:
    """What the log shall have of one request."""

    records: list[Record] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    events: int = 0
    ignored: int = 0
    dead_letters: int = 0

    def counts(self) -> Counts:
        """What became of the request's parts."""
        return Counts(self.events, self.ignored, self.dead_letters)


class Intake:
    """The checks that everything passes, whichever way it comes."""

    def __init__(
        self, *, clock: WallClock, most_ahead: int = MOST_AHEAD, fetches: Mapping[str, FetchQueue] | None = None
    ) -> None:
        """`most_ahead`, in microseconds, is how far a CRM's clock may be ahead of ours.

        `fetches` has a queue for each sender whose API is set up.
        """
        self._clock = clock
        self._most_ahead = most_ahead
        self._fetches = fetches or {}

    def add(self, batch: Batch, crm: str, sender: Sender, item: object, received_at: Instant) -> None:
        """Add the records of one part of a request; a bad one costs no other."""
        try:
            self.add_taken(batch, crm, sender.read(item))
        except Exception as error:
            batch.dead_letters += 1
            batch.records.append(part_letter(crm, sender, item, as_bad(crm, error), received_at))

    def add_taken(self, batch: Batch, crm: str, taken: Taken) -> None:
        """Add the records of what was read, all or none. Raises BadEvent."""
        records = self.records(crm, taken.events)
        references = self._references(crm, taken)
        batch.records += records
        batch.references += references
        batch.events += len(records)
        batch.ignored += not records and not references

    def records(self, crm: str, events: Sequence[Event]) -> list[Record]:
        """The records of events. Raises BadEvent where one is of a time to come, or cannot be written."""
        latest = self._clock.now() + round(self._most_ahead * self._clock.speed)
        for event in events:
            check_time(event, latest)
        return [event_record(crm, event) for event in events]

    def _references(self, crm: str, taken: Taken) -> Sequence[Reference]:
        """What the CRM's API shall be asked. Raises BadEvent where that matters and the API is not set up."""
        if crm in self._fetches:
            return [*taken.lacking, *taken.thin]
        if taken.lacking:
            said = ", ".join(f"{each.object} {each.id}".strip() for each in taken.lacking[:3])
            raise BadEvent("incomplete", f"the CRM left out what matters of {said}; set up its API to have it fetched")
        return ()


async def keep(batch: Batch, crm: str, *, log: EventLog, fetches: Mapping[str, FetchQueue], tally: Tally) -> Counts:
    """Return once the log has the records, and the list of what is to be asked its references. Raises Unavailable."""
    if batch.records:
        await log.append(batch.records)
    if batch.references:
        await asyncio.to_thread(fetches[crm].put, crm, batch.references)
    if batch.ignored:
        tally.count(EVENTS_TOTAL.name, {"crm": crm, "type": "other", "outcome": "ignored"}, batch.ignored)
    return batch.counts()


def as_bad(crm: str, error: Exception) -> BadEvent:
    """Why something cannot be used. A fault of ours is logged: what it met can return once that is mended."""
    if isinstance(error, BadEvent):
        return error
    _log.error("mapping_failed", crm=crm, exc_info=error)
    return BadEvent("fault", "Baton could not map it, though it should")


def part_letter(crm: str, sender: Sender, item: object, bad: BadEvent, received_at: Instant) -> Record:
    """The dead letter of one part of a request."""
    content_type, body = sender.alone(item)
    return letter_of(crm, bad, received_at, content_type, body, identity=sender.identity(item))


def whole_letter(crm: str, sender: Sender, request: Incoming, bad: BadEvent) -> Record:
    """The dead letter of a whole request that is of no use as it is."""
    _log.warning("webhook_unusable", crm=crm, reason=bad.reason)
    return letter_of(crm, bad, request.received_at, *sender.whole(request))


def letter_of(
    crm: str, bad: BadEvent, received_at: Instant, content_type: str, body: bytes, identity: object = None
) -> Record:
    """A dead letter that says why."""
    return letter_record(
        crm,
        reason=cast(DeadLetterReason, bad.reason),
        detail=str(bad),
        received_at=received_at,
        content_type=content_type,
        body=body,
        identity=identity,
    )

"""The way in for what CRMs' APIs say: read, mapped and checked as webhooks are, and what Baton has seen left out."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from services.domain.events import Event
from services.domain.instants import SECOND, Instant
from services.errors import BadEvent, Unavailable
from services.gateway.api_letters import found_letter, wanted_letter
from services.gateway.changes import Change, Reading
from services.gateway.crm.base import CrmSender
from services.gateway.intake import MOST_AHEAD, Intake, as_bad
from services.gateway.known import Known, Meaning, unseen
from services.gateway.strict_json import UnreadableJson, check
from services.metric_table import API_EVENTS_TOTAL
from services.ports import Applied, EventLog, Found, Record, Reference, Tally, WallClock
from services.storage import Seen, stream_of

LOOK_EVERY = 0.1
"""Seconds between two looks at whether the store has come up with the log."""
SETTLED = 120 * SECOND
"""A webhook about what is older has come, unless it is lost or is tried again."""
PATIENCE = 120.0
"""Seconds for that: a tracker that has more to do, or is down, is waited for by asking the API again later."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Said:
    """What an API's answer came to."""

    records: int = 0
    new: int = 0
    """Events that Baton had not seen; the log has them now."""
    known: int = 0
    bad: int = 0
    """Records that could not be used: dead letters."""
    later: int = 0
    """Records so fresh that the webhooks about them may be under way: they are left for the next time."""
    lacking: Sequence[Reference] = ()
    """What has to be read besides."""

    def __add__(self, other: "Said") -> "Said":
        return Said(
            self.records + other.records,
            self.new + other.new,
            self.known + other.known,
            self.bad + other.bad,
            self.later + other.later,
            (*self.lacking, *other.lacking),
        )


@dataclass(frozen=True, slots=True)
class _Read:
    """A record of an answer: what its changes mean, or why it cannot be used."""

    found: Found
    meant: Sequence[tuple[Change, Sequence[Event]]] = ()
    lacking: Sequence[Reference] = ()
    bad: BadEvent | None = None

    def is_after(self, instant: Instant | None) -> bool:
        """Whether it is a state that came about later."""
        return instant is not None and any(change.is_state and change.at > instant for change, _ in self.meant)


class ApiDoor:
    """The way in for all APIs."""

    def __init__(
        self,
        *,
        log: EventLog,
        tally: Tally,
        clock: WallClock,
        senders: Mapping[str, CrmSender],
        seen: Seen,
        applied: Applied,
        most_ahead: int = MOST_AHEAD,
        patience: float = PATIENCE,
    ) -> None:
        """`patience`: seconds that the store gets to come up with the log."""
        self._log = log
        self._tally = tally
        self._clock = clock
        self._senders = senders
        self._seen = seen
        self._applied = applied
        self._patience = patience
        self._intake = Intake(clock=clock, most_ahead=most_ahead)

    async def settle(self) -> Instant:
        """Wait until the store has what the log has; the instant up to which webhooks have all come by then.

        Raises Unavailable when the store is away, or does not come up with the log.
        """
        settled = self._clock.now() - round(SETTLED * self._clock.speed)
        is_applied = self._applied.mark()
        waited = 0.0
        while not await asyncio.to_thread(is_applied):
            if waited >= self._patience:
                raise Unavailable("the store is behind the event log: is a tracker at work?")
            await asyncio.sleep(LOOK_EVERY)
            waited += LOOK_EVERY
        return settled

    async def take(self, crm: str, found: Sequence[Found], *, settled: Instant | None = None) -> Said:
        """Take in an answer; when this returns, the log has what is new of it.

        `settled` is what `settle` gave before the answer: states that came about later are left out. Without it, all
        are taken, once the store has what the log has. Raises Unavailable when the log or the store is away.
        """
        if not found:
            return Said()
        if settled is None:
            # A webhook that is in the log and not yet in the store would be taken for one that was lost.
            await self.settle()
        said, records = await asyncio.to_thread(self._sift, crm, self._senders[crm], found, settled)
        if records:
            await self._log.append(records)
        for outcome, count in (("new", said.new), ("known", said.known), ("bad", said.bad)):
            if count:
                self._tally.count(API_EVENTS_TOTAL.name, {"crm": crm, "outcome": outcome}, count)
        return said

    async def bury(self, crm: str, reference: Reference, error: Exception) -> None:
        """Keep as a dead letter what the API cannot be asked for. Raises Unavailable when the log is away."""
        await self._log.append([wanted_letter(crm, reference, as_bad(crm, error), self._clock.now())])
        self._tally.count(API_EVENTS_TOTAL.name, {"crm": crm, "outcome": "bad"})

    def _sift(
        self, crm: str, sender: CrmSender, found: Sequence[Found], settled: Instant | None
    ) -> tuple[Said, list[Record]]:
        """What an answer comes to, and the records of it. In a thread: a page of an answer may be a second's work."""
        read = [self._read(crm, sender, each) for each in found]
        ready = [each for each in read if not each.is_after(settled)]
        streams = {stream_of(event) for each in ready for _, events in each.meant for event in events}
        stored = [event for events in self._seen.events(streams).values() for event in events] if streams else []
        told = [event for each in ready for change, events in each.meant if not change.is_state for event in events]
        # What the answer tells with its time is known to what it tells without.
        known, known_to_states = Known(stored), Known([*stored, *told])
        sent: set[tuple[str, str, str]] = set()
        said = Said(records=len(found), later=len(read) - len(ready))
        records: list[Record] = []
        for each in ready:
            one, of_one = self._taken(crm, sender, each, known, known_to_states, sent)
            said += one
            records += of_one
        return said, records

    def _read(self, crm: str, sender: CrmSender, found: Found) -> _Read:
        """What a record says; it costs no other when that is nothing that can be used."""
        try:
            check(found.content)
            reading = sender.found(found)
            meaning = _meaning(sender)
            meant = [(change, meaning(change)) for change in reading.changes]
        except UnreadableJson as error:
            return _Read(found, bad=BadEvent("unreadable", str(error)))
        except Exception as error:
            return _Read(found, bad=as_bad(crm, error))
        return _Read(found, meant, reading.lacking)

    def _taken(
        self,
        crm: str,
        sender: CrmSender,
        read: _Read,
        known: Known,
        known_to_states: Known,
        sent: set[tuple[str, str, str]],
    ) -> tuple[Said, Sequence[Record]]:
        """What of a record is new, but for what was `sent` already, which is added to; or its dead letter."""
        bad = read.bad
        new: list[Event] = []
        if bad is None:
            try:
                for change, events in read.meant:
                    seen = known_to_states if change.is_state else known
                    new += unseen(change, events, seen, mapping=sender.mapping, meaning=_meaning(sender))
                new = [event for event in new if _identity(event) not in sent]
                records = self._intake.records(crm, new)
            except Exception as error:
                bad = as_bad(crm, error)
        if bad is not None:
            return Said(bad=1), [found_letter(crm, sender, read.found, bad, self._clock.now())]
        sent.update(map(_identity, new))
        told = sum(len(events) for _, events in read.meant)
        return Said(new=len(new), known=told - len(new), lacking=read.lacking), records


def _meaning(sender: CrmSender) -> Meaning:
    return lambda change: sender.meant(Reading((change,))).events


def _identity(event: Event) -> tuple[str, str, str]:
    return stream_of(event), event.source, event.id

"""Takes what changed to the topics of leads and transitions: at least once, each under a key that stays the same."""

import asyncio
from collections.abc import Sequence

import structlog

from schemas.topics import LeadMessage, OpenClock, TransitionData, TransitionMessage
from services.domain.clocks import Kind
from services.domain.instants import Instant, format_exact
from services.domain.silences import HANDOFF
from services.errors import Unavailable
from services.ports import LEADS, TRANSITIONS, EventLog, Record
from services.storage import ClockRow, TransitionRow
from services.views import LeadView, TopicOutbox, ToRelay

BATCH = 500
"""What is taken at a time. Views are read when they are sent, so a lead that changes often is sent once a batch."""
_LOOK_EVERY = 0.5
"""Seconds between two looks at an empty outbox."""
_BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds to wait while the database or the log is away."""

log = structlog.get_logger()


class Relay:
    """Takes from one outbox to one log."""

    def __init__(self, *, outbox: TopicOutbox, topics: EventLog) -> None:
        self._outbox = outbox
        self._topics = topics

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop` is set. An outage is waited out; another error ends it."""
        failures = 0
        while not stop.is_set():
            try:
                wait = 0.0 if await self.relay() else _LOOK_EVERY
                failures = 0
            except Unavailable as error:
                wait = _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
                failures += 1
                log.warning("relay_waits", error=str(error), retry_in_seconds=wait)
            try:
                await asyncio.wait_for(stop.wait(), wait)
            except TimeoutError:
                continue

    async def relay(self) -> int:
        """Relay what waits, at most a batch; returns how much that was. It is forgotten once the topics have it."""
        waiting = await asyncio.to_thread(self._outbox.waiting, BATCH)
        if waiting:
            await self._topics.append(_records(waiting))
            await asyncio.to_thread(self._outbox.sent, [each.id for each in waiting])
        return len(waiting)


def _records(waiting: Sequence[ToRelay]) -> list[Record]:
    """A record of each transition, and one of each lead however often it waits."""
    leads = {each.lead: each.view for each in waiting if each.transition is None}
    records = [_lead_record(lead, view) for lead, view in leads.items()]
    for each in waiting:
        if each.transition is not None:
            value = transition_value(each.transition, each.promised_by)
            records.append(Record(TRANSITIONS, each.transition.id, value, ordered_by=each.lead))
    return records


def _lead_record(lead: str, view: LeadView | None) -> Record:
    return Record(LEADS, lead, lead_value(view)) if view is not None else Record(LEADS, lead, b"", is_tombstone=True)


def lead_value(view: LeadView) -> bytes:
    """A lead as JSON of `LeadMessage`."""
    row = view.row
    message = LeadMessage(
        lead=row.key,
        handoff=row.handoff,
        handed_off_at=_moment(row.handed_off_at),
        last_event_at=format_exact(row.last_event_at),
        stalls_at=_moment(row.stalls_at),
        owner=row.owner,
        team=row.team,
        priority=row.priority,
        source=row.source,
        account=row.account,
        clocks=[_open_clock(each) for each in view.clocks],
    )
    return message.model_dump_json().encode()


def transition_value(row: TransitionRow, promised_by: str | None) -> bytes:
    """A transition as JSON of `TransitionMessage`."""
    kind, _, level = row.name.partition("/")
    message = TransitionMessage(
        id=row.id,
        type=f"baton.{'handoff' if row.clock == HANDOFF else 'clock'}.{kind}",
        subject=row.lead,
        time=format_exact(row.at),
        data=TransitionData(
            lead=row.lead,
            clock=row.clock,
            number=row.number,
            transition=kind,
            level=int(level) if level and kind in (Kind.ESCALATED, Kind.STALLED) else None,
            promised_by=promised_by,
            told_at=format_exact(row.told_at),
            standing=row.standing,
            before=row.before,
            after=row.after,
        ),
    )
    return message.model_dump_json().encode()


def _open_clock(row: ClockRow) -> OpenClock:
    return OpenClock(
        clock=row.clock,
        number=row.number,
        charter=row.charter,
        promised_by="marketing" if row.promised_by == "marketing" else "sales",
        started_at=format_exact(row.started_at),
        at_risk_at=_moment(row.at_risk_at),
        due_at=_moment(row.due_at),
        paused=row.paused,
    )


def _moment(instant: Instant | None) -> str | None:
    return format_exact(instant) if instant is not None else None

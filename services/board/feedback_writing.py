"""What people say on the board, made into canonical events: checked, and in the log before it is acknowledged."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import orjson

from schemas.feedback import Accept, Answered, CeremonyRequest, Given, Reject, Settled
from services.board.desk import UNPROCESSABLE, Desk, LeadCase
from services.board.feedback_standing import Standing, reply_to, standing_of, why_not
from services.board.feedback_visitor import Permission, Visitor
from services.board.guard import RETRY_SECONDS
from services.board.overview import charter_at
from services.board.times import Times, zone_of
from services.domain.charter import Charter
from services.domain.events import Data, Event, EventType
from services.domain.feedback import AGREED, POOR
from services.domain.instants import Instant
from services.errors import Refused, Unavailable
from services.ports import EVENTS, EventLog, Record
from services.translate import to_json
from services.views import FeedbackViews

SOURCE = "/baton/board"
"""Of every event that was said here."""
DOOR = "board"
"""Through which door such events come, in metrics."""
CEREMONY = "ceremony:"
MOST_KEY = 255
"""Characters of an Idempotency-Key."""
_LOOK_EVERY = 0.1
"""Seconds between two looks at whether an event is judged: the tracker takes some hundredths, Kafka some tenths."""

Said = Accept | Reject | Given | Answered | Settled

TYPES: Mapping[type[Said], tuple[EventType, Permission]] = {
    Accept: (EventType.LEAD_ACCEPTED, Permission.SALES),
    Reject: (EventType.LEAD_REJECTED, Permission.SALES),
    Given: (EventType.FEEDBACK_GIVEN, Permission.SALES),
    Answered: (EventType.FEEDBACK_ANSWERED, Permission.MARKETING),
    Settled: (EventType.FEEDBACK_SETTLED, Permission.SETTLE),
}
"""By what is said, the type of its event, and what it takes to say it."""
_SAID_OTHERWISE = frozenset({"lead", "decision", "kind"})
"""Fields of a request that its event's type or subject says."""


class WrongField(Refused):
    """A field that is wrong by the charter or by what else was said; its text is for whoever filled it in."""

    def __init__(self, field: str, text: str) -> None:
        self.field = field
        self.text = text
        super().__init__(UNPROCESSABLE, f"{field}: {text}")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is in the log."""

    event: Event
    is_repeated: bool = False
    is_judged: bool = False


class Scribe:
    """Writes down what visitors say."""

    def __init__(self, *, desk: Desk, feedback: FeedbackViews, log: EventLog) -> None:
        self._desk = desk
        self._feedback = feedback
        self._log = log

    async def say(self, said: Said, visitor: Visitor, key: str | None = None) -> Recorded:
        """Record it; when this returns, the log has it.

        `key` is the Idempotency-Key that it came with. Raises Refused: 403 for what the visitor may not say, 404 where
        there is no such lead, 409 where it does not fit, 422 (WrongField among them), 503 while the log is away; and
        Unavailable while the database is.
        """
        kind, permission = TYPES[type(said)]
        if not visitor.may(permission):
            raise Refused(HTTPStatus.FORBIDDEN, f"you may not say this: it takes the permission {permission}")
        now = self._desk.clock.now()
        check(said, charter_at(self._desk.charters(), now)[0])
        standing = await asyncio.to_thread(self._standing, said.lead, now)
        data = _data(said, visitor)
        event = Event(now, kind, SOURCE, _id(kind, standing, data, key), said.lead, data)
        before = _said_before(event, standing, with_key=key is not None)
        if before is not None:
            return Recorded(before, is_repeated=True, is_judged=True)
        misfit = why_not(kind, standing)
        if misfit is not None:
            raise Refused(HTTPStatus.CONFLICT, misfit)
        await self._append(event)
        return Recorded(event)

    async def hold(self, held: CeremonyRequest, visitor: Visitor, key: str | None = None) -> Recorded:
        """Record that the teams met. Raises Refused as `say` does."""
        if not visitor.may(Permission.CEREMONY):
            raise Refused(HTTPStatus.FORBIDDEN, f"you may not say this: it takes the permission {Permission.CEREMONY}")
        now = self._desk.clock.now()
        charter, _ = charter_at(self._desk.charters(), now)
        if held.ceremony not in charter.ceremonies:
            raise WrongField("ceremony", _one_of(charter.ceremonies, "ceremony"))
        at = now if held.held_at is None else held.held_at
        if at > now:
            raise WrongField("held_at", "lies ahead")
        data = held.model_dump(exclude={"held_at"}, exclude_none=True)
        # The same meeting told twice on one day is one; next quarter's may well be told in the same words.
        basis = [held.ceremony, held.held_at, Times(zone_of(charter), now).date(at), data, key]
        subject = f"{CEREMONY}{held.ceremony}"
        event = Event(at, EventType.CEREMONY_HELD, SOURCE, _digest(basis), subject, data)
        await self._append(event)
        return Recorded(event)

    async def judged(self, recorded: Recorded, within: float) -> bool:
        """Wait until it counts, so many seconds at most; whether it does. Raises Unavailable."""
        if recorded.is_judged or recorded.event.type == EventType.CEREMONY_HELD:
            return recorded.is_judged
        deadline = asyncio.get_running_loop().time() + within
        while not await asyncio.to_thread(self._is_known, recorded.event):
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(_LOOK_EVERY)
        return True

    def standing(self, case: LeadCase, now: Instant) -> Standing:
        """A lead as far as feedback goes. Call it in a thread. Raises Unavailable."""
        carries_dispute = self._feedback.has_carried_dispute(case.file.row.key)
        return standing_of(case.file, case.lead, now, carries_dispute=carries_dispute)

    def _standing(self, lead: str, now: Instant) -> Standing:
        return self.standing(self._desk.lead(lead), now)

    def _is_known(self, event: Event) -> bool:
        file = self._desk.views.lead(event.lead)
        return file is not None and any((each.source, each.id) == (SOURCE, event.id) for each in file.events)

    async def _append(self, event: Event) -> None:
        try:
            await self._log.append([Record(EVENTS, event.lead, to_json(event), {"crm": DOOR})])
        except Unavailable:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The event log cannot be reached for now; nothing was recorded. Say it again in a moment.",
                RETRY_SECONDS,
            ) from None


def check(said: Said, charter: Charter) -> None:
    """Raise WrongField where a reason is none of the charter's, or something is missing."""
    reason = getattr(said, "reason", None)
    if reason is not None and charter.reasons and reason not in charter.reasons:
        raise WrongField("reason", _one_of(charter.reasons, "reason"))
    if isinstance(said, Given) and said.verdict != POOR and reason is not None:
        raise WrongField("reason", "only a poor lead has one")
    if isinstance(said, Answered) and (said.action is not None) != (said.answer == AGREED):
        raise WrongField(
            "action", "say what marketing will do" if said.answer == AGREED else "only what is agreed has one"
        )


def _one_of(names: Mapping[str, object], what: str) -> str:
    known = ", ".join(names) or "none"
    return f"not a {what} of the charter; there are: {known}"


def _data(said: Said, visitor: Visitor) -> Data:
    data = said.model_dump(exclude=set(_SAID_OTHERWISE), exclude_none=True)
    return {**data, "by": visitor.name} if visitor.name else data


def _id(kind: EventType, standing: Standing, data: Data, key: str | None) -> str:
    """Of a double click, or a request that is sent again, the same: with the key it came with, else by its content."""
    if key is not None:
        return _digest(["key", key, kind.wire, standing.lead])
    return _digest([kind.wire, standing.lead, reply_to(kind, standing), data])


def _digest(basis: Sequence[object]) -> str:
    return hashlib.sha256(orjson.dumps(basis, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()[:32]


def _said_before(event: Event, standing: Standing, *, with_key: bool) -> Event | None:
    """What was said and judged before and is the same. Raises Refused where a key was used for something else."""
    if with_key:
        same = next((each for each in standing.events if (each.source, each.id) == (SOURCE, event.id)), None)
        if same is not None and same.data != event.data:
            raise Refused(UNPROCESSABLE, "Idempotency-Key: it was used to say something else about this lead")
        return same
    last = standing.last_said(event.type)
    if last is None or last.source != SOURCE or last.data != event.data:
        return None
    is_of_this_handoff = standing.handed_off_at is None or last.time >= standing.handed_off_at
    is_over = event.type == EventType.FEEDBACK_GIVEN or why_not(event.type, standing) is not None
    return last if is_of_this_handoff and is_over else None

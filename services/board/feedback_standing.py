"""What the teams can say about a lead now, and why not what they cannot."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.board.languages import marked
from services.domain.events import Event, EventType
from services.domain.feedback import Exchange, State, exchanges
from services.domain.fold import Lead
from services.domain.instants import Instant
from services.views import LeadFile


@dataclass(frozen=True, slots=True)
class Standing:
    """A lead as far as feedback goes, at one instant."""

    lead: str
    is_erased: bool
    merged_into: str | None
    handoff: int | None
    """The number of the open one."""
    last_handoff: int | None
    handed_off_at: Instant | None
    """When the last one was opened."""
    accepted_at: Instant | None
    """When the open one was accepted."""
    exchanges: Sequence[Exchange]
    events: Sequence[Event]
    """All of the lead, in order."""
    carries_dispute: bool = False
    """Whether a dispute is open that a merge has brought along; it is in none of these exchanges."""

    def latest(self, state: State) -> Exchange | None:
        """The last exchange that has come so far and no further."""
        return next((each for each in reversed(self.exchanges) if each.state is state), None)

    def last_said(self, kind: EventType) -> Event | None:
        """The last event of a type."""
        return next((event for event in reversed(self.events) if event.type == kind), None)


def standing_of(file: LeadFile, lead: Lead, now: Instant, *, carries_dispute: bool = False) -> Standing:
    """From what is stored and folded of a lead.

    Handoffs are those of the store: what a merge has carried over from another lead is in none of this one's events.
    """
    events = [event for event in file.events if event.time <= now]
    opened = [row for row in file.handoffs if row.opened_at <= now]
    last = opened[-1] if opened else None
    is_open = last is not None and (last.closed_at is None or last.closed_at > now)
    return Standing(
        lead=file.row.key,
        is_erased=lead.erased_at is not None,
        merged_into=lead.merged_into,
        handoff=last.number if last is not None and is_open else None,
        last_handoff=last.number if last is not None else None,
        handed_off_at=last.opened_at if last is not None else None,
        accepted_at=last.accepted_at if last is not None and is_open else None,
        exchanges=exchanges(events),
        events=events,
        carries_dispute=carries_dispute,
    )


def why_not(kind: EventType, standing: Standing) -> str | None:
    """Why an event of this type does not fit now, in English; None where it does."""
    if standing.is_erased:
        return marked("The person asked to be forgotten; nothing more is kept of the lead.")
    if standing.merged_into is not None:
        return marked("The lead was merged into another one: say it there.")
    return _MISFIT[kind](standing)


def reply_to(kind: EventType, standing: Standing) -> object:
    """What an event of this type is said to: the same thing said to it twice is one event."""
    match kind:
        case EventType.FEEDBACK_ANSWERED:
            exchange = standing.latest(State.UNANSWERED)
            return exchange.complaint.order[:4] if exchange is not None else None
        case EventType.FEEDBACK_SETTLED:
            disputed = standing.latest(State.DISPUTED)
            return disputed.answer.order[:4] if disputed is not None and disputed.answer is not None else None
        case EventType.FEEDBACK_GIVEN:
            last = standing.last_said(kind)
            return standing.last_handoff, last.order[:4] if last is not None else None
        case _:
            return standing.last_handoff


def _no_accept(standing: Standing) -> str | None:
    if standing.handoff is None:
        return _no_reject(standing)
    return marked("The open handoff is accepted already.") if standing.accepted_at is not None else None


def _no_reject(standing: Standing) -> str | None:
    return marked("No handoff of the lead is open.") if standing.handoff is None else None


def _no_verdict(standing: Standing) -> str | None:
    return marked("The lead was never handed off.") if standing.last_handoff is None else None


def _no_answer(standing: Standing) -> str | None:
    is_waiting = standing.latest(State.UNANSWERED) is not None
    return None if is_waiting else marked("No rejection or verdict of poor waits for an answer.")


def _no_settlement(standing: Standing) -> str | None:
    is_open = standing.carries_dispute or standing.latest(State.DISPUTED) is not None
    return None if is_open else marked("No dispute about the lead is open.")


_MISFIT = {
    EventType.LEAD_ACCEPTED: _no_accept,
    EventType.LEAD_REJECTED: _no_reject,
    EventType.FEEDBACK_GIVEN: _no_verdict,
    EventType.FEEDBACK_ANSWERED: _no_answer,
    EventType.FEEDBACK_SETTLED: _no_settlement,
}

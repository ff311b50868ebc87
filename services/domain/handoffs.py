"""A handoff: one passing of a lead from marketing to sales, what happened in it, and how it closed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from services.domain.clocks import Passage
from services.domain.events import Attributes, Event, EventType, Order
from services.domain.instants import Instant


@dataclass(slots=True, eq=False)
class Handoff:
    """Handoffs of a lead are numbered from 1. Instants are None until the first such event."""

    number: int
    opened_at: Instant
    attributes: Attributes
    """What was known of the lead when it was handed off."""
    closed_at: Instant | None = None
    closed_by: Order | None = None
    outcome: EventType | None = None
    accepted_at: Instant | None = None
    touched_at: Instant | None = None
    """The first outbound touch."""
    qualified_at: Instant | None = None
    opportunity_at: Instant | None = None
    reason: str | None = None
    """Why it was rejected, lost, recycled or withdrawn."""
    verdict: str | None = None
    """The last feedback on the lead's quality, good or poor."""
    open_deals: set[str] = field(default_factory=set)
    stalls: list[Passage] = field(default_factory=list)
    """Those that an event has ended."""

    def take(self, event: Event) -> None:
        """Take in an event that came while it was open; one of `CLOSERS` closes it."""
        effect = _EFFECT_OF[event.type]
        if effect is not None:
            effect(self, event)

    def carried_on(self, number: int) -> "Handoff":
        """The same handoff, open again as it stood, as the `number`th of the lead that this one was merged into."""
        return replace(
            self,
            number=number,
            closed_at=None,
            closed_by=None,
            outcome=None,
            reason=None,
            open_deals=set(self.open_deals),
            stalls=[],
        )

    def _close(self, event: Event) -> None:
        self.closed_at = event.time
        self.closed_by = event.order
        self.outcome = event.type
        reason = event.data.get("reason")
        if isinstance(reason, str):
            self.reason = reason

    def _accept(self, event: Event) -> None:
        if self.accepted_at is None:
            self.accepted_at = event.time

    def _touch(self, event: Event) -> None:
        if self.touched_at is None and event.data.get("direction") == "outbound":
            self.touched_at = event.time

    def _qualify(self, event: Event) -> None:
        if self.qualified_at is None:
            self.qualified_at = event.time

    def _feedback(self, event: Event) -> None:
        verdict = event.data.get("verdict")
        if isinstance(verdict, str):
            self.verdict = verdict

    def _open_deal(self, event: Event) -> None:
        if self.opportunity_at is None and event.type == EventType.DEAL_OPENED:
            self.opportunity_at = event.time
        self.open_deals.add(str(event.data.get("deal")))

    def _lose(self, event: Event) -> None:
        self.open_deals.discard(str(event.data.get("deal")))
        if not self.open_deals:
            self._close(event)


CLOSERS = frozenset(
    {
        EventType.LEAD_REJECTED,
        EventType.LEAD_RECYCLED,
        EventType.LEAD_WITHDRAWN,
        EventType.LEAD_MERGED,
        EventType.DEAL_WON,
        EventType.DEAL_LOST,  # when no other deal of the handoff is open
    }
)

_EFFECTS: Mapping[EventType, Callable[[Handoff, Event], None]] = {
    EventType.LEAD_ACCEPTED: Handoff._accept,
    EventType.LEAD_TOUCHED: Handoff._touch,
    EventType.LEAD_QUALIFIED: Handoff._qualify,
    EventType.FEEDBACK_GIVEN: Handoff._feedback,
    EventType.DEAL_OPENED: Handoff._open_deal,
    EventType.DEAL_MOVED: Handoff._open_deal,
    EventType.DEAL_LOST: Handoff._lose,
    EventType.LEAD_REJECTED: Handoff._close,
    EventType.LEAD_RECYCLED: Handoff._close,
    EventType.LEAD_WITHDRAWN: Handoff._close,
    EventType.LEAD_MERGED: Handoff._close,
    EventType.DEAL_WON: Handoff._close,
}
_EFFECT_OF = tuple(_EFFECTS.get(EventType(number)) if number else None for number in range(len(EventType) + 1))
"""The same by number, which is quicker to look up."""

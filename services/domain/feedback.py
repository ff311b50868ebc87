"""What the teams say to each other about a lead: complaints, what marketing answers, how a dispute ends."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from services.domain.events import Event, EventType

POOR = "poor"
GOOD = "good"
AGREED = "agreed"
DISPUTED = "disputed"


class State(StrEnum):
    """How far an exchange has come."""

    UNANSWERED = "unanswered"
    AGREED = "agreed"
    DISPUTED = "disputed"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A complaint of sales, and what was said to it."""

    complaint: Event
    """The lead was rejected, or its quality called poor."""
    answer: Event | None = None
    settlement: Event | None = None

    @property
    def state(self) -> State:
        """How far it has come."""
        if self.answer is None:
            return State.UNANSWERED
        if self.answer.data.get("answer") != DISPUTED:
            return State.AGREED
        return State.DISPUTED if self.settlement is None else State.SETTLED


def exchanges(events: Iterable[Event]) -> list[Exchange]:
    """The exchanges about one lead, from its events in the canonical order.

    One answer is to every complaint that waits for one, and one settlement ends every dispute. A verdict of good takes
    back one of poor that nobody has answered yet. An answer to nothing, or a settlement of no dispute, is nothing here.
    """
    found: list[Exchange] = []
    for event in events:
        match event.type:
            case EventType.LEAD_REJECTED:
                found.append(Exchange(event))
            case EventType.FEEDBACK_GIVEN if event.data.get("verdict") == POOR:
                found.append(Exchange(event))
            case EventType.FEEDBACK_GIVEN:
                found = [each for each in found if not _is_taken_back(each)]
            case EventType.FEEDBACK_ANSWERED:
                found = [replace(each, answer=event) if each.state is State.UNANSWERED else each for each in found]
            case EventType.FEEDBACK_SETTLED:
                found = [replace(each, settlement=event) if each.state is State.DISPUTED else each for each in found]
    return found


def _is_taken_back(exchange: Exchange) -> bool:
    return exchange.state is State.UNANSWERED and exchange.complaint.type == EventType.FEEDBACK_GIVEN

"""What a lead's events say of its deals, and whether the lead is back with somebody who rejected it before."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.domain.events import IS_DEAL, Event, EventType, attributes_of
from services.domain.handoffs import CLOSERS
from services.domain.instants import Instant


@dataclass(slots=True)
class Dealing:
    """A deal as far as it went. Values are as the CRM sent them."""

    deal: str
    opened_at: Instant
    """Of its first event."""
    last_at: Instant
    state: EventType
    stage: str | None = None
    stages: list[tuple[Instant, str]] = field(default_factory=list)
    """The stages that it went through, with when."""
    amount: object = None
    currency: str | None = None
    new_customer: bool | None = None
    reason: str | None = None
    """Why it was lost."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An earlier rejection by whoever has the lead now."""

    at: Instant
    reason: str | None


def dealings(events: Iterable[Event]) -> list[Dealing]:
    """The deals, the first opened first. `events` are in the canonical order."""
    found: dict[str, Dealing] = {}
    for event in events:
        if not IS_DEAL[event.type]:
            continue
        name = str(event.data.get("deal"))
        deal = found.setdefault(name, Dealing(name, event.time, event.time, event.type))
        deal.last_at = event.time
        deal.state = event.type
        _take(deal, event)
    return list(found.values())


def back_with_who_rejected(events: Iterable[Event]) -> Rejection | None:
    """The last rejection by the present owner, where the lead was handed off again since and is open still."""
    owner: object = None
    is_open = False
    rejections: dict[object, Rejection] = {}
    for event in events:
        owner = attributes_of(event).get("owner", owner)
        if event.type is EventType.LEAD_HANDED_OFF:
            is_open = True
        elif event.type in CLOSERS:
            is_open = False
        if event.type is EventType.LEAD_REJECTED:
            reason = event.data.get("reason")
            rejection = Rejection(event.time, str(reason) if reason is not None else None)
            rejections |= {who: rejection for who in (owner, event.data.get("by")) if who is not None}
    return rejections.get(owner) if is_open and owner is not None else None


def _take(deal: Dealing, event: Event) -> None:
    data = event.data
    if (stage := data.get("stage")) is not None and str(stage) != deal.stage:
        deal.stage = str(stage)
        deal.stages.append((event.time, deal.stage))
    deal.amount = data.get("amount", deal.amount)
    if isinstance(currency := data.get("currency"), str):
        deal.currency = currency
    if isinstance(is_new := data.get("new_customer"), bool):
        deal.new_customer = is_new
    if isinstance(reason := data.get("reason"), str):
        deal.reason = reason

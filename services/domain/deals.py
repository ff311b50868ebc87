"""Which lead a deal belongs to."""

from collections.abc import Iterable

from services.domain.events import Event


def deal_of(event: Event) -> str | None:
    """The key of the deal that the event names."""
    deal = event.data.get("deal")
    return deal if isinstance(deal, str) else None


def owners(events: Iterable[Event]) -> dict[str, str]:
    """Deal to lead: of the events that name both, the first in the canonical order decides."""
    first: dict[str, Event] = {}
    for event in events:
        deal = deal_of(event)
        if deal is None or not event.lead:
            continue
        known = first.get(deal)
        if known is None or (event[:4], event.lead) < (known[:4], known.lead):
            first[deal] = event
    return {deal: event.lead for deal, event in first.items()}

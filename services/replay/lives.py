"""The leads of a history one after the other, folded under one or more sets of charters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.domain.charter import Charters
from services.domain.events import Event
from services.domain.fold import Lead, apply, fold_together, in_order
from services.domain.merges import links_of, together
from services.replay.history import History


@dataclass(frozen=True, slots=True)
class Life:
    """One lead: its state under each of the charters, and how many of its events counted and how many were double."""

    states: Sequence[Lead]
    used: int
    duplicate: int


def lives(history: History, *charters: Charters) -> Iterator[Life]:
    """Every lead in the order of the keys. The history is used up: events are let go once they are folded."""
    links = links_of(history.merges)
    folded: dict[str, Life] = {}
    for key in sorted(history.leads.keys() | links.keys()):
        if key in folded:
            yield folded.pop(key)
        elif key in links:
            group = {other: history.leads.pop(other, []) for other in sorted(together(key, links))}
            folded = {**folded, **_together(group, charters)}
            if key in folded:
                yield folded.pop(key)
        else:
            yield _alone(key, history.leads.pop(key), charters)


def _alone(key: str, given: list[Event], charters: Sequence[Charters]) -> Life:
    events = in_order(given)
    states = []
    for each in charters:
        lead = Lead(key)
        for event in events:
            apply(lead, event, each)
        states.append(lead)
    return Life(states, len(events), len(given) - len(events))


def _together(group: Mapping[str, list[Event]], charters: Sequence[Charters]) -> dict[str, Life]:
    """Leads that were merged; one of which nothing is known but that another was merged into it is none."""
    states = [fold_together(group, each) for each in charters]
    found = {}
    for key, given in group.items():
        used = len(in_order(given))
        life = Life([each[key] for each in states], used, len(given) - used)
        if any(lead.last is not None for lead in life.states):
            found[key] = life
    return found

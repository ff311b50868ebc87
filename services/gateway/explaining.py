"""What a request would become, and why: each part's events with their rules, and what means nothing.

It asks the sender and `services.gateway.meaning`, as the door does, and says more; nothing is decided here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.mapping import CrmMapping, DealObject, LeadObject
from services.domain.events import Event
from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway.changes import Change, Kind, text_of
from services.gateway.crm.base import CrmSender
from services.gateway.meaning import Meant, Place, meant_by, rules_of
from services.gateway.records import check_time, event_record
from services.gateway.request import Incoming
from services.gateway.sender import Sender
from services.ports import Reference

_RULES = {Kind.LINKED: "with_deal"}
"""What the rules of a kind of change are called, where that is not its own name."""
_WHOLE = frozenset({Kind.MERGED, Kind.LINKED, Kind.ERASED})
"""Changes of a lead that are not about its properties."""
_NO_LEAD = "it is about no lead that is known"
_NONE_HOLDS = "`when` of none of its rules holds"


@dataclass(frozen=True, slots=True)
class Unmeant:
    """Something that a part says and that means nothing; `place` is what of the mapping is about it, if anything."""

    what: str
    why: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of a request would become. With `bad`, a dead letter and nothing else."""

    meant: Sequence[Meant] = ()
    unmeant: Sequence[Unmeant] = ()
    lacking: Sequence[Reference] = ()
    thin: Sequence[Reference] = ()
    bad: BadEvent | None = None


def explained(crm: str, sender: Sender, request: Incoming, *, latest: Instant) -> Sequence[Part]:
    """What each part of the request would become; an event after `latest` is too far ahead.

    Raises BadEvent where the whole is unusable, Refused 415 for a wrong format.
    """
    return [_part(crm, sender, item, latest) for item in sender.items(request)]


def _part(crm: str, sender: Sender, item: object, latest: Instant) -> Part:
    try:
        part = _by_mapping(sender, item) if isinstance(sender, CrmSender) else _as_it_is(sender, item)
        for meant in part.meant:
            check_time(meant.event, latest)
            event_record(crm, meant.event)
    except BadEvent as bad:
        return Part(bad=bad)
    return part


def _as_it_is(sender: Sender, item: object) -> Part:
    """A canonical event stands in no mapping."""
    events: Sequence[Event] = sender.read(item).events
    if events:
        return Part([Meant(event, ()) for event in events])
    return Part(unmeant=[Unmeant("the event", "its type is none of Baton's")])


def _by_mapping(sender: CrmSender, item: object) -> Part:
    reading = sender.reading(item)
    meant: list[Meant] = []
    unmeant: list[Unmeant] = []
    for change in reading.changes:
        found = list(meant_by(sender.crm, change, sender.mapping))
        meant += found
        used = {place[:size] for each in found for place in each.places for size in range(len(place))}
        unmeant += (each for each in _unmeant(change, sender.mapping) if each.place is None or each.place not in used)
    if not (reading.changes or reading.lacking or reading.thin):
        unmeant.append(Unmeant("the part", f"it says nothing of what Baton reads of {sender.crm}"))
    return Part(meant, unmeant, reading.lacking, reading.thin)


def _unmeant(change: Change, mapping: CrmMapping) -> Iterator[Unmeant]:
    """What of a change would mean nothing, were there no event of its place."""
    told = f"{change.object} {change.id}, {change.kind}"
    if change.object in mapping.activities:
        yield Unmeant(told, _why_no_touch(change), ("activities", change.object))
        return
    deal = mapping.deals.get(change.object)
    meaning = deal if deal is not None else mapping.leads.get(change.object)
    if meaning is None:
        yield Unmeant(told, f"the mapping does not know the object {change.object}")
        return
    if deal is None and change.lead is None:
        yield Unmeant(told, _NO_LEAD)
        return
    place: Place = ("leads" if deal is None else "deals", change.object)
    if change.kind != Kind.UPDATED:
        rules = _RULES.get(change.kind, change.kind.value)
        why = _NONE_HOLDS if getattr(meaning, rules, ()) else "the mapping has no rule for it"
        yield Unmeant(told, why, (*place, rules))
    if deal is not None or change.kind not in _WHOLE:
        yield from _unmeant_properties(change, meaning, place)


def _why_no_touch(change: Change) -> str:
    if change.kind not in (Kind.CREATED, Kind.UPDATED):
        return "an activity counts when it is made or edited"
    return _NO_LEAD if change.lead is None else "none of its touches holds"


def _unmeant_properties(change: Change, meaning: LeadObject | DealObject, place: Place) -> Iterator[Unmeant]:
    for name, value in change.changed.items():
        if isinstance(meaning, LeadObject) and name in meaning.attributes:
            continue
        text = text_of(value)
        told = f"{change.object} {change.id}, {name}={text!r:.60}"
        known = meaning.properties.get(name)
        if known is None:
            yield Unmeant(told, f"the mapping does not know the property {name}")
        else:
            rules, _ = rules_of(known, text)
            yield Unmeant(told, _NONE_HOLDS if rules else "no rule is for this value", (*place, "properties", name))

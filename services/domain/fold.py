"""A lead's state, and the one way in which events change it.

`fold` is the definition: the state is what the sorted, distinct events make of it. An event that comes in
order may be applied to the state alone; one out of order needs the fold of all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.domain.charter import Charter, Charters, Clock, holds_for
from services.domain.clocks import ENDINGS, Instance, Role, Status
from services.domain.events import IS_DEAL, Attributes, Event, EventType, Order, attributes_of, flags
from services.domain.handoffs import Handoff
from services.domain.instants import Instant
from services.domain.occurrences import IS_COUNTED, Occurrences
from services.domain.silences import stall_of

_HAS_ATTRIBUTES = flags(
    EventType.LEAD_CAPTURED, EventType.LEAD_UPDATED, EventType.LEAD_HANDED_OFF, EventType.LEAD_ASSIGNED
)


@dataclass(slots=True, eq=False)
class Lead:
    """What is known of a lead after the events so far.

    `instances` and `handoffs` hold those that are open and those that ended since the state was made or read
    back: what a store has to write. The folded state of a whole history holds all of them.
    """

    key: str
    attributes: Attributes = field(default_factory=dict)
    paused_at: Instant | None = None
    erased_at: Instant | None = None
    merged_into: str | None = None
    last: Order | None = None
    """The order of the last event applied."""
    handoff: Handoff | None = None
    """The open one."""
    handoffs_opened: int = 0
    handoffs: list[Handoff] = field(default_factory=list)
    open: dict[str, Instance] = field(default_factory=dict)
    """The open instance of each clock."""
    started: dict[str, int] = field(default_factory=dict)
    """How many instances of each clock have started."""
    instances: list[Instance] = field(default_factory=list)
    occurrences: Occurrences = field(default_factory=Occurrences)
    """What measures count beside handoffs."""


def fold(key: str, events: Iterable[Event], charters: Charters) -> Lead:
    """The state after `events`: in any order, duplicates (same source and id) allowed."""
    lead = Lead(key)
    for event in in_order(events):
        apply(lead, event, charters)
    return lead


def fold_together(histories: Mapping[str, Iterable[Event]], charters: Charters) -> dict[str, Lead]:
    """The states of leads that were merged into each other, each key with its own events.

    What a merge cancels on the lead that goes is carried on by the survivor, as it stood: the open handoff, and
    the open instances of clocks. Where the survivor has a handoff or an instance of that clock itself, its own
    stays. A deal of a lead that was merged goes with it, but for events that still name the lead.
    """
    leads = {key: Lead(key) for key in histories}
    ordered = sorted(
        ((event[:4], key, event) for key, events in histories.items() for event in in_order(events)),
        key=lambda item: item[:2],
    )
    for _, key, event in ordered:
        lead = leads[key]
        if IS_DEAL[event.type] and event.lead != key:
            lead = _survivor(lead, leads)
        apply(lead, event, charters, leads[key])
        if event.type == EventType.LEAD_MERGED and lead.merged_into != key and lead.merged_into in leads:
            _carry_on(leads[lead.merged_into], lead, charters)
    return leads


def in_order(events: Iterable[Event]) -> list[Event]:
    """The distinct events in the canonical order.

    Of events that share source and id but differ, the `preferred` one stays, whichever came first.
    """
    distinct: dict[tuple[str, str], Event] = {}
    for event in events:
        identity = (event.source, event.id)
        kept = distinct.setdefault(identity, event)
        if kept is not event and kept != event:
            distinct[identity] = preferred(kept, event)
    return sorted(distinct.values(), key=_order)


def preferred(one: Event, other: Event) -> Event:
    """Which of two different events that share source and id is the one that counts.

    One that names a lead comes before one that does not: whose a deal is must not be forgotten again.
    """
    return min(one, other, key=lambda event: (not event.lead, event[:5], repr(sorted(event.data.items()))))


def _survivor(lead: Lead, leads: Mapping[str, Lead]) -> Lead:
    """The lead that a lead is by now: itself, or the last of a chain of merges."""
    passed = {lead.key}
    while lead.merged_into is not None and lead.merged_into in leads and lead.merged_into not in passed:
        passed.add(lead.merged_into)
        lead = leads[lead.merged_into]
    return lead


def _carry_on(survivor: Lead, lead: Lead, charters: Charters) -> None:
    """Give the survivor what the merge that was just applied took from `lead`."""
    by = lead.last
    if by is None:
        return
    _end_silence(survivor, by.time, charters)
    known = {name: value for name, value in survivor.attributes.items() if value is not None}
    survivor.attributes = {**lead.attributes, **known}
    survivor.occurrences.carry_on(lead.occurrences)
    handoff = lead.handoffs[-1] if lead.handoffs else None
    if handoff is not None and handoff.closed_by == by and survivor.handoff is None:
        survivor.handoffs_opened += 1
        survivor.handoff = handoff.carried_on(survivor.handoffs_opened)
        survivor.handoffs.append(survivor.handoff)
    for instance in lead.instances:
        name = instance.clock.name
        if instance.ended_by == by and instance.verdict is Status.CANCELLED and name not in survivor.open:
            number = survivor.started.get(name, 0) + 1
            carried = instance.carried_on(number, by.time, is_paused=survivor.paused_at is not None)
            survivor.started[name] = number
            survivor.open[name] = carried
            survivor.instances.append(carried)
    survivor.last = by if survivor.last is None else max(survivor.last, by)


def _order(event: Event) -> tuple[object, ...]:
    return event[:4]


def apply(lead: Lead, event: Event, charters: Charters, owner: Lead | None = None) -> None:
    """Change `lead` by its next event. Its order must be after `lead.last`; the caller has seen to that.

    `owner` is the lead whose the event's deal is, where that was merged into `lead`.
    """
    kind = event.type
    _end_silence(lead, event.time, charters)
    if _HAS_ATTRIBUTES[kind]:
        said = attributes_of(event)
        if said:
            lead.attributes = {**lead.attributes, **said}
    if IS_COUNTED[kind]:
        handed_off = lead.handoff.attributes if lead.handoff is not None else lead.attributes
        lead.occurrences.note(event, lead.key, lead.attributes, handed_off, (owner or lead).occurrences)
    _handoff(lead, event)
    if kind == EventType.LEAD_PAUSED:
        _pause(lead, event.time)
    elif kind == EventType.LEAD_RESUMED:
        _resume(lead, event.time)
    elif kind == EventType.LEAD_MERGED:
        lead.merged_into = str(event.data.get("into"))
    elif kind == EventType.LEAD_ERASED:
        lead.erased_at = event.time
    lead.last = event.order
    _clocks(lead, event, charters.in_force(event.time), lead.last)


def _end_silence(lead: Lead, at: Instant, charters: Charters) -> None:
    """Note on the open handoff that the lead lay still for too long before `at`, where it did.

    What falls on the very instant of the event was not passed: at that instant the event decides.
    """
    if lead.handoff is None or lead.last is None or lead.erased_at is not None:
        return
    stall = stall_of(lead.last.time, lead.open.values(), charters, until=at)
    if stall is not None and stall.at < at:
        lead.handoff.stalls.append(stall)


def _handoff(lead: Lead, event: Event) -> None:
    handoff = lead.handoff
    if handoff is not None:
        handoff.take(event)
        if handoff.closed_at is not None:
            lead.handoff = None
    elif event.type == EventType.LEAD_HANDED_OFF:
        lead.handoffs_opened += 1
        lead.handoff = Handoff(lead.handoffs_opened, event.time, lead.attributes)
        lead.handoffs.append(lead.handoff)


def _pause(lead: Lead, at: Instant) -> None:
    if lead.paused_at is None:
        lead.paused_at = at
        for instance in lead.open.values():
            if instance.clock.pausable:
                instance.pause(at)


def _resume(lead: Lead, at: Instant) -> None:
    if lead.paused_at is not None:
        lead.paused_at = None
        for instance in lead.open.values():
            instance.resume(at)


def _clocks(lead: Lead, event: Event, charter: Charter | None, by: Order) -> None:
    """End what the event ends, each instance by its own charter; then start what it starts."""
    ended = [(instance, role) for instance in lead.open.values() if (role := _role(instance.clock, event)) is not None]
    for instance, role in ended:
        instance.end(role, by)
        del lead.open[instance.clock.name]
    if charter is None:
        return
    for instance, role in ended:
        again = charter.clocks.get(instance.clock.name)
        if ENDINGS[role].opens_next and again is not None:
            _start(lead, charter, again, by)
    for clock, conditions in charter.starters[event.type]:
        if clock.name not in lead.open and holds_for(conditions, event):
            _start(lead, charter, clock, by)


def _role(clock: Clock, event: Event) -> Role | None:
    """What the event is to an open instance of `clock`; None where it is nothing."""
    roles = clock.roles[event.type]
    if roles is not None:
        if roles.stops and holds_for(roles.stops, event):
            return Role.STOP
        if roles.cancels and holds_for(roles.cancels, event):
            return Role.CANCEL
        if roles.restarts and holds_for(roles.restarts, event) and event.type != EventType.LEAD_ERASED:
            return Role.RESTART
    return Role.CANCEL if event.type == EventType.LEAD_ERASED else None


def _start(lead: Lead, charter: Charter, clock: Clock, by: Order) -> None:
    attributes = lead.attributes
    number = lead.started.get(clock.name, 0) + 1
    target_number = clock.target_for(attributes)
    target = clock.targets[target_number]
    instance = Instance(
        charter=charter,
        clock=clock,
        number=number,
        started_at=by.time,
        started_by=by,
        target_number=target_number,
        team=charter.label("team", attributes.get("team")),
        priority=charter.label("priority", attributes.get("priority")),
        due_at=None,
        pauses=[],
    )
    if clock.pausable and lead.paused_at is not None:
        instance.pause(by.time)
    else:
        instance.due_at = target.calendar.add(by.time, target.within)
    lead.started[clock.name] = number
    lead.open[clock.name] = instance
    lead.instances.append(instance)

"""The canonical events, their types in the canonical order, and the order of events of a lead."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from services.domain.instants import Instant

Scalar = str | int | float | bool | None
"""A value of an attribute."""
Attributes = Mapping[str, Scalar]
Data = Mapping[str, object]

NOTHING: Data = {}


class EventType(IntEnum):
    """The 22 types; the number breaks ties between events of the same time."""

    LEAD_CAPTURED = 1
    LEAD_UPDATED = 2
    LEAD_HANDED_OFF = 3
    LEAD_ASSIGNED = 4
    LEAD_PAUSED = 5
    LEAD_RESUMED = 6
    LEAD_ACCEPTED = 7
    LEAD_TOUCHED = 8
    LEAD_QUALIFIED = 9
    DEAL_OPENED = 10
    DEAL_MOVED = 11
    FEEDBACK_GIVEN = 12
    LEAD_REJECTED = 13
    FEEDBACK_ANSWERED = 14
    FEEDBACK_SETTLED = 15
    DEAL_WON = 16
    DEAL_LOST = 17
    LEAD_RECYCLED = 18
    LEAD_WITHDRAWN = 19
    LEAD_MERGED = 20
    LEAD_ERASED = 21
    CEREMONY_HELD = 22

    @property
    def wire(self) -> str:
        """The name on the wire, such as `lead.handed_off`."""
        return WIRE_NAMES[self]


WIRE_NAMES: Mapping[EventType, str] = {kind: kind.name.replace("_", ".", 1).lower() for kind in EventType}
TYPES_BY_WIRE_NAME: Mapping[str, EventType] = {wire: kind for kind, wire in WIRE_NAMES.items()}


def flags(*kinds: EventType) -> Sequence[bool]:
    """Whether a type is one of `kinds`, by its number: a look-up for every event, where a set costs ten times more."""
    return tuple(number in kinds for number in range(len(EventType) + 1))


IS_DEAL = flags(EventType.DEAL_OPENED, EventType.DEAL_MOVED, EventType.DEAL_WON, EventType.DEAL_LOST)
"""By the number of a type: whether it is one of `deal.*`, which may come without a lead."""


class Order(NamedTuple):
    """Where an event stands among the events of its lead; events are compared by this alone."""

    time: Instant
    type: EventType
    source: str
    id: str


class Event(NamedTuple):
    """One canonical event. The first four fields are its `Order`."""

    time: Instant
    type: EventType
    source: str
    id: str
    lead: str
    """The lead's key; empty for a `deal.*` event whose lead is not yet known."""
    data: Data

    @property
    def order(self) -> Order:
        """Its place among the events of its lead."""
        return Order(self.time, self.type, self.source, self.id)


def attributes_of(event: Event) -> Attributes:
    """What the event says of the lead: its `attributes`, and its `owner` and `team`."""
    said = event.data.get("attributes")
    attributes: dict[str, Scalar] = dict(said) if isinstance(said, Mapping) else {}
    for name in ("owner", "team"):
        value = event.data.get(name)
        if isinstance(value, str):
            attributes[name] = value
    return attributes

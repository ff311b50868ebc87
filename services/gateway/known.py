"""What Baton has seen of a CRM's objects, and which part of what its API says is new. Pure.

A webhook tells a change with its time, an API mostly what an object is now and when it was last modified. So what is
read from an API is compared, field by field, with what the store's events say of that time.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from schemas.mapping import CrmMapping
from services.domain.events import Event, Scalar, attributes_of
from services.domain.fold import in_order, preferred
from services.domain.instants import Instant
from services.gateway.changes import Change, Kind
from services.storage import lead_stream, stream_of

_VALUED = re.compile(
    r"(?P<property>[^:]+:[^:]+:[^:=]+)=(?P<value>.*):\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z(/\d+)?", re.DOTALL
)
"""Ids of `services.gateway.meaning` that say which value a property got, and when."""
_ATTRIBUTES = re.compile(r"[^:]+:[^:]+:attributes:", re.DOTALL)
Meaning = Callable[[Change], Sequence[Event]]
"""The events of a change, by the company's mapping."""
_ONCE = frozenset({Kind.CREATED, Kind.LINKED})
"""What happens once: its event has no time in its id."""


class Known:
    """The events that the store has of some streams, looked at as histories of values."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = {(stream_of(event), event.source, event.id): event for event in events}
        self._values: dict[tuple[str, str, str], _History] = defaultdict(_History)
        self._told: dict[tuple[str, str, str], _History] = defaultdict(_History)
        self._attributes: dict[str, dict[str, Scalar]] = defaultdict(dict)
        for event in in_order(self._events.values()):
            stream = stream_of(event)
            valued = _VALUED.fullmatch(event.id)
            if valued:
                self._values[stream, event.source, valued["property"]].add(event.time, valued["value"])
            if stream == lead_stream(event.lead):
                said = attributes_of(event)
                self._attributes[stream].update(said)
                for name, value in said.items():
                    self._told[stream, event.source, name].add(event.time, value)

    def stored(self, event: Event) -> Event | None:
        """What the store has under the event's id."""
        return self._events.get((stream_of(event), event.source, event.id))

    def has_value(self, event: Event) -> bool:
        """Whether the property had the value that the event tells; of an id that tells none, False.

        A property of which nothing is known is as good as empty.
        """
        valued = _VALUED.fullmatch(event.id)
        if valued is None:
            return False
        history = self._values.get((stream_of(event), event.source, valued["property"]))
        return valued["value"] in (history.at(event.time, "") if history is not None else ("",))

    def new_attributes(self, event: Event) -> frozenset[str]:
        """Of the attributes that the event tells, those that the lead does not have, and this CRM did not tell."""
        stream = stream_of(event)
        current = self._attributes.get(stream, {})
        new = set()
        for name, value in attributes_of(event).items():
            history = self._told.get((stream, event.source, name))
            told = history.at(event.time, None) if history is not None else (None,)
            if not any(_same(value, each) for each in (*told, current.get(name))):
                new.add(name)
        return frozenset(new)


class _History:
    """The values that something had, each from its instant on."""

    def __init__(self) -> None:
        self._times: list[Instant] = []
        self._values: list[Scalar] = []

    def add(self, at: Instant, value: Scalar) -> None:
        """The next value; instants do not go back."""
        self._times.append(at)
        self._values.append(value)

    def at(self, at: Instant, empty: Scalar) -> Sequence[Scalar]:
        """The value at the instant (`empty` where there was none yet), and the one that came after it.

        The latter, for the two times are of different clocks, or one is cut to seconds; and for what an API says may
        be older than what a webhook has told since.
        """
        after = bisect_right(self._times, at)
        before = self._values[after - 1 : after] if after else [empty]
        return [*before, *self._values[after : after + 1]]


def unseen(
    change: Change, events: Sequence[Event], known: Known, *, mapping: CrmMapping, meaning: Meaning
) -> Sequence[Event]:
    """Those of a change's events that say something new.

    A change with a time of its own is new unless the store has it; a creation and a link, unless it has any of that
    object. Of a state, a field is new where its value is another than the one known of that time.
    """
    new: list[Event] = []
    for event in events:
        stored = known.stored(event)
        if stored is not None:
            # Under one id the store keeps the preferred of two events, whichever came first.
            is_known = change.is_state or change.kind in _ONCE or preferred(stored, event) == stored
            new += [] if is_known else [event]
        elif not change.is_state:
            new.append(event)
        elif _ATTRIBUTES.match(event.id):
            new += _attributes_alone(change, known.new_attributes(event), mapping, meaning)
        elif not known.has_value(event):
            new.append(event)
    return new


def _attributes_alone(change: Change, names: frozenset[str], mapping: CrmMapping, meaning: Meaning) -> Sequence[Event]:
    """The event that tells no other attributes than these: its id then says what it tells."""
    attributes = mapping.leads[change.object].attributes
    changed = {
        name: value for name, value in change.changed.items() if name in attributes and attributes[name].to in names
    }
    if not changed:
        return ()
    return [event for event in meaning(replace(change, changed=changed)) if _ATTRIBUTES.match(event.id)]


def _same(one: Scalar, other: Scalar) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)

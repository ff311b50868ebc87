"""One timeline of a lead: its events, its handoffs, and what was told of these and of its clocks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import groupby

from services.board.judgements import happened
from services.board.times import MINUTE, Times
from services.domain.clocks import Kind
from services.domain.events import Event
from services.domain.instants import Instant
from services.domain.silences import HANDOFF
from services.storage import HandoffRow, TransitionRow
from services.views import LeadFile


class Sort(IntEnum):
    """What an entry is; at one instant an event comes first, then what follows from it."""

    EVENT = 1
    HANDOFF = 2
    TRANSITION = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `facts` are names and values as they came, to be escaped by whoever shows them."""

    at: Instant
    sort: Sort
    kind: str
    """The event's or transition's type, or `opened` and `closed`."""
    title: str
    facts: Sequence[tuple[str, str]] = ()
    note: str = ""
    is_taken_back: bool = False


def entries(file: LeadFile, times: Times) -> list[Entry]:
    """All that has happened by `times.now`, in order."""
    every = [
        *(_event(event) for event in file.events),
        *(_foreign(event, owner) for event, owner in file.foreign_deals),
        *(entry for handoff in file.handoffs for entry in _handoff(handoff)),
        *(_transition(transition, times) for transition in file.transitions),
    ]
    return sorted((entry for entry in every if entry.at <= times.now), key=lambda entry: (entry.at, entry.sort))


def days_newest_first(ordered: Iterable[Entry], times: Times) -> list[tuple[str, list[Entry]]]:
    """The entries by day of the zone, the newest first."""
    newest_first = reversed(list(ordered))
    return [(day, list(entries)) for day, entries in groupby(newest_first, key=lambda entry: times.day(entry.at))]


def facts(data: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Names and values as text; nested ones by a dotted name, unknown ones left out."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            prefix = "" if name == "attributes" else f"{name}."
            yield from ((f"{prefix}{inner}", text) for inner, text in facts(value))
        elif value is not None:
            yield name, text_of(value)


def text_of(value: object) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(text_of(each) for each in value)
    return str(value)


def _event(event: Event) -> Entry:
    words = happened(event.type.wire)
    return Entry(
        at=event.time,
        sort=Sort.EVENT,
        kind=event.type.wire,
        title=words[0].upper() + words[1:],
        facts=tuple(facts(event.data)),
        note=f"from {event.source}",
    )


def _foreign(event: Event, owner: str) -> Entry:
    """A deal's event that names this lead; it counts for the lead that the deal belongs to."""
    entry = _event(event)
    return replace(entry, note=f"{entry.note}; the deal belongs to {owner}, which was named first")


def _handoff(handoff: HandoffRow) -> Iterator[Entry]:
    yield Entry(handoff.opened_at, Sort.HANDOFF, "opened", f"Handoff {handoff.number} opened")
    if handoff.closed_at is not None:
        outcome = happened(handoff.outcome) if handoff.outcome is not None else "ended"
        because = (("reason", handoff.reason),) if handoff.reason else ()
        yield Entry(handoff.closed_at, Sort.HANDOFF, "closed", f"Handoff {handoff.number} closed: {outcome}", because)


def _transition(row: TransitionRow, times: Times) -> Entry:
    kind, _, level = row.name.partition("/")
    words = kind.replace("_", " ")
    whose = f"Handoff {row.number}" if row.clock == HANDOFF else f"Clock {row.clock} {row.number}"
    title = f"{whose}: {words}"
    if kind == Kind.STALLED:
        title += f", no event since {times.moment(int(level or 0))}"
    elif kind == Kind.ESCALATED:
        title += f", level {level}"
    elif kind == Kind.CORRECTED:
        title += f" from {_verdict(row.before)} to {_verdict(row.after)}"
    # Told later than it happened: a late event, or a service that was away. People should see which they knew when.
    told = f"told {times.moment(row.told_at)}" if row.told_at - row.at >= MINUTE else ""
    because = (("shown by", row.because),) if row.because else ()
    return Entry(row.at, Sort.TRANSITION, kind, title, because, note=told, is_taken_back=not row.standing)


def _verdict(name: str | None) -> str:
    return (name or "unknown").replace("_", " ")

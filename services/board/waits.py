"""Where a lead's time went: at each instant it waits for one thing, so the parts add up to the whole.

A stretch begins with the event that changed what is waited for. What of it had gone by when that event reached
Baton was spent in transit between the CRM and us: until then nobody could be told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.board.languages import Language, marked
from services.domain.calendar import Calendar
from services.domain.events import Event, EventType, attributes_of
from services.domain.handoffs import Handoff
from services.domain.instants import DAY, Instant

Received = Mapping[tuple[str, str], Instant]
"""By source and id of an event, when it reached the log."""
IMPORTED_AFTER = DAY
"""News older than this came from an export or a look at the CRM's past: nobody waited for it at the time."""


class Wait(StrEnum):
    """What a lead waits for; of a stretch, and of all of them together."""

    HANDOFF = "handoff"
    OWNER = "owner"
    ANSWER = "answer"
    TOUCH = "touch"
    CUSTOMER = "customer"
    TRANSIT = "transit"
    NOTHING = "nothing"


_WORDS: Mapping[Wait, str] = {
    Wait.HANDOFF: marked("With marketing, before a handoff"),
    Wait.OWNER: marked("Waiting for an owner"),
    Wait.ANSWER: marked("Waiting for an answer"),
    Wait.TOUCH: marked("Waiting for a touch"),
    Wait.CUSTOMER: marked("Waiting for the customer"),
    Wait.TRANSIT: marked("In transit between the CRM and us"),
    Wait.NOTHING: marked("Closed, waiting for nothing"),
}
_FINAL = frozenset({EventType.DEAL_WON, EventType.LEAD_WITHDRAWN, EventType.LEAD_MERGED, EventType.DEAL_LOST})


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time `[since, until)` in which one thing was waited for."""

    wait: Wait
    since: Instant
    until: Instant

    @property
    def length(self) -> int:
        """Microseconds on the wall."""
        return self.until - self.since


@dataclass(frozen=True, slots=True)
class Part:
    """All stretches of one kind together."""

    wait: Wait
    length: int
    counted: int
    """What of it the calendar counts."""
    share: float


def wait_words(language: Language) -> dict[Wait, str]:
    """What each part is called."""
    return {wait: language.gettext(words) for wait, words in _WORDS.items()}


def stretches(events: Sequence[Event], received: Received, now: Instant) -> list[Stretch]:
    """The time from the first event to `now`, or to when nothing was waited for any more; without holes.

    `events` are in the canonical order. An event that `received` lacks counts as received at once.
    """
    found: list[Stretch] = []
    for wait, event, until in _states(events, now):
        news = received.get((event.source, event.id), event.time)
        known = min(news, until) if 0 < news - event.time <= IMPORTED_AFTER and wait is not Wait.NOTHING else event.time
        found += [Stretch(Wait.TRANSIT, event.time, known), Stretch(wait, known, until)]
    found = [each for each in found if each.length > 0]
    while found and found[-1].wait is Wait.NOTHING:
        found.pop()
    return found


def parts(found: Iterable[Stretch], calendar: Calendar) -> list[Part]:
    """The stretches by what was waited for, those that never were left out; their lengths add up to the whole."""
    by_wait: dict[Wait, list[Stretch]] = {}
    for stretch in found:
        by_wait.setdefault(stretch.wait, []).append(stretch)
    whole = sum(each.length for several in by_wait.values() for each in several)
    return [
        Part(
            wait,
            length=(length := sum(each.length for each in by_wait[wait])),
            counted=sum(calendar.counted(each.since, each.until) for each in by_wait[wait]),
            share=length / whole,
        )
        for wait in Wait
        if wait in by_wait
    ]


class _State:
    """What the events so far say about who has to do something next."""

    def __init__(self) -> None:
        self.handoff: Handoff | None = None
        self.has_owner = False
        self.is_paused = False
        self.is_customers_turn = False
        self.is_rejected = False
        self.is_over = False

    def take(self, event: Event) -> None:
        """Take in the next event."""
        kind = event.type
        if "owner" in (said := attributes_of(event)):
            self.has_owner = said["owner"] is not None
        if kind is EventType.LEAD_TOUCHED:
            self.is_customers_turn = event.data.get("direction") != "inbound"
        elif kind is EventType.LEAD_PAUSED:
            self.is_paused = True
        elif kind is EventType.LEAD_RESUMED:
            self.is_paused = False
        elif kind is EventType.FEEDBACK_ANSWERED:
            self.is_rejected = False
        elif kind is EventType.LEAD_ERASED:
            self.is_over = True
        self._pass_on(event)

    def _pass_on(self, event: Event) -> None:
        if self.handoff is not None:
            self.handoff.take(event)
            if self.handoff.closed_at is not None:
                self.handoff = None
                self.is_rejected = event.type is EventType.LEAD_REJECTED
                self.is_over = event.type in _FINAL
        elif event.type is EventType.LEAD_HANDED_OFF:
            self.handoff = Handoff(1, event.time, {})
            self.is_customers_turn = self.is_rejected = self.is_over = False
        elif event.type in (EventType.LEAD_WITHDRAWN, EventType.LEAD_MERGED):
            self.is_over = True

    @property
    def wait(self) -> Wait:
        """What is waited for now."""
        if self.is_over:
            return Wait.NOTHING
        if self.is_paused:
            return Wait.CUSTOMER
        if self.handoff is None:
            return Wait.ANSWER if self.is_rejected else Wait.HANDOFF
        if self.is_customers_turn:
            return Wait.CUSTOMER
        if self.handoff.accepted_at is not None or self.handoff.touched_at is not None:
            return Wait.TOUCH
        return Wait.ANSWER if self.has_owner else Wait.OWNER


def _states(events: Sequence[Event], now: Instant) -> Iterable[tuple[Wait, Event, Instant]]:
    """What is waited for, since which event, and until when."""
    state = _State()
    opened: tuple[Wait, Event] | None = None
    for event in events:
        if event.time > now:
            break
        state.take(event)
        if opened is None or state.wait is not opened[0]:
            if opened is not None:
                yield *opened, event.time
            opened = state.wait, event
    if opened is not None:
        yield *opened, now

"""A second judge, written from the contract alone: slow, plain, and sharing no rule with `services.domain`.

It keeps nothing between events but lists, finds due_at by adding up counted stretches from the start each
time it is asked, and knows a calendar only as wall-clock texts that it looks up minute by minute.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.domain.events import Event, EventType

SECOND = 1_000_000
MINUTE = 60 * SECOND
UNIX_DAY = date(1970, 1, 1)
SEARCHED_DAYS = 4_000
"""How far due_at is looked for: the calendars of the tests open at least once in that time."""

WhenSpec = Mapping[str, object]
"""As the charter writes it: a value, a list, or a map of one of gte, gt, lte, lt, not, known."""


@dataclass(frozen=True, eq=False)
class CalendarSpec:
    """A calendar as the charter writes it: `hours` from Monday on, each day a tuple of `HH:MM-HH:MM`."""

    zone: str
    hours: tuple[tuple[str, ...], ...]
    closed: frozenset[date] = frozenset()
    opened: tuple[tuple[date, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, eq=False)
class TriggerSpec:
    """An event type, and what its data must be."""

    type: EventType
    when: WhenSpec = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TargetSpec:
    """So many seconds of a calendar for the leads on which `when` holds."""

    within: int
    calendar: CalendarSpec
    when: WhenSpec = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ClockSpec:
    """A clock as the charter writes it."""

    name: str
    starts_on: tuple[TriggerSpec, ...]
    stops_on: tuple[TriggerSpec, ...]
    targets: tuple[TargetSpec, ...]
    restarts_on: tuple[TriggerSpec, ...] = ()
    cancelled_by: tuple[TriggerSpec, ...] = ()
    promised_by: str = "sales"
    pausable: bool = False
    at_risk: Fraction = Fraction(3, 4)
    escalate: tuple[Fraction, ...] = ()


@dataclass(frozen=True, eq=False)
class CharterSpec:
    """One version of the charter."""

    version: str
    effective_from: int
    clocks: tuple[ClockSpec, ...]

    def clock(self, name: str) -> ClockSpec | None:
        """The clock of that name, where the charter has it."""
        return next((clock for clock in self.clocks if clock.name == name), None)


class Row(NamedTuple):
    """What `--clocks-csv` says of one instance, times in microseconds."""

    clock: str
    instance: int
    started_at: int
    due_at: int | None
    ended_at: int | None
    status: str
    counted_seconds: int


# --- The calendar -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=500)
def local_minutes(zone: str, utc_day: int) -> tuple[int, ...]:
    """What the wall clock shows at each minute of one UTC day, in minutes since 1970-01-01T00:00 on the wall."""
    place = ZoneInfo(zone)
    shown = []
    for minute in range(utc_day * 1440, utc_day * 1440 + 1440):
        wall = datetime.fromtimestamp(minute * 60, place)
        shown.append((wall.toordinal() - UNIX_DAY.toordinal()) * 1440 + wall.hour * 60 + wall.minute)
    return tuple(shown)


@lru_cache(maxsize=100_000)
def first_shown(zone: str, wall: int) -> int:
    """The first UTC minute whose wall clock shows `wall` or later.

    A time that occurs twice is met at its first occurrence; one that is skipped, at the end of the gap.
    """
    minute = wall - 16 * 60  # no zone is 16 hours ahead of UTC: there the wall has not come so far yet
    while local_minutes(zone, minute // 1440)[minute % 1440] < wall:
        minute += 1
    return minute


def read_hours(text: str) -> tuple[int, int]:
    """`HH:MM-HH:MM` in minutes of the day; an end that is not after its start is on the next day."""
    begin, end = ((int(part[:2]) * 60 + int(part[3:])) for part in text.split("-"))
    return begin, end if end > begin else end + 1440


@lru_cache(maxsize=20_000)
def windows_of(calendar: CalendarSpec, day: date) -> tuple[tuple[int, int], ...]:
    """The windows that begin on a local day, in UTC minutes, `[from, to)`."""
    opened = dict(calendar.opened)
    if day in opened:
        texts = opened[day]
    elif day in calendar.closed:
        texts = ()
    else:
        texts = calendar.hours[day.weekday()]
    midnight = (day - UNIX_DAY).days * 1440
    spans = []
    for text in texts:
        begin, end = read_hours(text)
        spans.append((first_shown(calendar.zone, midnight + begin), first_shown(calendar.zone, midnight + end)))
    return tuple(spans)


@lru_cache(maxsize=500)
def minutes_of(calendar: CalendarSpec, utc_day: int) -> tuple[int, ...]:
    """Every counted UTC minute of one UTC day: those that lie in a window of the local days around it."""
    counted: set[int] = set()
    for shift in range(-3, 3):
        for begin, end in windows_of(calendar, UNIX_DAY + timedelta(days=utc_day + shift)):
            counted.update(range(max(begin, utc_day * 1440), min(end, utc_day * 1440 + 1440)))
    return tuple(sorted(counted))


@lru_cache(maxsize=5_000)
def stretches_of_day(calendar: CalendarSpec, utc_day: int) -> tuple[tuple[int, int], ...]:
    """The counted minutes of one UTC day as stretches in microseconds."""
    joined: list[tuple[int, int]] = []
    for minute in minutes_of(calendar, utc_day):
        begin, end = minute * MINUTE, (minute + 1) * MINUTE
        if joined and joined[-1][1] == begin:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return tuple(joined)


def stretches(calendar: CalendarSpec, start: int) -> Iterator[tuple[int, int]]:
    """The counted stretches from `start` on, day after day."""
    first = start // (1440 * MINUTE)
    for utc_day in range(first, first + SEARCHED_DAYS):
        for begin, end in stretches_of_day(calendar, utc_day):
            if end > start:
                yield max(begin, start), end


# --- Conditions ---------------------------------------------------------------------------------------------------


def same(one: object, other: object) -> bool:
    """Whether two values are the same; `true` is not 1."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def passes(test: object, value: object) -> bool:
    """Whether a value, None where it is not known, is what the charter asks."""
    if isinstance(test, Mapping):
        ((word, operand),) = test.items()
        if word == "known":
            return (value is not None) is bool(operand)
        if word == "not":
            return not passes(operand, value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not isinstance(operand, int | float):
            raise ValueError(f"no number: {operand}")
        comparisons: dict[object, bool] = {
            "gte": value >= operand,
            "gt": value > operand,
            "lte": value <= operand,
            "lt": value < operand,
        }
        return comparisons[word]
    if isinstance(test, list | tuple):
        return any(same(each, value) for each in test)
    return same(test, value)


def holds(when: WhenSpec, values: Mapping[str, object]) -> bool:
    """Whether every entry holds."""
    return all(passes(test, values.get(name)) for name, test in when.items())


def plays(triggers: Sequence[TriggerSpec], event: Event) -> bool:
    """Whether the event is one of the triggers."""
    return any(trigger.type == event.type and holds(trigger.when, event.data) for trigger in triggers)


# --- The judge ----------------------------------------------------------------------------------------------------


@dataclass
class Promise:
    """One instance of a clock, as the oracle keeps it."""

    clock: ClockSpec
    number: int
    started_at: int
    target: TargetSpec
    pauses: list[tuple[int, int | None]]
    """The lead's pauses as far as they are known, the open one without an end; copied when the instance ends."""
    ended_at: int | None = None
    verdict: str | None = None

    def unpaused(self) -> Iterator[tuple[int, int]]:
        """The counted stretches since the start, less the pauses; nothing after a pause that has no end."""
        for begin, end in stretches(self.target.calendar, self.started_at):
            parts = [(begin, end)]
            if self.clock.pausable:
                for pause_from, pause_to in self.pauses:
                    parts = [piece for part in parts for piece in without(part, pause_from, pause_to)]
            yield from parts
            if self.is_paused() and end >= self.pauses[-1][0]:
                return

    def is_paused(self) -> bool:
        """Whether the pauses that it knows of end with one that lasts."""
        return self.clock.pausable and bool(self.pauses) and self.pauses[-1][1] is None

    def due_at(self) -> int | None:
        """The earliest instant at which counted time equals the target; None where a pause keeps it away."""
        left = self.target.within * SECOND
        for begin, end in self.unpaused():
            if end - begin >= left:
                return begin + left
            left -= end - begin
        return None

    def counted(self, until: int) -> int:
        """Counted microseconds from the start to `until`."""
        total = 0
        for begin, end in self.unpaused():
            if begin >= until:
                break
            total += min(end, until) - begin
        return total

    def is_past(self, at: int) -> bool:
        """Whether due_at has passed at `at`."""
        due = self.due_at()
        return due is not None and at > due

    def end(self, at: int, verdict: str) -> None:
        """Close it; what happens later no longer touches it."""
        self.ended_at, self.verdict, self.pauses = at, verdict, list(self.pauses)

    def status(self, as_of: int) -> str:
        """Rule 7, and the verdict of what has ended."""
        if self.verdict is not None:
            return self.verdict
        if self.is_past(as_of):
            return "overdue"
        if self.is_paused():
            return "paused"
        if self.counted(as_of) >= self.clock.at_risk * self.target.within * SECOND:
            return "at_risk"
        return "running"


def without(part: tuple[int, int], pause_from: int, pause_to: int | None) -> list[tuple[int, int]]:
    """A stretch less a pause."""
    begin, end = part
    pieces = [(begin, min(end, pause_from))]
    if pause_to is not None:
        pieces.append((max(begin, pause_to), end))
    return [piece for piece in pieces if piece[0] < piece[1]]


def in_force(charters: Sequence[CharterSpec], at: int) -> CharterSpec | None:
    """The latest charter that is in effect at an instant."""
    begun = [charter for charter in charters if charter.effective_from <= at]
    return max(begun, key=lambda charter: charter.effective_from, default=None)


def in_canonical_order(events: Iterable[Event], as_of: int) -> list[Event]:
    """Rule 1, each event once."""
    once = {(event.source, event.id): event for event in events if event.time <= as_of}
    return sorted(once.values(), key=lambda event: (event.time, int(event.type), event.source, event.id))


class Judge:
    """One lead's history, walked once."""

    def __init__(self, charters: Sequence[CharterSpec]) -> None:
        self.charters = charters
        self.attributes: dict[str, object] = {}
        self.pauses: list[tuple[int, int | None]] = []
        self.promises: list[Promise] = []

    def take(self, event: Event) -> None:
        """One event: what it says of the lead, then what it ends, then what it starts."""
        self.learn(event)
        restarted = [
            promise.clock.name
            for promise in self.promises
            if promise.verdict is None and self.end_by(promise, event) == "restart"
        ]
        charter = in_force(self.charters, event.time)
        if charter is None:
            return
        for clock in charter.clocks:
            if clock.name in restarted or (plays(clock.starts_on, event) and not self.is_open(clock.name)):
                self.open(clock, event.time)

    def learn(self, event: Event) -> None:
        """Attributes and pauses."""
        said = event.data.get("attributes", {})
        if isinstance(said, Mapping):
            self.attributes.update(said)
        self.attributes.update({name: event.data[name] for name in ("owner", "team") if name in event.data})
        paused = bool(self.pauses) and self.pauses[-1][1] is None
        if event.type == EventType.LEAD_PAUSED and not paused:
            self.pauses.append((event.time, None))
        if event.type == EventType.LEAD_RESUMED and paused:
            self.pauses[-1] = (self.pauses[-1][0], event.time)

    def end_by(self, promise: Promise, event: Event) -> str | None:
        """Rules 3 to 5: a stop before a cancel before a restart."""
        clock, at = promise.clock, event.time
        if plays(clock.stops_on, event):
            promise.end(at, "missed" if promise.is_past(at) else "met")
            return "stop"
        if plays(clock.cancelled_by, event) or event.type == EventType.LEAD_ERASED:
            promise.end(at, "missed" if promise.is_past(at) else "cancelled")
            return "cancel"
        if plays(clock.restarts_on, event):
            promise.end(at, "missed" if promise.is_past(at) else "cancelled")
            return "restart"
        return None

    def is_open(self, name: str) -> bool:
        """Whether the lead has an open instance of the clock."""
        return any(promise.clock.name == name and promise.verdict is None for promise in self.promises)

    def open(self, clock: ClockSpec, at: int) -> None:
        """A new instance; the attributes of now choose its target."""
        number = 1 + sum(promise.clock.name == clock.name for promise in self.promises)
        target = next(target for target in clock.targets if holds(target.when, self.attributes))
        self.promises.append(Promise(clock, number, at, target, self.pauses))


def judge(events: Iterable[Event], charters: Sequence[CharterSpec], as_of: int) -> list[Row]:
    """Every clock row of one lead at `as_of`, sorted by clock and instance."""
    lead = Judge(charters)
    for event in in_canonical_order(events, as_of):
        lead.take(event)
    return sorted(
        Row(
            clock=promise.clock.name,
            instance=promise.number,
            started_at=promise.started_at,
            due_at=promise.due_at(),
            ended_at=promise.ended_at,
            status=promise.status(as_of),
            counted_seconds=promise.counted(as_of if promise.ended_at is None else promise.ended_at) // SECOND,
        )
        for promise in lead.promises
    )

"""Random charters and histories around clock changes.

Everything is drawn from a `random.Random`: Hypothesis gives one that it can shrink, the deep run one from a seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from random import Random
from typing import Any

from hypothesis import strategies as st

from services.domain.events import Event, EventType
from tests.domain.build import LEAD
from tests.domain.oracle import (
    MINUTE,
    UNIX_DAY,
    CalendarSpec,
    CharterSpec,
    ClockSpec,
    TargetSpec,
    TriggerSpec,
    WhenSpec,
    judge,
)

DAY = 1440 * MINUTE

SITES: tuple[tuple[str, date], ...] = (
    ("Europe/Warsaw", date(2026, 3, 29)),
    ("Europe/Warsaw", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Kathmandu", date(1986, 1, 1)),
    ("Asia/Kathmandu", date(2026, 6, 14)),
    ("America/Sao_Paulo", date(2018, 2, 18)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/St_Johns", date(2010, 11, 7)),
    ("Antarctica/Troll", date(2026, 3, 29)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("UTC", date(2026, 6, 14)),
)
"""Zones and the local dates on which their clocks change: by an hour, half an hour, a quarter, two hours, at
midnight, a minute past it, by a whole day, never."""

COMMON_TYPES = (
    EventType.LEAD_HANDED_OFF,
    EventType.LEAD_ASSIGNED,
    EventType.LEAD_ACCEPTED,
    EventType.LEAD_TOUCHED,
    EventType.LEAD_REJECTED,
    EventType.LEAD_UPDATED,
)
UNITS = (60, 60, 60, 45)
"""Seconds: targets are whole minutes mostly."""
DEALS = frozenset({EventType.DEAL_OPENED, EventType.DEAL_MOVED, EventType.DEAL_WON, EventType.DEAL_LOST})

ATTRIBUTE_VALUES: dict[str, tuple[Any, ...]] = {
    "priority": ("hot", "warm", "cold", None),
    "score": (0, 20, 79.5, 80, 100, "80", True, None),
    "customer": (True, False, 1, 0, None),
    "team": ("inbound", "enterprise"),
}


@dataclass(frozen=True, eq=False)
class Case:
    """What there is to judge."""

    charters: tuple[CharterSpec, ...]
    events: tuple[Event, ...]
    """In the order of their arrival, some twice."""
    as_of: int


def _clock_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def some_hours(random: Random) -> tuple[str, ...]:
    """The windows of a day: up to three that do not overlap, the last perhaps a night shift."""
    step = random.choice((60, 30, 15, 1))
    count = random.choice((1, 1, 2, 3))
    cuts = sorted(random.sample(range(1440 // step + 1), 2 * count))
    windows = [f"{_clock_text(a * step)}-{_clock_text(b * step)}" for a, b in zip(cuts[::2], cuts[1::2], strict=True)]
    if random.random() < 0.25:
        evening = random.choice((22 * 60, 23 * 60 + 30, 18 * 60))
        windows = [window for window in windows if window[:5] < "18:00" and window[6:] <= "18:00"]
        windows.append(f"{_clock_text(evening)}-{_clock_text(random.choice((0, 120, 150, 360, evening)))}")
    random.shuffle(windows)
    return tuple(windows)


def some_week(random: Random) -> tuple[tuple[str, ...], ...]:
    """The hours of a week, at least one day of them open."""
    kind = random.randrange(6)
    if kind == 0:
        return (("00:00-24:00",),) * 7
    if kind == 1:
        return (("09:00-17:00",),) * 5 + ((),) * 2
    if kind == 2:
        return (("22:00-06:00",),) * 7
    if kind == 3:
        return (some_hours(random),) * 7
    week = [some_hours(random) if random.random() < 0.7 else () for _ in range(6)]
    return (*week, some_hours(random))


def some_calendar(random: Random, zone: str, around: date) -> CalendarSpec:
    """A calendar with its holidays near a date, made from one drawn number: a hundred draws would be slow."""
    random = Random(random.randrange(1_000_000))
    days = [around + timedelta(days=shift) for shift in range(-4, 7)]
    return CalendarSpec(
        zone=zone if random.random() < 0.8 else random.choice(SITES)[0],
        hours=some_week(random),
        closed=frozenset(random.sample(days, random.choice((0, 0, 1, 2)))),
        opened=tuple((day, some_hours(random)) for day in random.sample(days, random.choice((0, 0, 1, 2)))),
    )


def some_when(random: Random) -> WhenSpec:
    """Conditions on attributes."""
    spec: dict[str, object] = {}
    for name in random.sample(sorted(ATTRIBUTE_VALUES), random.choice((1, 1, 2))):
        values = [value for value in ATTRIBUTE_VALUES[name] if value is not None]
        value = random.choice(values)
        spec[name] = random.choice(
            (
                value,
                [value, random.choice(values)],
                {random.choice(("gte", "gt", "lte", "lt")): random.choice((0, 20, 79.5, 80))},
                {"not": value},
                {"not": [value, random.choice(values)]},
                {"known": random.random() < 0.5},
            )
        )
    return spec


DATA_CONDITIONS: dict[EventType, tuple[WhenSpec, ...]] = {
    EventType.LEAD_TOUCHED: (
        {"kind": ["call", "meeting"], "connected": True},
        {"direction": "outbound"},
        {"kind": {"not": "email"}},
    ),
    EventType.LEAD_REJECTED: ({"reason": "wrong_fit"}, {"reason": {"known": False}}),
    EventType.LEAD_ASSIGNED: ({"owner": "ann"}, {"team": {"known": True}}),
    EventType.FEEDBACK_GIVEN: ({"verdict": "poor"},),
    EventType.DEAL_OPENED: ({"amount": {"gte": 100}},),
    EventType.DEAL_MOVED: ({"stage": "proposal"},),
}


def some_data(random: Random, kind: EventType) -> dict[str, Any]:
    """What an event of a type may carry."""
    data: dict[str, Any] = {}
    if kind in (EventType.LEAD_CAPTURED, EventType.LEAD_UPDATED, EventType.LEAD_HANDED_OFF):
        names = random.sample(sorted(ATTRIBUTE_VALUES), random.randrange(3))
        data["attributes"] = {name: random.choice(ATTRIBUTE_VALUES[name]) for name in names}
    if kind == EventType.LEAD_ASSIGNED or (kind == EventType.LEAD_HANDED_OFF and random.random() < 0.3):
        data["owner"] = random.choice(("ann", "bob"))
        if random.random() < 0.5:
            data["team"] = random.choice(("inbound", "enterprise"))
    if kind == EventType.LEAD_TOUCHED:
        data["kind"] = random.choice(("call", "email", "meeting"))
        data["direction"] = random.choice(("outbound", "inbound"))
        data["connected"] = random.random() < 0.5
    if kind in DEALS:
        data["deal"] = random.choice(("d1", "d2"))
        data["amount"] = random.choice((50, 100, 150.5))
        data["stage"] = random.choice(("proposal", "contract"))
    if kind == EventType.FEEDBACK_GIVEN:
        data["verdict"] = random.choice(("good", "poor"))
    if kind == EventType.LEAD_REJECTED and random.random() < 0.7:
        data["reason"] = random.choice(("wrong_fit", "no_budget"))
    if kind == EventType.LEAD_MERGED:
        data["into"] = "hubspot:contact:2"
    return data


def some_triggers(random: Random, types: Sequence[EventType], counts: Sequence[int]) -> tuple[TriggerSpec, ...]:
    """Some of the types, some of them under conditions; a type may come twice."""
    triggers = []
    for _ in range(random.choice(counts)):
        kind = random.choice(types)
        conditions = DATA_CONDITIONS.get(kind, ())
        triggers.append(TriggerSpec(kind, random.choice(conditions) if conditions and random.random() < 0.4 else {}))
    return tuple(triggers)


def some_clock(random: Random, name: str, types: Sequence[EventType], calendars: Sequence[CalendarSpec]) -> ClockSpec:
    """A clock; the same type may play several roles."""
    conditional = random.choice((0, 0, 1, 2))
    return ClockSpec(
        name=name,
        starts_on=some_triggers(random, types, (1, 1, 2, 3)),
        stops_on=some_triggers(random, types, (1, 1, 2)),
        restarts_on=some_triggers(random, types, (0, 0, 1, 2)),
        cancelled_by=some_triggers(random, types, (0, 0, 1, 2)),
        targets=tuple(
            TargetSpec(
                within=random.choice((1, 15, 60, 90, 240, 480, random.randint(1, 1500))) * random.choice(UNITS),
                calendar=random.choice(calendars),
                when=some_when(random) if number < conditional else {},
            )
            for number in range(conditional + 1)
        ),
        promised_by=random.choice(("marketing", "sales")),
        pausable=random.random() < 0.6,
        at_risk=random.choice((Fraction(3, 4), Fraction(1, 2), Fraction(1, 3), Fraction(1), Fraction(0))),
        escalate=random.choice(((), (Fraction(1), Fraction(3, 2)))),
    )


@dataclass(frozen=True, eq=False)
class Setting:
    """Charters, and what histories that suit them are made of."""

    charters: tuple[CharterSpec, ...]
    base: int
    types: tuple[EventType, ...]


def some_setting(random: Random) -> Setting:
    """Charters around a clock change, and the event types that they and their histories use."""
    zone, around = random.choice(SITES)
    base = (around - UNIX_DAY).days * DAY
    types = {
        *random.sample(list(EventType), random.choice((2, 4, 8))),
        *random.sample(COMMON_TYPES, random.choice((2, 4, 6))),
    }
    if random.random() < 0.7:
        types |= {EventType.LEAD_PAUSED, EventType.LEAD_RESUMED}
    ordered = tuple(sorted(types))
    return Setting(some_charters(random, zone, around, base, ordered), base, ordered)


def some_history(random: Random, setting: Setting) -> Case:
    """A history and an instant to judge it at."""
    events = some_events(random, setting.base, setting.types)
    as_of = setting.base + random.randint(-2 * 1440, 6 * 1440) * MINUTE
    if random.random() < 0.4:
        events, as_of = sharpened(random, setting.charters, events, as_of)
    arrived = list(events)
    if random.random() < 0.5:
        arrived += random.choices(events, k=random.randint(1, 3))
        random.shuffle(arrived)
    return Case(setting.charters, tuple(arrived), as_of)


def some_case(random: Random) -> Case:
    """Charters, a history and an instant to judge it at."""
    return some_history(random, some_setting(random))


def some_charters(
    random: Random, zone: str, around: date, base: int, types: Sequence[EventType]
) -> tuple[CharterSpec, ...]:
    """One charter or several, the later ones in force from within the history on."""
    begins = [base - 30 * DAY] if random.random() < 0.9 else []
    if not begins or random.random() < 0.3:
        begins += sorted(base + minutes * MINUTE for minutes in random.sample(range(-1440, 4 * 1440, 15), 2))
    specs = []
    for number, begin in enumerate(begins, start=1):
        calendars = [some_calendar(random, zone, around) for _ in range(random.choice((1, 2, 3)))]
        names = random.sample(("accept", "answer", "touch", "route"), random.choice((1, 2, 3, 4)))
        clocks = tuple(some_clock(random, name, types, calendars) for name in names)
        specs.append(CharterSpec(str(number), begin, clocks))
    return tuple(specs)


def some_events(random: Random, base: int, types: Sequence[EventType]) -> tuple[Event, ...]:
    """Up to twenty events over five days, many of them at the same few instants."""
    instants = [base + random.randint(-1440, 4 * 1440) * MINUTE for _ in range(random.choice((2, 5, 20)))]
    events = []
    for number in range(random.choice((1, 3, 6, 10, 15, 20))):
        kind = random.choice(types)
        source = random.choice(("crm", "web"))
        events.append(Event(random.choice(instants), kind, source, f"{number:02}", LEAD, some_data(random, kind)))
    return tuple(events)


def sharpened(
    random: Random, charters: Sequence[CharterSpec], events: Sequence[Event], as_of: int
) -> tuple[tuple[Event, ...], int]:
    """The case moved to where verdicts turn: an event that ends a clock, or `as_of`, within a microsecond of due_at."""
    due = [row for row in judge(events, charters, as_of) if row.due_at is not None]
    if not due:
        return tuple(events), as_of
    row = random.choice(due)
    edge = (row.due_at or 0) + random.choice((-1, 0, 1))
    if random.random() < 0.4:
        return tuple(events), edge
    clock = random.choice([clock for charter in charters for clock in charter.clocks if clock.name == row.clock])
    kind = random.choice((*clock.stops_on, *clock.stops_on, *clock.cancelled_by, *clock.restarts_on)).type
    ending = Event(edge, kind, "crm", "99", LEAD, some_data(random, kind))
    return (*(event for event in events if event.time <= as_of), ending), max(as_of, edge)


cases = st.randoms(use_true_random=False).map(some_case)
"""Whole cases: a setting with one history."""

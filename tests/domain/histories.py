"""Short words for writing charters and histories in tests: `handed_off("09:00")`, `clock("4h")`."""

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from services.domain.calendar import Calendar
from services.domain.charter import Charter, Charters, Clock, Escalation, Side, Target, Trigger
from services.domain.clocks import Instance
from services.domain.durations import parse_duration
from services.domain.events import Event, EventType
from services.domain.fold import Lead, fold
from services.domain.instants import SECOND, parse_instant
from tests.domain import build

HANDED_OFF, ASSIGNED = EventType.LEAD_HANDED_OFF, EventType.LEAD_ASSIGNED
PAUSED, RESUMED = EventType.LEAD_PAUSED, EventType.LEAD_RESUMED
ACCEPTED, TOUCHED, REJECTED = EventType.LEAD_ACCEPTED, EventType.LEAD_TOUCHED, EventType.LEAD_REJECTED
RECYCLED, ERASED, UPDATED = EventType.LEAD_RECYCLED, EventType.LEAD_ERASED, EventType.LEAD_UPDATED
LEAD = build.LEAD

ALWAYS = Calendar(
    name="always", zone=ZoneInfo("UTC"), week=dict.fromkeys(range(7), build.hours("00:00-24:00")), day_seconds=86_400
)
OFFICE = Calendar(
    name="office", zone=ZoneInfo("UTC"), week=dict.fromkeys(range(5), build.hours("09:00-17:00")), day_seconds=28_800
)


def at(time: str, day: int = 15) -> int:
    """An instant of a June in UTC whose 15th is a Monday: `at("09:00")`, `at("09:00:00.5", day=16)`."""
    whole = time if time.count(":") == 2 else f"{time}:00"
    return parse_instant(f"{date(2026, 6, day)}T{whole}Z")


def event(
    kind: EventType,
    when: str | int,
    /,
    *,
    day: int = 15,
    id: str = "",  # noqa: A002 - the name in CloudEvents
    source: str = "crm",
    **data: Any,
) -> Event:
    """An event of the lead; its id is made of its type and time where none is given."""
    time = when if isinstance(when, int) else at(when, day)
    return Event(time, kind, source, id or f"{kind.wire}@{time}", LEAD, data)


def handed_off(when: str | int, /, *, day: int = 15, **attributes: Any) -> Event:
    """The lead is handed off with these attributes."""
    return event(HANDED_OFF, when, day=day, attributes=attributes)


def target(within: str = "4h", calendar: Calendar = ALWAYS, when: Mapping[str, Any] | None = None) -> Target:
    """A target for the leads on which `when` holds."""
    return Target(build.when(when or {}), parse_duration(within).total(calendar.day_seconds) * SECOND, calendar, within)


def on(*kinds: EventType) -> list[Trigger]:
    """Triggers without conditions."""
    return [Trigger(kind) for kind in kinds]


def clock(within: str = "4h", **changed: Any) -> Clock:
    """The clock `accept`: started by a handoff, stopped by accepting or rejecting; `changed` says what is else."""
    given: dict[str, Any] = {
        "name": "accept",
        "promised_by": Side.SALES,
        "starts_on": on(HANDED_OFF),
        "stops_on": on(ACCEPTED, REJECTED),
        "targets": [target(within)],
    }
    return Clock(**{**given, **changed})


def pausable(within: str = "4h", **changed: Any) -> Clock:
    """The same, counting nothing while the lead is paused."""
    return clock(within, pausable=True, **changed)


def escalations(*percents: int) -> list[Escalation]:
    """Whom to tell at which share of the target."""
    return [Escalation(level, Fraction(percent, 100), "sales") for level, percent in enumerate(percents, start=1)]


def in_force(*clocks: Clock) -> Charters:
    """One charter, in force since 1970."""
    return Charters([build.charter(*clocks)])


def judged(charters: Charters | Charter | Clock, *events: Event) -> Lead:
    """The lead's state after the events."""
    if isinstance(charters, Clock):
        charters = in_force(charters)
    elif isinstance(charters, Charter):
        charters = Charters([charters])
    return fold(LEAD, events, charters)


def the_instance(charters: Charters | Charter | Clock, *events: Event) -> Instance:
    """The only instance that the events make."""
    (instance,) = judged(charters, *events).instances
    return instance


def verdicts(lead: Lead) -> list[tuple[str, int, str | None]]:
    """Clock, number and final verdict of each instance, None while it is open."""
    return [(each.clock.name, each.number, each.verdict and str(each.verdict)) for each in lead.instances]


def names(passed: Iterable[Any]) -> list[str]:
    """The names of passages."""
    return [passage.name for passage in passed]

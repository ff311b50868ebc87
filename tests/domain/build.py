"""Plain descriptions of calendars and charters, turned into what the domain judges by."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.domain.calendar import Calendar, Hours
from services.domain.charter import Charter, Charters, Clock, Escalation, Side, StalledAfter, Target, Trigger
from services.domain.clocks import Instance
from services.domain.conditions import COMPARISONS, AnyOf, Compared, Known, NoneOf, Test, When
from services.domain.events import Event, Scalar
from services.domain.fold import Lead, fold
from services.domain.instants import SECOND
from tests.domain.oracle import CalendarSpec, CharterSpec, ClockSpec, Row, TriggerSpec, WhenSpec

LEAD = "hubspot:contact:151"


def hours(*texts: str) -> tuple[Hours, ...]:
    """The windows of a day: `hours("09:00-17:00")`."""
    windows = []
    for text in texts:
        start, end = ((int(part[:2]) * 60 + int(part[3:])) for part in text.split("-"))
        windows.append(Hours(start, end if end > start else end + 1440))
    return tuple(windows)


@lru_cache(maxsize=200)
def calendar(spec: CalendarSpec) -> Calendar:
    """The domain's calendar, the same one for the same description."""
    return new_calendar(spec)


def new_calendar(spec: CalendarSpec) -> Calendar:
    """The domain's calendar, not asked anything before."""
    return Calendar(
        name="office",
        zone=ZoneInfo(spec.zone),
        week={weekday: hours(*texts) for weekday, texts in enumerate(spec.hours)},
        closed=spec.closed,
        opened={day: hours(*texts) for day, texts in spec.opened},
    )


def when(spec: WhenSpec) -> When:
    """The domain's conditions."""
    return When(tuple((name, _test(test)) for name, test in spec.items()))


def _test(test: object) -> Test:
    if not isinstance(test, Mapping):
        return AnyOf(_values(test))
    ((word, operand),) = test.items()
    if word == "known":
        return Known(bool(operand))
    if word == "not":
        return NoneOf(_values(operand))
    if word not in COMPARISONS or not isinstance(operand, int | float):
        raise ValueError(f"no test: {test}")
    return Compared(word, operand)


def _values(value: object) -> tuple[Scalar, ...]:
    values = value if isinstance(value, list | tuple) else (value,)
    return tuple(each if isinstance(each, str | int | float) else None for each in values)


def _triggers(specs: Iterable[TriggerSpec]) -> tuple[Trigger, ...]:
    return tuple(Trigger(spec.type, when(spec.when)) for spec in specs)


def clock(spec: ClockSpec) -> Clock:
    """The domain's clock."""
    return Clock(
        name=spec.name,
        promised_by=Side(spec.promised_by),
        starts_on=_triggers(spec.starts_on),
        stops_on=_triggers(spec.stops_on),
        restarts_on=_triggers(spec.restarts_on),
        cancelled_by=_triggers(spec.cancelled_by),
        targets=[
            Target(when(target.when), target.within * SECOND, calendar(target.calendar), f"{target.within}s")
            for target in spec.targets
        ],
        pausable=spec.pausable,
        at_risk=spec.at_risk,
        escalate=[Escalation(level, share, "sales") for level, share in enumerate(spec.escalate, start=1)],
    )


def charter(
    *clocks: Clock,
    version: str = "1",
    effective_from: int = 0,
    stalled_after: StalledAfter | None = None,
    labels: Mapping[str, frozenset[str]] | None = None,
) -> Charter:
    """A charter that both sides agreed to."""
    return Charter(
        version=version,
        effective_from=effective_from,
        calendars={},
        clocks={each.name: each for each in clocks},
        stalled_after=stalled_after,
        labels=labels or {},
        agreed=frozenset(Side),
    )


def charters(specs: Sequence[CharterSpec]) -> Charters:
    """The domain's charters."""
    return Charters(
        charter(*(clock(each) for each in spec.clocks), version=spec.version, effective_from=spec.effective_from)
        for spec in specs
    )


def row(instance: Instance, as_of: int) -> Row:
    """What `--clocks-csv` says of an instance."""
    return Row(
        clock=instance.clock.name,
        instance=instance.number,
        started_at=instance.started_at,
        due_at=instance.due_at,
        ended_at=instance.ended_at,
        status=str(instance.status(as_of)),
        counted_seconds=instance.counted_at(as_of) // SECOND,
    )


def rows(lead: Lead, as_of: int) -> list[Row]:
    """The rows of a lead that was folded whole."""
    return sorted(row(instance, as_of) for instance in lead.instances)


def judge(events: Iterable[Event], by: Charters, as_of: int) -> list[Row]:
    """The domain's answer to what the oracle's `judge` answers."""
    return rows(fold(LEAD, (event for event in events if event.time <= as_of), by), as_of)


def share(percent: int) -> Fraction:
    """A share of a target."""
    return Fraction(percent, 100)

"""A checked document into what the judge works with: calendars with their holidays, clocks, targets in microseconds."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from schemas import charter_times as times
from schemas import charter_values as values
from schemas.charter import (
    CalendarPart,
    CharterDocument,
    ClockPart,
    Holidays,
    Stalled,
    TargetPart,
    TriggerPart,
    When,
)
from schemas.charter import Commitment as CommitmentPart
from schemas.charter import Goal as GoalPart
from schemas.charter_when import tests_of
from services.charters.country import public_holidays
from services.domain import conditions
from services.domain.calendar import Calendar, Hours
from services.domain.charter import (
    Charter,
    Clock,
    Commitment,
    Escalation,
    Goal,
    Per,
    StalledAfter,
    Target,
    Trigger,
)
from services.domain.durations import parse_duration
from services.domain.instants import SECOND, from_datetime


def build_charter(document: CharterDocument) -> Charter:
    """The charter that a document without mistakes stands for."""
    calendars = {name: build_calendar(name, part) for name, part in document.calendars.items()}
    stalled = document.stalled_after
    return Charter(
        version=document.version,
        effective_from=from_datetime(document.effective_from),
        calendars=calendars,
        clocks={name: _clock(name, part, calendars) for name, part in document.clocks.items()},
        stalled_after=_stalled_after(stalled, calendars[stalled.calendar]) if stalled else None,
        # The reasons that both sides agreed on are what metrics may show, unless fewer are listed.
        labels={"reason": frozenset(document.reasons)}
        | {name: frozenset(listed) for name, listed in document.labels.items()},
        agreed=frozenset(agreement.side for agreement in document.agreed),
        commitments={name: _commitment(name, part) for name, part in document.commitments.items()},
        goals=tuple(_goal(part) for part in document.goals),
        ceremonies={name: Per(part.every) for name, part in document.ceremonies.items()},
        client_teams={name: frozenset(team.accounts) for name, team in document.client_teams.items()},
    )


def build_calendar(name: str, part: CalendarPart) -> Calendar:
    """One calendar; the public holidays of its country are closed dates."""
    week: dict[int, list[Hours]] = {}
    for text, windows in part.hours.items():
        for weekday in times.weekdays(text):
            week[weekday] = _windows(windows)
    holidays = part.holidays or Holidays()
    closed = set(holidays.closed)
    if holidays.country is not None:
        closed.update(public_holidays(holidays.country, holidays.subdivision))
    return Calendar(
        name=name,
        zone=ZoneInfo(part.timezone),
        week=week,
        closed=closed,
        opened={day: _windows(windows) for day, windows in holidays.open.items()},
        day_seconds=None if part.day is None else parse_duration(part.day).seconds,
    )


def _windows(texts: list[str]) -> list[Hours]:
    return sorted(times.window(text) for text in texts)


def _stalled_after(part: Stalled, calendar: Calendar) -> StalledAfter:
    return StalledAfter(_microseconds(part.time, calendar), calendar, part.time)


def _clock(name: str, part: ClockPart, calendars: Mapping[str, Calendar]) -> Clock:
    targets = [_target(target, part, calendars) for target in part.targets]
    return Clock(
        name=name,
        promised_by=part.promised_by,
        starts_on=_triggers(part.starts_on),
        stops_on=_triggers(part.stops_on),
        restarts_on=_triggers(part.restarts_on),
        cancelled_by=_triggers(part.cancelled_by),
        targets=targets,
        says=part.says or "",
        pausable=part.pausable,
        at_risk=_share(part.at_risk),
        escalate=tuple(
            Escalation(level=level, share=_share(step.at), to=step.to) for level, step in enumerate(part.escalate, 1)
        ),
        objective=None if part.objective is None else _share(part.objective),
        settle=_microseconds(part.settle, calendars[part.calendar] if part.calendar else targets[-1].calendar),
    )


def _target(target: TargetPart, clock: ClockPart, calendars: Mapping[str, Calendar]) -> Target:
    calendar = calendars[target.calendar or clock.calendar or ""]
    return Target(
        when=build_when(target.when or {}),
        within=_microseconds(target.within, calendar),
        calendar=calendar,
        text=target.within,
    )


def _triggers(parts: list[TriggerPart]) -> tuple[Trigger, ...]:
    return tuple(Trigger(type=values.event_type(part.type), when=build_when(part.when)) for part in parts)


def build_when(when: When) -> conditions.When:
    """The tests of a `when`."""
    return conditions.When(tuple((name, test) for name, asked in when.items() for test in tests_of(asked)))


def _commitment(name: str, part: CommitmentPart) -> Commitment:
    return Commitment(
        name=name,
        promised_by=part.promised_by,
        measure=part.measure,
        per=Per(part.per),
        at_least=Fraction(part.at_least),
        clock=part.attainment,
        where=build_when({name: {"known": True} for name in part.fields}),
    )


def _goal(part: GoalPart) -> Goal:
    return Goal(
        name=part.name,
        says=part.says or "",
        measure=part.measure,
        per=Per(part.per),
        target=Fraction(part.target),
        clock=part.attainment,
        where=build_when(part.where),
        currency=part.currency,
        contributes=part.contributes,
        parent=part.parent,
    )


def _microseconds(duration: str, calendar: Calendar) -> int:
    return parse_duration(duration).total(calendar.day_seconds) * SECOND


def _share(share: Decimal) -> Fraction:
    return Fraction(share)

"""The alerts that would have gone out, and when."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, tzinfo

from services.domain.clocks import Instance, Kind, passages
from services.domain.instants import Instant, to_datetime

KINDS = (Kind.AT_RISK, Kind.OVERDUE, Kind.ESCALATED)
"""The transitions that people are alerted to. (Corrections need the order of arrival, which a history lacks.)"""

Week = tuple[int, int]
"""An ISO year and week."""


def alerts(instance: Instance, as_of: Instant) -> Iterator[tuple[Kind, Instant]]:
    """What people would have been told of an instance up to `as_of`, and when.

    Each threshold is told when it is passed while the instance is open; what is past due (`overdue`, `escalated`)
    only after the clock's `settle` has gone by as well, if the instance is still open then.
    """
    end = as_of + 1 if instance.ended_at is None else instance.ended_at
    for kind, _, at in passages(instance, as_of):
        if kind in KINDS:
            told_at = at if kind is Kind.AT_RISK else at + instance.clock.settle
            if told_at < end:
                yield kind, told_at


@dataclass(slots=True)
class AlertTally:
    """Numbers of alerts; weeks, hours and weekdays are those of `zone`."""

    zone: tzinfo
    kinds: Counter[Kind] = field(default_factory=Counter)
    clocks: Counter[str] = field(default_factory=Counter)
    weeks: Counter[Week] = field(default_factory=Counter)
    hours: list[int] = field(default_factory=lambda: [0] * 24)
    weekdays: list[int] = field(default_factory=lambda: [0] * 7)
    """From Monday."""

    @property
    def total(self) -> int:
        """All alerts."""
        return self.kinds.total()

    def add(self, instance: Instance, as_of: Instant) -> None:
        """Count the alerts of an instance."""
        for kind, at in alerts(instance, as_of):
            local = to_datetime(at).astimezone(self.zone)
            year, week, weekday = local.isocalendar()
            self.kinds[kind] += 1
            self.clocks[instance.clock.name] += 1
            self.weeks[year, week] += 1
            self.hours[local.hour] += 1
            self.weekdays[weekday - 1] += 1


def week_name(week: Week) -> str:
    """`2026-W08`."""
    year, number = week
    return f"{year}-W{number:02d}"


def weeks_between(first: Week, last: Week) -> Iterator[Week]:
    """All weeks from `first` to `last`, both included."""
    for ordinal in range(_monday(first), _monday(last) + 1, 7):
        year, number, _ = date.fromordinal(ordinal).isocalendar()
        yield year, number


def _monday(week: Week) -> int:
    return date.fromisocalendar(*week, 1).toordinal()

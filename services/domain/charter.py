"""The charter as the judge needs it: clocks with their targets, stalls, labels, and which charter is in force.

These are checked values: a charter file is read, checked and turned into them elsewhere.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from services.domain.calendar import Calendar
from services.domain.conditions import When
from services.domain.events import Attributes, Event, EventType
from services.domain.facts import filter_name
from services.domain.instants import Instant

OTHER = "other"
"""The label of every value that the charter does not list."""


class Side(StrEnum):
    """Who owes a promise."""

    MARKETING = "marketing"
    SALES = "sales"


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event type, and what its data must be to count."""

    type: EventType
    when: When = field(default_factory=When)


@dataclass(frozen=True, slots=True)
class Escalation:
    """Whom to tell when counted time has passed `share` of the target; `level` counts from 1."""

    level: int
    share: Fraction
    to: str


@dataclass(frozen=True, slots=True)
class Target:
    """How long a clock may take for leads on which `when` holds: `within` microseconds of `calendar`."""

    when: When
    within: int
    calendar: Calendar
    text: str
    """The duration as the charter writes it."""


class Roles(NamedTuple):
    """Under which conditions an event of one type plays each role for one clock; empty where it never does."""

    stops: tuple[When, ...]
    cancels: tuple[When, ...]
    restarts: tuple[When, ...]
    starts: tuple[When, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """One timed promise. `targets` ends with one that always holds."""

    name: str
    promised_by: Side
    starts_on: Sequence[Trigger]
    stops_on: Sequence[Trigger]
    targets: Sequence[Target]
    restarts_on: Sequence[Trigger] = ()
    cancelled_by: Sequence[Trigger] = ()
    says: str = ""
    pausable: bool = False
    at_risk: Fraction = Fraction(3, 4)
    escalate: Sequence[Escalation] = ()
    objective: Fraction | None = None
    settle: int = 0
    """Microseconds to wait after due_at before anyone is alerted."""
    roles: Sequence[Roles | None] = field(init=False)
    """By the number of an event type: what it is to this clock; None where it is nothing."""

    def __post_init__(self) -> None:
        groups = (self.stops_on, self.cancelled_by, self.restarts_on, self.starts_on)
        by_type = []
        for kind in range(len(EventType) + 1):
            roles = Roles(*(tuple(each.when for each in group if each.type == kind) for group in groups))
            by_type.append(roles if any(roles) else None)
        object.__setattr__(self, "roles", tuple(by_type))

    def target_for(self, attributes: Attributes) -> int:
        """The number of the first target whose `when` holds."""
        for number, target in enumerate(self.targets):
            if target.when.holds(attributes):
                return number
        raise ValueError(f"clock {self.name!r}: the last target must have no `when`")


@dataclass(frozen=True, slots=True)
class StalledAfter:
    """How much counted time without an event makes a handed-off lead stalled."""

    time: int
    calendar: Calendar
    text: str
    """The duration as the charter writes it."""


@dataclass(frozen=True, eq=False)
class Charter:
    """One version of the agreement, from `effective_from` on."""

    version: str
    effective_from: Instant
    calendars: Mapping[str, Calendar]
    clocks: Mapping[str, Clock]
    stalled_after: StalledAfter | None = None
    labels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    agreed: frozenset[Side] = frozenset()
    client_teams: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By the name of a client team, the accounts that it looks after."""
    commitments: Mapping[str, "Commitment"] = field(default_factory=dict)
    goals: Sequence["Goal"] = ()
    ceremonies: Mapping[str, "Per"] = field(default_factory=dict)
    """By its name, how often it is due."""
    starters: Sequence[Sequence[tuple[Clock, tuple[When, ...]]]] = field(init=False)
    """By the number of an event type: the clocks that it can start, and under which conditions."""

    def __post_init__(self) -> None:
        by_type = [
            tuple(
                (clock, roles.starts)
                for clock in self.clocks.values()
                if (roles := clock.roles[kind]) is not None and roles.starts
            )
            for kind in range(len(EventType) + 1)
        ]
        object.__setattr__(self, "starters", tuple(by_type))

    @property
    def filters(self) -> Mapping[str, When]:
        """The conditions of goals and commitments by their `filter_name`; facts say which of them they meet."""
        conditions = [goal.where for goal in self.goals] + [each.where for each in self.commitments.values()]
        return {filter_name(when): when for when in conditions if when.tests}

    @property
    def zone(self) -> tzinfo:
        """In which days, months and quarters are counted: that of the first calendar."""
        return next((calendar.zone for calendar in self.calendars.values()), UTC)

    @property
    def is_draft(self) -> bool:
        """Whether a side has not agreed yet: it may be tried on history, not put in force."""
        return self.agreed != frozenset(Side)

    def label(self, name: str, value: object) -> str:
        """`value` where the charter lists it under the label `name`, else `other`."""
        return value if isinstance(value, str) and value in self.labels.get(name, frozenset()) else OTHER

    def client_team_of(self, account: str) -> str | None:
        """The first client team that looks after the account; None where there is none."""
        return next((name for name, accounts in self.client_teams.items() if account in accounts), None)


class Per(StrEnum):
    """How long a period is."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True, eq=False)
class Commitment:
    """What one side promises to reach in every period."""

    name: str
    promised_by: Side
    measure: str
    """One of `schemas.charter.MEASURES`."""
    per: Per
    at_least: Fraction
    clock: str | None = None
    """Of attainment."""
    where: When = field(default_factory=When)
    """Of completeness: all fields are known. Else empty."""


@dataclass(frozen=True, slots=True, eq=False)
class Goal:
    """What both sides work for in every period."""

    name: str
    says: str
    measure: str
    per: Per
    target: Fraction
    clock: str | None = None
    where: When = field(default_factory=When)
    currency: str | None = None
    contributes: Mapping[str, str] = field(default_factory=dict)
    """By side, in words such as `600 handoffs`."""
    parent: str | None = None


class Charters:
    """The versions of the charter, and which of them is in force at an instant."""

    def __init__(self, versions: Iterable[Charter], *, whole_history: bool = False) -> None:
        """With `whole_history` the one charter judges whatever its `effective_from` (replay, what-if).

        ValueError when there is none, when two share a version or a date, or when `whole_history` has several.
        """
        self.versions = tuple(sorted(versions, key=lambda charter: charter.effective_from))
        if not self.versions:
            raise ValueError("no charter")
        self.by_version = {charter.version: charter for charter in self.versions}
        self.filters = {name: when for charter in self.versions for name, when in charter.filters.items()}
        """Those of all versions: a fact is judged by each of them, whenever it happened."""
        self._from = [charter.effective_from for charter in self.versions]
        if len(self.by_version) < len(self.versions) or len(set(self._from)) < len(self.versions):
            raise ValueError("two charters share a version or an effective_from")
        if whole_history and len(self.versions) > 1:
            raise ValueError("only one charter can judge the whole history")
        self.sole = self.versions[0] if whole_history else None

    @property
    def latest(self) -> Charter:
        """The newest version, in force already or not."""
        return self.versions[-1]

    def labelling(self, at: Instant) -> Charter:
        """The charter whose labels and zone are used: the one in force, or before there was one the first."""
        return self.in_force(at) or self.versions[0]

    def in_force(self, at: Instant) -> Charter | None:
        """The charter that judges what starts at `at`; None before the first one."""
        if self.sole is not None:
            return self.sole
        index = bisect_right(self._from, at)
        return self.versions[index - 1] if index else None


def holds_for(conditions: Sequence[When], event: Event) -> bool:
    """Whether the event's data meets one of the conditions."""
    for condition in conditions:  # noqa: SIM110 - a generator here costs a fifth of a replay
        if condition.holds(event.data):
            return True
    return False

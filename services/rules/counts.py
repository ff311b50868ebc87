"""The recordings: how many promises were decided, how many late, the attainment, and how fast the budget goes.

A promise is decided once: `met`, or `overdue` at the moment it is late. `missed` is no third: it is the end of one
that was overdue before, often days later, and would count it twice.
"""

from collections.abc import Iterable, Iterator

from services import metric_table as table
from services.domain.charter import Clock
from services.domain.clocks import Kind
from services.rules.burn import HOURS, PERIOD
from services.rules.model import Group, Recording, number, selector

OBJECTIVE = "clock:baton_objective:ratio"
BUDGET = "clock:baton_error_budget:ratio"
BUDGET_LEFT = f"clock:baton_error_budget_left:ratio_{PERIOD}"

BY = "clock, promised_by"
ATTAINMENT_WINDOWS = ("1h", "6h", "1d", "3d", "7d", "30d")

_COMMENT = """\
What became of the promises of every clock, counted.

A promise is decided once: met, or overdue at the moment it is late. `missed` is no third, it is how one ends that was
overdue before. The histogram baton_clock_counted_seconds cannot tell either: what nobody has ended is not in it, and
it does not know which target a lead had.

How exact: the counters are rows of Baton's database that never go down, so that the highest less the lowest value in a
window is a whole number of promises. (`increase` would stretch it to the window's ends, and would take copies of the
board that are read one after the other for a restart.) What happened between a window's beginning and the first value
in it, one minute at most, is left out. A promise counts when it was told, not when it fell due. A verdict that was
corrected counts both as it was first told and as what it is: attainment is off by no more than the transitions
`corrected` in the window are to the decided ones, and mostly too low, for it is late calls that turn out to be none.
baton_attainment_ratio is exact for the month and the quarter. Where Prometheus has watched for less than a window, it
counts what it has seen."""


def met(window: str = "total") -> str:
    """The series of kept promises."""
    return f"clock:baton_met:{_of(window)}"


def late(window: str = "total") -> str:
    """The series of promises that came to be overdue."""
    return f"clock:baton_late:{_of(window)}"


def decided(window: str) -> str:
    """The series of promises that were kept or came to be overdue."""
    return f"clock:baton_decided:{_of(window)}"


def attainment(window: str) -> str:
    """The series of the share of decided promises that were kept."""
    return f"clock:baton_attainment:ratio_{window}"


def burn_rate(window: str) -> str:
    """The series of burn rates: the late share over the share that the objective allows."""
    return f"clock:baton_burn_rate:ratio_{window}"


def transitions(kind: Kind, **labels: str) -> str:
    """The counter of one kind of transition by clock and side: once, although every copy of the board shows it."""
    counter = selector(table.CLOCK_TRANSITIONS_TOTAL.name, **labels, transition=str(kind))
    return f"sum by ({BY}) (max by ({', '.join(table.CLOCK_TRANSITIONS_TOTAL.labels)}) ({counter}))"


def counts(clocks: Iterable[Clock]) -> Group:
    """All recordings, by clock and side. Without any objective there is neither a budget nor how fast it goes."""
    budgets = [rule for clock in clocks for rule in _agreed(clock)]
    burns = _burns() if budgets else ()
    return Group("baton-promises", [*_counted(), *_attained(), *budgets, *burns], _COMMENT)


def _counted() -> Iterator[Recording]:
    comment = "Since ever, over all teams and priorities. Copies of the board show the same: the highest is taken."
    yield Recording(met(), transitions(Kind.MET), comment=comment)
    yield Recording(late(), transitions(Kind.OVERDUE))
    for window in HOURS:
        comment = f"In the last {window}: late, and decided at all."
        yield Recording(late(window), _within(late(), window), comment=comment)
        yield Recording(decided(window), f"{late(window)} + ({_within(met(), window)})")


def _attained() -> Iterator[Recording]:
    for place, window in enumerate(ATTAINMENT_WINDOWS):
        comment = "" if place else "The share of decided promises that was kept. Nothing where none was decided."
        expr = f"({decided(window)} - {late(window)}) / ({decided(window)} > 0)"
        yield Recording(attainment(window), expr, comment=comment)


def _agreed(clock: Clock) -> Iterator[Recording]:
    if clock.objective is not None:
        labels = {"clock": clock.name, "promised_by": str(clock.promised_by)}
        comment = f"{clock.name}: what the charter says, and the share that may be late."
        yield Recording(OBJECTIVE, f"vector({number(clock.objective)})", labels, comment)
        yield Recording(BUDGET, f"vector({number(1 - clock.objective)})", labels)


def _burns() -> Iterator[Recording]:
    for place, window in enumerate(HOURS):
        comment = "" if place else "How fast the budget goes: 1 is as fast as agreed, above it the objective breaks."
        expr = f"{late(window)} / ({decided(window)} > 0) / {BUDGET}"
        yield Recording(burn_rate(window), expr, comment=comment)
    comment = f"What is left of the late promises that {PERIOD} allow: 1 all, 0 none, below 0 the objective is broken."
    yield Recording(BUDGET_LEFT, f"1 - {burn_rate(PERIOD)}", comment=comment)


def _of(window: str) -> str:
    return window if window == "total" else f"count_{window}"


def _within(series: str, window: str) -> str:
    return f"max_over_time({series}[{window}]) - min_over_time({series}[{window}])"

"""Alerts for goals and commitments that are behind their pace, of both sides alike.

Nobody is told early in a period, nor of few: only where what is missing is more than luck alone would take away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from schemas.charter import AMOUNTS, SHARES
from services import metric_table as table
from services.domain.charter import Charter, Commitment, Goal
from services.metric_table import Metric
from services.rules.model import Alert, Group, literally, number, selector

COMMITMENT = "BatonCommitmentBehind"
GOAL = "BatonGoalBehind"

BEHIND = Fraction(95, 100)
"""The contract's word: below this pace it is behind."""
FIRST_SHARE = Fraction(1, 5)
"""So much must be due before anybody is told: a month's first week says little of it."""
DEVIATIONS = 2
"""Standard deviations that must be missing. Luck alone takes away more once in 44 times where all goes as promised."""
FEWEST = 5
"""Of fewer a share says nothing, whatever the odds."""
FAR_BEHIND = Fraction(75, 100)
FAR_SHARE = Fraction(35, 100)
"""Amounts are made of few deals that differ much, so that their scatter is not known beforehand: a wide margin, and a
third of the period, stand in its place."""
_SHARES_OF_AMOUNTS = ("new_customer_share",)

_COMMENT = """\
Goals and commitments that are behind: {shares}
Counts: as many are missing as {deviations} standard deviations of a Poisson distribution of what was due, and at least
{first} of the period's target is due. Shares: the same of a binomial distribution, and at least {fewest} are counted.
Amounts: below a pace of {far} when {far_share} is due. Copies of the board show the same: the highest is taken."""


@dataclass(frozen=True, slots=True)
class _Series:
    """The gauges of one goal or commitment."""

    pace: Metric
    due: Metric
    counted: Metric
    labels: dict[str, str]

    def read(self, metric: Metric) -> str:
        """One of them, once."""
        return f"max by ({', '.join(metric.labels)}) ({selector(metric.name, **self.labels)})"


def goals(charter: Charter) -> Group | None:
    """The alerts on goals and commitments of a charter; None where it has none."""
    alerts = [*map(_commitment, charter.commitments.values()), *map(_goal, charter.goals)]
    if not alerts:
        return None
    comment = _COMMENT.format(
        shares=f"the pace is below {number(BEHIND)}.",
        deviations=DEVIATIONS,
        first=number(FIRST_SHARE),
        fewest=FEWEST,
        far=number(FAR_BEHIND),
        far_share=number(FAR_SHARE),
    )
    return Group("baton-goals", alerts, comment)


def _commitment(commitment: Commitment) -> Alert:
    labels = {
        "commitment": commitment.name,
        "promised_by": str(commitment.promised_by),
        "per": str(commitment.per),
    }
    series = _Series(table.COMMITMENT_PACE_RATIO, table.COMMITMENT_DUE_RATIO, table.COMMITMENT_COUNTED, labels)
    return Alert(
        COMMITMENT,
        _expression(series, commitment.measure, commitment.at_least),
        "warning",
        "{{ $labels.promised_by | title }} is behind with the commitment {{ $labels.commitment }}: "
        "{{ $value | humanizePercentage }} of what was to be reached by now.",
        "Luck alone hardly explains it. Talk about it this week, while the {{ $labels.per }} can still be made up for; "
        "the board shows the leads behind the number.",
        labels={name: literally(value) for name, value in labels.items()},
        hold="1h",
    )


def _goal(goal: Goal) -> Alert:
    labels = {"goal": goal.name, "per": str(goal.per)}
    series = _Series(table.GOAL_PACE_RATIO, table.GOAL_DUE_RATIO, table.GOAL_COUNTED, labels)
    return Alert(
        GOAL,
        _expression(series, goal.measure, goal.target),
        "warning",
        "Both sides are behind with the goal {{ $labels.goal }}: {{ $value | humanizePercentage }} of what was to be "
        "reached by now.",
        "The board says what is missing: handoffs, acceptance, wins, or the size of deals. Look at it together.",
        labels={name: literally(value) for name, value in labels.items()},
        hold="1h",
    )


def _expression(series: _Series, measure: str, target: Fraction) -> str:
    return "\nand ".join(_conditions(series, measure, target))


def _conditions(series: _Series, measure: str, target: Fraction) -> Iterator[str]:
    pace, due, counted = (series.read(metric) for metric in (series.pace, series.due, series.counted))
    missing, enough = f"(1 - {pace}) ^ 2", number(Fraction(DEVIATIONS**2))
    if measure in AMOUNTS:
        yield f"{pace} < {number(FAR_BEHIND)}"
        yield f"{due} >= {number(FAR_SHARE)}"
    elif measure in _SHARES_OF_AMOUNTS:
        yield f"{pace} < {number(FAR_BEHIND)}"
        yield f"{counted} >= {FEWEST}"
    elif measure in SHARES:
        yield f"{pace} < {number(BEHIND)}"
        yield f"{counted} >= {FEWEST}"
        if target < 1:
            yield f"{missing} * {number(target)} / {number(1 - target)} * {counted} > {enough}"
    else:
        yield f"{pace} < {number(BEHIND)}"
        yield f"{due} >= {number(FIRST_SHARE)}"
        yield f"{missing} * {number(target)} * {due} > {enough}"

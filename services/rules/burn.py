"""The arithmetic of alerts on an objective: which burn rates can happen, and how many promises make one believable.

A burn rate is the share of late promises over the share that the objective allows. Where all are late it is
1 / (1 - objective), and it can be no more: at 80 % never above 5, so that the usual 14.4 would never be reached.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

HOURS: Mapping[str, Fraction] = {
    "15m": Fraction(1, 4),
    "1h": Fraction(1),
    "6h": Fraction(6),
    "1d": Fraction(24),
    "3d": Fraction(72),
    "7d": Fraction(168),
    "30d": Fraction(720),
}
"""Every window that is counted over, by its name in Prometheus, with its hours."""
PERIOD = "30d"
"""The window of the error budget: about a month. The month and the quarter themselves are on the board."""

WORST = Fraction(3, 4)
"""The largest share of late promises that an alert may wait for. One that speaks only when nearly all are late is
too late itself, and 3 of 4 is near what the textbook's 14.4 means at an objective of 95 % (72 %)."""
LEAST_OF_SHARE = Fraction(1, 2)
"""A lowered factor fires earlier, with less of the budget gone. At less than half of what it is for it is left out."""
CHANCE = 0.01
"""How often bad luck alone may fill the long window so that it fires, where the objective is exactly kept."""
FEWEST = 5
"""Below this many promises in a window nobody is told, whatever the odds: each late one is told by itself anyway."""
_EXACT_BELOW = 2000
"""Beyond so many promises the bound of Chernoff stands as it is; an exact sum would say some hundreds less."""
_NEGLIGIBLE = 1e-6
"""Above the likeliest number of late promises chances only fall, and soon: a millionth of `CHANCE` decides nothing."""


class Speed(StrEnum):
    """How quickly the budget goes, which says whether somebody is called or finds it in the morning."""

    FAST = "fast"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Step:
    """The wish: to be told when `share` of the period's budget went within `long`, and still goes within `short`."""

    speed: Speed
    long: str
    short: str
    share: Fraction

    @property
    def factor(self) -> Fraction:
        """The burn rate by which `share` goes within `long`: 2 % of 30 days in an hour is 14.4."""
        return self.share * HOURS[PERIOD] / HOURS[self.long]


STEPS = (
    # The shares of the Google SRE workbook ("Alerting on SLOs") for an hour, six hours and a day. Its last one, 10 % in
    # three days, is a factor of 1, which luck reaches every other time; leads are few, so slower ones ask for more.
    # Short windows are a fourth to a seventh of the long, not a twelfth: within five minutes hardly a lead comes.
    Step(Speed.FAST, "1h", "15m", Fraction(2, 100)),
    Step(Speed.FAST, "6h", "1h", Fraction(5, 100)),
    Step(Speed.SLOW, "1d", "6h", Fraction(10, 100)),
    Step(Speed.SLOW, "3d", "1d", Fraction(25, 100)),
    Step(Speed.SLOW, "7d", "1d", Fraction(50, 100)),
)


@dataclass(frozen=True, slots=True)
class Condition:
    """What an objective makes of a step: told above `factor`, with at least `fewest` promises in the long window."""

    step: Step
    factor: Fraction
    fewest: int
    late: Fraction
    """The share of late promises that `factor` is."""

    @property
    def share(self) -> Fraction:
        """The share of the period's budget that goes at `factor` within the long window."""
        return self.factor * HOURS[self.step.long] / HOURS[PERIOD]

    @property
    def is_lowered(self) -> bool:
        """Whether the step's own factor would ask for more late promises than `WORST`."""
        return self.factor < _floored(self.step.factor)


def highest_burn(objective: Fraction) -> Fraction:
    """The burn rate where every promise is late."""
    return 1 / (1 - objective)


def condition(step: Step, objective: Fraction) -> Condition | None:
    """The step as an objective (between 0 and 1) allows it; None where it can not happen, or says too little."""
    budget = 1 - objective
    factor = _floored(min(step.factor, WORST / budget))
    if factor <= 1 or factor < LEAST_OF_SHARE * step.factor:
        return None
    late = factor * budget
    return Condition(step, factor, fewest(late, budget), late)


def fewest(late: Fraction, budget: Fraction) -> int:
    """How many promises a window must hold, so that `late` of them are late by luck in `CHANCE` of windows at most.

    Each is late with the probability `budget`, which is less than `late`, whatever happens to the others.
    """
    # Chernoff: the chance is at most exp(-n * divergence), for every n.
    a, b = float(late), float(budget)
    divergence = a * math.log(a / b) + (1 - a) * math.log1p((b - a) / (1 - b))
    number = math.ceil(-math.log(CHANCE) / divergence)
    if number < _EXACT_BELOW:
        while number > FEWEST and _luck(number - 1, late, b) <= CHANCE:
            number -= 1
    return max(number, FEWEST)


def fewest_for_verdict(objective: Fraction) -> int:
    """How many promises there must be for the objective to allow one late one: with fewer, one would break it."""
    return max(math.ceil(1 / (1 - objective)), FEWEST)


def _luck(number: int, late: Fraction, budget: float) -> float:
    """The chance that `late` of `number` promises or more are late: the upper tail of a binomial distribution.

    With `late` itself, though the alert asks for more: Prometheus divides in floating point, which may round up.
    """
    each = math.ceil(late * number)
    ways = math.lgamma(number + 1) - math.lgamma(each + 1) - math.lgamma(number - each + 1)
    chance = math.exp(ways + each * math.log(budget) + (number - each) * math.log1p(-budget))
    tail = 0.0
    while chance > CHANCE * _NEGLIGIBLE:
        tail += chance
        chance *= (number - each) / (each + 1) * budget / (1 - budget)
        each += 1
    return tail


def _floored(factor: Fraction) -> Fraction:
    """Three places are enough for a factor; rounded down, so that what can just happen still can."""
    return Fraction(math.floor(factor * 1000), 1000)

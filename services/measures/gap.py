"""Why a goal of wins or revenue is behind: the gap, split into parts that add up to it exactly.

Won amount is handoffs x accepted of these x won of these x amount of each. Each of the four is as planned or as it
is; a part is what the gap shrinks by when one of them goes from as planned to as it is, on average over all orders in
which the four can go (Shapley's value): no order is the right one, and the average leaves no rest.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import combinations, pairwise


class Stage(StrEnum):
    """Where a lead can get to on its way to revenue, in order."""

    HANDOFFS = "handoffs"
    ACCEPTED = "accepted"
    WON = "won"
    AMOUNT = "amount"


STAGES = tuple(Stage)
Totals = Mapping[Stage, Fraction]
"""How much has reached each stage. Stages may be left out, all but the last."""


@dataclass(frozen=True, slots=True)
class Part:
    """One factor's share of the gap. A factor is how much of the stage before gets to `stage`."""

    stage: Stage
    since: Stage | None
    """The stage before; None for the first, which is a number and not a share."""
    planned: Fraction
    actual: Fraction | None
    """None where nothing has got to the stage before: then it counts as planned."""
    amount: Fraction
    """In the goal's unit: above 0 it is missing, below 0 it makes up for others."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing to what was expected by now. Below 0 the goal is ahead."""

    total: Fraction
    parts: Sequence[Part]
    """They add up to `total`."""


def split(planned: Totals, actual: Totals) -> Gap | None:
    """The gap between the last stages, split; None where fewer than two stages are known on both sides.

    `planned` is what was to be reached by now, above 0 at every stage.
    """
    stages = [stage for stage in STAGES if stage in planned and stage in actual]
    # Something came out of a stage into which nothing went, such as wins of last quarter's handoffs: no share tells
    # that, so that the stage is told together with the next one.
    stages = [
        stage for place, stage in enumerate(stages) if actual[stage] or not any(actual[s] for s in stages[place + 1 :])
    ]
    if len(stages) < 2:
        return None
    plan = [each for each in _factors(stages, planned) if each is not None]
    if len(plan) < len(stages):
        raise ValueError("a plan is above 0 at every stage")
    real = _factors(stages, actual)
    # What nothing has got to cannot fall short of the plan.
    met = [each if each is not None else wanted for each, wanted in zip(real, plan, strict=True)]
    parts = [
        Part(stage, stages[place - 1] if place else None, plan[place], real[place], _part(place, plan, met))
        for place, stage in enumerate(stages)
    ]
    return Gap(planned[stages[-1]] - actual[stages[-1]], parts)


def _factors(stages: Sequence[Stage], totals: Totals) -> list[Fraction | None]:
    factors: list[Fraction | None] = [totals[stages[0]]]
    for before, stage in pairwise(stages):
        factors.append(totals[stage] / totals[before] if totals[before] else None)
    return factors


def _part(place: int, planned: Sequence[Fraction], actual: Sequence[Fraction]) -> Fraction:
    """Shapley's value of one factor of a product that goes from planned to actual, as a loss."""
    count = len(planned)
    others = [each for each in range(count) if each != place]
    total = Fraction(0)
    for size in range(count):
        orders = Fraction(math.factorial(size) * math.factorial(count - size - 1), math.factorial(count))
        for gone in combinations(others, size):
            rest = math.prod((actual if each in gone else planned)[each] for each in others)
            total += orders * rest * (planned[place] - actual[place])
    return total

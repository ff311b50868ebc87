"""The alerts on one clock: who is told, and when, that its objective breaks, is going to break, or is broken."""

import math
from collections.abc import Iterator
from fractions import Fraction

from services.domain.charter import Clock
from services.rules.burn import PERIOD, STEPS, Condition, Speed, condition, fewest_for_verdict, highest_burn
from services.rules.counts import attainment, burn_rate, decided
from services.rules.model import Alert, Group, about, literally, number, percent, selector

FAST = "BatonPromiseBreaking"
SLOW = "BatonPromiseSlipping"
SPENT = "BatonPromiseBudgetSpent"

_NAMES = {Speed.FAST: FAST, Speed.SLOW: SLOW}
_SEVERITIES = {Speed.FAST: "critical", Speed.SLOW: "warning"}
_SUMMARIES = {
    Speed.FAST: "{{ $labels.promised_by | title }} is breaking the promise {{ $labels.clock }}: promises are late "
    "{{ $value | humanize }} times as often as agreed.",
    Speed.SLOW: "{{ $labels.promised_by | title }} keeps the promise {{ $labels.clock }} too seldom for days: promises "
    "are late {{ $value | humanize }} times as often as agreed.",
}
_DESCRIPTIONS = {
    Speed.FAST: "Agreed were {objective}. Find out today what stands in the way; the board shows the leads that wait.",
    Speed.SLOW: "Agreed were {objective}. Talk about it this week, before the month's budget is gone.",
}


def promise(clock: Clock) -> Group | None:
    """The alerts on a clock; None where it has no objective, so that there is nothing to break."""
    if clock.objective is None:
        return None
    alerts = list(_alerts(clock, clock.objective))
    return Group(f"baton-promise-{clock.name}", alerts, _comment(clock.name, clock.objective))


def _of(series: str, clock: Clock) -> str:
    return selector(series, clock=clock.name, promised_by=str(clock.promised_by))


def _alerts(clock: Clock, objective: Fraction) -> Iterator[Alert]:
    # The expressions give both labels as well. Here they keep the rules of two clocks apart, and show what to route by.
    labels = {"clock": literally(clock.name), "promised_by": str(clock.promised_by)}
    for speed in Speed:
        conditions = _conditions(speed, objective)
        if conditions:
            yield Alert(
                _NAMES[speed],
                "\nor\n".join(_arm(each, clock) for each in conditions),
                _SEVERITIES[speed],
                _SUMMARIES[speed],
                _DESCRIPTIONS[speed].format(objective=percent(objective)),
                labels=labels,
                comment="\n".join(_says(each) for each in conditions),
            )
    least = fewest_for_verdict(objective)
    yield Alert(
        SPENT,
        f"{_of(attainment(PERIOD), clock)} < {number(objective)}\nand {_of(decided(PERIOD), clock)} >= {least}",
        "warning",
        "{{ $labels.promised_by | title }} kept {{ $value | humanizePercentage }} of the promise {{ $labels.clock }} "
        "in 30 days, less than agreed.",
        f"Agreed were {percent(objective)}. Both sides should look at the late leads, and at whether the promise is "
        "one that can be kept.",
        labels=labels,
        hold="1h",
        comment=f"The objective is broken over {PERIOD}. Of fewer than {least} promises a single late one would do it.",
    )


def _conditions(speed: Speed, objective: Fraction) -> list[Condition]:
    found = (condition(step, objective) for step in STEPS if step.speed is speed)
    return [each for each in found if each is not None]


def _arm(told: Condition, clock: Clock) -> str:
    """One pair of windows. The short one ends it soon after the trouble ends; the count keeps few leads from it."""
    factor = number(told.factor)
    return (
        f"(\n  {_of(burn_rate(told.step.long), clock)} > {factor}\n"
        f"  and {_of(burn_rate(told.step.short), clock)} > {factor}\n"
        f"  and {_of(decided(told.step.long), clock)} >= {told.fewest}\n)"
    )


def _says(told: Condition) -> str:
    """One pair of windows in words."""
    lowered = f", lowered from {number(told.step.factor)}" if told.is_lowered else ""
    return (
        f"{told.step.long} and {told.step.short}: factor {number(told.factor)}{lowered}, which is "
        f"{about(told.late)} late, and uses {about(told.share)} of the budget of {PERIOD} in {told.step.long}.\n"
        f"  From {told.fewest} promises on: with fewer a single late one, or mere bad luck, could do it."
    )


def _comment(name: str, objective: Fraction) -> str:
    lines = [
        f"{name}: {percent(objective)} of promises shall be kept, so {percent(1 - objective)} may be late, "
        f"and the burn rate can be {number(_shown(highest_burn(objective)))} at most.",
    ]
    left_out = [step for step in STEPS if condition(step, objective) is None]
    if left_out:
        named = ", ".join(f"{number(_shown(step.factor))} in {step.long}" for step in left_out)
        lines.append(
            f"Left out: {named}. More than three of four promises would have to be late, or so little of the budget "
            "be gone that it says nothing."
        )
    return "\n".join(lines)


def _shown(value: Fraction) -> Fraction:
    return Fraction(math.floor(value * 10), 10)

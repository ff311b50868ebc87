"""What a goal of wins or revenue plans for the stages before it: from what both sides promised, else from last time."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from services.domain.charter import Charter, Goal, Per
from services.domain.facts import MICROS, FactKind, filter_name
from services.measures.contributions import counted
from services.measures.figures import asks_deals, figure, of_goal
from services.measures.gap import STAGES, Stage, Totals
from services.measures.ledger import Days, Ledger

_MONTHS = {Per.MONTH: 1, Per.QUARTER: 3, Per.YEAR: 12}
_BY_MEASURE = {"handoffs": Stage.HANDOFFS, "accepted": Stage.ACCEPTED, "won": Stage.WON}
_LAST = {"won": Stage.WON, "won_amount": Stage.AMOUNT}
"""By a goal's measure, the stage that it is about."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is to reach each stage within the whole period, and by whose word."""

    totals: Totals
    says: Mapping[Stage, str]
    """`target`, `contributes`, `commitment` or `last_period`, by stage."""


def stages_of(goal: Goal) -> tuple[Stage, ...]:
    """The stages up to the one that the goal is about; none where its gap cannot be split."""
    last = _LAST.get(goal.measure)
    return () if last is None else STAGES[: STAGES.index(last) + 1]


def filter_for(goal: Goal, measure: str) -> str:
    """The goal's filter, as far as it can hold for a measure: what only a deal tells is known of no handoff."""
    return "" if asks_deals(goal.where) and measure not in _LAST else filter_name(goal.where)


def totals(goal: Goal, ledger: Ledger, days: Days, currency: str) -> dict[Stage, Fraction]:
    """How much reached each stage of a goal on these days."""
    found = {
        Stage.HANDOFFS: ledger.count(FactKind.HANDED_OFF, days, filter_for(goal, "handoffs")),
        Stage.ACCEPTED: ledger.count(FactKind.ACCEPTED, days, filter_for(goal, "accepted")),
    }
    name = filter_name(goal.where)
    if goal.measure == "won":
        found[Stage.WON] = int(figure(of_goal(goal), ledger, days).top)
        return {stage: Fraction(count) for stage, count in found.items()}
    found[Stage.WON] = ledger.count(FactKind.DEAL_WON, days, name, currency=currency)
    amount = Fraction(ledger.amount(FactKind.DEAL_WON, days, currency, name), MICROS)
    return {stage: Fraction(count) for stage, count in found.items()} | {Stage.AMOUNT: amount}


def plan(goal: Goal, charter: Charter, last: Totals) -> Plan:
    """The plan of a goal. `last` is what reached each stage in the period before, whose shares fill what is not said.

    A stage that neither the charter nor the last period tell is left out.
    """
    stages = stages_of(goal)
    found = {stage: (amount, says) for stage, amount, says in _said(goal, charter) if stage in stages[:-1]}
    found[stages[-1]] = (goal.target, "target")
    share = _shares(charter, last)
    for stage, after in reversed(list(itertools.pairwise(stages))):
        if stage in found:
            continue
        if stage is Stage.ACCEPTED and Stage.HANDOFFS in found and (accepts := share(Stage.HANDOFFS, stage)):
            found[stage] = (found[Stage.HANDOFFS][0] * accepts[0], accepts[1])
        elif after in found and (gets_on := share(stage, after)):
            found[stage] = (found[after][0] / gets_on[0], gets_on[1])
    return Plan(
        {stage: found[stage][0] for stage in stages if stage in found},
        {stage: found[stage][1] for stage in stages if stage in found},
    )


def _said(goal: Goal, charter: Charter) -> list[tuple[Stage, Fraction, str]]:
    """What the charter says of stages, the contributions last, as they are stronger."""
    said = []
    for commitment in charter.commitments.values():
        stage = _BY_MEASURE.get(commitment.measure)
        if stage is not None and goal.per in _MONTHS and commitment.per in _MONTHS:
            times = Fraction(_MONTHS[goal.per], _MONTHS[commitment.per])
            said.append((stage, commitment.at_least * times, "commitment"))
    given = [each for each in counted(goal.contributes) if each.measure in _BY_MEASURE]
    return said + [(_BY_MEASURE[each.measure], Fraction(each.target), "contributes") for each in given]


def _shares(charter: Charter, last: Totals) -> Callable[[Stage, Stage], tuple[Fraction, str] | None]:
    """How much of a stage gets to the next one: as promised, else as in the last period."""
    promised = next((each.at_least for each in charter.commitments.values() if each.measure == "accept_rate"), None)

    def share(stage: Stage, after: Stage) -> tuple[Fraction, str] | None:
        if after is Stage.ACCEPTED and promised:
            return promised, "commitment"
        if last.get(stage) and last.get(after):
            return last[after] / last[stage], "last_period"
        return None

    return share

"""The gap of a goal, split into parts that add up to it."""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.domain.facts import FactKind
from services.domain.periods import day_of
from services.measures.gap import STAGES, Stage, split
from services.measures.ledger import Days, Ledger
from services.measures.plans import filter_for, plan, totals
from tests.measures.made import WARSAW, MemoryFacts, at, charter, deal, many

H, A, W, V = STAGES


def stages(*amounts: int) -> dict[Stage, Fraction]:
    """Totals by stage, from the first on."""
    return {stage: Fraction(amount) for stage, amount in zip(STAGES, amounts, strict=False)}


def test_one_thing_that_is_off_has_the_whole_gap() -> None:
    """Half as many handoffs, all else as planned: all that is missing is missing there."""
    gap = split(stages(100, 70, 14, 140_000), stages(50, 35, 7, 70_000))
    assert gap is not None
    assert gap.total == 70_000
    assert [part.amount for part in gap.parts] == [70_000, 0, 0, 0]


def test_two_things_by_hand() -> None:
    """Half the handoffs and half the acceptance, of 100: what both did together is shared evenly.

    Alone each would cost 50, both cost 75: in one order 50 and 25, in the other 25 and 50.
    """
    gap = split(stages(100, 100), stages(50, 25))
    assert gap is not None
    assert [(part.stage, part.amount) for part in gap.parts] == [
        (H, Fraction(75, 2)),
        (A, Fraction(75, 2)),
    ]


def test_what_makes_up_for_others_is_below_zero() -> None:
    """Too few handoffs, larger deals: the parts have opposite signs and still add up."""
    gap = split(stages(100, 50, 10, 1000), stages(50, 25, 5, 750))
    assert gap is not None
    by_stage = {part.stage: part.amount for part in gap.parts}
    assert by_stage[H] > 0 > by_stage[V]
    assert sum(by_stage.values()) == gap.total == 250


def test_parts_say_what_was_planned_and_what_is() -> None:
    """The first is a number, the others say how much of the stage before gets there."""
    gap = split(stages(100, 70, 14, 140_000), stages(80, 40, 10, 90_000))
    assert gap is not None
    assert [(part.since, part.planned, part.actual) for part in gap.parts] == [
        (None, 100, 80),
        (H, Fraction(7, 10), Fraction(1, 2)),
        (A, Fraction(1, 5), Fraction(1, 4)),
        (W, 10_000, 9_000),
    ]


def test_where_nothing_arrives_what_follows_is_not_to_blame() -> None:
    """Without any handoff nothing can be accepted: all of the gap is missing handoffs."""
    gap = split(stages(100, 70, 14), stages(0, 0, 0))
    assert gap is not None
    assert [part.actual for part in gap.parts] == [0, None, None]
    assert [part.amount for part in gap.parts] == [14, 0, 0]


def test_wins_of_earlier_handoffs_are_told_with_the_next_stage() -> None:
    """No handoffs in this quarter, but acceptances of the last one's: no share can tell that."""
    gap = split(stages(100, 70, 14), stages(0, 10, 4))
    assert gap is not None
    assert [part.stage for part in gap.parts] == [A, W]
    assert sum(part.amount for part in gap.parts) == 10


def test_a_single_stage_is_no_split() -> None:
    """Where nothing before the goal is known, a gap has no parts."""
    assert split({V: Fraction(10)}, stages(1, 1, 1, 1)) is None
    assert split({H: Fraction(1), V: Fraction(10)}, stages(0, 1, 1, 1)) is None


_TOTAL = st.fractions(min_value=0, max_value=10**6, max_denominator=1000)
_PLANNED = st.fractions(min_value=Fraction(1, 1000), max_value=10**6, max_denominator=1000)


@settings(deadline=None)
@given(
    st.sets(st.sampled_from(STAGES[:-1])),
    st.lists(_PLANNED, min_size=4, max_size=4),
    st.lists(st.one_of(st.just(Fraction(0)), _TOTAL), min_size=4, max_size=4),
)
def test_parts_add_up_to_the_gap(left_out: set[Stage], planned: list[Fraction], actual: list[Fraction]) -> None:
    """Exactly, whatever is planned, reached or not known."""
    plan_ = {stage: each for stage, each in zip(STAGES, planned, strict=True) if stage not in left_out}
    real = dict(zip(STAGES, actual, strict=True))
    gap = split(plan_, real)
    if gap is not None:
        assert sum((part.amount for part in gap.parts), Fraction(0)) == gap.total == plan_[V] - real[V]


@settings(deadline=None)
@given(st.lists(_PLANNED, min_size=3, max_size=3), st.lists(_PLANNED, min_size=3, max_size=3))
def test_parts_are_the_average_over_all_orders(planned: list[Fraction], actual: list[Fraction]) -> None:
    """The same as going through every order by itself."""
    gap = split(dict(zip(STAGES, planned, strict=False)), dict(zip(STAGES, actual, strict=False)))
    assert gap is not None
    assert [part.amount for part in gap.parts] == _by_orders(_shares(planned), _shares(actual))


def _shares(totals_: Sequence[Fraction]) -> list[Fraction]:
    return [totals_[0], *(after / before for before, after in itertools.pairwise(totals_))]


def _by_orders(planned: Sequence[Fraction], actual: Sequence[Fraction]) -> list[Fraction]:
    orders = list(itertools.permutations(range(len(planned))))
    parts = [Fraction(0)] * len(planned)
    for order in orders:
        now = list(planned)
        for place in order:
            before = math.prod(now)
            now[place] = actual[place]
            parts[place] += before - math.prod(now)
    return [part / len(orders) for part in parts]


def test_the_contract_s_plan() -> None:
    """600 handoffs and 90 won are the sides' words, 70 % acceptance a commitment, 1.2 million the target."""
    made = charter()
    found = plan(made.goals[0], made, {})
    assert found.totals == stages(600, 420, 90, 1_200_000)
    assert [found.says[stage] for stage in STAGES] == ["contributes", "commitment", "contributes", "target"]


def test_a_commitment_by_month_is_three_times_as_much_in_a_quarter() -> None:
    """Where nobody contributes a number, the monthly promise does."""
    made = charter(("contributes: {marketing: 600 handoffs, sales: 90 won, service: a good start}", "parent: null"))
    found = plan(made.goals[0], made, stages(10, 5, 4, 400))
    assert found.totals[H] == 1200
    assert found.says[H] == "commitment"


def test_the_last_period_fills_what_nobody_said() -> None:
    """So many are needed by the shares of last time: 100 a deal, one win of two accepted."""
    made = charter(
        ("contributes: {marketing: 600 handoffs, sales: 90 won, service: a good start}", "parent: null"),
        ("  volume: {promised_by: marketing, measure: handoffs, per: month, at_least: 400}\n", ""),
        ("  quality: {promised_by: marketing, measure: accept_rate, per: month, at_least: 70%}\n", ""),
    )
    found = plan(made.goals[0], made, stages(16, 8, 4, 400))
    assert found.totals == stages(48_000, 24_000, 12_000, 1_200_000)
    assert [found.says[stage] for stage in STAGES] == ["last_period"] * 3 + ["target"]
    assert plan(made.goals[0], made, stages(0, 0, 0, 0)).totals == {V: 1_200_000}


def test_totals_are_those_of_the_goal() -> None:
    """Wins and amounts of new customers and of the goal's currency; handoffs all, as none is of a customer yet."""
    goal = charter().goals[0]
    views = [
        *many(FactKind.HANDED_OFF, "2026-10-05", 9),
        *many(FactKind.ACCEPTED, "2026-10-05", 6),
        *deal("2026-10-06", 500),
        *deal("2026-10-07", 700, new=False),
        *deal("2026-10-08", 900, currency="EUR"),
    ]
    days = Days(day_of(at("2026-10-01"), WARSAW), day_of(at("2026-11-01"), WARSAW))
    ledger = Ledger(MemoryFacts(views).tallies(0, 100_000))
    assert totals(goal, ledger, days, "PLN") == stages(9, 6, 1, 500)
    wins = charter(("measure: won_amount", "measure: won"), ("currency: PLN, ", "")).goals[0]
    assert totals(wins, ledger, days, "") == stages(9, 6, 2)


@pytest.mark.parametrize(("where", "name"), [("new_customer: true", ""), ("segment: large", 'segment is "large"')])
def test_a_condition_on_leads_holds_for_handoffs_too(where: str, name: str) -> None:
    """What is known of a lead at its handoff narrows every stage; what a deal tells, only wins."""
    goal = charter(("where: {new_customer: true}", f"where: {{{where}}}")).goals[0]
    assert filter_for(goal, "handoffs") == name
    assert filter_for(goal, "won") != ""

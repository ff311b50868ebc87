"""What the rules count, held to what the tracker stores: a promise is `met` or `overdue` once, but for corrections."""

from collections import Counter
from random import Random

import pytest

from services.domain.clocks import Kind, Status
from services.domain.instants import DAY
from services.views import status_at
from tests.domain import build
from tests.domain.strategies import some_case
from tests.tracker.support import Bench, shuffled_with_duplicates
from tests.tracker.test_against_oracle import travels

CASES = 60


def judged(seed: int) -> tuple[Bench, int]:
    """Random charters and a history in random order, in batches that come in one after another."""
    random = Random(seed)
    case = some_case(random)
    bench = Bench(build.charters(case.charters))
    waiting = shuffled_with_duplicates([event for event in case.events if travels(event)], random, 0.2)
    now = case.as_of
    while waiting:
        size = random.randint(1, 5)
        bench.feed(waiting[:size], now)
        del waiting[:size]
        now += random.randint(0, DAY)
        bench.tick(now)
    return bench, now


@pytest.mark.parametrize("seed", range(CASES))
def test_met_and_overdue_are_each_promise_once_but_for_corrections(seed: int) -> None:
    """What was told too much is no more than what was corrected; where nothing was, the counts are the verdicts."""
    bench, now = judged(seed)
    told: Counter[tuple[str, str]] = Counter()
    for (name, labels), amount in bench.store_counters().items():
        if name == "baton_clock_transitions_total":
            values = dict(labels)
            told[values["clock"], values["transition"]] += amount
    true: Counter[tuple[str, str]] = Counter()
    for row in bench.clocks(build.LEAD):
        status = status_at(row, now)
        # An end in the very microsecond after due_at is missed, and was never overdue.
        at_once = row.ended_at is not None and row.due_at is not None and row.ended_at == row.due_at + 1
        if status is Status.MET:
            true[row.clock, Kind.MET] += 1
        elif status in (Status.MISSED, Status.OVERDUE) and not at_once:
            true[row.clock, Kind.OVERDUE] += 1
    for clock in {name for name, _ in told}:
        too_much = [told[clock, kind] - true[clock, kind] for kind in (Kind.MET, Kind.OVERDUE)]
        assert min(too_much) >= 0, (clock, told, true)
        assert sum(too_much) <= told[clock, Kind.CORRECTED], (clock, told, true)
    bench.database.close()


def test_the_cases_have_what_there_is_to_count() -> None:
    """Promises that are kept, late and ended after that, and corrected ones, so that the sums above say something."""
    kinds: Counter[str] = Counter()
    for seed in range(CASES):
        bench, _ = judged(seed)
        kinds.update(
            dict(labels)["transition"]
            for (name, labels), _ in bench.store_counters().items()
            if name == "baton_clock_transitions_total"
        )
        bench.database.close()
    assert min(kinds[kind] for kind in (Kind.MET, Kind.MISSED, Kind.OVERDUE, Kind.CORRECTED)) >= 5, kinds

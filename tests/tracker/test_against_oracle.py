"""The tracker on a real store against the second judge of the domain's tests, which stores nothing."""

from random import Random

import pytest

from services.domain.events import Event
from services.domain.instants import SECOND
from services.errors import BadEvent
from services.translate import from_json, to_json
from services.views import status_at
from tests.databases import empty
from tests.domain import build, oracle
from tests.domain.strategies import some_case
from tests.tracker.support import Bench, shuffled_with_duplicates

CASES = 150
CASES_ON_POSTGRES = 25


@pytest.mark.parametrize("seed", range(CASES))
def test_the_tracker_gives_the_rows_of_the_oracle(seed: int) -> None:
    """Random charters and histories, shuffled and doubled, in batches with ticks and restarts between."""
    compare(seed, "sqlite://")


@pytest.mark.parametrize("seed", range(CASES_ON_POSTGRES))
def test_and_gives_them_on_postgres(postgres_tables: str, seed: int) -> None:
    """Some of the same cases on PostgreSQL."""
    empty(postgres_tables)
    compare(seed, postgres_tables)


def compare(seed: int, url: str) -> None:
    """Feed a tracker on the database at `url`, and judge the same by the oracle."""
    random = Random(seed)
    case = some_case(random)
    events = [event for event in case.events if event.time <= case.as_of and travels(event)]
    bench = Bench(build.charters(case.charters), url)
    waiting = shuffled_with_duplicates(events, random, 0.2)
    while waiting:
        size = random.randint(1, 5)
        bench.feed(waiting[:size], case.as_of)
        del waiting[:size]
        if random.random() < 0.3:
            bench.tick(case.as_of)
        if random.random() < 0.2:
            bench.restart()
    expected = oracle.judge(events, case.charters, case.as_of)
    stored = bench.clocks(build.LEAD)
    assert [
        (row.clock, row.number, row.started_at, row.due_at, row.ended_at, str(status_at(row, case.as_of)))
        for row in stored
    ] == [(row.clock, row.instance, row.started_at, row.due_at, row.ended_at, row.status) for row in expected]
    counted = {(row.clock, row.instance): row.counted_seconds for row in expected}
    for row in stored:
        assert row.counted is None or row.counted // SECOND == counted[row.clock, row.number]
    bench.database.close()


def travels(event: Event) -> bool:
    """Whether it is valid on the wire; the domain itself takes any data, and a ceremony of a lead."""
    try:
        return from_json(to_json(event)) == event
    except BadEvent:
        return False

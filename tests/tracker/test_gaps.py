"""What is lost in the log is stepped over on an operator's word alone, and stays on record."""

import pytest

from services import metric_table as metrics
from services import samples
from services.errors import UsageError
from services.ports import EVENTS
from services.tracker.gaps import accept_gap
from tests.tracker.support import Bench, at, event


@pytest.fixture
def bench() -> Bench:
    """A partition that stands at 1."""
    bench = Bench()
    bench.feed([event("lead.handed_off", "09:00")], "09:00")
    return bench


def test_the_partition_goes_on_and_the_loss_is_counted(bench: Bench) -> None:
    """Each record that is missing counts as a dead letter; one letter says which they were."""
    assert accept_gap(bench.store, EVENTS, 0, 1, 42, at("10:00")) == 41
    assert bench.store.position(EVENTS, 0) == 42
    (letter,) = bench.views.dead_letters(None, 10)
    assert (letter.id, letter.reason) == ("baton.events/0/1-42", "lost")
    assert letter.detail == "the log had lost 41 records from offset 1 on; an operator went on at 42"
    assert bench.store_counters()[samples.sample(metrics.DEAD_LETTERS_TOTAL, reason="lost")] == 41
    bench.offset = 42
    bench.feed([event("lead.touched", "09:30", kind="call", direction="outbound", connected=True)], "10:00")
    assert [row.status for row in bench.clocks()] == ["met"]


@pytest.mark.parametrize(
    ("topic", "partition", "first", "following", "said"),
    [
        ("baton.leads", 0, 1, 2, "the tracker reads baton.events"),
        (EVENTS, 7, 0, 2, "has no partition 7"),
        (EVENTS, 0, 2, 9, "is judged up to offset 1, not 2"),
        (EVENTS, 0, 1, 1, "must be above 1"),
        (EVENTS, 0, 1, 0, "must be above 1"),
    ],
)
def test_a_gap_that_is_not_there_is_refused(
    bench: Bench, topic: str, partition: int, first: int, following: int, said: str
) -> None:
    """The operator names where the partition stands, so that nothing that could be read is skipped by mistake."""
    with pytest.raises(UsageError, match=said):
        accept_gap(bench.store, topic, partition, first, following, at("10:00"))
    assert bench.store.position(EVENTS, 0) == 1
    assert bench.views.dead_letters(None, 10) == []

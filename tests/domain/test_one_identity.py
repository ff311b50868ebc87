"""Two different events under one source and id: one of them counts, whichever came first."""

from itertools import permutations

import pytest

from services.domain.deals import owners
from services.domain.events import Event, EventType
from services.domain.fold import in_order, preferred


def deal(time: int, lead: str, **said: object) -> Event:
    """A deal is opened; every such event has the same id."""
    return Event(time, EventType.DEAL_OPENED, "crm", "same", lead, {"deal": "d", **said})


@pytest.mark.parametrize(
    ("counts", "other"),
    [
        (deal(1, "b"), deal(2, "a")),
        (deal(1, "a"), deal(1, "b")),
        (deal(1, "a", amount=1), deal(1, "a", amount=2)),
        (deal(2, "a"), deal(1, "")),
        (deal(1, "a", amount=2), deal(1, "", amount=1)),
    ],
    ids=["the earlier", "the first lead", "the first by what it says", "the one with a lead", "the same at one time"],
)
def test_the_same_one_counts_whichever_came_first(counts: Event, other: Event) -> None:
    """One that names a lead, then the earlier, then the first by its lead and by what it says."""
    assert {repr(preferred(*pair)) for pair in permutations([counts, other])} == {repr(counts)}
    assert {repr(in_order(pair)) for pair in permutations([counts, other])} == {repr([counts])}


def test_whose_a_deal_is_follows_the_one_that_counts() -> None:
    """The lead of the event that counts has the deal, in any order of arrival."""
    for pair in permutations([deal(1, ""), deal(2, "a")]):
        assert owners(pair) == owners(in_order(pair)) == {"d": "a"}

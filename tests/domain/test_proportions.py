"""Intervals of shares and of their change, held to values that others published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.proportions import Interval, Share, change, wilson

SHARES = st.integers(1, 3_000).flatmap(lambda whole: st.builds(Share, st.integers(0, whole), st.just(whole)))


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        # Newcombe, Stat. Med. 17 (1998) 857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(part: int, whole: int, low: float, high: float) -> None:
    """Method 3 of the paper that compares seven."""
    interval = wilson(Share(part, whole))
    assert [interval.low, interval.high] == pytest.approx([low, high], abs=5e-5)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        # Newcombe, Stat. Med. 17 (1998) 873-890, table II, method 10: the first share less the second.
        (Share(56, 70), Share(48, 80), 0.0524, 0.3339),
        (Share(9, 10), Share(3, 10), 0.1705, 0.8090),
        (Share(6, 7), Share(2, 7), 0.0582, 0.8062),
        (Share(5, 56), Share(0, 29), -0.0381, 0.1926),
        (Share(0, 10), Share(0, 20), -0.1611, 0.2775),
        (Share(10, 10), Share(0, 10), 0.6075, 1.0),
    ],
)
def test_change_gives_the_published_intervals(first: Share, second: Share, low: float, high: float) -> None:
    """Method 10 of the paper that compares eleven."""
    interval = change(before=second, after=first)
    assert [interval.low, interval.high] == pytest.approx([low, high], abs=5e-5)


def test_of_nothing_nothing_is_known() -> None:
    """0/0 has no value, and its interval leaves everything open."""
    assert Share(0, 0).value is None
    assert wilson(Share(0, 0)) == Interval(0.0, 1.0)
    assert change(Share(0, 0), Share(3, 4)) == change(Share(3, 4), Share(0, 0)) == Interval(-1.0, 1.0)


@given(SHARES)
def test_the_share_lies_in_its_interval(share: Share) -> None:
    """And the interval within 0 and 1, at their very ends where all or none are."""
    interval = wilson(share)
    assert share.value is not None
    assert 0.0 <= interval.low <= share.value <= interval.high <= 1.0
    assert (interval.low == 0.0) == (share.part == 0)
    assert (interval.high == 1.0) == (share.part == share.whole)


@given(SHARES)
def test_more_of_the_same_says_more(share: Share) -> None:
    """Ten times the sample has a narrower interval."""
    narrow, wide = wilson(Share(share.part * 10, share.whole * 10)), wilson(share)
    assert narrow.high - narrow.low < wide.high - wide.low


@given(SHARES, SHARES)
def test_a_change_back_is_the_same_the_other_way(one: Share, other: Share) -> None:
    """The interval is mirrored, and holds the change that was seen."""
    there, back = change(one, other), change(other, one)
    assert [there.low, there.high] == pytest.approx([-back.high, -back.low])
    assert one.value is not None
    assert other.value is not None
    assert there.low <= other.value - one.value <= there.high


def test_shares_add_up_by_their_counts() -> None:
    """Not by their values."""
    assert Share(1, 2) + Share(0, 8) == Share(1, 10)

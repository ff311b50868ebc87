"""What each side gives to a goal, as far as it can be counted."""

import pytest

from services.domain.charter import Side
from services.measures.contributions import Contribution, counted, parse


@pytest.mark.parametrize(
    ("words", "measure", "target"),
    [
        ("600 handoffs", "handoffs", 600),
        ("90 won", "won", 90),
        ("1 conversations", "conversations", 1),
        ("1,200 handoffs", "handoffs", 1200),
        ("12 000 handoffs", "handoffs", 12_000),
        ("  40   opportunities ", "opportunities", 40),
    ],
)
def test_a_number_of_what_is_counted(words: str, measure: str, target: int) -> None:
    """A whole number and the name of a count."""
    assert parse("marketing", words) == Contribution(Side.MARKETING, measure, target)


@pytest.mark.parametrize(
    "words",
    [
        "good leads",
        "600",
        "600 leads",
        "90 won deals",
        "70% accept_rate",
        "5 accept_rate",
        "0 won",
        "1.5 won",
        "-3 won",
    ],
)
def test_anything_else_stays_words(words: str) -> None:
    """Nothing is guessed: what is no number of a count is shown as it is written."""
    assert parse("sales", words) is None


def test_only_the_two_sides_are_counted() -> None:
    """Another department may give something too; Baton counts what passes between marketing and sales."""
    assert parse("service", "5 won") is None
    given = counted({"sales": "90 won", "service": "5 won", "marketing": "600 handoffs"})
    assert [each.side for each in given] == [Side.MARKETING, Side.SALES]

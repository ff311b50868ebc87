"""`when`: what an attribute, or an event's data, must be."""

import pytest

from tests.domain.build import when


@pytest.mark.parametrize(
    ("test", "passing", "failing"),
    [
        ("hot", ["hot"], ["Hot", "warm", None, 1]),
        (["hot", "warm"], ["hot", "warm"], ["cold", None]),
        (80, [80, 80.0], ["80", 81, True, None]),
        (1, [1, 1.0], [True, "1"]),
        (True, [True], [1, "true", False, None]),
        (False, [False], [0, None, ""]),
        ({"gte": 80}, [80, 80.5, 100], [79.9, "80", None, True]),
        ({"gt": 80}, [80.1], [80, 79]),
        ({"lte": 80}, [80, -1], [80.1, None, False]),
        ({"lt": 80}, [79], [80]),
        ({"not": "hot"}, ["warm", None, 1], ["hot"]),
        ({"not": ["hot", "warm"]}, ["cold", None], ["hot", "warm"]),
        ({"not": 1}, [True, 2], [1, 1.0]),
        ({"known": True}, ["", 0, False], [None]),
        ({"known": False}, [None], ["", 0, False]),
    ],
)
def test_an_entry_is_a_value_a_list_or_a_comparison(test: object, passing: list[object], failing: list[object]) -> None:
    """A value must be the same in kind, a comparison needs a number, an unknown value is only `not` or not known."""
    condition = when({"attribute": test})
    assert [value for value in passing if not condition.holds({"attribute": value})] == []
    assert [value for value in failing if condition.holds({"attribute": value})] == []
    assert condition.holds({}) is condition.holds({"attribute": None})


def test_all_entries_must_hold() -> None:
    """Two entries are joined by "and"; none at all always hold."""
    both = when({"priority": "hot", "score": {"gte": 80}})
    assert both.holds({"priority": "hot", "score": 80})
    assert not both.holds({"priority": "hot", "score": 79})
    assert not both.holds({"priority": "warm", "score": 80})
    assert when({}).holds({})


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "always"),
        ({"priority": "hot"}, "priority is hot"),
        ({"priority": ["hot", "warm"]}, "priority is hot or warm"),
        ({"customer": True}, "customer is true"),
        ({"score": {"gte": 80}}, "score is at least 80"),
        ({"score": {"gt": 80}}, "score is more than 80"),
        ({"score": {"lte": 79.5}}, "score is at most 79.5"),
        ({"score": {"lt": 80}}, "score is less than 80"),
        ({"team": {"not": ["a", "b"]}}, "team is not a or b"),
        ({"owner": {"known": True}}, "owner is known"),
        ({"owner": {"known": False}, "priority": "hot"}, "owner is not known and priority is hot"),
    ],
)
def test_a_condition_reads_as_a_sentence(spec: dict[str, object], words: str) -> None:
    """The charter's page shows conditions in words."""
    assert str(when(spec)) == words

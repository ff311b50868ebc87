"""One answer for all who ask the same at the same time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from services.board.latest import MOST, Latest
from services.errors import Unavailable


class _Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def _counting() -> tuple[list[int], "_Maker"]:
    made: list[int] = []
    return made, _Maker(made)


class _Maker:
    def __init__(self, made: list[int]) -> None:
        self._made = made

    def __call__(self) -> int:
        self._made.append(len(self._made))
        return len(self._made)


def test_an_answer_is_made_anew_when_it_is_too_old() -> None:
    """Within its time it stays; from then on it is made again."""
    clock = _Clock()
    latest: Latest[int] = Latest(seconds=1.0, now=clock)
    made, make = _counting()
    assert [latest.get("a", make), latest.get("a", make)] == [1, 1]
    clock.seconds = 0.9
    assert latest.get("a", make) == 1
    clock.seconds = 1.0
    assert latest.get("a", make) == 2
    assert len(made) == 2


def test_another_question_has_another_answer() -> None:
    """What was asked longest ago is forgotten, so that there are never more than so many."""
    latest: Latest[int] = Latest(seconds=1.0, now=_Clock())
    _, make = _counting()
    answers = [latest.get(question, make) for question in range(MOST + 1)]
    assert answers == list(range(1, MOST + 2))
    assert latest.get(MOST, make) == MOST + 1
    assert latest.get(0, make) == MOST + 2


def test_who_asks_meanwhile_waits_for_the_same_answer() -> None:
    """Ten pages that ask at once cost one reading."""
    latest: Latest[int] = Latest(seconds=60.0)
    made, make = _counting()
    begun, go_on = Event(), Event()

    def slow() -> int:
        begun.set()
        go_on.wait(30)
        return make()

    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(latest.get, "a", slow)
        assert begun.wait(30)
        others = [pool.submit(latest.get, "a", make) for _ in range(9)]
        go_on.set()
        assert {each.result(30) for each in (first, *others)} == {1}
    assert len(made) == 1


def test_what_failed_is_asked_again() -> None:
    """An outage is no answer."""
    latest: Latest[int] = Latest(seconds=60.0)
    _, make = _counting()

    def fail() -> int:
        raise Unavailable("the database is away")

    with pytest.raises(Unavailable):
        latest.get("a", fail)
    assert latest.get("a", make) == 1

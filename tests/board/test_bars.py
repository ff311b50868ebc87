"""Bars on time axes: everything stands at its time, within the axis, with words that can be read."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.board.axis import MOST_TICKS, MOST_WINDOWS, Axis
from services.board.bars import clock_bar, wait_bar
from services.board.judgements import Judgement, of_file, of_row
from services.board.times import Times
from services.board.waits import Stretch, Wait
from services.domain.charter import Charters
from services.domain.events import EventType
from services.domain.instants import DAY
from tests.board.world import CHARTER, HOUR, MINUTE, NOW, OFFICE, WARSAW, Story, at, file_of

unhurried = settings(deadline=None)

CHARTERS = Charters([CHARTER])
TIMES = Times(WARSAW, NOW)
LENGTHS = st.integers(0, 4000 * DAY)
STARTS = st.integers(at("2015-01-01 00:00"), at("2030-01-01 00:00"))


@unhurried
@given(STARTS, LENGTHS)
def test_an_axis_has_a_few_marks_in_order_within_it(since: int, length: int) -> None:
    """However long or short it is, and whatever clock changes lie in it."""
    axis = Axis.around(since, since + length)
    ticks = axis.ticks(TIMES)
    places = [tick.x for tick in ticks]
    assert len(ticks) <= MOST_TICKS + 1
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)


@unhurried
@given(STARTS, LENGTHS, st.integers(-DAY, 4000 * DAY))
def test_every_instant_has_a_place(since: int, length: int, later: int) -> None:
    """Later ones stand further right, and what is outside stands at the nearer end."""
    axis = Axis.around(since, since + length)
    assert axis.since <= since
    assert axis.until >= since + length
    assert 0 <= axis.at(since) <= axis.at(since + max(later, 0)) <= 100
    assert axis.at(axis.since - DAY) == 0
    assert axis.at(axis.until + DAY) == 100


@unhurried
@given(STARTS, LENGTHS)
def test_working_hours_are_shaded_where_they_can_be_told_apart(since: int, length: int) -> None:
    """The windows do not overlap; too many of them are not drawn at all."""
    windows = Axis.around(since, since + length).counted(OFFICE)
    assert len(windows) <= MOST_WINDOWS
    assert all(one.x + one.width <= other.x + 1e-6 for one, other in pairwise(windows))


def test_marks_are_at_round_times_of_the_zone() -> None:
    """Hours within a day, the day's name at midnight, dates over weeks."""
    assert [tick.text for tick in Axis(at("10-12 09:10"), at("10-12 11:40")).ticks(TIMES)] == [
        "09:30",
        "10:00",
        "10:30",
        "11:00",
        "11:30",
    ]
    assert [tick.text for tick in Axis(at("10-12 20:00"), at("10-13 08:00")).ticks(TIMES)] == [
        "21:00",
        "Tue 13",
        "03:00",
        "06:00",
    ]
    assert [tick.text for tick in Axis(at("10-11 12:00"), at("10-14 12:00")).ticks(TIMES)] == [
        "12 Oct",
        "13 Oct",
        "14 Oct",
    ]


def test_marks_stay_at_their_wall_clock_times_over_a_clock_change() -> None:
    """In Warsaw the clocks go back on 25 October 2026: midnights are 25 hours apart."""
    ticks = Axis(at("10-24 12:00"), at("10-26 12:00")).ticks(TIMES)
    assert [tick.text for tick in ticks] == ["Sun 25", "12:00", "Mon 26"]


def _judge(book: Story, clock: str) -> Judgement:
    file = file_of("crm:1", book.events["crm:1"], NOW, CHARTERS)
    _, judgements = of_file(file, CHARTERS, NOW)
    return next(each for each in judgements if each.clock == clock)


def test_a_clock_is_drawn_with_its_pauses_due_time_and_end() -> None:
    """From the start to the end in time, with what was paused, and the mark of when it was due."""
    book = Story()
    book.tell("crm:1", "10-12 09:00", EventType.LEAD_HANDED_OFF, attributes={})
    book.tell("crm:1", "10-12 09:30", EventType.LEAD_PAUSED, reason="away")
    book.tell("crm:1", "10-12 10:30", EventType.LEAD_RESUMED)
    book.tell("crm:1", "10-12 11:00", EventType.LEAD_ACCEPTED)
    bar = clock_bar(_judge(book, "accept"), OFFICE, TIMES)
    (pause,) = bar.pauses
    assert bar.due is not None
    assert bar.ended is not None
    assert bar.now is None
    assert bar.late is None
    assert bar.in_time.x < pause.x < pause.x + pause.width < bar.ended < bar.due
    assert bar.in_time.x + bar.in_time.width == pytest.approx(bar.ended)
    assert bar.shaded


def test_what_came_after_the_due_time_is_drawn_apart() -> None:
    """An overdue clock goes on from when it was due until now."""
    book = Story()
    book.tell("crm:1", "10-12 09:00", EventType.LEAD_HANDED_OFF, attributes={"priority": "hot"})
    bar = clock_bar(_judge(book, "accept"), OFFICE, TIMES)
    assert bar.late is not None
    assert bar.ended is None
    assert bar.due == bar.late.x == pytest.approx(bar.in_time.x + bar.in_time.width)
    assert bar.late.x + bar.late.width == pytest.approx(bar.now)


def test_a_clock_whose_charter_is_gone_is_drawn_without_working_hours() -> None:
    """What the row alone says is enough for the rest."""
    book = Story()
    book.tell("crm:1", "10-12 09:00", EventType.LEAD_HANDED_OFF, attributes={})
    (row,) = file_of("crm:1", book.events["crm:1"], NOW, CHARTERS).clocks
    bar = clock_bar(of_row(row, CHARTERS, NOW), None, TIMES)
    assert bar.shaded == ()
    assert bar.due is not None


def test_where_the_time_went_is_one_bar_without_holes() -> None:
    """Each stretch begins where the one before it ends; nothing yet is no bar."""
    found = [
        Stretch(Wait.OWNER, NOW - HOUR, NOW - 30 * MINUTE),
        Stretch(Wait.ANSWER, NOW - 30 * MINUTE, NOW),
    ]
    bar = wait_bar(found, OFFICE, TIMES)
    assert bar is not None
    (_, one), (_, other) = bar.stretches
    assert one.x + one.width == pytest.approx(other.x)
    assert wait_bar([], OFFICE, TIMES) is None

"""Exact values at the edges: microseconds, words, and the instants of what is told."""

from datetime import date, timedelta
from fractions import Fraction

import pytest

from services.domain.charter import Charters
from services.domain.clocks import Kind, Passage, passages
from services.domain.durations import parse_duration
from services.domain.events import EventType, flags
from services.domain.instants import SECOND, format_exact, parse_instant
from services.domain.telling import Told, tell
from tests.domain import build
from tests.domain.histories import ACCEPTED, ALWAYS, OFFICE, at, clock, event, handed_off, the_instance
from tests.domain.oracle import CalendarSpec


def test_a_share_of_a_target_is_rounded_up_to_a_microsecond() -> None:
    """A third of a second has passed after 333,334 microseconds, a whole number."""
    instance = the_instance(clock("1s"), handed_off("09:00"))
    reached = instance.reaches_share(Fraction(1, 3))
    assert (reached, type(reached)) == (at("09:00") + 333_334, int)


def test_an_end_is_told_with_its_instant_and_no_level() -> None:
    """There is only one of its kind."""
    instance = the_instance(clock("4h"), handed_off("09:00"), event(ACCEPTED, "10:00"))
    assert passages(instance, at("10:00"))[-1] == Passage(Kind.MET, 0, at("10:00"))


def test_a_correction_is_told_at_the_instant_at_which_it_is_noticed() -> None:
    """It has no other: it is about what people knew."""
    told = Told()
    tell(the_instance(clock("4h"), handed_off("09:00")), told, at("14:00"))
    (corrected, *_) = tell(the_instance(clock("4h"), handed_off("09:00"), event(ACCEPTED, "10:00")), told, at("15:00"))
    assert corrected.passage == Passage(Kind.CORRECTED, 0, at("15:00"))


def test_an_instant_written_exactly_ends_in_z() -> None:
    """RFC 3339 in UTC, with as many digits as it needs."""
    assert format_exact(at("09:00")) == "2026-06-15T09:00:00Z"
    assert format_exact(at("09:00") + 1) == "2026-06-15T09:00:00.000001Z"


def test_a_time_out_of_range_is_named() -> None:
    """The sender sees which time is meant."""
    with pytest.raises(ValueError, match=r"^'1969-12-31T23:59:59Z' lies outside the years 1970 to 2199$"):
        parse_instant("1969-12-31T23:59:59Z")


def test_a_condition_keeps_the_case_of_words() -> None:
    """Only true and false are written small, as YAML has them."""
    assert str(build.when({"region": ["EMEA", True]})) == "region is EMEA or true"


def test_charters_that_do_not_fit_together_are_refused_in_words() -> None:
    """The messages are shown to whoever gave the charters."""
    one, other = build.charter(version="a"), build.charter(version="b", effective_from=SECOND)
    for versions, whole, message in (
        ([], False, "no charter"),
        ([one, one], False, "two charters share a version or an effective_from"),
        ([one, other], True, "only one charter can judge the whole history"),
    ):
        with pytest.raises(ValueError, match=f"^{message}$"):
            Charters(versions, whole_history=whole)


def test_a_window_that_begins_at_the_end_of_a_stretch_is_not_in_it() -> None:
    """Stretches are half-open: up to 09:00 an office that opens at 09:00 counts nothing."""
    assert list(OFFICE.windows(at("08:00"), at("09:00"))) == []
    assert list(ALWAYS.windows(at("09:00"), at("09:00"))) == []


def test_a_calendar_that_was_asked_of_later_years_knows_earlier_ones() -> None:
    """What was asked before changes no answer, whichever question comes first."""
    spec = CalendarSpec(zone="Europe/Warsaw", hours=(("09:00-17:00",),) * 5 + ((),) * 2)
    early, late = parse_instant("1994-03-01T10:00:00Z"), parse_instant("2030-03-01T10:00:00Z")
    expected = build.new_calendar(spec).add(early, 40 * 3600 * SECOND)
    asked = build.new_calendar(spec)
    asked.add(late, SECOND)
    assert asked.add(early, 40 * 3600 * SECOND) == expected == parse_instant("1994-03-08T10:00:00Z")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_calendar_answers_alike_however_far_it_was_asked_before(zone: str) -> None:
    """Days around the ends of what it had to know so far, in the zones farthest ahead and behind, with night shifts."""
    spec = CalendarSpec(zone=zone, hours=(("22:00-06:00",),) * 7)
    asked_first, day = parse_instant("2026-06-15T12:00:00Z"), 86_400 * SECOND
    knows_years = build.new_calendar(spec)
    knows_years.counted(asked_first - 800 * day, asked_first + 2000 * day)
    for shift in (*range(-8, 0), *range(362, 380)):
        start = asked_first + shift * day
        calendars = [build.new_calendar(spec) for _ in range(3)]
        for each in calendars:
            each.counted(asked_first, asked_first + 1)
        stretch = start, start + day
        assert calendars[0].counted(*stretch) == knows_years.counted(*stretch) == 8 * 3600 * SECOND
        assert calendars[1].add(start, 1) == knows_years.add(start, 1)
        assert list(calendars[2].windows(*stretch)) == list(knows_years.windows(*stretch))


def test_flags_say_of_every_type_whether_it_is_meant() -> None:
    """By the number of the type; 0 is none."""
    meant = flags(EventType.LEAD_CAPTURED, EventType.CEREMONY_HELD)
    assert meant == (False, True, *[False] * 20, True)


def test_a_day_without_a_length_says_how_to_give_it_one() -> None:
    """The message is shown beside the line of the charter."""
    with pytest.raises(ValueError, match=r"^the calendar does not say how long a day is; give it `day: 8h`$"):
        parse_duration("1d").total(None)


def test_after_the_last_window_there_is_none() -> None:
    """An office that is closed for good after a day has that day's window and no other."""
    closed = frozenset(date(2026, 6, 16) + timedelta(days=days) for days in range(1000))
    spec = CalendarSpec(zone="UTC", hours=(("09:00-17:00",),) * 7, closed=closed)
    windows = build.new_calendar(spec).windows(at("00:00"), at("00:00", day=17))
    assert list(windows) == [(at("09:00"), at("17:00"))]


@pytest.mark.parametrize("minute", [1, 7, 17, 29, 31, 45, 53, 59])
def test_a_window_that_begins_in_a_gap_begins_with_the_first_instant_after_it(minute: int) -> None:
    """Wherever in the hour that a clock change skips: exactly at the change."""
    spec = CalendarSpec(zone="Europe/Warsaw", hours=((f"02:{minute:02}-10:00",),) * 7)
    change = parse_instant("2026-03-29T01:00:00Z")
    ((since, _),) = build.new_calendar(spec).windows(change - 3600 * SECOND, change + 3600 * SECOND)
    assert since == change


def test_years_without_a_window_count_nothing() -> None:
    """However far the closed days reach around what is asked."""
    closed = frozenset(date(2025, 1, 1) + timedelta(days=days) for days in range(2000))
    spec = CalendarSpec(zone="UTC", hours=(("09:00-17:00",),) * 7, closed=closed)
    assert build.new_calendar(spec).counted(at("09:00"), at("17:00")) == 0

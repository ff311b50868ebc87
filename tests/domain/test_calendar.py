"""Counted time: wall-clock windows, clock changes, holidays, and arithmetic that is exact both ways."""

import json
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.domain.calendar import Calendar, Hours, NeverCounted
from services.domain.instants import DAY, SECOND, parse_instant
from tests.domain import build, calendar_checks
from tests.domain.oracle import MINUTE, CalendarSpec
from tests.domain.strategies import SITES, some_calendar
from tests.shared_data import SHARED, needs_shared

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SAMPLED_CHANGES = 200
HOUR = 3600 * SECOND


def at(text: str) -> int:
    """An instant: `2026-03-29T02:30+01:00`."""
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def every_day(zone: str, *hours: str, **more: Any) -> Calendar:
    """A calendar with the same hours on every day."""
    return build.calendar(CalendarSpec(zone, (hours,) * 7, **more))


def working_week(zone: str = "UTC", **more: Any) -> Calendar:
    """Monday to Friday, nine to five."""
    return build.calendar(CalendarSpec(zone, (("09:00-17:00",),) * 5 + ((),) * 2, **more))


# --- Answers of an independent program ----------------------------------------------------------------------------


def from_charter(spec: Mapping[str, Any]) -> Calendar:
    """A calendar of the vectors, which are written as in a charter."""
    hours: list[tuple[str, ...]] = [()] * 7
    for days, texts in spec["hours"].items():
        first, _, last = days.partition("-")
        for weekday in range(WEEKDAYS.index(first), WEEKDAYS.index(first) + 1 + _length(first, last or first)):
            hours[weekday % 7] = _texts(texts)
    special = spec.get("holidays", {})
    closed = {date.fromisoformat(day) for day in special.get("closed", ())}
    if "country" in special:
        closed |= set(holidays.country_holidays(special["country"], years=range(2015, 2031)))
    opened = tuple((date.fromisoformat(day), _texts(texts)) for day, texts in special.get("open", {}).items())
    return build.calendar(CalendarSpec(spec["timezone"], tuple(hours), frozenset(closed), opened))


def _length(first: str, last: str) -> int:
    return (WEEKDAYS.index(last) - WEEKDAYS.index(first)) % 7


def _texts(texts: str | list[str]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)


@cache
def vectors() -> dict[str, Any]:
    """The vectors; empty where the shared data are not there."""
    path = SHARED / "vectors" / "calendar.json"
    read: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"calendars": {}, "cases": []}
    return read


@needs_shared
def test_every_answer_of_the_independent_program_is_given() -> None:
    """`add` and `counted` answer every case of the vectors to the second."""
    known = {name: from_charter(spec) for name, spec in vectors()["calendars"].items()}
    wrong = []
    for case in vectors()["cases"]:
        calendar, start = known[case["calendar"]], parse_instant(case["from"])
        if case["op"] == "add":
            right = calendar.add(start, case["seconds"] * SECOND) == parse_instant(case["gives"])
        else:
            right = calendar.counted(start, parse_instant(case["to"])) == case["gives"] * SECOND
        wrong += [] if right else [case]
    assert wrong == []
    assert len(vectors()["cases"]) > 100


# --- Windows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-06-15T09:00Z", "2026-06-15T17:00Z", 8),
        ("2026-06-15T00:00Z", "2026-06-16T00:00Z", 8),
        ("2026-06-15T16:00Z", "2026-06-16T10:00Z", 2),
        ("2026-06-19T16:00Z", "2026-06-22T10:00Z", 2),  # over a weekend
        ("2026-06-20T00:00Z", "2026-06-22T00:00Z", 0),
        ("2026-06-15T12:00Z", "2026-06-15T12:00Z", 0),
        ("2026-06-16T12:00Z", "2026-06-15T12:00Z", 0),  # backwards
    ],
)
def test_counted_time_is_what_lies_in_the_windows(start: str, end: str, hours: int) -> None:
    """Only the parts of `[start, end)` that lie in a window count."""
    assert working_week().counted(at(start), at(end)) == hours * HOUR


def test_a_window_holds_its_first_instant_and_not_its_last() -> None:
    """Windows are half-open: the instant at which one begins counts, the one at which it ends does not."""
    week = working_week()
    assert week.counted(at("2026-06-15T09:00Z") - 1, at("2026-06-15T09:00Z")) == 0
    assert week.counted(at("2026-06-15T09:00Z"), at("2026-06-15T09:00Z") + 1) == 1
    assert week.counted(at("2026-06-15T17:00Z") - 1, at("2026-06-15T17:00Z")) == 1
    assert week.counted(at("2026-06-15T17:00Z"), at("2026-06-15T17:00Z") + 1) == 0


def test_hours_are_wall_clock_times_of_the_calendars_zone() -> None:
    """Nine o'clock in Kathmandu is 03:15 in UTC."""
    assert every_day("Asia/Kathmandu", "09:00-10:00").add(at("2026-06-15T00:00Z"), 1) == at("2026-06-15T03:15Z") + 1


def test_a_night_shift_belongs_to_the_day_on_which_it_begins() -> None:
    """The windows of a closed day are gone with the part that runs into the next; the day before keeps its own."""
    closed = frozenset({date(2026, 6, 16)})
    nights = every_day("UTC", "22:00-06:00", closed=closed)
    assert nights.counted(at("2026-06-16T00:00Z"), at("2026-06-16T06:00Z")) == 6 * HOUR
    assert nights.counted(at("2026-06-16T06:00Z"), at("2026-06-17T22:00Z")) == 0


def test_hours_that_end_where_they_begin_last_a_day() -> None:
    """An end that is not after its start is on the next day: `06:00-06:00` is 24 hours."""
    assert every_day("UTC", "06:00-06:00").counted(at("2026-06-15T00:00Z"), at("2026-06-16T00:00Z")) == DAY


def test_opened_dates_replace_the_windows_of_that_date() -> None:
    """`open` stands on a closed day, on a free day and on a working day, and leaves the days around it alone."""
    opened = (
        (date(2026, 6, 14), ("10:00-14:00",)),
        (date(2026, 6, 15), ("10:00-11:00", "12:00-13:00")),
        (date(2026, 6, 16), ("08:00-08:30",)),
    )
    week = working_week(closed=frozenset({date(2026, 6, 16), date(2026, 6, 17)}), opened=opened)
    per_day = [
        week.counted(at("2026-06-14T00:00Z") + day * DAY, at("2026-06-14T00:00Z") + (day + 1) * DAY) for day in range(5)
    ]
    assert per_day == [4 * HOUR, 2 * HOUR, HOUR // 2, 0, 8 * HOUR]


def test_a_night_shift_that_runs_into_an_opened_date_counts_once() -> None:
    """Where windows of two days overlap, the time is counted once."""
    nights = every_day("UTC", "22:00-06:00", opened=((date(2026, 6, 16), ("05:00-07:00",)),))
    assert nights.counted(at("2026-06-16T00:00Z"), at("2026-06-16T12:00Z")) == 7 * HOUR


def test_the_order_in_which_the_windows_of_a_day_are_given_changes_nothing() -> None:
    """Windows are sorted as they are taken in, those of opened dates too."""
    day = date(2026, 6, 16)
    given = every_day("UTC", "13:00-16:00", "09:00-12:00", opened=((day, ("20:00-21:00", "08:00-09:00")),))
    assert given.counted(at("2026-06-15T00:00Z"), at("2026-06-17T00:00Z")) == 8 * HOUR


# --- Clock changes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "hours", "start", "end", "counted"),
    [
        # Europe/Warsaw skips 02:00-03:00 on 2026-03-29.
        ("Europe/Warsaw", "00:00-24:00", "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", 23 * 60),
        ("Europe/Warsaw", "02:30-10:00", "2026-03-29T00:00+01:00", "2026-03-29T23:00+02:00", 7 * 60),
        ("Europe/Warsaw", "01:30-02:30", "2026-03-29T00:00+01:00", "2026-03-29T23:00+02:00", 30),
        ("Europe/Warsaw", "02:10-02:50", "2026-03-29T00:00+01:00", "2026-03-29T23:00+02:00", 0),
        # It repeats 02:00-03:00 on 2026-10-25: the first occurrence is meant.
        ("Europe/Warsaw", "00:00-24:00", "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", 25 * 60),
        ("Europe/Warsaw", "01:00-02:30", "2026-10-25T00:00+02:00", "2026-10-25T23:00+01:00", 90),
        ("Europe/Warsaw", "02:30-03:00", "2026-10-25T00:00+02:00", "2026-10-25T23:00+01:00", 90),
        ("America/New_York", "22:00-06:00", "2026-03-07T22:00-05:00", "2026-03-08T12:00-04:00", 7 * 60),
        ("America/New_York", "22:00-06:00", "2026-10-31T22:00-04:00", "2026-11-01T12:00-05:00", 9 * 60),
        # Half an hour in Lord Howe.
        ("Australia/Lord_Howe", "01:00-05:00", "2026-10-04T00:00+10:30", "2026-10-04T12:00+11:00", 210),
        ("Australia/Lord_Howe", "01:00-05:00", "2026-04-05T00:00+11:00", "2026-04-05T12:00+10:30", 270),
        # Sao Paulo skipped midnight to one o'clock in 2018.
        ("America/Sao_Paulo", "00:00-02:00", "2018-11-03T20:00-03:00", "2018-11-04T12:00-02:00", 60),
        ("America/Sao_Paulo", "20:00-24:00", "2018-11-03T12:00-03:00", "2018-11-04T12:00-02:00", 240),
        # Apia had no 2011-12-30: its windows are empty, and a night shift of that day is left its morning.
        ("Pacific/Apia", "09:00-17:00", "2011-12-29T00:00-10:00", "2012-01-01T00:00+14:00", 16 * 60),
        ("Pacific/Apia", "22:00-06:00", "2011-12-29T12:00-10:00", "2011-12-31T12:00+14:00", 8 * 60),
    ],
)
def test_clock_changes(zone: str, hours: str, start: str, end: str, counted: int) -> None:
    """A skipped wall-clock time means the end of the gap, a repeated one its first occurrence; real time counts."""
    assert every_day(zone, hours).counted(at(start), at(end)) == counted * MINUTE


def test_the_calendars_are_those_of_a_minute_by_minute_count() -> None:
    """Around clock changes drawn from those of all zones from 2015 to 2037, every minute, sum and date is right."""
    drawn = random.Random(5)
    wrong: list[str] = []
    done = 0
    while done < SAMPLED_CHANGES:
        zone = drawn.choice(calendar_checks.zones())
        changes = calendar_checks.changes_of(zone)
        first = drawn.randrange(len(changes) + 1)
        together = changes[first : first + 4]  # two years, where a zone changes its clocks twice a year
        if together:
            wrong += calendar_checks.around(zone, together, drawn)
            done += len(together)
    assert wrong == []


@pytest.mark.parametrize(("zone", "day"), SITES)
def test_calendars_with_holidays_are_those_of_a_minute_by_minute_count(zone: str, day: date) -> None:
    """Random hours, closed and opened dates around the changes of chosen zones, quarter hours and a lost day too."""
    middle = (day - date(1970, 1, 1)).days * 1440
    wrong: list[str] = []
    for seed in range(10):
        drawn = random.Random(seed)
        spec = some_calendar(drawn, zone, day)
        wrong += calendar_checks.disagreements(spec, build.calendar(spec), middle - 4 * 1440, middle + 4 * 1440, drawn)
    assert wrong == []


# --- Arithmetic ---------------------------------------------------------------------------------------------------


def _some_calendar(seed: int) -> tuple[CalendarSpec, int]:
    drawn = random.Random(seed)
    zone, day = drawn.choice(SITES)
    return some_calendar(drawn, zone, day), (day - date(1970, 1, 1)).days * DAY


starts = st.integers(-4 * DAY, 4 * DAY)
amounts = st.integers(1, 60 * HOUR)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(seed=st.integers(0, 99), start=starts, amount=amounts)
def test_add_gives_the_earliest_instant_at_which_so_much_is_counted(seed: int, start: int, amount: int) -> None:
    """`counted` up to what `add` gives is the amount, and a microsecond before that it is one less."""
    spec, base = _some_calendar(seed)
    calendar = build.calendar(spec)
    reached = calendar.add(base + start, amount)
    assert calendar.counted(base + start, reached) == amount
    assert calendar.counted(base + start, reached - 1) == amount - 1


@settings(deadline=None, derandomize=True, max_examples=300)
@given(seed=st.integers(0, 99), instants=st.lists(starts, min_size=3, max_size=3))
def test_counted_time_adds_up(seed: int, instants: list[int]) -> None:
    """What is counted to a middle instant and from it is what is counted in one go, and what the windows hold."""
    spec, base = _some_calendar(seed)
    calendar = build.calendar(spec)
    first, middle, last = (base + instant for instant in sorted(instants))
    whole = calendar.counted(first, last)
    assert calendar.counted(first, middle) + calendar.counted(middle, last) == whole
    assert sum(end - start for start, end in calendar.windows(first, last)) == whole


def test_nothing_added_is_the_start_itself() -> None:
    """`add` of nothing stays where it is, outside every window too."""
    sunday = at("2026-06-14T12:00Z")
    assert working_week().add(sunday, 0) == sunday


def test_a_due_time_lies_at_the_end_of_a_window_not_at_the_begin_of_the_next() -> None:
    """An hour from 16:00 is reached at 17:00, though 09:00 of the next day has the same counted time."""
    assert working_week().add(at("2026-06-15T16:00Z"), HOUR) == at("2026-06-15T17:00Z")


def test_windows_are_cut_to_what_was_asked() -> None:
    """The first and last window lose what lies outside; an empty or backward stretch has none."""
    week = working_week()
    given = list(week.windows(at("2026-06-15T16:00Z"), at("2026-06-16T10:00Z")))
    assert given == [
        (at("2026-06-15T16:00Z"), at("2026-06-15T17:00Z")),
        (at("2026-06-16T09:00Z"), at("2026-06-16T10:00Z")),
    ]
    assert list(week.windows(at("2026-06-16T10:00Z"), at("2026-06-16T10:00Z"))) == []
    assert list(week.windows(at("2026-06-16T10:00Z"), at("2026-06-15T10:00Z"))) == []


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    asked=st.lists(st.tuples(st.integers(0, 40_000 * DAY), st.integers(0, 400 * DAY)), min_size=2, max_size=6),
    seed=st.integers(0, 9),
)
def test_what_was_asked_before_changes_no_answer(asked: list[tuple[int, int]], seed: int) -> None:
    """A calendar asked about years forwards, backwards and far away answers as one that was never asked before."""
    spec = some_calendar(random.Random(seed), "Europe/Warsaw", date(2026, 3, 29))
    grown = build.new_calendar(spec)
    for start, length in asked:
        fresh = build.new_calendar(spec)
        assert grown.counted(start, start + length) == fresh.counted(start, start + length)
        assert grown.add(start, 1 + length // 9) == build.new_calendar(spec).add(start, 1 + length // 9)
        windows = list(build.new_calendar(spec).windows(start, start + length))
        assert list(grown.windows(start, start + length)) == windows


def test_a_target_of_years_is_reached() -> None:
    """`add` goes on through as many years as it takes."""
    week = every_day("UTC", "12:00-12:01")
    assert week.add(at("2026-01-01T00:00Z"), 3653 * MINUTE) == at("2036-01-01T12:01Z")


# --- What is no calendar ------------------------------------------------------------------------------------------


def test_a_calendar_without_hours_is_refused() -> None:
    """A week that counts no time is an error when the calendar is made."""
    with pytest.raises(ValueError, match="'office' counts no time"):
        build.calendar(CalendarSpec("UTC", ((),) * 7))


def test_a_calendar_whose_hours_run_out_says_so() -> None:
    """More than is counted before the year 2400 is never reached: an error, not a search without end."""
    week = build.calendar(CalendarSpec("UTC", (("09:00-09:01",), *((),) * 6)))
    with pytest.raises(NeverCounted, match="no counted time left"):
        week.add(at("2026-01-01T00:00Z"), 400 * 53 * MINUTE)


def test_a_calendar_whose_every_day_is_closed_says_so() -> None:
    """A calendar may be closed for all the time that there is."""
    mondays = frozenset(date(2026, 1, 5) + timedelta(weeks=week) for week in range(20_000))
    week = build.calendar(CalendarSpec("UTC", (("09:00-17:00",), *((),) * 6), closed=mondays))
    assert week.counted(at("2026-01-01T00:00Z"), at("2030-01-01T00:00Z")) == 0
    with pytest.raises(NeverCounted):
        week.add(at("2026-01-01T00:00Z"), 1)


@pytest.mark.parametrize(("start", "end"), [(-1, 60), (1440, 1500), (60, 60), (120, 60), (60, 1501)])
def test_hours_must_lie_in_a_day_and_run_at_most_a_day(start: int, end: int) -> None:
    """A window begins within its day, has a length, and lasts at most 24 hours."""
    with pytest.raises(ValueError, match="no window of a day"):
        Hours(start, end)


def test_a_zone_that_does_not_know_its_offset_is_refused() -> None:
    """A zone must say how far it is from UTC."""

    class Nowhere(tzinfo):
        def utcoffset(self, _moment: datetime | None) -> timedelta | None:
            return None

        def dst(self, _moment: datetime | None) -> timedelta | None:
            return None

        def tzname(self, _moment: datetime | None) -> str | None:
            return None

    calendar = Calendar(name="nowhere", zone=Nowhere(), week={0: build.hours("09:00-17:00")})
    with pytest.raises(ValueError, match="must know its offset"):
        calendar.counted(0, DAY)


def test_a_calendar_keeps_its_name_zone_and_length_of_a_day() -> None:
    """What else the charter says of a calendar is there to be read."""
    calendar = Calendar(name="short", zone=ZoneInfo("UTC"), week={0: build.hours("09:00-17:00")}, day_seconds=28_800)
    assert (calendar.name, str(calendar.zone), calendar.day_seconds) == ("short", "UTC", 28_800)

"""The figures of the front page."""

from dataclasses import replace

import pytest

from services.board.attention import attention
from services.board.overview import Kept, overview
from services.board.times import duration, gap, percent
from services.domain.charter import Charters, Clock, Side
from services.domain.clocks import Status
from services.domain.events import EventType
from services.domain.instants import SECOND
from services.domain.periods import month_of, quarter_of
from tests.board.world import ACCEPT, CHARTER, MINUTE, NOW, WARSAW, FakeViews, Story, at, views_of, world

CHARTERS = Charters([CHARTER])


def test_both_sides_are_shown_with_all_that_they_promise() -> None:
    """Marketing and sales stand next to each other, each with its own clocks in the order of the charter."""
    seen = overview(world(), CHARTERS, NOW)
    assert [(side.side, [each.name for each in side.promises]) for side in seen.sides] == [
        (Side.MARKETING, ["pass_on", "answer"]),
        (Side.SALES, ["accept", "first_call"]),
    ]


def test_a_promise_counts_what_fell_due_and_what_is_open() -> None:
    """Attainment is met / (met + missed + overdue); open instances are counted by status."""
    seen = overview(world(), CHARTERS, NOW)
    accept = next(each for each in seen.sides[1].promises if each.name == "accept")
    assert accept.month == Kept(met=3, missed=1, overdue=1)
    assert accept.month.attainment == 3 / 5
    assert accept.open == {Status.OVERDUE: 1, Status.AT_RISK: 1, Status.RUNNING: 9, Status.PAUSED: 1}


def test_a_side_is_all_its_promises_together() -> None:
    """What a side has kept is the sum over its clocks."""
    sales = overview(world(), CHARTERS, NOW).sides[1]
    assert sales.quarter == sum((each.quarter for each in sales.promises), Kept())


def test_what_waits_longest_past_its_time_comes_first() -> None:
    """Overdue clocks, leads that lie still and clocks at risk are one list, the worst first."""
    rows = attention(world(), CHARTERS, NOW, 10)
    assert [(row.lead, row.clock, row.status, row.is_stalled) for row in rows] == [
        ("hubspot:contact:159", None, None, True),
        ("hubspot:contact:151", "accept", Status.OVERDUE, True),
        ("hubspot:contact:152", "accept", Status.AT_RISK, False),
        ("hubspot:contact:155", "answer", Status.AT_RISK, False),
    ]


def test_each_of_them_says_who_has_it() -> None:
    """Team, owner and account are those of the lead, whichever list it came from."""
    by_lead = {row.lead: row for row in attention(world(), CHARTERS, NOW, 10)}
    assert (by_lead["hubspot:contact:151"].owner, by_lead["hubspot:contact:151"].account) == ("jan.nowak", "ACME")
    assert (by_lead["hubspot:contact:152"].team, by_lead["hubspot:contact:152"].account) == ("enterprise", "Globex")


def test_only_so_many_are_shown() -> None:
    """The list is cut to what people read."""
    assert len(attention(world(), CHARTERS, NOW, 2)) == 2


def test_a_clock_of_an_earlier_charter_is_shown_while_it_has_something_to_show() -> None:
    """After a new charter dropped a clock, its open instances and verdicts are not hidden."""
    successor = replace(CHARTER, version="2027-Q1", effective_from=NOW - MINUTE, clocks={"accept": ACCEPT})
    seen = overview(world(), Charters([CHARTER, successor]), NOW)
    assert [(each.name, each.is_retired) for each in seen.sides[1].promises] == [
        ("accept", False),
        ("first_call", True),
    ]


def test_a_clock_that_changed_sides_is_counted_for_the_side_that_owed_it() -> None:
    """A later charter may give a clock to the other side; what was promised before stays with who promised it."""
    moved = Clock(
        name="accept",
        promised_by=Side.MARKETING,
        starts_on=ACCEPT.starts_on,
        stops_on=ACCEPT.stops_on,
        targets=ACCEPT.targets,
    )
    successor = replace(CHARTER, version="2027-Q1", effective_from=NOW - MINUTE, clocks={"accept": moved})
    marketing, sales = overview(world(), Charters([CHARTER, successor]), NOW).sides
    assert next((each.name, each.quarter.due, each.is_retired) for each in marketing.promises) == ("accept", 0, False)
    assert next((each.name, each.quarter.due, each.is_retired) for each in sales.promises) == ("accept", 5, True)


def test_a_charter_that_is_still_to_come_is_shown_as_such() -> None:
    """Before the first charter takes effect the board shows it, and says that it is not in force."""
    later = replace(CHARTER, effective_from=NOW + MINUTE)
    seen = overview(FakeViews(), Charters([later]), NOW)
    assert (seen.charter, seen.is_in_force) == (later, False)


def test_nothing_yet_is_nothing_and_not_zero_percent() -> None:
    """Where nothing fell due there is no attainment."""
    seen = overview(FakeViews(), CHARTERS, NOW)
    assert seen.is_empty
    assert [side.quarter.attainment for side in seen.sides] == [None, None]


def test_months_and_quarters_begin_at_midnight_of_the_zone() -> None:
    """An instant before midnight in Warsaw belongs to the old period, whatever day it is in UTC."""
    before, after = at("09-30 23:59"), at("10-01 00:00")
    assert (month_of(before, WARSAW).name, quarter_of(before, WARSAW).name) == ("September 2026", "2026-Q3")
    assert (month_of(after, WARSAW).name, quarter_of(after, WARSAW).name) == ("October 2026", "2026-Q4")
    assert quarter_of(after, WARSAW).since == after
    assert quarter_of(after, WARSAW).until == at("2027-01-01 00:00")


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (None, "-"),
        (0.0, "0 %"),
        (0.29, "29 %"),
        (0.9496, "94.9 %"),
        (0.9999, "99.9 %"),
        (2 / 3, "66.6 %"),
        (1, "100 %"),
    ],
)
def test_shares_are_rounded_down(share: float | None, words: str) -> None:
    """A promise that is not quite kept is not shown as kept."""
    assert percent(share) == words


@pytest.mark.parametrize(
    ("seconds", "counted", "on_the_wall"),
    [
        (0, "0 s", "0 s"),
        (59, "59 s", "59 s"),
        (903, "15 min 3 s", "15 min 03 s"),
        (4320, "1 h 12 min", "1 h 12 min"),
        (14_400, "4 h", "4 h 00 min"),
        (97_200, "27 h", "1 d 3 h"),
    ],
)
def test_counted_time_is_never_told_in_days(seconds: int, counted: str, on_the_wall: str) -> None:
    """How long a day of counted time is depends on the calendar; a day on the wall has 24 hours."""
    assert duration(seconds * SECOND) == counted
    assert gap(seconds * SECOND) == on_the_wall


def test_a_stalled_lead_with_a_pressing_clock_is_listed_once() -> None:
    """The clock and the lead are one thing to do."""
    book = Story()
    book.tell("crm:1", "10-01 09:00", EventType.LEAD_HANDED_OFF, attributes={})
    rows = attention(views_of(book, CHARTERS), CHARTERS, NOW, 10)
    assert [(row.lead, row.clock, row.is_stalled) for row in rows] == [("crm:1", "accept", True)]

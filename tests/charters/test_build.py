"""A charter file becomes the calendars and clocks that the judge works with."""

import json
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import charter_times as times
from schemas.charter import CharterDocument, json_schema
from services.charters import parse_charter
from services.charters.build import build_calendar
from services.domain.calendar import Calendar, Hours
from services.domain.charter import Charter, Side
from services.domain.conditions import AnyOf, Compared, Known, NoneOf
from services.domain.events import EventType
from services.domain.instants import SECOND, from_datetime, parse_instant
from tests.charters.texts import GOOD
from tests.shared_data import SHARED, needs_shared

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND


@pytest.fixture(scope="module")
def charter() -> Charter:
    """The good charter, built."""
    return parse_charter(GOOD, "good.yaml").charter


def test_durations_become_microseconds_of_their_calendars_day(charter: Charter) -> None:
    """`1d4h` is twelve hours where a day has eight, and a stall of three days twenty-four."""
    talk = charter.clocks["talk"].targets[0]
    assert (talk.within, talk.text, talk.calendar) == (12 * HOUR, "1d4h", charter.calendars["office"])
    assert charter.stalled_after is not None
    assert charter.stalled_after.time == 24 * HOUR


def test_a_target_has_its_own_calendar_or_the_clocks(charter: Charter) -> None:
    """Where a target names no calendar, the clock's counts."""
    names = [target.calendar.name for target in charter.clocks["accept"].targets]
    assert names == ["dayless", "office", "office"]
    assert [target.within for target in charter.clocks["accept"].targets] == [15 * MINUTE, HOUR, 4 * HOUR]


def test_shares_are_exact(charter: Charter) -> None:
    """75 % is three quarters, not a float near it."""
    accept = charter.clocks["accept"]
    assert (accept.at_risk, accept.objective) == (Fraction(3, 4), Fraction(19, 20))
    assert [(step.level, step.share, step.to) for step in accept.escalate] == [
        (1, Fraction(1), "sales"),
        (2, Fraction(3, 2), "sales-leads"),
    ]
    assert accept.settle == MINUTE


def test_what_is_left_out_has_its_default(charter: Charter) -> None:
    """A clock is not pausable, at risk from 75 %, and alerts at once, unless it says otherwise."""
    talk = charter.clocks["talk"]
    assert (talk.pausable, talk.at_risk, talk.settle, talk.objective) == (False, Fraction(3, 4), 0, None)
    assert (talk.escalate, talk.restarts_on, talk.says) == ((), (), "")


def test_triggers_keep_their_conditions(charter: Charter) -> None:
    """A trigger is an event type, and what its data must be."""
    trigger = charter.clocks["talk"].stops_on[0]
    assert trigger.type is EventType.LEAD_TOUCHED
    assert trigger.when.tests == (("kind", AnyOf(("call", "meeting"))), ("connected", AnyOf((True,))))


@pytest.mark.parametrize(
    ("written", "tests"),
    [
        ("hot", (AnyOf(("hot",)),)),
        ("[a, 1, true]", (AnyOf(("a", 1, True)),)),
        ("{gte: 80}", (Compared("gte", 80),)),
        ("{gt: 1.5, lte: 3}", (Compared("gt", 1.5), Compared("lte", 3))),
        ("{not: [a, b]}", (NoneOf(("a", "b")),)),
        ("{known: false}", (Known(False),)),
        ('"80"', (AnyOf(("80",)),)),
        ("NO", (AnyOf(("NO",)),)),
        ("2026-10-01", (AnyOf(("2026-10-01",)),)),
    ],
)
def test_each_form_of_a_test(written: str, tests: Any) -> None:
    """A value, a list, a comparison, `not` and `known` mean what the charter says, by the rules of YAML 1.2."""
    text = GOOD.replace("{score: {gte: 80}}", f"{{score: {written}}}")
    target = parse_charter(text, "t.yaml").charter.clocks["accept"].targets[1]
    assert tuple(test for _, test in target.when.tests) == tests


def test_an_empty_when_always_holds() -> None:
    """The last target may say `when: {}`."""
    text = GOOD.replace("- {within: 4h}", "- {when: {}, within: 4h}")
    assert parse_charter(text, "t.yaml").charter.clocks["accept"].targets[2].when.holds({})


def test_who_agreed_decides_whether_it_is_a_draft(charter: Charter) -> None:
    """A charter that one side has not signed is a draft."""
    unsigned = GOOD.replace("  - {side: sales, by: Head of Sales, on: 2026-09-22}\n", "")
    draft = parse_charter(unsigned, "t.yaml").charter
    assert (charter.is_draft, draft.is_draft, draft.agreed) == (False, True, frozenset({Side.MARKETING}))


def test_versions_keep_every_character() -> None:
    """`1.10` is not `1.1`: what a text is asked for stays as it is written."""
    assert parse_charter(GOOD.replace("2026-Q4", "1.10"), "t.yaml").charter.version == "1.10"
    assert parse_charter(GOOD.replace("2026-Q4", "007"), "t.yaml").charter.version == "007"


def test_a_key_with_nothing_after_it_is_left_out() -> None:
    """Sections that are kept for later may stay empty."""
    text = GOOD.replace("labels:\n  team: [inbound, enterprise]\n", "labels:\n").replace(
        "    at_risk: 75%\n", "    at_risk:\n"
    )
    charter = parse_charter(text, "t.yaml").charter
    assert "team" not in charter.labels
    assert charter.clocks["accept"].at_risk == Fraction(3, 4)


def test_attainment_is_asked_for_in_two_ways() -> None:
    """`attainment: accept` in place of the measure, or as the measure, name the same."""
    short = parse_charter(GOOD, "t.yaml").document
    long = parse_charter(GOOD.replace("attainment: accept,", "measure: {attainment: accept},"), "t.yaml").document
    assert short == long
    assert (short.commitments["punctual"].measure, short.commitments["punctual"].attainment) == ("attainment", "accept")


def test_the_document_survives_json() -> None:
    """What a page or the API prints of a charter can be read back."""
    document = parse_charter(GOOD, "t.yaml").document
    assert CharterDocument.model_validate(document.model_dump(mode="json", exclude_none=True)) == document


def test_public_holidays_are_closed(charter: Charter) -> None:
    """No time is counted on a holiday of the calendar's country, and `open` is stronger than that."""
    office = charter.calendars["office"]
    independence_day = parse_instant("2026-11-11T00:00:00+01:00")
    assert office.counted(independence_day, independence_day + 24 * HOUR) == 0
    sunday = parse_instant("2026-12-27T00:00:00+01:00")
    assert office.counted(sunday, sunday + 24 * HOUR) == 4 * HOUR


def test_a_region_has_holidays_of_its_own() -> None:
    """Lincoln's Birthday is a holiday in New York, not in Texas."""

    def counted(region: str) -> int:
        text = GOOD.replace("country: PL", f"country: US, subdivision: {region}")
        friday = parse_instant("2027-02-12T00:00:00+01:00")
        return parse_charter(text, "t.yaml").charter.calendars["office"].counted(friday, friday + 24 * HOUR)

    assert (counted("NY"), counted("TX")) == (0, 6 * HOUR)


def test_norway_is_a_country() -> None:
    """`country: NO` is text by YAML 1.2, never false."""
    holidays = parse_charter(GOOD.replace("country: PL", "country: NO"), "t.yaml").document.calendars["office"].holidays
    assert holidays is not None
    assert holidays.country == "NO"


@pytest.mark.parametrize(
    ("text", "days"),
    [("mon-thu", [0, 1, 2, 3]), ("fri", [4]), ("sat-mon", [5, 6, 0]), ("mon,wed", [0, 2]), ("mon-sun", [*range(7)])],
)
def test_ranges_of_weekdays(text: str, days: list[int]) -> None:
    """A range runs on from Sunday to Monday."""
    assert times.weekdays(text) == days


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("09:00-17:00", 540, 1020),
        ("00:00-24:00", 0, 1440),
        ("22:00-06:00", 1320, 1800),
        ("18:00-00:00", 1080, 1440),
        ("08:00-08:00", 480, 1920),
    ],
)
def test_hours_of_a_day(text: str, start: int, end: int) -> None:
    """An end that is not after its start lies on the next day."""
    assert times.window(text) == Hours(start, end)


@given(st.integers(0, 1439), st.integers(0, 1440))
def test_every_window_that_can_be_written_is_read(start: int, end: int) -> None:
    """All hours of the form HH:MM-HH:MM are a window of at most a day."""
    text = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    hours = times.window(text)
    assert (hours.start, (hours.end - end) % 1440) == (start, 0)


def test_effective_from_is_an_instant(charter: Charter) -> None:
    """The offset counts, and the document keeps it."""
    document = parse_charter(GOOD, "t.yaml").document
    assert charter.effective_from == from_datetime(document.effective_from) == parse_instant("2026-09-30T22:00:00Z")
    assert document.agreed[0].on == date(2026, 9, 21)


def test_a_wait_in_days_is_measured_like_the_targets() -> None:
    """`settle: 1d` means a day of the clock's calendar."""
    text = GOOD.replace("settle: 1m", "settle: 1d")
    assert parse_charter(text, "t.yaml").charter.clocks["accept"].settle == 8 * HOUR
    assert parse_charter(GOOD.replace("settle: 1m", "settle: 0"), "t.yaml").charter.clocks["accept"].settle == 0


def test_the_schema_knows_every_key() -> None:
    """Editors are told what each key means."""
    schema = json_schema()
    models = [schema, *(each for each in schema["$defs"].values() if "properties" in each)]
    assert {"calendars", "clocks"} <= schema["properties"].keys()
    assert all("description" in field for model in models for field in model["properties"].values())


def _calendars() -> dict[str, Calendar]:
    """The calendars of the vectors, read through a charter file (JSON is YAML)."""
    parts = json.loads((SHARED / "vectors" / "calendar.json").read_text())["calendars"]
    document = {
        "charter": 1,
        "version": "vectors",
        "effective_from": "2026-01-01T00:00:00Z",
        "calendars": parts,
        "clocks": {},
    }
    parsed = parse_charter(json.dumps(document), "vectors.yaml").document
    return {name: build_calendar(name, part) for name, part in parsed.calendars.items()}


def test_a_goal_may_have_targets_by_month() -> None:
    """Exact, by the month's name, zero too; without any the goal is reached evenly."""
    months = "{2026-10: 0, 2026-11: 0.5, 2026-12: 1199999.5}"
    text = GOOD.replace("per: year, target: 1200000", f"per: quarter, target: 1200000, targets: {months}")
    revenue, wins = parse_charter(text, "charter.yaml").charter.goals
    assert revenue.targets == {"2026-10": 0, "2026-11": Fraction(1, 2), "2026-12": Fraction(2_399_999, 2)}
    assert wins.targets == {}


@needs_shared
def test_calendars_give_the_answers_of_an_independent_program() -> None:
    """Counted time on calendars from a file equals the vectors, to the second."""
    calendars = _calendars()
    cases = json.loads((SHARED / "vectors" / "calendar.json").read_text())["cases"]
    assert len(cases) > 100
    for case in cases:
        calendar, start = calendars[case["calendar"]], parse_instant(case["from"])
        if case["op"] == "add":
            assert calendar.add(start, case["seconds"] * SECOND) == parse_instant(case["gives"]), case
        else:
            assert calendar.counted(start, parse_instant(case["to"])) == case["gives"] * SECOND, case


@needs_shared
def test_the_bank_charter_loads() -> None:
    """The charter of the bank vectors has no mistake, and 2w are ten desk days."""
    text = (SHARED / "vectors" / "bank-charter.yaml").read_text()
    charter = parse_charter(text, "bank.yaml").charter
    assert charter.clocks["decide"].targets[0].within == 80 * HOUR
    assert charter.clocks["follow_up"].at_risk == Fraction(4, 5)


@needs_shared
def test_the_contracts_example_loads() -> None:
    """The example that describes the format is a charter without mistakes."""
    contract = (SHARED / "CONTRACT.md").read_text()
    example = contract.split("```yaml\n", 1)[1].split("```", 1)[0]
    charter = parse_charter(example, "contract.yaml").charter
    assert (charter.version, charter.is_draft, set(charter.clocks)) == ("2026-Q4", False, {"accept", "answer"})

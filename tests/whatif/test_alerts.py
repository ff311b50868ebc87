"""Which alerts would have gone out, and when: a small history by hand, the tracker's own list of kinds."""

from pathlib import Path
from typing import Any

import pytest

from services.charters.files import load_charters
from services.domain.clocks import Kind
from services.domain.instants import parse_instant
from services.replay.history import read_history
from services.tracker.judging import ALERTED
from services.whatif.alerts import KINDS, week_name, weeks_between
from services.whatif.compare import Comparison, compare
from tests.whatif.made import ALWAYS, CALL, LEADS, OFFICE, charter, event, history, touch


def compared(folder: Path, a: Path, b: Path, lines: list[str], until: str) -> Comparison:
    as_of = parse_instant(f"2026-03-02T{until}Z")
    found = read_history([history(folder, lines)], csv_map=None, until=as_of, report=lambda bad: pytest.fail(str(bad)))
    both = (load_charters(path, whole_history_if_single=True) for path in (a, b))
    return compare(found, *both, as_of=as_of, changed=lambda _: None)


def kinds(comparison: Comparison) -> list[dict[Any, int]]:
    return [dict(each.alerts.kinds) for each in (comparison.a, comparison.b)]


def test_the_kinds_are_those_of_the_tracker() -> None:
    """All that the tracker alerts to; corrections are left out, a history does not say when its events arrived."""
    assert set(KINDS) == ALERTED - {Kind.CORRECTED}


def test_each_threshold_passed_while_open_is_an_alert(tmp_path: Path) -> None:
    """At risk at three quarters, overdue after the target, escalated where the charter says."""
    a = charter(tmp_path / "a.yaml", touch("1h"))
    b = charter(tmp_path / "b.yaml", touch("30m", "escalate: [{at: 100%, to: sales}, {at: 300%, to: boss}]"))
    comparison = compared(tmp_path, a, b, LEADS, "11:00:00")
    assert kinds(comparison) == [
        {Kind.AT_RISK: 2, Kind.OVERDUE: 1},
        {Kind.AT_RISK: 2, Kind.OVERDUE: 2, Kind.ESCALATED: 2},
    ]


@pytest.mark.parametrize(("settle", "alerts"), [("19m", 1), ("20m", 0), ("21m", 0)])
def test_what_ends_before_its_alert_has_settled_is_not_told(tmp_path: Path, settle: str, alerts: int) -> None:
    """Overdue at half past, touched at ten to: whoever would have been told after that was not told."""
    a = charter(tmp_path / "a.yaml", touch("30m", f"settle: {settle}", "at_risk: 100%"))
    lines = [event("lead.handed_off", "09:00:00"), event("lead.touched", "09:50:00", **CALL)]
    comparison = compared(tmp_path, a, a, lines, "12:00:00")
    assert comparison.a.alerts.kinds[Kind.OVERDUE] == alerts


def test_what_has_not_settled_yet_is_not_told_yet(tmp_path: Path) -> None:
    """Still open at the end, an alert counts from the moment at which it goes out; at risk needs no settling."""
    a = charter(tmp_path / "a.yaml", touch("30m", "settle: 45m", "at_risk: 50%"))
    lines = [event("lead.handed_off", "09:00:00")]
    before = compared(tmp_path, a, a, lines, "10:15:00")
    after = compared(tmp_path, a, a, lines, "10:15:01")
    assert [dict(each.a.alerts.kinds) for each in (before, after)] == [
        {Kind.AT_RISK: 1},
        {Kind.AT_RISK: 1, Kind.OVERDUE: 1},
    ]
    assert [hour for hour, count in enumerate(after.a.alerts.hours) if count] == [9, 10]


def test_hours_are_those_of_the_first_calendar_of_a(tmp_path: Path) -> None:
    """Both charters are shown on the clock of the one, or they could not be compared."""
    a = charter(tmp_path / "a.yaml", touch("1h"), calendars=f"{OFFICE}\n  {ALWAYS}")
    b = charter(tmp_path / "b.yaml", touch("1h"))
    comparison = compared(tmp_path, a, b, [event("lead.handed_off", "22:30:00")], "23:31:00")
    assert str(comparison.zone) == "Europe/Warsaw"
    for each in (comparison.a, comparison.b):
        assert [hour for hour, count in enumerate(each.alerts.hours) if count] == [0]
        assert each.alerts.weekdays == [0, 2, 0, 0, 0, 0, 0]  # Tuesday there, still Monday in UTC
        assert {week_name(week): count for week, count in each.alerts.weeks.items()} == {"2026-W10": 2}


def test_weeks_are_named_and_counted_across_a_new_year() -> None:
    """ISO weeks: 2026 has 53 of them."""
    assert [week_name(week) for week in weeks_between((2026, 52), (2027, 1))] == ["2026-W52", "2026-W53", "2027-W01"]

"""`baton whatif`: what it prints and writes, and what it says of input that is wrong."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from services.domain.durations import parse_duration
from services.whatif.words import duration, percent
from tests.command import baton
from tests.whatif.made import ANSWER, CALL, LEADS, charter, event, history, touch


def document(folder: Path, a: Path, b: Path, lines: list[str] = LEADS, *more: str | Path) -> Any:
    done = baton("whatif", history(folder, lines), "--charter", a, "--against", b, "--json", *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_json_document_has_the_shape_that_others_rely_on(tmp_path: Path) -> None:
    """Every key of the document, with the numbers of a small history."""
    a = charter(tmp_path / "a.yaml", touch("1h"))
    b = charter(tmp_path / "b.yaml", touch("30m"), version="2")
    found = document(tmp_path, a, b)
    hours, weekdays = found["alerts"].pop("hours"), found["alerts"].pop("weekdays")
    assert [hour["hour"] for hour in hours] == list(range(24))
    assert {hour["hour"]: (hour["a"], hour["b"]) for hour in hours if hour["a"] or hour["b"]} == {
        9: (1, 3),
        10: (2, 1),
    }
    assert [day["weekday"] for day in weekdays] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert weekdays[0] == {"weekday": "Mon", "a": 3, "b": 4}
    common = {
        "promised_by": "sales", "started": 4, "overdue": 0, "at_risk": 0, "paused": 0, "running": 1, "cancelled": 0,
        "objective": 0.6, "break_even_seconds": 3000, "seconds": {"p50": 3000, "p90": 5400, "p99": 5400},
    }  # fmt: skip
    assert found == {
        "charters": {"a": "1", "b": "2"},
        "as_of": "2026-03-02T11:00:00Z",
        "timezone": "UTC",
        "events": {"read": 7, "used": 7, "duplicate": 0, "ignored_after_until": 0, "bad": 0},
        "leads": 4,
        "clocks": {
            "touch": {
                "a": {
                    **common, "targets": ["1h"], "met": 2, "missed": 1, "attainment": pytest.approx(2 / 3),
                    "reached": True,
                },
                "b": {
                    **common, "targets": ["30m"], "met": 1, "missed": 2, "attainment": pytest.approx(1 / 3),
                    "reached": False,
                },
            }
        },
        "alerts": {
            "a": {"total": 3, "at_risk": 2, "overdue": 1, "escalated": 0, "clocks": {"touch": 3}},
            "b": {"total": 4, "at_risk": 2, "overdue": 2, "escalated": 0, "clocks": {"touch": 4}},
            "weeks": [{"week": "2026-W10", "a": 3, "b": 4}],
        },
        "changed": {
            "total": 1,
            "turns": [{"clock": "touch", "a": "met", "b": "missed", "instances": 1}],
            "instances": [
                {
                    "lead": "l2", "clock": "touch", "instance": 1,
                    "a": {"status": "met", "due_at": "2026-03-02T10:00:00Z"},
                    "b": {"status": "missed", "due_at": "2026-03-02T09:30:00Z"},
                }
            ],
        },
    }  # fmt: skip


def test_the_leads_file_has_what_comes_out_otherwise(tmp_path: Path) -> None:
    """One line an instance, with what it is and when it is due under each."""
    a, b = charter(tmp_path / "a.yaml", touch("1h")), charter(tmp_path / "b.yaml", touch("30m"))
    out = tmp_path / "leads.csv"
    document(tmp_path, a, b, LEADS, "--leads-csv", out)
    assert out.read_text().splitlines() == [
        "lead,clock,instance,status_a,due_at_a,status_b,due_at_b",
        "l2,touch,1,met,2026-03-02T10:00:00Z,missed,2026-03-02T09:30:00Z",
    ]


def test_the_terminal_shows_the_first_twenty_and_counts_the_rest(tmp_path: Path) -> None:
    """Tables of promises, objectives, alerts and of what comes out otherwise."""
    a, b = charter(tmp_path / "a.yaml", touch("1h")), charter(tmp_path / "b.yaml", touch("30m"), version="draft")
    lines = [
        event(name, time, f"lead-{number:02d}", **data)
        for number in range(25)
        for name, time, data in (
            ("lead.handed_off", "09:00:00", {}),
            ("lead.touched", "09:45:00", CALL),
        )
    ]
    done = baton("whatif", history(tmp_path, lines), "--charter", a, "--against", b)
    assert done.returncode == 0, done.stderr
    assert "A is charter 1 (a.yaml), B is draft (b.yaml)" in done.stdout
    assert "25 promises come out otherwise" in done.stdout
    assert "lead-19" in done.stdout
    assert "lead-20" not in done.stdout
    assert "and 5 more; --json and --leads-csv have them all" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["touch", "A", "1h", "60", "%", "100.0", "%", "yes", "45m"] in rows
    assert ["B", "30m", "60", "%", "0.0", "%", "no", "45m"] in rows
    assert ["at", "risk", "0", "25", "+25"] in rows
    assert ["overdue", "0", "25", "+25"] in rows


def test_a_clock_of_one_charter_only_is_shown_as_such(tmp_path: Path) -> None:
    """It has no counterpart: nothing of it comes out otherwise, and its alerts count under its own charter."""
    a, b = charter(tmp_path / "a.yaml", touch("1h")), charter(tmp_path / "b.yaml", touch("1h"), ANSWER)
    lines = [event("lead.handed_off", "09:00:00"), event("lead.rejected", "09:10:00", reason="x")]
    found = document(tmp_path, a, b, lines, "--until", "2026-03-02T10:30:00Z")
    assert list(found["clocks"]) == ["touch", "answer"]
    assert found["clocks"]["answer"]["a"] is None
    assert found["clocks"]["answer"]["b"]["overdue"] == 1
    assert found["clocks"]["answer"]["b"]["objective"] is found["clocks"]["answer"]["b"]["reached"] is None
    assert found["changed"]["total"] == 0
    assert found["alerts"]["a"]["clocks"] == {"touch": 2}
    assert found["alerts"]["b"]["clocks"] == {"touch": 2, "answer": 2}
    table = baton("whatif", tmp_path / "history.jsonl", "--charter", b, "--against", a).stdout
    assert ["B", "not", "in", "it"] in [line.split() for line in table.splitlines()]


def test_an_instance_that_one_charter_does_not_start_is_a_change(tmp_path: Path) -> None:
    """Where the clock's triggers differ, an instance may be there under one charter only."""
    a = charter(tmp_path / "a.yaml", touch("1h"))
    b = charter(tmp_path / "b.yaml", touch("1h").replace("[lead.handed_off]", "[lead.assigned]"))
    found = document(tmp_path, a, b)
    assert found["changed"]["total"] == 4
    assert found["changed"]["turns"][0] == {"clock": "touch", "a": "met", "b": None, "instances": 2}
    assert found["changed"]["instances"][0]["b"] is None
    assert "not started" in baton("whatif", tmp_path / "history.jsonl", "--charter", a, "--against", b).stdout


def test_a_folder_of_charters_judges_by_their_dates(tmp_path: Path) -> None:
    """Against a single charter, which judges the whole history."""
    folder = tmp_path / "versions"
    folder.mkdir()
    charter(folder / "1.yaml", touch("30m"))
    charter(folder / "2.yaml", touch("2h"), version="2", since="2026-03-03")
    single = charter(tmp_path / "b.yaml", touch("30m"), version="3", since="2027-01-01")
    found = document(tmp_path, folder, single)
    assert found["charters"] == {"a": "1 2", "b": "3"}
    assert found["changed"]["total"] == 0
    assert found["clocks"]["touch"]["a"]["met"] == found["clocks"]["touch"]["b"]["met"] == 1
    assert found["clocks"]["touch"]["a"]["targets"] == ["2h"]  # what the newest version promises


def test_a_charter_against_itself_changes_nothing(tmp_path: Path) -> None:
    """Both sides are the same to the last number."""
    a = charter(tmp_path / "a.yaml", touch("1h"), ANSWER)
    out, page = tmp_path / "leads.csv", tmp_path / "page.html"
    found = document(tmp_path, a, a, LEADS, "--leads-csv", out, "--html", page)
    assert all(clock["a"] == clock["b"] for clock in found["clocks"].values())
    assert found["alerts"]["a"] == found["alerts"]["b"]
    assert found["changed"] == {"total": 0, "turns": [], "instances": []}
    with out.open(newline="") as file:
        assert list(csv.DictReader(file)) == []
    assert "comes out the same" in page.read_text()
    assert (
        "0 promises come out otherwise"
        in baton("whatif", tmp_path / "history.jsonl", "--charter", a, "--against", a).stdout
    )


def test_merged_leads_are_judged_as_in_a_replay(tmp_path: Path) -> None:
    """What the survivor of a merge carries on counts under both charters as it does under each alone."""
    a, b = charter(tmp_path / "a.yaml", touch("1h")), charter(tmp_path / "b.yaml", touch("30m"))
    lines = [
        event("lead.handed_off", "09:00:00", "lost"),
        event("lead.merged", "09:40:00", "lost", into="kept"),
        event("lead.touched", "09:50:00", "kept", **CALL),
    ]
    found = document(tmp_path, a, b, lines)
    for side, path in (("a", a), ("b", b)):
        replayed = json.loads(baton("replay", tmp_path / "history.jsonl", "--charter", path, "--json").stdout)
        for key, value in replayed["clocks"]["touch"].items():
            assert found["clocks"]["touch"][side][key] == value
        assert found["leads"] == replayed["leads"]


def test_an_empty_history_comes_to_nothing(tmp_path: Path) -> None:
    """No leads, no alerts; the page can still be made."""
    a = charter(tmp_path / "a.yaml", touch("1h"))
    page = tmp_path / "page.html"
    found = document(tmp_path, a, a, [], "--html", page)
    assert found["leads"] == found["alerts"]["a"]["total"] == 0
    assert found["clocks"]["touch"]["a"]["attainment"] is found["clocks"]["touch"]["a"]["reached"] is None
    assert "No alert would have gone out" in page.read_text()


def test_a_bad_line_is_named_counted_and_skipped(tmp_path: Path) -> None:
    """As in a replay; the page says how many there were."""
    a = charter(tmp_path / "a.yaml", touch("1h"))
    page = tmp_path / "page.html"
    done = baton("whatif", history(tmp_path, ["{", *LEADS]), "--charter", a, "--against", a, "--json", "--html", page)
    assert done.returncode == 0
    assert done.stderr.startswith(f"{tmp_path / 'history.jsonl'}:1: not JSON")
    assert json.loads(done.stdout)["events"]["bad"] == 1
    assert "1 bad lines were skipped" in page.read_text()


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"--against": "no-such.yaml"}, "no-such.yaml"),
        ({"--charter": "history.jsonl"}, "history.jsonl:2: this is not YAML"),
        ({"--until": "tomorrow"}, "--until: 'tomorrow'"),
        ({"--html": "no/such/page.html"}, "page.html: cannot be written"),
        ({"--leads-csv": "no/such/leads.csv"}, "leads.csv: cannot be written"),
        ({"--map": "no-such-map.yaml"}, "no-such-map.yaml"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path: Path, changed: dict[str, str], complaint: str) -> None:
    """A charter, a time or a file that will not do ends with code 2 and names itself."""
    charter(tmp_path / "a.yaml", touch("1h"))
    history(tmp_path, LEADS)
    options = {"--charter": "a.yaml", "--against": "a.yaml", **changed}
    given = ((name, value if name == "--until" else tmp_path / value) for name, value in options.items())
    done = baton("whatif", tmp_path / "history.jsonl", *(part for option in given for part in option))
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_history_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    """Missing files are named."""
    a = charter(tmp_path / "a.yaml", touch("1h"))
    done = baton("whatif", tmp_path / "none.jsonl", "--charter", a, "--against", a)
    assert (done.returncode, done.stderr.splitlines()) == (2, [f"no such file: {tmp_path / 'none.jsonl'}"])


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (3600, "1h"), (9961, "2h46m1s"), (360_060, "100h1m"), (None, "-")]
)
def test_durations_can_be_copied_into_a_charter(seconds: int | None, text: str) -> None:
    """They are written as a charter writes them, to the second."""
    assert duration(seconds) == text
    if seconds is not None:
        assert parse_duration(text).total(None) == seconds


def test_percentages_are_rounded_down() -> None:
    """What was not quite reached does not look as if it was; binary fractions do not make 29 % less."""
    assert [percent(share) for share in (0.94999, 0.29, 1.0, None)] == ["94.9 %", "29.0 %", "100.0 %", "-"]

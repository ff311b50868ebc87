"""`baton replay`: what it reads, what it prints, and what it says of files that are wrong."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from services.replay.judge import percentile
from tests.command import baton

CHARTER = """
charter: 1
version: v{version}
effective_from: {since}
calendars:
  always: {{timezone: UTC, hours: {{mon-sun: "00:00-24:00"}}, day: 24h}}
clocks:
  touch:
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.touched]
    calendar: always
    targets: [{{within: {within}}}]
"""
MAP = """
map: 1
source: /sheet
timezone: Europe/Warsaw
lead: "sheet:lead:{id}"
time: "{when}"
numbers: [score]
booleans: [known]
events:
  - type: lead.handed_off
    when: {what: in}
    data: {attributes: {score: "{score}", customer: "{known}", note: "{id}!"}}
  - {type: lead.touched, when: {what: [call, "meet*"]}, data: {kind: call, direction: outbound, connected: true}}
"""


def charter(folder: Path, version: int = 1, since: str = "2026-01-01T00:00:00Z", within: str = "1h") -> Path:
    path = folder / f"charter-{version}.yaml"
    path.write_text(CHARTER.format(version=version, since=since, within=within))
    return path


def line(name: str, time: str, lead: str | None = "l1", **data: object) -> str:
    document = {
        "specversion": "1.0",
        "id": f"{name}{time}{lead}{data}",
        "source": "/t",
        "type": name,
        "time": f"2026-03-02T{time}Z",
        "datacontenttype": "application/json",
        "data": data,
    }
    if lead is not None:
        document["subject"] = lead
    return json.dumps(document)


TOUCH: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}
HISTORY = [
    line("lead.handed_off", "09:00:00"),
    line("lead.touched", "09:30:00", **TOUCH),
    line("lead.handed_off", "09:00:00", "l2"),
    line("lead.touched", "10:30:00", "l2", **TOUCH),
    line("lead.handed_off", "10:00:00", "l3"),
]


def written(folder: Path, lines: list[str], name: str = "history.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_json_document_has_the_shape_that_others_rely_on(tmp_path: Path) -> None:
    """Every key of the document, with the numbers of a small history."""
    done = baton("replay", written(tmp_path, HISTORY), "--charter", charter(tmp_path), "--json")
    assert json.loads(done.stdout) == {
        "charter": "v1",
        "as_of": "2026-03-02T10:30:00Z",
        "events": {"read": 5, "used": 5, "duplicate": 0, "ignored_after_until": 0, "bad": 0},
        "leads": 3,
        "handoffs": {
            "opened": 3, "open": 3, "accepted": 0, "rejected": 0, "touched": 2, "qualified": 0, "opportunities": 0,
            "won": 0, "lost": 0, "recycled": 0,
        },
        "clocks": {
            "touch": {
                "promised_by": "sales", "started": 3, "met": 1, "missed": 1, "overdue": 0, "at_risk": 0, "running": 1,
                "paused": 0, "cancelled": 0, "attainment": 0.5, "seconds": {"p50": 1800, "p90": 5400, "p99": 5400},
            }
        },
    }  # fmt: skip


def test_the_clocks_file_is_sorted_and_in_utc(tmp_path: Path) -> None:
    """One line an instance, by lead, clock and number."""
    out = tmp_path / "clocks.csv"
    baton("replay", written(tmp_path, HISTORY[::-1]), "--charter", charter(tmp_path), "--clocks-csv", out)
    assert out.read_text().splitlines() == [
        "lead,clock,instance,started_at,due_at,ended_at,status,counted_seconds",
        "l1,touch,1,2026-03-02T09:00:00Z,2026-03-02T10:00:00Z,2026-03-02T09:30:00Z,met,1800",
        "l2,touch,1,2026-03-02T09:00:00Z,2026-03-02T10:00:00Z,2026-03-02T10:30:00Z,missed,5400",
        "l3,touch,1,2026-03-02T10:00:00Z,2026-03-02T11:00:00Z,,running,1800",
    ]


def test_until_ignores_what_comes_later(tmp_path: Path) -> None:
    """Events after --until are counted as ignored, and the clocks stand as they stood then."""
    path = written(tmp_path, HISTORY)
    done = baton("replay", path, "--charter", charter(tmp_path), "--until", "2026-03-02T10:00:01Z", "--json")
    document = json.loads(done.stdout)
    assert document["events"]["ignored_after_until"] == 1
    assert document["clocks"]["touch"]["overdue"] == 1
    assert document["as_of"] == "2026-03-02T10:00:01Z"


def test_several_files_gzipped_or_not_are_one_history(tmp_path: Path) -> None:
    """The files given are read one after the other into one history."""
    one = written(tmp_path, HISTORY[:2])
    two = tmp_path / "rest.jsonl.gz"
    two.write_bytes(gzip.compress("\n".join(HISTORY[2:]).encode()))
    done = baton("replay", one, two, "--charter", charter(tmp_path), "--json")
    assert json.loads(done.stdout)["events"]["used"] == len(HISTORY)


def test_a_bad_line_is_named_counted_and_skipped(tmp_path: Path) -> None:
    """Bad lines are reported by number with what is wrong; the rest is judged."""
    bad = [HISTORY[0], "{", "", line("lead.touched", "09:30:00", kind="shout"), *HISTORY[1:]]
    path = written(tmp_path, bad)
    done = baton("replay", path, "--charter", charter(tmp_path), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["events"] == {
        "read": 7, "used": 5, "duplicate": 0, "ignored_after_until": 0, "bad": 2,
    }  # fmt: skip
    first, second = done.stderr.splitlines()
    assert first.startswith(f"{path}:2: not JSON")
    assert second.startswith(f"{path}:4: data.kind: ")


def test_strict_makes_bad_lines_an_error(tmp_path: Path) -> None:
    """With --strict the exit code is 2 when a line is bad, and 0 when none is."""
    chosen = charter(tmp_path)
    assert baton("replay", written(tmp_path, [*HISTORY, "{"]), "--charter", chosen, "--strict").returncode == 2
    assert baton("replay", written(tmp_path, HISTORY), "--charter", chosen, "--strict").returncode == 0


def test_deals_join_their_lead_wherever_it_is_named(tmp_path: Path) -> None:
    """A deal event without a lead belongs to the lead that any event names for the deal."""
    lines = [
        line("deal.won", "12:00:00", None, deal="d"),
        *HISTORY[:2],
        line("deal.opened", "11:00:00", deal="d"),
        line("deal.won", "12:00:00", None, deal="nobody's"),
    ]
    done = baton("replay", written(tmp_path, lines), "--charter", charter(tmp_path), "--json")
    document = json.loads(done.stdout)
    assert document["handoffs"]["won"] == 1
    assert document["handoffs"]["opportunities"] == 1
    assert document["events"]["used"] == 5


def test_a_folder_of_charters_judges_by_their_dates(tmp_path: Path) -> None:
    """Each instance is judged by the charter in force at its start; before the first there is none."""
    charter(tmp_path, 1, "2026-03-02T09:30:00Z", "15m")
    charter(tmp_path, 2, "2026-03-02T11:00:00Z", "2h")
    lines = [
        piece
        for lead, start, stop in (("a", "09:00", "09:20"), ("b", "10:50", "11:10"), ("c", "11:00", "11:20"))
        for piece in (line("lead.handed_off", f"{start}:00", lead), line("lead.touched", f"{stop}:00", lead, **TOUCH))
    ]
    done = baton("replay", written(tmp_path, lines), "--charter", tmp_path, "--json")
    document = json.loads(done.stdout)
    assert (document["clocks"]["touch"]["missed"], document["clocks"]["touch"]["met"]) == (1, 1)
    assert document["charter"] == "v1 v2"


def test_csv_rows_become_events_by_the_map(tmp_path: Path) -> None:
    """Columns fill templates; times without an offset are read in the map's zone; rows may mean nothing."""
    rows = (
        "id,when,what,score,known\n7,2026-07-01 10:00,in,85,yes\n7,2026-07-01T08:30:00Z,meeting,,\n7,2026-07-01,x,,\n"
    )
    history = tmp_path / "sheet.csv"
    history.write_text(rows)
    (tmp_path / "map.yaml").write_text(MAP)
    out = tmp_path / "clocks.csv"
    done = baton("replay", history, "--map", tmp_path / "map.yaml", "--charter", charter(tmp_path), "--clocks-csv", out)
    assert done.returncode == 0, done.stderr
    assert "1 rows mean nothing by the map" in done.stdout
    expected = "sheet:lead:7,touch,1,2026-07-01T08:00:00Z,2026-07-01T09:00:00Z,2026-07-01T08:30:00Z,met,1800"
    assert out.read_text().splitlines()[1] == expected


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("7,soon,in,,", "'soon' is not a time"),
        ("7,2026-07-01,in,high,", "column 'score': 'high' is not a number"),
        ("7,2026-07-01,in,,perhaps", "column 'known': 'perhaps' is neither true nor false"),
        ("7,2026-07-01,in", "3 columns instead of 5"),
        (f"{'7' * 300},2026-07-01,call,,", "the lead's key has 311 characters"),
        ("7,9999-07-01,in,,", "lies outside the years"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    """Each kind of bad row is reported with its line and skipped."""
    (tmp_path / "sheet.csv").write_text(f"id,when,what,score,known\n{row}\n")
    (tmp_path / "map.yaml").write_text(MAP)
    done = baton(
        "replay", tmp_path / "sheet.csv", "--map", tmp_path / "map.yaml", "--charter", charter(tmp_path), "--json"
    )
    assert done.returncode == 0
    assert done.stderr.startswith(f"{tmp_path / 'sheet.csv'}:2: ")
    assert complaint in done.stderr
    assert json.loads(done.stdout)["events"]["bad"] == 1


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (("{what: in}", "{wat: in}"), "a column 'wat'; the file has id, when"),
        (("lead.handed_off", "lead.handed"), "unknown event type 'lead.handed'"),
        (("kind: call", "kind: shout"), "gives no valid event"),
        (("Europe/Warsaw", "Europe/Warszawa"), "timezone 'Europe/Warszawa' is unknown"),
        (("map: 1", "map: 2"), "map"),
        (("source: /sheet", "sauce: /sheet"), "sauce"),
        (("map: 1", "map: [1"), "map.yaml"),
    ],
)
def test_a_bad_map_is_one_clear_line(tmp_path: Path, edit: tuple[str, str], complaint: str) -> None:
    """A mistake in the map names itself, with exit code 2."""
    (tmp_path / "sheet.csv").write_text("id,when,what,score,known\n")
    (tmp_path / "map.yaml").write_text(MAP.replace(*edit))
    done = baton("replay", tmp_path / "sheet.csv", "--map", tmp_path / "map.yaml", "--charter", charter(tmp_path))
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("nothing.jsonl", None, "no such file"),
        ("sheet.csv", b"id\n", "needs --map"),
        ("cut.jsonl.gz", gzip.compress(b"{}" * 9999, mtime=0)[:40], "cannot be read"),
        ("plain.jsonl.gz", b"{}", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_line(
    tmp_path: Path, name: str, content: bytes | None, complaint: str
) -> None:
    """A missing, cut or foreign file ends with code 2 and names itself."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = baton("replay", path, "--charter", charter(tmp_path))
    assert done.returncode == 2
    assert str(path) in done.stderr
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_bad_until_or_output_file_is_one_clear_line(tmp_path: Path) -> None:
    """--until and --clocks-csv are checked like everything else."""
    path, chosen = written(tmp_path, HISTORY), charter(tmp_path)
    done = baton("replay", path, "--charter", chosen, "--until", "tomorrow")
    assert (done.returncode, "--until: 'tomorrow'" in done.stderr) == (2, True)
    done = baton("replay", path, "--charter", chosen, "--clocks-csv", tmp_path / "no" / "such" / "folder.csv")
    assert (done.returncode, "cannot be written" in done.stderr) == (2, True)


def test_an_empty_history_comes_to_nothing(tmp_path: Path) -> None:
    """No events, no leads, and attainment is not a number but nothing."""
    done = baton("replay", written(tmp_path, []), "--charter", charter(tmp_path), "--json")
    document = json.loads(done.stdout)
    assert document["leads"] == 0
    assert document["clocks"]["touch"]["attainment"] is None


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([3], 0.5, 3),
        ([1, 2], 0.5, 1),
        ([1, 2, 3], 0.5, 2),
        (list(range(1, 101)), 0.9, 90),
        ([1, 9], 0.99, 9),
    ],
)
def test_percentiles_are_of_the_nearest_rank(values: list[int], share: float, expected: int | None) -> None:
    """The smallest value that at least the share of all values do not exceed."""
    assert percentile(values, share) == expected

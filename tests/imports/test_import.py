"""`baton import` as a user runs it."""

import json
from pathlib import Path

from tests.command import baton

HUBSPOT = Path(__file__).parent / "hubspot"


def test_files_are_imported_once(tmp_path: Path) -> None:
    """The second run takes in nothing, and both say what became of the rows."""
    files = [HUBSPOT / "contacts.csv", HUBSPOT / "deals.csv"]
    options = ("--crm", "hubspot", "--timezone", "Europe/Warsaw", "--data", tmp_path / "data", "--json")
    first = json.loads(baton("import", *files, *options).stdout)
    second = json.loads(baton("import", *files, *options).stdout)
    assert first == {"rows": 4, "earlier": 0, "meaningless": 0, "bad": 0, "events": 14}
    assert second == {"rows": 0, "earlier": 4, "meaningless": 0, "bad": 0, "events": 0}


def test_bad_rows_are_told_and_skipped(tmp_path: Path) -> None:
    """With their line on stderr; `--strict` makes that exit 2."""
    path = tmp_path / "contacts.csv"
    path.write_text("Record ID,Create Date,Lifecycle Stage\n1,soon,Lead\n2,2026-10-05 09:00,Lead\n")
    done = baton("import", path, "--crm", "hubspot", "--data", tmp_path / "data")
    assert done.returncode == 0
    assert done.stdout == "2 rows: 1 events, 0 mean nothing, 1 bad\n"
    assert f"{path}:2: column 'Create Date': 'soon' is no time that the map knows" in done.stderr
    strict = baton("import", path, "--crm", "hubspot", "--data", tmp_path / "other", "--strict")
    assert strict.returncode == 2


def test_wrong_use_is_told_in_one_line(tmp_path: Path) -> None:
    """Exit 2, and what to write instead."""
    path = tmp_path / "x.csv"
    data = ("--data", tmp_path / "data")
    assert "no such file" in baton("import", path, "--crm", "hubspot", *data).stderr
    path.write_text("a,b\n")
    assert "--crm excel: write one of" in baton("import", path, "--crm", "excel", *data).stderr
    assert "timezone 'Mars' is unknown" in baton("import", path, "--crm", "hubspot", "--timezone", "Mars", *data).stderr
    said = baton("import", path, "--crm", "hubspot", "--map", tmp_path / "none.yaml", *data)
    assert said.returncode == 2
    assert "none.yaml: No such file" in said.stderr

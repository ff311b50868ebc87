"""`baton dashboards` as a user runs it, and the files that ship."""

import json
from pathlib import Path

import pytest

from services.charters import read_charter
from services.dashboards import dashboards
from tests.command import baton
from tests.dashboards.made import COMMITTED, EXAMPLE

NAMES = ["baton-joint-view.json", "baton-handoff-flow.json", "baton-service-health.json"]


def test_the_files_that_ship_are_those_of_the_example() -> None:
    """`baton dashboards` with deploy/charters/warsaw-small-team.yaml writes them."""
    made = dashboards(read_charter(EXAMPLE).charter)
    assert {path.name: path.read_text(encoding="utf-8") for path in COMMITTED.glob("*.json")} == made


def test_it_writes_the_dashboards(tmp_path: Path) -> None:
    """Into a folder that it makes, saying which files they are; run again it writes the same."""
    folder = tmp_path / "new" / "folder"
    done = baton("dashboards", "--charter", EXAMPLE, "--out", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(folder / name) for name in NAMES]
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert baton("dashboards", "--charter", EXAMPLE, "--out", folder).returncode == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_of_a_folder_the_newest_version_counts(tmp_path: Path) -> None:
    """Dashboards are made when a version is signed, before it takes effect."""
    text = EXAMPLE.read_text()
    charters = tmp_path / "charters"
    charters.mkdir()
    (charters / "b.yaml").write_text(text)
    newer = text.replace("warsaw-2026-Q4", "warsaw-2027-Q1").replace("2026-10-01T", "2027-01-01T")
    (charters / "a.yaml").write_text(newer.replace("team: [inbound, field]", "team: [inbound, phone]"))
    done = baton("dashboards", "--charter", charters, "--out", tmp_path, "--board-url", "https://baton.example")
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / NAMES[0]).read_text())
    (team,) = (each for each in document["templating"]["list"] if each["name"] == "team")
    assert team["query"] == "inbound,phone,other"
    assert any(link["url"] == "https://baton.example/" for link in document["links"])


@pytest.mark.parametrize(
    ("charter", "out", "url", "told"),
    [
        ("no-such.yaml", "out", "http://x", "no-such.yaml: "),
        (str(EXAMPLE), "a-file", "http://x", "a-file: cannot be made: "),
        (str(EXAMPLE), "out", "x", "--board-url: "),
    ],
)
def test_what_is_wrong_is_told_in_one_line(charter: str, out: str, url: str, told: str, tmp_path: Path) -> None:
    """Nothing is written, and the exit code says that it was used in a wrong way."""
    (tmp_path / "a-file").touch()
    done = baton("dashboards", "--charter", charter, "--out", tmp_path / out, "--board-url", url)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()

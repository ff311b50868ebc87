"""The wheel: every file that the program reads of itself is in it."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("services", "schemas")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel that is built here and now."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, ROOT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_nothing_of_the_packages_is_left_out(names: set[str]) -> None:
    """Templates, styles, scripts, the mapping and the demo's charter are packed as the code is."""
    files = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {
        "services/board/templates/board.html",
        "services/board/static/board.js",
        "services/charters/templates/charter.html",
        "services/demo/charter.yaml",
        "services/gateway/crm/hubspot.yaml",
    } <= files
    assert files - names == set()


def test_nothing_else_is_packed(names: set[str]) -> None:
    """No tests, no documents, no compiled files: the packages, and what says what they are."""
    assert {name.split("/")[0].partition("-")[0] for name in names} == {*PACKAGES, "baton"}
    assert not [name for name in names if name.endswith(".pyc")]

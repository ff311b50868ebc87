"""The wheel: every file that the program reads of itself is in it."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.deploy.shipped import ROOT

PACKAGES = ("services", "schemas")


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """The names in the wheel."""
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
        "services/gateway/crm/hubspot-export.yaml",
        "services/gateway/crm/salesforce.sample.xml",
    } <= files
    assert files - names == set()


def test_nothing_else_is_packed(names: set[str]) -> None:
    """No tests, no documents, no compiled files: the packages, and what says what they are."""
    assert {name.split("/")[0].partition("-")[0] for name in names} == {*PACKAGES, "baton"}
    assert not [name for name in names if name.endswith(".pyc")]

"""The compose files with the variables of an `.env`: what they need, and what Baton reads of them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from services.settings import read_settings
from tests.deploy.composed import (
    COMPOSED,
    DISTRIBUTED,
    EMBEDDED,
    EXAMPLE,
    REQUIRED,
    asked_for,
    every_file,
    filled_in,
    is_ours,
    of_podman,
)
from tests.deploy.shipped import PORT, ROOT, SETTINGS, read_documents


def test_the_example_names_all_that_is_asked_for() -> None:
    """Each variable stands in `.env.example` once and without a value; those that are required are set apart."""
    lines = re.findall(r"^(\w+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE)
    asked = asked_for(DISTRIBUTED)
    assert sorted(name for name, _ in lines) == sorted(asked)
    assert not any(value for _, value in lines)
    required = {name for name, how in asked.items() if "?" in how}
    assert required == REQUIRED.keys()
    assert {name for name, _ in lines[: len(required)]} == required
    assert asked_for(EMBEDDED).keys() <= asked.keys()


@of_podman
@pytest.mark.parametrize("missing", REQUIRED)
def test_without_what_it_needs_nothing_starts(missing: str, tmp_path: Path) -> None:
    """A required variable that is missing, or empty as in the example, is named."""
    for given in ({**REQUIRED, missing: ""}, {name: value for name, value in REQUIRED.items() if name != missing}):
        done = filled_in(DISTRIBUTED, tmp_path, given)
        assert done.returncode != 0
        assert f"required variable {missing} is missing a value" in done.stderr


@of_podman
def test_the_commands_of_the_docs_fill_it_in(tmp_path: Path) -> None:
    """What a new user is told to type makes a `.env` and a folder with a charter that it starts with."""
    page = (ROOT / "docs" / "deployment.md").read_text()
    (block,) = re.findall(r"^git clone .*\n((?:.*\n)*?)docker compose up", page, re.MULTILINE)
    shutil.copytree(ROOT / "deploy" / "charters", tmp_path / "deploy" / "charters")
    shutil.copy(EXAMPLE, tmp_path)
    subprocess.run(["sh", "-euc", block], cwd=tmp_path, check=True)
    written = dict(re.findall(r"^(\w+)=(.+)$", (tmp_path / ".env").read_text(), re.MULTILINE))
    assert written.keys() == {*REQUIRED, "BATON_CLOUDEVENTS_TOKENS"}
    assert len(set(written.values())) == len(written)
    assert list((tmp_path / written["CHARTER"]).glob("*.yaml"))
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    done = filled_in(DISTRIBUTED, tmp_path, written)
    assert done.returncode == 0, done.stderr
    assert f"postgresql://baton:{written['POSTGRES_PASSWORD']}@postgres/baton" in done.stdout


@of_podman
@every_file
def test_filled_in_it_is_what_baton_takes(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is required alone it resolves, and each service of ours reads its settings from it."""
    done = filled_in(path, tmp_path, REQUIRED if path == DISTRIBUTED else {})
    assert done.returncode == 0, done.stderr
    (resolved,) = read_documents(done.stdout)
    assert resolved["services"].keys() == COMPOSED[path]["services"].keys()
    monkeypatch.chdir(tmp_path)
    for service in (each for each in resolved["services"].values() if is_ours(each)):
        with monkeypatch.context() as patch:
            for name in SETTINGS:
                patch.delenv(name, raising=False)
            for name, value in service["environment"].items():
                patch.setenv(name, str(value))
            settings = read_settings()
        assert settings.host == "0.0.0.0"  # noqa: S104 - the container's
        assert settings.port == PORT
        assert (settings.charter is not None) == any(
            ":/etc/baton/charter:" in each for each in service.get("volumes", ())
        )

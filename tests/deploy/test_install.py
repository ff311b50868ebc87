"""The image's steps without an engine: the locked packages and the wheel in a fresh place, and the command there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.shipped import DEPLOY, ROOT
from tests.shared_data import DEMAND_ALL

LOCK = ROOT / "requirements.lock"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
PYTHON = re.findall(r"^FROM python:(\d+\.\d+)-slim\b", DOCKERFILE, re.MULTILINE)
# What the base image (Debian 13) can load, by the names that wheels have for it.
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux_2_5", "manylinux1")
FROM_SOURCE = {"x86_64": (), "aarch64": ("faust-streaming",)}
"""What has no wheel for a machine, but builds there without a compiler."""


def pip(python: Path, *arguments: str | Path) -> None:
    """Run pip. Where no package index answers, the test is skipped, or fails where nothing may be lacking."""
    done = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 and "WARNING: Retrying" in done.stderr and not DEMAND_ALL:
        pytest.skip("no package index answers")
    assert done.returncode == 0, done.stderr


def interpreter() -> Path:
    """The image's Python where this machine has it, else the one that runs the tests."""
    name = f"python{PYTHON[0]}"
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in (shutil.which(name), *sorted(kept.glob(f"{PYTHON[0]}.*/bin/{name}"))):
        if candidate and subprocess.run([candidate, "--version"], capture_output=True, check=False).returncode == 0:
            return Path(candidate)
    return Path(sys.executable)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a virtual environment that was filled as the image fills its own."""
    folder = tmp_path_factory.mktemp("image") / "baton"
    subprocess.run([interpreter(), "-m", "venv", folder], check=True)
    (options,) = re.findall(r"/opt/baton/bin/pip install (--require-hashes [^&\n]*)", DOCKERFILE)
    words = [LOCK if word == LOCK.name else word for word in options.split()]
    pip(folder / "bin" / "python", "install", *words)
    pip(folder / "bin" / "python", "install", "--no-deps", wheel)
    return folder / "bin"


def run(program: Path, *arguments: str) -> str:
    """What a program prints, run away from the checkout and with nothing of this environment."""
    done = subprocess.run(
        [program, *arguments],
        env={"PATH": f"{program.parent}:/usr/bin:/bin"},
        cwd=program.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_stages_have_one_python() -> None:
    """What the first stage installs is run by the same version in the second."""
    assert len(PYTHON) == 2
    assert len(set(PYTHON)) == 1


@pytest.mark.parametrize("machine", FROM_SOURCE)
def test_locked_packages_have_wheels_for_the_image(machine: str, tmp_path: Path) -> None:
    """For the image's Python, on both kinds of machine: it has no compiler to build them with."""
    packages = re.split(r"^(?=[a-z0-9])", LOCK.read_text(), flags=re.MULTILINE)
    wheels = [each for each in packages if each.partition("==")[0] not in FROM_SOURCE[machine]]
    assert len(packages) - len(wheels) == len(FROM_SOURCE[machine])
    (tmp_path / "lock").write_text("".join(wheels))
    platforms = [word for each in PLATFORMS for word in ("--platform", f"{each}_{machine}")]
    pip(
        Path(sys.executable),
        *("install", "--dry-run", "--quiet", "--no-deps", "--only-binary", ":all:", "--target", tmp_path / "to"),
        *("--implementation", "cp", "--python-version", PYTHON[0], *platforms),
        *("--require-hashes", "-r", tmp_path / "lock"),
    )


def test_the_command_runs(installed: Path) -> None:
    """It is there by its name, and says what it can do."""
    assert "Usage: baton" in run(installed / "baton", "--help")


def test_what_the_code_imports_is_locked(installed: Path) -> None:
    """Every module loads with the packages of the runtime alone, which fit together."""
    by_alembic = "services.adapters.migrations.env"  # a script that Alembic runs
    script = (
        "import importlib, pkgutil, schemas, services\n"
        "for package in (schemas, services):\n"
        "    for each in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        f"        each.name == {by_alembic!r} or importlib.import_module(each.name)\n"
        "        print(each.name)\n"
    )
    loaded = run(installed / "python", "-I", "-c", script).split()
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in ("schemas", "services")
        for path in (ROOT / package).rglob("*.py")
    ]
    assert sorted([*loaded, "schemas", "services"]) == sorted(modules)
    run(installed / "python", "-m", "pip", "check")

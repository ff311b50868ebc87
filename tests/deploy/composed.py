"""The compose files, read, and filled in as an engine does it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.shipped import ROOT, read_yaml
from tests.shared_data import DEMAND_ALL

TOOLS = Path(sys.executable).parent
DISTRIBUTED = ROOT / "docker-compose.yml"
EMBEDDED = ROOT / "deploy" / "compose" / "embedded.yml"
FILES = (DISTRIBUTED, EMBEDDED)
COMPOSED: dict[Path, dict[str, Any]] = {path: read_yaml(path) for path in FILES}
SERVICES: dict[str, dict[str, Any]] = COMPOSED[DISTRIBUTED]["services"]
JOBS = {"topics", "migrate"}
EXAMPLE = ROOT / ".env.example"
# What starts must be given, and what is given here where nothing but the form matters.
REQUIRED = {
    "CHARTER": "./deploy/charters/warsaw-small-team.yaml",
    "POSTGRES_PASSWORD": "a-password",
    "GRAFANA_PASSWORD": "another",
}

VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
"""A place that is filled in: the variable's name, `-` or `?`, and the default or what is said without it."""

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
every_service = pytest.mark.parametrize(
    ("path", "name"),
    [pytest.param(path, name, id=f"{path.stem}-{name}") for path in FILES for name in COMPOSED[path]["services"]],
)
of_podman = pytest.mark.skipif(
    shutil.which("podman") is None and not DEMAND_ALL,
    reason="there is no podman on PATH, which podman-compose asks for",
)


def is_ours(service: dict[str, Any]) -> bool:
    """Whether it runs Baton."""
    return str(service["image"]).startswith("baton:")


def texts(value: object) -> list[str]:
    """Every text in a part of a file, keys left out."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [str(value)]


def asked_for(path: Path) -> dict[str, set[str]]:
    """The variables that a file is filled in from, each with how: `-` with a default, `?` required."""
    found: dict[str, set[str]] = {}
    for text in texts(COMPOSED[path]):
        for name, how, _ in VARIABLE.findall(text):
            found.setdefault(name, set()).add(how)
    return found


def filled_in(path: Path, folder: Path, given: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """What podman-compose makes of a file, with these variables and no others."""
    env_file = folder / "env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    return subprocess.run(
        [TOOLS / "podman-compose", "--env-file", env_file, "-f", path, "config"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

"""Prometheus's configuration, judged by its own tool."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from services.settings import Settings
from tests.deploy.test_compose import SERVICES
from tests.shared_data import DEMAND_ALL

CONFIG = Path(__file__).parents[2] / "deploy" / "prometheus" / "prometheus.yml"
PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(
    PROMTOOL is None and not DEMAND_ALL, reason="there is no promtool on PATH (Debian's package prometheus)"
)
def test_the_configuration_is_valid() -> None:
    """promtool finds nothing wrong with it."""
    assert PROMTOOL is not None, "there is no promtool on PATH"
    done = subprocess.run([PROMTOOL, "check", "config", CONFIG], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_reads_baton_where_compose_has_it() -> None:
    """Its target is the service's name and the port that Baton listens on, within the bounds of a series."""
    config: dict[str, Any] = YAML(typ="safe", pure=True).load(CONFIG)
    (job,) = config["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    name, _, port = target.partition(":")
    assert name in SERVICES
    assert int(port) == Settings.model_fields["port"].default
    assert job["sample_limit"] > 0

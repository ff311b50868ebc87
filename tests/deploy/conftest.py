"""The wheel, built once for all tests of what ships."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.shipped import ROOT


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout, built here and now as the image builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, ROOT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built

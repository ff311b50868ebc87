"""The directory of the embedded mode belongs to one process."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from services.adapters.data_dir import DataDir
from services.errors import UsageError

ROOT = Path(__file__).parents[2]
_OPEN = "import sys, pathlib; from services.adapters.data_dir import DataDir; d = DataDir(pathlib.Path(sys.argv[1]));"


def test_made_for_us_alone(tmp_path: Path) -> None:
    """The directory is made, with those above it, and nobody else may look into it."""
    directory = DataDir(tmp_path / "a" / "b")
    assert stat.S_IMODE(os.stat(directory.path).st_mode) == 0o700
    assert {directory.log.parent, directory.database.parent, directory.quarantine.parent} == {directory.path}
    assert directory.database_url == f"sqlite:///{tmp_path}/a/b/baton.db"
    directory.close()


def test_second_process(tmp_path: Path) -> None:
    """A second process on the same directory is refused with a line that says why."""
    directory = DataDir(tmp_path)
    with pytest.raises(UsageError, match="is in use by another baton process"):
        DataDir(tmp_path)
    run = subprocess.run([sys.executable, "-c", _OPEN, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert "is in use by another baton process" in run.stderr
    directory.close()
    directory.close()
    DataDir(tmp_path).close()


def test_killed_process(tmp_path: Path) -> None:
    """A process that was killed leaves no lock behind."""
    script = _OPEN + "print('held', flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match="in use"):
            DataDir(tmp_path)
        child.kill()
    DataDir(tmp_path).close()


def test_not_a_directory(tmp_path: Path) -> None:
    """A path that cannot be a directory is the user's mistake."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be used as the data directory"):
        DataDir(tmp_path / "file")

"""Runs the installed `baton` command as a user would."""

import os
import subprocess
import sys
from pathlib import Path

BATON = Path(sys.executable).parent / "baton"


def environment(**settings: str) -> dict[str, str]:
    """The environment without any settings of Baton but those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    return {**inherited, **settings}


def baton(*arguments: str | Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run to the end and return what it printed; no traceback may ever reach a user."""
    done = subprocess.run(
        [BATON, *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done

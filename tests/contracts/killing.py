"""Kills a process that appends, and counts what it had been told is durable."""

import signal
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def killed_after(appends: int, kind: str, *where: str) -> int:
    """Start `tests.contracts.appending`, kill it after so many appends at least; how many it said are durable."""
    command = [sys.executable, "-m", "tests.contracts.appending", kind, *where]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=_ROOT, text=True)
    try:
        if child.stdout is None:
            raise RuntimeError("it was started with a pipe")
        with child.stdout:
            for number in range(appends):
                if child.stdout.readline() != f"{number}\n":
                    raise RuntimeError(f"it ended before append {number}")
            child.send_signal(signal.SIGKILL)
            return appends + len(child.stdout.readlines())
    finally:
        child.kill()
        child.wait()

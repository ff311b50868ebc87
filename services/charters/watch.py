"""Notices that a charter's file, or a folder of them, has changed."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from services.charters.files import SUFFIXES

LOOK_EVERY = 2.0
"""Real seconds between two looks: a charter changes a few times a year."""

State = frozenset[tuple[str, int, int]]


def state_of(path: Path) -> State:
    """Name, size and time of change of each charter at `path`; a file that is gone has none."""
    files = [path] if not path.is_dir() else [each for each in path.iterdir() if each.suffix in SUFFIXES]
    found = set()
    for file in files:
        try:
            stat = file.stat()
        except OSError:
            continue
        found.add((file.name, stat.st_size, stat.st_mtime_ns))
    return frozenset(found)


async def watch(path: Path, changed: Callable[[], None], stop: asyncio.Event) -> None:
    """Call `changed` whenever something at `path` is another than before, until `stop` is set."""
    known = await asyncio.to_thread(state_of, path)
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), LOOK_EVERY)
        except TimeoutError:
            found = await asyncio.to_thread(state_of, path)
            if found != known:
                known = found
                changed()

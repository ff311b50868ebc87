"""`python -m tests.domain.deep CASES`: random histories against the oracle, then every clock change of every zone.

All cores; prints what was done and what failed, exit 1 where something did. A failure is drawn again from its
seed: `some_setting(Random(SEED))`, then its histories.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import TypeVar

from tests.domain import build, calendar_checks, checks
from tests.domain.strategies import some_history, some_setting

HISTORIES = 50
"""Judged under each setting: making its calendars costs more than judging a history by them."""
SHOWN = 20

Job = TypeVar("Job")


def histories(job: tuple[int, int]) -> tuple[int, list[str]]:
    """So many histories under the setting of a seed: how many were judged, and what was wrong."""
    seed, count = job
    random = Random(seed)
    setting = some_setting(random)
    charters = build.charters(setting.charters)
    wrong = []
    for number in range(count):
        try:
            found = checks.everything(some_history(random, setting), charters, random)
        except Exception as error:
            found = [repr(error)]
        wrong += [f"seed {seed}, history {number}: {each}" for each in found]
    return count, wrong


def zone(job: tuple[str, int]) -> tuple[int, list[str]]:
    """Every clock change of a zone, for all the zones that agree with it: how many, and what was wrong around them."""
    name, agreeing = job
    changes = calendar_checks.changes_of(name)
    return len(changes) * agreeing, calendar_checks.around(name, changes, Random(name)) if changes else []


def jobs(cases: int, first_seed: int) -> Iterator[tuple[int, int]]:
    """The settings that together make so many cases."""
    for number, done in enumerate(range(0, cases, HISTORIES)):
        yield first_seed + number, min(HISTORIES, cases - done)


def run(what: str, work: Callable[[Job], tuple[int, list[str]]], todo: Iterable[Job]) -> bool:
    """Spread the work over all cores and print the outcome; whether all was well."""
    started = time.monotonic()
    total, wrong, shown = 0, 0, started
    with multiprocessing.Pool(maxtasksperchild=200) as pool:
        for count, found in pool.imap_unordered(work, todo):
            total += count
            wrong += len(found)
            for each in found[: max(0, SHOWN - wrong + len(found))]:
                print(each, flush=True)  # noqa: T201 - this is a command
            if sys.stderr.isatty() and time.monotonic() - shown > 1:
                shown = time.monotonic()
                print(f"\r{total:,} {what}", end="", file=sys.stderr)  # noqa: T201 - progress
    print(f"{total:,} {what}, {wrong:,} wrong, {time.monotonic() - started:.0f} s", flush=True)  # noqa: T201 - the answer
    return not wrong


def main() -> int:
    """Run both parts, or the one that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.domain.deep", description=__doc__)
    parser.add_argument("cases", type=int, help="how many histories to judge")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1_000, help="the first seed (default: the time)")
    parser.add_argument("--only", choices=("histories", "calendars"))
    options = parser.parse_args()
    well = True
    if options.only != "calendars":
        print(f"first seed {options.seed}")  # noqa: T201 - to draw the same cases again
        well = run("histories", histories, jobs(options.cases, options.seed))
    if options.only != "histories":
        well = run("clock changes", zone, calendar_checks.zones_that_differ().items()) and well
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())

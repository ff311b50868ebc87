"""`make bench-replay`: how fast histories are judged, how much memory that takes, and what a late event costs.

Each figure stands beside a reference that ran in the same process, for machines differ and are noisy.
"""

import argparse
import csv
import gc
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from services.charters import load_charters
from services.domain.charter import Charters
from services.domain.events import Event, EventType
from services.domain.fold import Lead, apply, fold
from services.domain.instants import SECOND, format_instant, parse_instant
from services.replay.csv_map import read_map
from services.replay.history import read_history
from services.replay.judge import judge
from tests.shared_data import SHARED

HERE = Path(__file__).parent
BANK = SHARED / "data" / "bank" / "applications-2011.csv.gz"
BANK_MAP = HERE.parent / "replay" / "bank-map.yaml"
BANK_CHARTER = SHARED / "vectors" / "bank-charter.yaml"
CHARTER = HERE.parents[1] / "deploy" / "charters" / "warsaw-small-team.yaml"
ROUNDS = 5
IN_A_ROW = 1000
TOUCH = {"kind": "call", "direction": "outbound", "connected": True}


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=1_000_000, help="leads of the synthetic log, six events each")
    leads = parser.parse_args().leads
    if BANK.is_file():
        bank()
    late_events()
    open_lead_memory()
    synthetic(leads)


def bank() -> None:
    """Events per second on the bank log, in turn with plain reading of the same file."""
    charters = load_charters(BANK_CHARTER, whole_history_if_single=True)
    judged: list[float] = []
    read: list[float] = []
    events = 0
    for _ in range(ROUNDS):
        with _timed(read), gzip.open(BANK, "rt", encoding="utf-8", newline="") as file:
            rows = sum(1 for _ in csv.reader(file))
        with _timed(judged):
            events = _judge(charters)
    rate, plain = events / median(judged), rows / median(read)
    print(f"bank log: {rate:,.0f} events/s judged (one core, {events:,} events, median of {ROUNDS})")
    print(f"          plain csv.reader over the same file: {plain:,.0f} rows/s, ratio {rate / plain:.3f}")


def _judge(charters: Charters) -> int:
    history = read_history([BANK], csv_map=read_map(BANK_MAP), until=None, report=lambda _bad: None)
    events = history.read
    judge(history, charters, as_of=history.last_time)
    return events


def late_events() -> None:
    """What one more event costs a lead with a long history: in order, and late (a fold of that lead alone)."""
    charters = load_charters(CHARTER, whole_history_if_single=True)
    start = parse_instant("2026-10-05T06:00:00Z")
    shortest = 0.0
    for length in (10, 100, 1000):
        events = [_touch(start + number * 60 * SECOND, number) for number in range(length + IN_A_ROW)]
        lead = fold("l", events[:length], charters)
        in_order: list[float] = []
        with _timed(in_order):
            for event in events[length:]:
                apply(lead, event, charters)
        late: list[float] = []
        for _ in range(ROUNDS):
            with _timed(late):
                fold("l", events[:length], charters)
        each = in_order[0] / IN_A_ROW
        shortest = shortest or each
        print(
            f"one more event after {length:>5}: in order {each * 1e6:6.2f} us "
            f"({each / shortest:.2f} of the shortest history), late {median(late) * 1e6:9.1f} us"
        )


def open_lead_memory() -> None:
    """Bytes of the state of a lead with one open handoff and its open clocks."""
    charters = load_charters(CHARTER, whole_history_if_single=True)
    start = parse_instant("2026-10-05T06:00:00Z")
    count = 20_000
    before = _resident()
    states: list[Lead] = []
    for number in range(count):
        data = {"attributes": {"source": "webinar", "score": number % 100}, "owner": f"rep-{number % 50}"}
        states.append(
            fold(f"l{number}", [Event(start, EventType.LEAD_HANDED_OFF, "s", "1", f"l{number}", data)], charters)
        )
    print(f"an open lead: {(_resident() - before) / count:,.0f} bytes of state ({len(states[0].open)} open clocks)")


def synthetic(leads: int) -> None:
    """A whole `baton replay` of a synthetic log in a process of its own: time and peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        _write_log(log, leads)
        started = time.perf_counter()
        command: list[str | Path] = [
            Path(sys.executable).parent / "baton",
            "replay",
            log,
            "--charter",
            CHARTER,
            "--json",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - started
    used = json.loads(done.stdout)["events"]["used"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"synthetic log: {leads:,} leads, {used:,} events of JSON Lines in {seconds:,.0f} s "
        f"({used / seconds:,.0f} events/s), peak memory {peak:,.0f} MiB"
    )


def _write_log(path: Path, leads: int) -> None:
    """Six events a lead: captured, handed off, assigned, accepted, touched, and won, rejected or nothing."""
    start = parse_instant("2026-01-05T06:00:00Z")
    with path.open("w", encoding="utf-8") as out:
        for number in range(leads):
            for index, (kind, minutes, data) in enumerate(_life(number)):
                time_ = format_instant(start + (number % 200_000 + minutes) * 60 * SECOND)
                out.write(
                    f'{{"specversion":"1.0","id":"{number}-{index}","source":"/bench","type":"{kind}",'
                    f'"subject":"bench:lead:{number}","time":"{time_}","data":{data}}}\n'
                )


def _life(number: int) -> Iterator[tuple[str, int, str]]:
    yield (
        "lead.captured",
        0,
        f'{{"attributes":{{"source":"webinar","campaign":"c{number % 40}","score":{number % 100}}}}}',
    )
    yield "lead.handed_off", 5, f'{{"attributes":{{"priority":"{("hot", "warm", "cold")[number % 3]}"}}}}'
    yield "lead.assigned", 7, f'{{"owner":"rep-{number % 50}"}}'
    yield "lead.accepted", 20 + number % 90, "{}"
    yield "lead.touched", 40 + number % 400, json.dumps(TOUCH)
    last = (
        ("deal.won", f'{{"deal":"d{number}","amount":{number % 9000}}}')
        if number % 5
        else ("lead.rejected", '{"reason":"x"}')
    )
    yield last[0], 600 + number % 9000, last[1]


def _touch(at: int, number: int) -> Event:
    return Event(at, EventType.LEAD_TOUCHED, "s", f"{number}", "l", TOUCH)


@contextmanager
def _timed(into: list[float]) -> Iterator[None]:
    gc.collect()
    gc.disable()
    started = time.perf_counter()
    try:
        yield
    finally:
        into.append(time.perf_counter() - started)
        gc.enable()


def _resident() -> int:
    """Bytes of memory that this process holds now."""
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()

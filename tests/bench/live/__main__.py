"""Runs all systems in turn, round after round, and prints the medians. `--help` says what can be chosen."""

import argparse
import asyncio
import os
import pickle
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.adapters.kafka.placing import partition_of
from services.charters.files import parse_charter
from services.domain.charter import Charters
from services.ports import EVENTS
from tests.bench.live import report, same
from tests.bench.live.history import History, make_history
from tests.bench.live.job import PARTITIONS, Job
from tests.bench.live.measuring import Run, measure
from tests.bench.live.systems import QUIX, ROOT, SYSTEMS, System
from tests.bench.live.topics import fill, fill_one_by_one, kafka_bytes, make_topics
from tests.servers.kafka import KafkaCluster
from tests.servers.postgres import Postgres

EXAMPLE = ROOT / "deploy" / "charters" / "warsaw-small-team.yaml"
_CHARTER, _PICKLED = "charter.yaml", "charters.pickle"
_EVENTS = 60_000
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Bench:
    """Servers with the history in them."""

    folder: Path
    kafka: KafkaCluster
    postgres: Postgres
    history: History
    charters: Charters

    def run(self, system: System, number: int) -> Run:
        """Let a system drain the topic, as a consumer group that is its own."""
        job = Job(
            folder="",
            broker=self.kafka.bootstrap,
            topic=EVENTS,
            group=f"{system.name} {number}".replace(",", "").replace(" ", "-"),
            records=len(self.history.arrivals),
            database="",
            charter=str(self.folder / _CHARTER),
            pickled=str(self.folder / _PICKLED),
        )
        fresh = self.postgres.fresh_database
        return measure(system, job, fresh_database=fresh, last_leads=self.history.last_leads)


def main() -> None:
    """Run everything and print it."""
    arguments = _arguments()
    chosen = [system for system in SYSTEMS if any(part in system.name for part in arguments.only)]
    with _bench(arguments.events) as bench:
        runs: dict[str, list[Run]] = defaultdict(list)
        for number in range(1, arguments.rounds + 1):
            for system in chosen:
                run = bench.run(system, number)
                runs[system.name].append(run)
                print(f"round {number}, {report.line(system.name, run)}", flush=True)
        print()
        report.print_table(runs)
        print()
        _compare(bench, chosen, runs)
        report.print_sizes(runs, *kafka_bytes(bench.folder / "kafka", len(bench.history.arrivals)))


def _charters(folder: Path) -> Charters:
    """An example's charter, in force for all of the history, in files that the workers read."""
    text = re.sub("^effective_from:.*", "effective_from: 2025-01-01T00:00:00Z", EXAMPLE.read_text("utf-8"), flags=re.M)
    (folder / _CHARTER).write_text(text, encoding="utf-8")
    charters = Charters([parse_charter(text, _CHARTER).charter])
    (folder / _PICKLED).write_bytes(pickle.dumps(charters))
    return charters


@contextmanager
def _bench(records: int) -> Iterator[Bench]:
    """The servers, filled."""
    history = make_history(records, partition_of(PARTITIONS), PARTITIONS)
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as name:
        folder = Path(name)
        charters = _charters(folder)
        with KafkaCluster(folder / "kafka") as kafka, Postgres(folder / "postgres") as postgres:
            kafka.needs_real("log on a disk")
            print(f"{history.describe()}\n{report.machine()}", flush=True)
            make_topics(kafka)
            asyncio.run(fill(kafka, history.arrivals))
            asyncio.run(fill_one_by_one(kafka, history.arrivals))
            yield Bench(folder, kafka, postgres, history, charters)


def _compare(bench: Bench, systems: Sequence[System], runs: Mapping[str, Sequence[Run]]) -> None:
    """Print how many clocks are equal; raise Differs where one is not."""
    events = bench.history.events
    right = same.expected(events, bench.charters)
    leads = {event.lead for event in events}
    for system in systems:
        if system.prepare is None:
            continue
        of_these = leads - same.merged(events) if system is QUIX else leads
        for run in runs[system.name]:
            found = same.clocks_in(run.database, plain=system is QUIX)
            count = same.compare(system.name, found, right, of_these)
        print(f"equal: {system.name}, {count:,} clocks of {len(of_these):,} leads in each round")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.live", description=__doc__)
    events = int(os.environ.get("BATON_BENCH_EVENTS", _EVENTS))
    parser.add_argument("--events", type=int, default=events, help="records in the topic (or BATON_BENCH_EVENTS)")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often each system runs")
    parser.add_argument("--only", nargs="+", default=[""], help="systems whose names have one of these in them")
    return parser.parse_args()


if __name__ == "__main__":
    main()

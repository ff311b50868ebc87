"""What is printed: a line a run, the medians beside each other, and how large the tables are."""

import os
import platform
from collections.abc import Mapping, Sequence
from statistics import median

import psycopg

from tests.bench.live.measuring import Run
from tests.bench.live.systems import AGENT, BATON, LIMIT, QUIX

_MICRO = 1e6
_MIB = 1024 * 1024
_SIZES = """
SELECT relname, pg_relation_size(oid), pg_indexes_size(oid), pg_total_relation_size(oid)
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 4 DESC
"""
_WORTH_NAMING = 0.01


def machine() -> str:
    """What it ran on."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}; all of it on this machine, with the servers"


def line(name: str, run: Run) -> str:
    """A run."""
    return (
        f"{name:24} {run.rate:8,.0f} events/s in {run.seconds:6.1f} s; CPU us an event: worker "
        f"{run.worker_cpu / run.records * _MICRO:5.0f}, PostgreSQL {run.postgres_cpu / run.records * _MICRO:5.0f}; "
        f"{run.peak_rss / _MIB:4.0f} MiB"
    )


def print_table(runs: Mapping[str, Sequence[Run]]) -> None:
    """Medians; ratios are medians of the ratios within a round."""
    print(f"{'median':24} {'events/s':>8} {'of limit':>9} {'of Quix':>8} {'of agent':>9}   us worker  us PG   MiB")
    for name, mine in runs.items():
        ratios = [_ratio(mine, runs.get(other.name, ())) for other in (LIMIT, QUIX, AGENT)]
        print(
            f"{name:24} {median(run.rate for run in mine):8,.0f} {ratios[0]:>9} {ratios[1]:>8} {ratios[2]:>9}   "
            f"{median(run.worker_cpu / run.records for run in mine) * _MICRO:9.0f}  "
            f"{median(run.postgres_cpu / run.records for run in mine) * _MICRO:5.0f}  "
            f"{median(run.peak_rss for run in mine) / _MIB:4.0f}"
        )


def _ratio(mine: Sequence[Run], others: Sequence[Run]) -> str:
    if not others:
        return "-"
    return f"{median(run.rate / other.rate for run, other in zip(mine, others, strict=False)):.2f}"


def print_sizes(runs: Mapping[str, Sequence[Run]], in_batches: float, one_by_one: float) -> None:
    """Bytes an event, of Kafka's log and of Baton's tables as they are after the run."""
    print(f"Kafka: {in_batches:,.0f} bytes a record in large batches, {one_by_one:,.0f} where each comes alone")
    for run in runs.get(BATON.name, ())[-1:]:
        with psycopg.connect(run.database) as connection:
            rows = connection.execute(_SIZES.encode()).fetchall()
        whole = sum(total for *_, total in rows)
        print(f"PostgreSQL: {whole / run.records:,.0f} bytes a record")
        for name, table, indexes, total in rows:
            if total > _WORTH_NAMING * whole:
                print(f"  {name:12} {table / run.records:6.0f} + {indexes / run.records:4.0f} of indexes")

"""One run of one system: how long it takes, and what it uses meanwhile."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import psutil
import psycopg

from tests.bench.live.job import Job
from tests.bench.live.systems import System
from tests.servers.processes import Leash, tail

_T = TypeVar("_T")

_LOOK_SECONDS = 0.02
"""Between two looks at whether it is done: how exact the end is known."""
_LONGEST_SECONDS = 900
_STOP_SECONDS = 20
_DONE = b"SELECT count(DISTINCT lead) FROM clocks WHERE lead = ANY(%s)"
_POSITIONS = b"SELECT sum(next) FROM positions"


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured. Times are of all of a system's workers together, from the first record in hand on."""

    records: int
    """Drained in those seconds."""
    seconds: float
    worker_cpu: float
    """CPU seconds of the workers, user and system."""
    postgres_cpu: float
    """CPU seconds of all processes of PostgreSQL."""
    peak_rss: int
    """Bytes, of all workers."""
    database: str
    """Its URL."""

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds


class Failed(RuntimeError):
    """A worker ended, or took too long; with the end of what it wrote."""


class _Worker:
    def __init__(self, job: Job, process: "subprocess.Popen[bytes]") -> None:
        self.job = job
        self.process = process
        self._peak_rss = 0

    @property
    def log(self) -> Path:
        return Path(self.job.folder) / "out.log"

    def look(self) -> int:
        """The most memory that it was seen to use, in bytes."""
        if self.process.poll() is not None:
            raise Failed(f"a worker has ended: {tail(self.log)}")
        self._peak_rss = max(self._peak_rss, psutil.Process(self.process.pid).memory_info().rss)
        return self._peak_rss

    def cpu(self) -> float:
        """CPU seconds since its first record."""
        began = self.job.moment("began")
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system) - (began[1] if began is not None else 0.0)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def measure(system: System, job: Job, *, fresh_database: Callable[[], str], last_leads: Sequence[str]) -> Run:
    """Let the system drain the topic. `last_leads`: when clocks of all of them are there, all is done."""
    url = fresh_database() if system.prepare is not None else ""
    if system.prepare is not None:
        system.prepare(url)
    leash = Leash()
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        workers = []
        try:
            for number in range(system.workers):
                own = Path(folder) / str(number)
                own.mkdir()
                each = replace(job, folder=str(own), database=url)
                process = leash.popen(system.command(each.save()), output=own / "out.log")
                workers.append(_Worker(each, process))
            return _watch(workers, url, last_leads)
        finally:
            for worker in workers:
                worker.stop()
            leash.close()


def _watch(workers: Sequence[_Worker], url: str, last_leads: Sequence[str]) -> Run:
    """From the moment at which every worker has begun until all is done."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    began = max(_wait_for(workers, partial(worker.job.moment, "began"), deadline)[0] for worker in workers)
    cpu, postgres_cpu = sum(worker.cpu() for worker in workers), _postgres_cpu()
    done_before = _applied(url) if len(workers) > 1 else 0
    if url:
        with psycopg.connect(url, autocommit=True) as connection:
            ended = _wait_for(workers, lambda: _is_done(connection, last_leads), deadline)
    else:
        ended = _wait_for(workers, lambda: workers[0].job.moment("ended"), deadline)[0]
    return Run(
        records=workers[0].job.records - done_before,
        seconds=ended - began,
        worker_cpu=sum(worker.cpu() for worker in workers) - (cpu if len(workers) > 1 else 0.0),
        postgres_cpu=_postgres_cpu() - postgres_cpu,
        peak_rss=sum(worker.look() for worker in workers),
        database=url,
    )


def _wait_for(workers: Iterable[_Worker], ask: Callable[[], _T | None], deadline: float) -> _T:
    while time.monotonic() < deadline:
        if (answer := ask()) is not None:
            return answer
        for worker in workers:
            worker.look()
        time.sleep(_LOOK_SECONDS)
    raise Failed(f"not done after {_LONGEST_SECONDS} s: " + "\n".join(tail(worker.log) for worker in workers))


def _is_done(connection: psycopg.Connection, last_leads: Sequence[str]) -> float | None:
    row = connection.execute(_DONE, (list(last_leads),)).fetchone()
    return time.monotonic() if row is not None and row[0] == len(last_leads) else None


def _applied(url: str) -> int:
    """Records that Baton has applied."""
    with psycopg.connect(url) as connection:
        row = connection.execute(_POSITIONS).fetchone()
    return int(row[0]) if row is not None else 0


def _postgres_cpu() -> float:
    """CPU seconds of the server that this process has started, with those of its processes that have ended."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # its time has gone to the server's own
            if process.name() == "postgres":
                times = process.cpu_times()
                total += times.user + times.system
                if process.ppid() == os.getpid():
                    total += times.children_user + times.children_system
    return total

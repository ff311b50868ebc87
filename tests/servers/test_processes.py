"""How servers end with the process that started them."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.servers.processes import SETPRIV, free_ports

ROOT = Path(__file__).resolve().parents[2]

STARTED = """
import sys, time
from pathlib import Path
from tests.servers.kafka import KafkaCluster
from tests.servers.postgres import Postgres
with KafkaCluster(Path(sys.argv[1], "kafka")), Postgres(Path(sys.argv[1], "postgres")):
    print("started", flush=True)
    time.sleep(600)
"""
"""A test run that starts servers and is then busy."""


@pytest.mark.skipif(SETPRIV is None, reason="there is no setpriv: a server ends with its context alone")
def test_servers_end_with_a_process_that_is_killed(tmp_path: Path, kafka: object, postgres: object) -> None:
    """SIGKILL gives it no time to end them: the kernel does."""
    del kafka, postgres  # asked for so that this is skipped where they are
    run = subprocess.Popen([sys.executable, "-c", STARTED, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT)
    with run:
        try:
            assert run.stdout is not None
            assert run.stdout.readline() == b"started\n"
            servers = psutil.Process(run.pid).children(recursive=True)
        finally:
            run.kill()
    assert len(servers) > 1
    _, alive = psutil.wait_procs(servers, timeout=30)
    assert not alive


def test_free_ports_differ() -> None:
    """None is given twice."""
    assert len(set(free_ports(50))) == 50

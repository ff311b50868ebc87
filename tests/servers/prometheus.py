"""A real Prometheus (Debian's) on the loopback, which reads its targets and evaluates its rules every second."""

import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import pytest

from tests.servers.processes import Leash, free_ports, tail
from tests.shared_data import DEMAND_ALL

PROMETHEUS = shutil.which("prometheus")
SCRAPES_EVERY = 1
"""Seconds."""
_START_SECONDS = 60

needs_prometheus = pytest.mark.skipif(
    PROMETHEUS is None and not DEMAND_ALL, reason="there is no prometheus on PATH (Debian's package prometheus)"
)


class Prometheus:
    """One server; it is ended, by its id, when the block is left."""

    def __init__(
        self, folder: Path, targets: Mapping[str, str], *, rules: str | None = None, alertmanager: str | None = None
    ) -> None:
        """`targets` has a host and port by the name of its job; `folder` is empty, and all its own.

        `rules` is the text of a file of rules, `alertmanager` the host and port to which their alerts are sent.
        """
        self._rules = rules
        self._alertmanager = alertmanager
        self._folder = folder
        self._targets = targets
        self._log = folder / "prometheus.log"

    def __enter__(self) -> Self:
        assert PROMETHEUS is not None, "there is no prometheus on PATH"
        jobs = [{"job_name": job, "static_configs": [{"targets": [at]}]} for job, at in self._targets.items()]
        every = f"{SCRAPES_EVERY}s"
        document: dict[str, Any] = {"scrape_configs": jobs}
        document["global"] = {"scrape_interval": every, "evaluation_interval": every}
        if self._rules is not None:
            (self._folder / "rules.yml").write_text(self._rules, encoding="utf-8")
            document["rule_files"] = ["rules.yml"]
        if self._alertmanager is not None:
            document["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [self._alertmanager]}]}]}
        config = self._folder / "prometheus.yml"
        config.write_text(json.dumps(document))
        (port,) = free_ports(1)
        self._leash = Leash()
        self._process = self._leash.popen(
            [
                PROMETHEUS,
                f"--config.file={config}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            output=self._log,
        )
        self._client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            assert self._process.poll() is None, tail(self._log)
            assert time.monotonic() < deadline, tail(self._log)
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._leash.close()

    def instant(self, expr: str) -> list[Any]:
        """The series of an expression now, each with its `metric` (labels) and `value`."""
        return self._ask("/api/v1/query", query=expr)

    def along(self, expr: str, seconds: int, step: int = SCRAPES_EVERY) -> list[Any]:
        """The series of an expression over the last seconds, each with its `metric` (labels) and `values`."""
        now = time.time()
        return self._ask("/api/v1/query_range", query=expr, start=str(now - seconds), end=str(now), step=str(step))

    def _ask(self, path: str, **query: str) -> list[Any]:
        answer = self._client.post(path, data=query)
        assert answer.status_code == 200, answer.text
        found: list[Any] = answer.json()["data"]["result"]
        return found

    def _is_ready(self) -> bool:
        try:
            return bool(self._client.get("/-/ready").is_success)
        except httpx2.TransportError:
            return False

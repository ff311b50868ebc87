"""A real Alertmanager on the loopback, that can be killed and started again."""

import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import pytest

from tests.servers.processes import Leash, free_ports, tail
from tests.shared_data import DEMAND_ALL

PROGRAM = "prometheus-alertmanager"
_START_SECONDS = 30

CONFIG = """
route: {receiver: nobody, group_wait: 1s, group_interval: 1s}
receivers: [{name: nobody}]
"""


class AlertmanagerServer:
    """One process on a port that stays its own over restarts. Used as a context, it is ended by its id."""

    def __init__(self, folder: Path, config: str = CONFIG, *options: str) -> None:
        path = shutil.which(PROGRAM)
        if path is None and not DEMAND_ALL:
            pytest.skip(f"there is no {PROGRAM} on PATH (Debian's package of that name)")
        assert path is not None, f"there is no {PROGRAM} on PATH"
        self._program = path
        self._options = options
        self._folder = folder
        (folder / "alertmanager.yml").write_text(config)
        (self._port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self._port}"
        self._output = folder / "output.txt"
        self._leash = Leash()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.client = httpx2.Client(base_url=self.url, timeout=10, trust_env=False)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self.client.close()
        self._leash.close()

    def start(self) -> None:
        """Return when it takes alerts."""
        command = [
            self._program,
            f"--config.file={self._folder / 'alertmanager.yml'}",
            f"--storage.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--cluster.listen-address=",
            *self._options,
        ]
        self._process = self._leash.popen(command, output=self._output)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                # With any status: it may ask for credentials.
                if self.client.get("/-/ready").status_code < 500:
                    return
            except httpx2.TransportError:
                pass
            assert self._process.poll() is None, tail(self._output)
            assert time.monotonic() < deadline, tail(self._output)
            time.sleep(0.05)

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def alerts(self) -> list[dict[str, Any]]:
        """Those that it shows: all that are not over."""
        answer = self.client.get("/api/v2/alerts")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

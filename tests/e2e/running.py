"""A `baton up` (or `demo`) in a process of its own, and a client for it."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.command import BATON, environment

TOKEN = "a-token-of-the-tests-that-is-long-enough"
_ADDRESS = re.compile(r"(?:Baton|The board|Baton.s \w+) is at (http://\S+)")
_START_SECONDS = 60
_CAUGHT_UP_SECONDS = 120


class Running:
    """One process. Used as a context, it is ended (by its id) when the block is left."""

    def __init__(self, *arguments: str | Path, **settings: str) -> None:
        self._arguments = arguments
        self._settings = {"BATON_CLOUDEVENTS_TOKENS": TOKEN, "BATON_LOG_LEVEL": "warning", **settings}
        self.lines: list[str] = []
        self.url = ""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [BATON, *self._arguments],
            env=environment(**self._settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(ready,), daemon=True)
        self._reader.start()
        assert ready.wait(_START_SECONDS), self.output
        self.client = httpx2.Client(base_url=self.url, timeout=30, trust_env=False)
        self._wait_until_it_answers()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return "".join(self.lines)

    def kill(self) -> None:
        """End it with SIGKILL, as the out-of-memory killer would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self) -> int:
        """Ask it to stop, as a container's runtime would; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def get(self, path: str, **query: str) -> Any:
        """The JSON document at a path."""
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post_events(self, events: list[dict[str, Any]]) -> None:
        """Send canonical events as one batch; they are in the log when this returns."""
        answer = self.client.post(
            "/hooks/cloudevents",
            json=events,
            headers={"authorization": f"Bearer {TOKEN}", "content-type": "application/cloudevents-batch+json"},
        )
        assert answer.status_code == 202, answer.text

    def pages(self, path: str, **query: str) -> Iterator[Any]:
        """All items of a paged list."""
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **query, **cursor)
            yield from page["items"]
            if page["next"] is None:
                return
            cursor = {"cursor": page["next"]}

    def metric(self, name: str) -> float:
        """The sum of all samples of a metric."""
        text = self.client.get("/metrics").text
        values = [line.rsplit(" ", 1)[1] for line in text.splitlines() if re.match(rf"{name}[{{ ]", line)]
        return sum(float(value) for value in values)

    def wait_until_judged(self) -> None:
        """Return when the log has nothing that is not yet judged."""
        deadline = time.monotonic() + _CAUGHT_UP_SECONDS
        while self.metric("baton_log_lag_records") > 0:
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                if self.client.get("/healthz").status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def _read(self, ready: threading.Event) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line)
            found = _ADDRESS.search(line)
            if found:
                self.url = found[1]
                ready.set()
        ready.set()

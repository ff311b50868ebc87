"""Baton is killed at every step of a delivery and started again: each message arrives, and once for who knows ids."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from services.adapters.sqlite.log import SqliteLog
from services.adapters.wall_clock import SystemClock
from services.domain.events import TYPES_BY_WIRE_NAME, Event
from services.domain.instants import SECOND, Instant
from services.ports import EVENTS, Record
from services.translate import to_json
from tests.command import environment
from tests.e2e.running import Running
from tests.notifier.webhook_server import SECRET, WebhookServer

ROOT = Path(__file__).parents[2]
MINUTE = 60 * SECOND
_PATIENCE = 90
CHARTER = """
charter: 1
version: killed
effective_from: 2020-01-01T00:00:00Z
agreed: [{side: marketing, by: A, on: 2019-12-01}, {side: sales, by: B, on: 2019-12-01}]
calendars:
  always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}, day: 24h}
stalled_after: {time: 5m, calendar: always}
clocks:
  touch:
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.touched]
    calendar: always
    targets: [{within: 10m}]
"""
STEPS = [
    (statement, phase)
    for statement in (
        "INSERT INTO deliveries",
        "INSERT INTO held_alerts",
        "INSERT INTO webhooks (",
        "UPDATE alerts",
        "UPDATE webhooks ",
    )
    for phase in ("before", "after")
]
"""What a delivery writes: that it was told, what is to be shown, what is to be posted, and that each is done."""
RECEIVERS = ("a webhook is not answered yet", "Alertmanager has not answered yet")


class AlertmanagerInMemory:
    """Takes what is posted as Alertmanager does: by its labels, until its end."""

    def __init__(self) -> None:
        self.posts = 0
        self.shown: dict[tuple[str, str], datetime] = {}
        """By name and lead, the end that was posted last."""
        self.on_alerts: Callable[[], object] = bool
        memory = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(length := int(self.headers["Content-Length"]))
                if len(body) < length:  # who posted it was killed on the way
                    return
                memory.take(json.loads(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def take(self, alerts: list[dict[str, Any]]) -> None:
        """Keep them, last come last."""
        for alert in alerts:
            key = alert["labels"]["alertname"], alert["labels"]["lead"]
            self.shown[key] = datetime.fromisoformat(alert["endsAt"])
        if alerts:
            self.posts += 1
            self.on_alerts()

    def firing(self) -> set[tuple[str, str]]:
        """Those that are not over."""
        return {key for key, ends_at in self.shown.items() if ends_at > datetime.now(ends_at.tzinfo)}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Answer within the block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


class Office:
    """Baton on a folder of its own, a receiver of webhooks, and what stands for Alertmanager."""

    def __init__(self, folder: Path, webhooks: WebhookServer, alertmanager: AlertmanagerInMemory) -> None:
        self.webhooks, self.alertmanager = webhooks, alertmanager
        self.began = SystemClock().now() - 15 * MINUTE
        self.leads: list[str] = []
        self.data = folder / "data"
        self.data.mkdir()
        charter = folder / "charter.yaml"
        charter.write_text(CHARTER)
        self.arguments = ("up", "--charter", str(charter), "--data", str(self.data), "--port", "0")
        self.settings = {
            "BATON_WEBHOOK_URLS": webhooks.url,
            "BATON_WEBHOOK_SECRET": SECRET,
            "BATON_WEBHOOK_ALLOW_PRIVATE": "true",
            "BATON_ALERTMANAGER_URL": alertmanager.url,
            "BATON_LOG_LEVEL": "warning",
        }

    def hand_off(self) -> None:
        """One more lead was handed off a quarter of an hour ago; it is in the log that Baton finds when it starts."""
        lead = f"crm:lead:{len(self.leads)}"
        self.leads.append(lead)
        self.append(event("lead.handed_off", lead, self.began))

    def append(self, *events: Event) -> None:
        """Write to the log while nobody else does."""

        async def write() -> None:
            log = SqliteLog(self.data / "log.db", SystemClock())
            await log.append([Record(EVENTS, each.lead, to_json(each)) for each in events])
            log.close()

        asyncio.run(write())

    def run_until_killed(self, command: list[str], is_killed_by: Callable[[int], None] | None = None) -> None:
        """Start it, and return when it was killed, by itself or by whom `is_killed_by` tells its id."""
        process = subprocess.Popen(
            [*command, *self.arguments],
            env=environment(**self.settings),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            if is_killed_by is not None:
                is_killed_by(process.pid)
            assert process.wait(_PATIENCE) == -signal.SIGKILL
        finally:
            process.kill()
            process.wait()

    def expected(self, *kinds: str) -> set[str]:
        """The ids of what is told of the leads."""
        return {f"{lead}/{kind}" for lead in self.leads for kind in kinds}

    def wait_for(self, ids: set[str], firing: set[tuple[str, str]]) -> None:
        """Return when the webhooks of these ids have come, and these alerts alone are shown."""
        deadline = time.monotonic() + _PATIENCE
        while (found := {each["id"] for each in self.webhooks.once.values()}) != ids or (
            shown := self.alertmanager.firing()
        ) != firing:
            assert time.monotonic() < deadline, (found ^ ids, shown ^ firing)
            time.sleep(0.1)


def event(kind: str, lead: str, when: Instant, /, **data: object) -> Event:
    """An event of a lead."""
    return Event(when, TYPES_BY_WIRE_NAME[kind], "/crm", f"{kind}/{lead}", lead, data)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    alertmanager = AlertmanagerInMemory()
    with WebhookServer() as webhooks, alertmanager.running():
        yield Office(tmp_path, webhooks, alertmanager)


def test_killed_at_every_step_each_message_is_told_once(office: Office) -> None:
    """At least once each, once by its id, and twice at most for each time that Baton was killed; none is lost."""
    for statement, phase in STEPS:
        office.hand_off()
        office.run_until_killed([sys.executable, "-m", "tests.e2e.killed_program", statement, phase])
    for number in range(len(RECEIVERS)):
        office.hand_off()
        office.run_until_killed([str(Path(sys.executable).parent / "baton")], killed_by(office, number))
    kills = len(STEPS) + len(RECEIVERS)
    assert len(office.leads) == kills
    told = office.expected("touch/1/at_risk", "touch/1/overdue", f"handoff/1/stalled/{office.began}")
    names = ("BatonLeadAtRisk", "BatonLeadOverdue", "BatonLeadStalled")
    with Running(*office.arguments, **office.settings) as running:
        office.wait_for(told, {(name, lead) for name in names for lead in office.leads})
        assert running.terminate() == 0
    assert len(office.webhooks.posted) <= len(told) + kills
    # Each lead was touched in time, after it had lain still: which only comes to be known now.
    touched = office.began + 7 * MINUTE
    said = {"kind": "call", "direction": "outbound", "connected": True}
    office.append(*(event("lead.touched", lead, touched, **said) for lead in office.leads))
    told |= office.expected("touch/1/corrected", f"handoff/1/stalled/{touched}")
    with Running(*office.arguments, **office.settings) as running:
        office.wait_for(told, {("BatonLeadStalled", lead) for lead in office.leads})
        assert running.terminate() == 0
    assert len(office.webhooks.posted) <= len(told) + kills
    assert office.alertmanager.posts


def killed_by(office: Office, number: int) -> Callable[[int], None]:
    """Has a receiver kill Baton when it has taken the first message, before it answers."""

    def tell(process: int) -> None:
        def kill() -> None:
            office.alertmanager.on_alerts = bool
            office.webhooks.on_posted = bool
            os.kill(process, signal.SIGKILL)

        if number == 0:
            office.webhooks.on_posted = kill
        else:
            office.alertmanager.on_alerts = kill

    return tell

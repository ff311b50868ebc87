"""From a webhook to people and back: Baton, a Prometheus that reads it and has its rules, and Alertmanager for both."""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.command import baton
from tests.e2e.running import Running
from tests.servers.alertmanager import AlertmanagerServer
from tests.servers.prometheus import Prometheus, needs_prometheus

pytestmark = needs_prometheus

WITHIN = timedelta(seconds=4)
LEADS = [f"crm:lead:{number}" for number in range(6)]
"""More than the five that a rule wants before it calls them more than bad luck."""
CHARTER = """
charter: 1
version: e2e
effective_from: 2020-01-01T00:00:00Z
agreed: [{side: marketing, by: A, on: 2019-12-01}, {side: sales, by: B, on: 2019-12-01}]
calendars:
  always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}, day: 24h}
clocks:
  touch:
    says: Sales touches every lead
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [{type: lead.touched, when: {connected: true}}]
    calendar: always
    targets: [{within: 4s}]
    objective: 95%
"""
_PATIENCE = 30.0
OVERDUE, BREAKING = "BatonLeadOverdue", "BatonPromiseBreaking"


@pytest.fixture
def charter(tmp_path: Path) -> Path:
    path = tmp_path / "charter.yaml"
    path.write_text(CHARTER)
    return path


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[AlertmanagerServer]:
    folder = tmp_path / "alertmanager"
    folder.mkdir()
    with AlertmanagerServer(folder) as server:
        yield server


@pytest.fixture
def running(tmp_path: Path, charter: Path, alertmanager: AlertmanagerServer) -> Iterator[Running]:
    """Baton, which tells Alertmanager of single leads."""
    arguments = ("up", "--charter", charter, "--data", tmp_path / "data", "--port", "0")
    with Running(*arguments, BATON_ALERTMANAGER_URL=alertmanager.url) as process:
        yield process


@pytest.fixture
def prometheus(
    tmp_path: Path, charter: Path, running: Running, alertmanager: AlertmanagerServer
) -> Iterator[Prometheus]:
    """Prometheus with the rules that `baton rules` writes, evaluated every second and not every minute."""
    done = baton("rules", "--charter", charter)
    assert done.returncode == 0, done.stderr
    assert "interval: 1m" in done.stdout
    folder = tmp_path / "prometheus"
    folder.mkdir()
    rules = done.stdout.replace("interval: 1m", "interval: 1s")
    at = {"baton": running.url.removeprefix("http://")}
    with Prometheus(folder, at, rules=rules, alertmanager=alertmanager.url.removeprefix("http://")) as server:
        yield server


def document(name: str, lead: str, at: datetime, **data: object) -> dict[str, Any]:
    """An event of a lead."""
    return {
        "specversion": "1.0",
        "id": f"{name}-{lead}",
        "source": "/e2e",
        "type": name,
        "subject": lead,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }


def wait_until(condition: Callable[[], bool], what: Callable[[], object]) -> None:
    """Return once it holds; AssertionError with what there is instead."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


def test_a_broken_promise_is_told_and_taken_back(
    running: Running, prometheus: Prometheus, alertmanager: AlertmanagerServer
) -> None:
    """Leads stall, Alertmanager shows each, and that the promise breaks; touches made in time arrive late: resolved.

    The rule counts what was told, so it goes on to speak; what is so at present is in the ratio.
    """

    def shown(name: str, label: str = "lead") -> set[str]:
        return {each["labels"][label] for each in alertmanager.alerts() if each["labels"]["alertname"] == name}

    def ratio() -> list[float]:
        found = prometheus.instant('baton_attainment_ratio{per="month"}')
        return [float(each["value"][1]) for each in found]

    # Every series is there before anything happens, so that its first step is seen.
    late = 'clock:baton_late:total{clock="touch"}'
    wait_until(lambda: [each["value"][1] for each in prometheus.instant(late)] == ["0"], lambda: running.output)
    handed_off = datetime.now(UTC)
    due_at = handed_off + WITHIN
    running.post_events([document("lead.handed_off", lead, handed_off) for lead in LEADS])
    wait_until(lambda: shown(OVERDUE) == set(LEADS), alertmanager.alerts)
    took = (datetime.now(UTC) - due_at).total_seconds()
    sys.stderr.write(f"from due_at to the alerts of {len(LEADS)} leads in Alertmanager: {took:.3f} s\n")
    assert took > 0
    wait_until(lambda: shown(BREAKING, "clock") == {"touch"}, alertmanager.alerts)
    took = (datetime.now(UTC) - due_at).total_seconds()
    sys.stderr.write(f"from due_at to Prometheus's alert on the promise in Alertmanager: {took:.3f} s\n")
    wait_until(lambda: ratio() == [0.0], ratio)

    in_time = handed_off + WITHIN / 2
    said = {"kind": "call", "direction": "outbound", "connected": True}
    running.post_events([document("lead.touched", lead, in_time, **said) for lead in LEADS])
    posted = time.monotonic()
    wait_until(lambda: not shown(OVERDUE), alertmanager.alerts)
    sys.stderr.write(f"from the late touches to the alerts' end: {time.monotonic() - posted:.3f} s\n")
    wait_until(lambda: ratio() == [1.0], ratio)
    assert shown(BREAKING, "clock") == {"touch"}
    assert running.terminate() == 0

"""A lead from its webhook to a real Alertmanager and back, whatever is killed in between."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.command import baton
from tests.e2e.running import Running
from tests.servers.alertmanager import AlertmanagerServer

LEAD = "crm:lead:1"
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
    stops_on: [lead.touched]
    calendar: always
    targets: [{within: 10m}]
    escalate: [{at: 100%, to: sales}]
client_teams:
  key-accounts: {accounts: [ACME]}
"""
TOLD = {"BatonLeadAtRisk", "BatonLeadOverdue", "BatonLeadEscalated"}


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[AlertmanagerServer]:
    folder = tmp_path / "alertmanager"
    folder.mkdir()
    with AlertmanagerServer(folder) as server:
        yield server


@pytest.fixture
def started(tmp_path: Path, alertmanager: AlertmanagerServer) -> Callable[[], Running]:
    """Starts Baton on the same data."""
    charter = tmp_path / "charter.yaml"
    charter.write_text(CHARTER)
    arguments = ("up", "--charter", charter, "--data", tmp_path / "data", "--port", "0")
    return lambda: Running(*arguments, BATON_ALERTMANAGER_URL=alertmanager.url)


def document(name: str, ago: timedelta, **data: object) -> dict[str, Any]:
    """An event of the lead that happened so long ago."""
    return {
        "specversion": "1.0",
        "id": name,
        "source": "/e2e",
        "type": name,
        "subject": LEAD,
        "time": (datetime.now(UTC) - ago).isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }


def wait_for(server: AlertmanagerServer, names: set[str], seconds: float = 90) -> list[dict[str, Any]]:
    """The alerts of the lead, once they are those of these names."""
    deadline = time.monotonic() + seconds
    while True:
        found = [alert for alert in server.alerts() if alert["labels"]["lead"] == LEAD]
        if {alert["labels"]["alertname"] for alert in found} == names:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def test_an_alert_holds_in_alertmanager_while_it_holds(
    started: Callable[[], Running], alertmanager: AlertmanagerServer
) -> None:
    """A lead stalls and is shown; both are killed and started again; a touch in time arrives late, and it resolves."""
    with started() as running:
        attributes = {"team": "inbound", "account": "ACME"}
        running.post_events([document("lead.handed_off", timedelta(minutes=15), attributes=attributes)])
        shown = wait_for(alertmanager, TOLD)
        (overdue,) = (each for each in shown if each["labels"]["alertname"] == "BatonLeadOverdue")
        assert overdue["labels"] == {
            "alertname": "BatonLeadOverdue",
            "severity": "critical",
            "lead": LEAD,
            "clock": "touch",
            "promised_by": "sales",
            "team": "inbound",
            "client_team": "key-accounts",
        }
        assert overdue["generatorURL"] == overdue["annotations"]["link"] == f"{running.url}/leads/crm%3Alead%3A1"
        assert datetime.fromisoformat(overdue["startsAt"]) < datetime.now(UTC) - timedelta(minutes=4)
        running.kill()
    alertmanager.kill()
    alertmanager.start()
    assert alertmanager.alerts() == []
    with started() as running:
        wait_for(alertmanager, TOLD)
        said = {"kind": "call", "direction": "outbound", "connected": True}
        running.post_events([document("lead.touched", timedelta(minutes=8), **said)])
        wait_for(alertmanager, set())
        assert running.terminate() == 0


def test_what_alertmanager_missed_is_shown_when_it_is_back(
    started: Callable[[], Running], alertmanager: AlertmanagerServer
) -> None:
    """Baton goes on without it, and makes it good by itself."""
    alertmanager.kill()
    with started() as running:
        running.post_events([document("lead.handed_off", timedelta(minutes=15))])
        running.wait_until_judged()
        alertmanager.start()
        wait_for(alertmanager, TOLD)
        assert running.terminate() == 0


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"BATON_ALERTMANAGER_TOKEN": "s3cr3t"}, "BATON_ALERTMANAGER_URL"),
        ({"BATON_ALERTMANAGER_URL": "http://127.0.0.1:1", "BATON_ALERTMANAGER_USER": "s3cr3t"}, "_PASSWORD"),
        ({"BATON_ALERTMANAGER_URL": "http://127.0.0.1:1", "BATON_ALERTMANAGER_PASSWORD": "s3cr3t"}, "_USER"),
        (
            {
                "BATON_ALERTMANAGER_URL": "http://127.0.0.1:1",
                "BATON_ALERTMANAGER_USER": "s3cr3t",
                "BATON_ALERTMANAGER_PASSWORD": "s3cr3t",
                "BATON_ALERTMANAGER_TOKEN": "s3cr3t",
            },
            "BATON_ALERTMANAGER_TOKEN",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_named(tmp_path: Path, settings: dict[str, str], named: str) -> None:
    """One line that says which, and never what they hold."""
    charter = tmp_path / "charter.yaml"
    charter.write_text(CHARTER)
    done = baton("up", "--charter", charter, "--data", tmp_path / "data", "--port", "0", **settings)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert named in line
    assert "s3cr3t" not in line

"""`baton up` as a process: nothing acknowledged is lost, and it goes on where it was."""

import itertools
import random
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.replay.csv_map import read_map
from services.replay.history import read_history
from services.translate import to_wire
from tests.command import baton
from tests.e2e.running import Running
from tests.shared_data import SHARED, needs_shared

BANK = SHARED / "data" / "bank" / "applications-2011.csv.gz"
BANK_CHARTER = SHARED / "vectors" / "bank-charter.yaml"
BANK_MAP = Path(__file__).parents[1] / "replay" / "bank-map.yaml"
JUDGED_AT = "2012-03-01T12:00:00Z"
KILLS = 20
BATCH = 50
LEADS = 450

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
    targets: [{within: 1h}]
"""


@pytest.fixture
def charter(tmp_path: Path) -> Path:
    path = tmp_path / "charter.yaml"
    path.write_text(CHARTER)
    return path


def bank_events(leads: int) -> list[dict[str, Any]]:
    """The events of some of the bank's leads in random order, one in ten twice."""
    history = read_history([BANK], csv_map=read_map(BANK_MAP), until=None, report=lambda bad: pytest.fail(str(bad)))
    rng = random.Random(20)
    keys = rng.sample(sorted(history.leads), leads)
    events = [to_wire(event) for key in keys for event in history.leads[key]]
    events += rng.sample(events, len(events) // 10)
    rng.shuffle(events)
    return events


def everything(running: Running) -> dict[str, Any]:
    """What the API says of all leads and of all clocks."""
    running.wait_until_judged()
    return {
        "leads": list(running.pages("/api/v1/leads", as_of=JUDGED_AT, limit="200")),
        "clocks": list(running.pages("/api/v1/clocks", as_of=JUDGED_AT, limit="200")),
    }


@needs_shared
def test_twenty_kills_under_load_change_nothing(tmp_path: Path) -> None:
    """Killed at random moments while events come in, and started again: the leads of an uninterrupted run.

    The sender does what CRMs do: what was not acknowledged is sent again.
    """
    events = bank_events(LEADS)
    batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
    with Running("up", "--charter", BANK_CHARTER, "--data", tmp_path / "calm", "--port", "0") as running:
        for batch in batches:
            running.post_events(batch)
        wanted = everything(running)
    assert len(wanted["leads"]) == LEADS

    rng = random.Random(9)
    waiting = list(batches)
    folder = tmp_path / "killed"
    for _ in range(KILLS):
        with Running("up", "--charter", BANK_CHARTER, "--data", folder, "--port", "0") as running:
            killer = threading.Timer(rng.uniform(0.0, 0.4), running.kill)
            killer.start()
            acknowledged = send_until_it_dies(running, waiting, most=rng.randint(1, 2 * len(batches) // KILLS))
            killer.join()
        # What came last may be in the log although its answer was lost: it is sent again.
        del waiting[:acknowledged]
    with Running("up", "--charter", BANK_CHARTER, "--data", folder, "--port", "0") as running:
        for batch in waiting:
            running.post_events(batch)
        found = everything(running)
    assert found == wanted


def send_until_it_dies(running: Running, batches: list[list[dict[str, Any]]], most: int) -> int:
    """Send batches until the process is gone; how many were acknowledged."""
    for number, batch in enumerate(batches[:most]):
        try:
            running.post_events(batch)
        except httpx2.TransportError:
            return number
    return min(most, len(batches))


def touched(lead: str, time_: str) -> dict[str, Any]:
    data = {"kind": "call", "direction": "outbound", "connected": True}
    return document("lead.touched", lead, time_, data)


def document(kind: str, lead: str, time_: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{kind}-{time_}",
        "source": "/e2e",
        "type": kind,
        "subject": lead,
        "time": time_,
        "datacontenttype": "application/json",
        "data": data,
    }


def test_it_stops_on_sigterm_and_goes_on_where_it_was(tmp_path: Path, charter: Path) -> None:
    """A stop is clean (exit 0); the next start needs no charter and knows everything."""
    with Running("up", "--charter", charter, "--data", tmp_path / "data", "--port", "0") as running:
        running.post_events([document("lead.handed_off", "crm:lead:1", "2026-03-02T09:00:00Z", {})])
        running.wait_until_judged()
        assert running.terminate() == 0
    with Running("up", "--data", tmp_path / "data", "--port", "0") as running:
        running.post_events([touched("crm:lead:1", "2026-03-02T09:30:00Z")])
        running.wait_until_judged()
        lead = running.get("/api/v1/leads/crm:lead:1")
        assert [(clock["clock"], clock["status"], clock["counted_seconds"]) for clock in lead["clocks"]] == [
            ("touch", "met", 1800)
        ]
        assert running.terminate() == 0


def test_a_stop_does_not_wait_for_open_pages(tmp_path: Path, charter: Path) -> None:
    """A live stream that a page holds open ends when Baton is told to stop."""
    with (
        Running("up", "--charter", charter, "--data", tmp_path / "data", "--port", "0") as running,
        running.client.stream("GET", "/api/v1/stream") as stream,
    ):
        next(stream.iter_lines())
        started = time.monotonic()
        assert running.terminate() == 0
        assert time.monotonic() - started < 15


def test_a_late_webhook_corrects_a_verdict_over_http(tmp_path: Path, charter: Path) -> None:
    """With the clock at noon: overdue first; then the proof of a touch in time, and the lead's page tells both."""
    lapse = {"BATON_LAPSE_START": "2026-03-02T12:00:00Z", "BATON_LAPSE_SPEED": "1"}
    with Running("up", "--charter", charter, "--data", tmp_path / "data", "--port", "0", **lapse) as running:
        running.post_events([document("lead.handed_off", "crm:lead/ö 1", "2026-03-02T10:00:00Z", {})])
        running.wait_until_judged()
        (lead,) = running.get("/api/v1/leads", stalled="true")["items"]
        assert lead["clocks"][0]["status"] == "overdue"
        running.post_events([touched("crm:lead/ö 1", "2026-03-02T10:30:00Z")])
        running.wait_until_judged()
        assert running.get("/api/v1/leads", stalled="true")["items"] == []
        page = running.client.get(f"/leads/{lead['key'].replace('/', '%2F')}")
        assert page.status_code == 200
        assert "orrected" in page.text


def test_what_a_user_gets_wrong_is_one_clear_line(tmp_path: Path, charter: Path) -> None:
    """No charter, a draft, a taken folder, a taken port, an open address: exit 2 and the mend."""
    data = tmp_path / "data"
    assert "--charter" in complaint("up", "--data", data, "--port", "0")
    draft = tmp_path / "draft.yaml"
    draft.write_text("\n".join(line for line in CHARTER.splitlines() if not line.startswith("agreed")))
    assert "draft" in complaint("up", "--charter", draft, "--data", data, "--port", "0")
    assert "sign-in" in complaint("up", "--charter", charter, "--data", data, "--host", "192.0.2.1", "--port", "0")
    with Running("up", "--charter", charter, "--data", data, "--port", "0") as running:
        assert "in use" in complaint("up", "--charter", charter, "--data", data, "--port", "0")
        port = running.url.rsplit(":", 1)[1]
        assert "--port" in complaint("up", "--charter", charter, "--data", tmp_path / "other", "--port", port)
        running.post_events([touched("crm:lead:1", "2026-03-02T09:30:00Z")])
        running.wait_until_judged()
    (data / "log.db").rename(tmp_path / "log.db")
    assert "log.db" in complaint("up", "--data", data, "--port", "0")
    (tmp_path / "log.db").rename(data / "log.db")
    charter.write_text(CHARTER.replace("within: 1h", "within: 2h"))
    assert "version" in complaint("up", "--charter", charter, "--data", data, "--port", "0")


def complaint(*arguments: str | Path) -> str:
    done = baton(*arguments)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def test_the_demo_shows_every_kind_of_thing_within_a_minute(tmp_path: Path) -> None:
    """Leads handed over, touched, stalled, alerted, won and corrected, from signed webhooks, none of them refused."""
    with Running("demo", "--port", "0", "--speed", "900", TMPDIR=str(tmp_path)) as running:
        deadline = time.monotonic() + 60
        wanted = ("met", "missed", "overdue", "at_risk", "escalated", "corrected", "cancelled")
        for transition in itertools.cycle(wanted):
            text = running.client.get("/metrics").text
            seen = {
                each
                for each in wanted
                if any(
                    f'transition="{each}"' in line and not line.endswith(" 0.0")
                    for line in text.splitlines()
                    if line.startswith("baton_clock_transitions_total{")
                )
            }
            if len(seen) == len(wanted) and running.metric("baton_stalled_leads") > 0:
                break
            assert time.monotonic() < deadline, f"not seen: {set(wanted) - seen} (waiting for {transition})"
            time.sleep(0.5)
        assert running.metric("baton_dead_letters_total") == 0
        assert running.terminate() == 0
    assert "refused" not in running.output
    assert not list(tmp_path.glob("baton-demo-*"))

"""A running Baton takes a new version of its charter, and keeps the old one where the new one has mistakes."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.running import Running
from tests.e2e.test_up import CHARTER, document, touched

LAPSE = {"BATON_LAPSE_START": "2026-03-02T12:00:00Z", "BATON_LAPSE_SPEED": "1"}
SECOND_VERSION = (
    CHARTER.replace("version: e2e", "version: stricter")
    .replace("2020-01-01T00:00:00Z", "2026-03-02T10:30:00Z")
    .replace("within: 1h", "within: 15m")
)


def wait_for(condition: Callable[[], bool], running: Running) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, running.output
        time.sleep(0.1)


def statuses(running: Running) -> dict[str, str]:
    return {clock["lead"]: clock["status"] for clock in running.get("/api/v1/clocks")["items"]}


def test_a_new_version_judges_what_starts_under_it_without_a_restart(tmp_path: Path) -> None:
    """It reaches back to its date: what started before is judged by the old one, what started since by the new one."""
    folder = tmp_path / "charters"
    folder.mkdir()
    (folder / "first.yaml").write_text(CHARTER)
    with Running("up", "--charter", folder, "--data", tmp_path / "data", "--port", "0", **LAPSE) as running:
        for lead, start, stop in (("before", "10:00", "10:40"), ("since", "10:31", "11:10")):
            running.post_events(
                [
                    document("lead.handed_off", lead, f"2026-03-02T{start}:00Z", {}),
                    touched(lead, f"2026-03-02T{stop}:00Z"),
                ]
            )
        wait_for(lambda: statuses(running) == {"before": "met", "since": "met"}, running)
        (folder / "second.yaml").write_text(SECOND_VERSION)
        wait_for(lambda: statuses(running) == {"before": "met", "since": "missed"}, running)
        assert running.get("/api/v1/charter")["version"] == "stricter"
        assert running.metric("baton_charter_info") == 1
        assert "stricter" in running.client.get("/metrics").text
        lead = running.client.get("/leads/since").text
        assert "orrected" in lead
        assert running.terminate() == 0


def test_a_broken_version_is_refused_with_its_errors_and_the_old_one_stays(tmp_path: Path) -> None:
    """Every mistake is in the log, a metric says that the file waits to be mended, and SIGHUP reads it again."""
    charter = tmp_path / "charter.yaml"
    charter.write_text(CHARTER)
    with Running("up", "--charter", charter, "--data", tmp_path / "data", "--port", "0", **LAPSE) as running:
        charter.write_text(
            SECOND_VERSION.replace("within: 15m", "within: soon").replace("timezone: UTC", "timezone: Mars")
        )
        running.process.send_signal(signal.SIGHUP)
        wait_for(lambda: running.metric("baton_charter_refused") == 1, running)
        assert "soon" in running.output
        assert "Mars" in running.output
        assert running.get("/api/v1/charter")["version"] == "e2e"
        charter.write_text(SECOND_VERSION)
        running.process.send_signal(signal.SIGHUP)
        wait_for(lambda: running.metric("baton_charter_refused") == 0, running)
        wait_for(lambda: running.get("/api/v1/charter")["version"] == "stricter", running)
        assert running.terminate() == 0


def test_a_draft_or_a_changed_text_is_refused_while_running(tmp_path: Path) -> None:
    """What `up` would not start with, it does not take later either."""
    charter = tmp_path / "charter.yaml"
    charter.write_text(CHARTER)
    with Running("up", "--charter", charter, "--data", tmp_path / "data", "--port", "0", **LAPSE) as running:
        charter.write_text(CHARTER.replace("within: 1h", "within: 2h"))
        wait_for(lambda: running.metric("baton_charter_refused") == 1, running)
        assert "raise `version`" in running.output
        draft = "\n".join(line for line in SECOND_VERSION.splitlines() if not line.startswith("agreed"))
        charter.write_text(draft)
        wait_for(lambda: "draft" in running.output, running)
        assert running.get("/api/v1/charter")["version"] == "e2e"
        assert running.terminate() == 0

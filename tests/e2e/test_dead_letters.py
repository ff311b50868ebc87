"""What could not be used or was refused is listed, shown, and returns, over the command line and a restart."""

import json
from pathlib import Path

import pytest

from services.domain.instants import SECOND
from services.gateway.signatures import sign_hubspot
from tests.command import baton
from tests.e2e.running import TOKEN, Running
from tests.e2e.test_up import CHARTER, document

NOW = "2026-03-02T12:00:00Z"
LAPSE = {"BATON_LAPSE_START": NOW, "BATON_LAPSE_SPEED": "1"}
HEADERS = {"authorization": f"Bearer {TOKEN}", "content-type": "application/cloudevents+json"}
UNIX = 1_772_452_800
"""NOW in seconds."""


@pytest.fixture
def charter(tmp_path: Path) -> Path:
    path = tmp_path / "charter.yaml"
    path.write_text(CHARTER)
    return path


def test_dead_letters_are_listed_shown_and_replayed(tmp_path: Path, charter: Path) -> None:
    """An event without its kind is a dead letter; it stays one when it is replayed as it was."""
    data = tmp_path / "data"
    bad = document("lead.touched", "crm:lead:1", "2026-03-02T10:00:00Z", {"direction": "outbound"})
    with Running("up", "--charter", charter, "--data", data, "--port", "0", **LAPSE) as running:
        answer = running.client.post("/hooks/cloudevents", json=bad, headers=HEADERS)
        assert answer.json()["dead_letters"] == 1
        running.wait_until_judged()
        while running.metric("baton_dead_letters_total") < 1:
            pass
        (letter,) = json.loads(baton("dead-letters", "list", "--data", data, "--json").stdout)
        assert (letter["crm"], letter["reason"]) == ("cloudevents", "invalid")
        assert "kind" in letter["detail"]
        shown = json.loads(baton("dead-letters", "show", letter["id"], "--data", data).stdout)
        assert json.loads(shown["body"]) == bad
        refused = baton("dead-letters", "replay", "--all", "--data", data)
        assert (refused.returncode, "in use" in refused.stderr) == (2, True)
        assert running.terminate() == 0
    done = baton("dead-letters", "replay", letter["id"], "--data", data, **LAPSE)
    assert (done.returncode, done.stdout.strip()) == (1, "0 taken in, 1 still cannot be used")
    assert baton("dead-letters", "show", "none", "--data", data).returncode == 2
    assert baton("dead-letters", "list", "--data", tmp_path / "nowhere").returncode == 2


def test_a_wrong_secret_of_ours_loses_nothing(tmp_path: Path, charter: Path) -> None:
    """A webhook that was refused because our secret was wrong is taken in once Baton starts with the right one."""
    data = tmp_path / "data"
    wrong = {"BATON_HUBSPOT_SECRETS": "wrong-secret", **LAPSE}
    right = {"BATON_HUBSPOT_SECRETS": "right-secret old-secret", **LAPSE}
    with Running("up", "--charter", charter, "--data", data, "--port", "0", **wrong) as running:
        body = json.dumps([notification(151, "lifecyclestage", "marketingqualifiedlead")]).encode()
        url = f"{running.url}/hooks/hubspot"
        at = UNIX * SECOND
        headers = sign_hubspot(method="POST", url=url, body=body, secret="right-secret", at=at)
        answer = running.client.post(
            "/hooks/hubspot", content=body, headers={**headers, "content-type": "application/json"}
        )
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        port = running.url.rsplit(":", 1)[1]
        assert running.terminate() == 0
    (held,) = json.loads(baton("quarantine", "list", "--data", data, "--json").stdout)
    assert held["crm"] == "hubspot"
    # The signed address has the port in it.
    with Running("up", "--data", data, "--port", port, **right) as running:
        running.wait_until_judged()
        lead = running.get("/api/v1/leads/hubspot:contact:151")
        assert [clock["clock"] for clock in lead["clocks"]] == ["touch"]
        assert running.terminate() == 0
    assert json.loads(baton("quarantine", "list", "--data", data, "--json").stdout) == []


def notification(contact: int, name: str, value: str) -> dict[str, object]:
    return {
        "objectId": contact,
        "propertyName": name,
        "propertyValue": value,
        "changeSource": "CRM",
        "eventId": 1,
        "subscriptionId": 2,
        "portalId": 33,
        "appId": 4,
        "occurredAt": (UNIX - 60) * 1000,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
    }

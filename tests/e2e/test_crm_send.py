"""A webhook that Baton signs itself goes the whole way: over HTTP, into the log, onto the board."""

import json
from pathlib import Path

from tests.command import baton
from tests.e2e.running import TOKEN, Running
from tests.e2e.test_up import CHARTER
from tests.gateway.payloads import GIVEN, NAMES

SECRETS = {f"BATON_{name.upper()}": " ".join(given) for name, given in GIVEN.items() if name != "cloudevents_tokens"}


def test_a_sample_of_every_crm_is_taken_and_a_wrong_secret_is_refused(tmp_path: Path) -> None:
    """202 for each CRM's own way to prove itself, 401 for another secret; the leads are on the board."""
    charter = tmp_path / "charter.yaml"
    charter.write_text(CHARTER)
    with Running("up", "--charter", charter, "--data", tmp_path / "data", "--port", "0", **SECRETS) as running:
        for crm in (*NAMES, "cloudevents"):
            done = baton("crm", "send", crm, "--url", running.url, **SECRETS)
            assert (done.returncode, done.stdout.splitlines()[0].rpartition(": ")[2][0]) == (0, "2"), done
        other = baton("crm", "send", "hubspot", "--url", running.url, BATON_HUBSPOT_SECRETS="another")
        assert other.returncode == 1
        assert "401" in other.stdout
        token = baton("crm", "send", "cloudevents", "--url", running.url, BATON_CLOUDEVENTS_TOKENS=TOKEN)
        assert token.returncode == 0, token
        running.wait_until_judged()
        leads = [lead["key"] for lead in running.pages("/api/v1/leads")]
        assert {lead.partition(":")[0] for lead in leads} == {*NAMES, "sample"}
        assert running.terminate() == 0


def test_a_captured_body_is_sent_as_of_another_instant(tmp_path: Path) -> None:
    """A gateway in a time-lapse takes what is signed at its own time."""
    at = "2026-03-02T12:00:00Z"
    charter = tmp_path / "charter.yaml"
    charter.write_text(CHARTER)
    body = tmp_path / "body.json"
    body.write_text(json.dumps([{**json.loads(_SAMPLE), "occurredAt": 1_772_452_740_000}]))
    lapse = {"BATON_LAPSE_START": at, "BATON_LAPSE_SPEED": "1", "BATON_HUBSPOT_SECRETS": "right-secret"}
    with Running("up", "--charter", charter, "--data", tmp_path / "data", "--port", "0", **lapse) as running:
        done = baton(
            "crm", "send", "hubspot", body, "--url", running.url, "--at", at, BATON_HUBSPOT_SECRETS="right-secret"
        )
        assert (done.returncode, json.loads(done.stdout.splitlines()[1])["events"]) == (0, 1), done
        late = baton("crm", "send", "hubspot", body, "--url", running.url, BATON_HUBSPOT_SECRETS="right-secret")
        assert (late.returncode, "too far from our clock" in late.stdout) == (1, True)
        assert running.terminate() == 0


_SAMPLE = (
    '{"objectId": 151, "subscriptionType": "contact.propertyChange", "propertyName": "lifecyclestage", '
    '"propertyValue": "marketingqualifiedlead"}'
)

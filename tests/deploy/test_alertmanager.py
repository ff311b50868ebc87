"""The example of routing single leads, judged by Alertmanager's own tools and tried on a real one."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.adapters.alertmanager import Alertmanager
from services.adapters.wall_clock import SystemClock
from services.domain.instants import SECOND
from services.notifier.shown import labels_of
from services.ports import Message, ShownAlert
from tests.deploy.shipped import DEPLOY, read_yaml
from tests.deploy.test_prometheus import check
from tests.notifier.test_sinks import Receiver
from tests.servers.alertmanager import AlertmanagerServer

EXAMPLE = DEPLOY / "alertmanager" / "leads.yml"
TEMPLATES = DEPLOY / "alertmanager" / "baton.tmpl"
SECONDS = 60


def alert(kind: str, **facts: str) -> Mapping[str, str]:
    """The labels that Baton gives such an alert."""
    if kind == "stalled":
        return labels_of(Message("id", kind, "title", "body", "crm:lead:1", "handoff", 1, 0, "url", facts))
    facts = {"promised_by": "sales", **facts}
    return labels_of(Message("id", kind, "title", "body", "crm:lead:1", "accept", 1, 0, "url", facts))


ROUTES = {
    "overdue": (alert("overdue", team="inbound"), "sales-slack"),
    "overdue of a team": (alert("overdue", team="enterprise"), "enterprise-slack"),
    "at risk": (alert("at_risk", team="enterprise"), "sales-slack"),
    "stalled": (alert("stalled", team="enterprise"), "sales-slack"),
    "of a client team, stalled": (alert("stalled", client_team="key-accounts"), "key-accounts-slack"),
    "owed by marketing": (alert("overdue", promised_by="marketing", team="enterprise"), "marketing-slack"),
    "escalated to a team": (alert("escalated", to="sales"), "sales-slack"),
    "escalated to who leads it": (alert("escalated", to="sales-leads", team="enterprise"), "sales-leads-pagerduty"),
    "of a client team": (alert("overdue", client_team="key-accounts", team="enterprise"), "key-accounts-slack"),
    "of a client team, at risk": (alert("at_risk", client_team="key-accounts"), "key-accounts-slack"),
    "of a client team, escalated": (
        alert("escalated", to="sales-leads", client_team="key-accounts"),
        "sales-leads-pagerduty,key-accounts-slack",
    ),
    "baton itself": ({"alertname": "BatonDown", "severity": "critical"}, "operators-pagerduty"),
    "baton itself, a warning": ({"alertname": "BatonSpoolHolds", "severity": "warning"}, "operators-slack"),
    "something else": ({"alertname": "Watchdog"}, "nobody"),
}


def test_the_example_is_valid() -> None:
    """amtool finds nothing wrong with it."""
    check("amtool", "check-config", EXAMPLE)


@pytest.mark.parametrize(("labels", "receivers"), ROUTES.values(), ids=ROUTES)
def test_an_alert_goes_to_whom_it_concerns(labels: Mapping[str, str], receivers: str) -> None:
    """amtool routes it as Alertmanager would."""
    given = [f"{name}={value}" for name, value in labels.items()]
    check("amtool", "config", "routes", "test", f"--config.file={EXAMPLE}", f"--verify.receivers={receivers}", *given)


def test_a_wrong_route_would_be_noticed() -> None:
    """The check above can fail."""
    with pytest.raises(AssertionError):
        check(
            "amtool",
            "config",
            "routes",
            "test",
            f"--config.file={EXAMPLE}",
            "--verify.receivers=nobody",
            "alertname=BatonLeadX",
        )


def test_secrets_stand_in_files() -> None:
    """No receiver has its secret in the example itself, and each is of use."""
    receivers = read_yaml(EXAMPLE)["receivers"]
    slack = [each for receiver in receivers for each in receiver.get("slack_configs", ())]
    pagers = [each for receiver in receivers for each in receiver.get("pagerduty_configs", ())]
    assert len(slack) + len(pagers) == len(receivers) - 1
    assert all(
        "api_url" not in each and each["api_url_file"].startswith("/etc/alertmanager/secrets/") for each in slack
    )
    assert all("routing_key" not in each and "service_key" not in each for each in pagers)
    assert all(each["routing_key_file"].startswith("/etc/alertmanager/secrets/") for each in pagers)


def test_the_rules_of_the_other_file_are_kept() -> None:
    """Who takes the example loses no inhibition of Baton's own alerts."""
    others = read_yaml(DEPLOY / "alertmanager" / "alertmanager.yml")["inhibit_rules"]
    assert all(rule in read_yaml(EXAMPLE)["inhibit_rules"] for rule in others)


def test_what_an_overdue_lead_silences() -> None:
    """That it was at risk, by the same clock; and that it lies still, whatever the clock."""
    rules = {
        rule["target_matchers"][0]: rule["equal"]
        for rule in read_yaml(EXAMPLE)["inhibit_rules"]
        if rule["source_matchers"] == ["alertname = BatonLeadOverdue"]
    }
    assert rules == {"alertname = BatonLeadAtRisk": ["lead", "clock"], "alertname = BatonLeadStalled": ["lead"]}


def shown(kind: str, lead: str) -> ShownAlert:
    """An alert that holds for five minutes."""
    now = SystemClock().now()
    labels = {**alert(kind, team="inbound"), "lead": lead}
    annotations = {
        "summary": f"{kind} of {lead}",
        "description": "What is the matter.",
        "link": "https://baton/leads/1",
    }
    return ShownAlert(labels, annotations, "https://baton/leads/1", now - SECOND, now + 300 * SECOND)


def silenced(server: AlertmanagerServer) -> dict[tuple[str, str], bool]:
    """By name and lead, whether another alert silences it."""
    return {
        (each["labels"]["alertname"], each["labels"]["lead"]): bool(each["status"]["inhibitedBy"])
        for each in server.alerts()
    }


def test_an_overdue_lead_silences_its_at_risk_and_is_told_in_slack(tmp_path: Path) -> None:
    """On a real Alertmanager: of one lead one message in our words, and another lead's is not silenced."""
    receiver = Receiver()
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "slack-url").write_text(receiver.url.replace("json://", "http://"))
    for name in ("pagerduty-sales-leads", "pagerduty-operators"):
        (secrets / name).write_text("k3y")
    text = EXAMPLE.read_text().replace("/etc/alertmanager/secrets", str(secrets))
    text = text.replace("/etc/alertmanager/templates/*.tmpl", str(TEMPLATES)).replace(
        "group_wait: 15s", "group_wait: 1s"
    )
    try:
        with AlertmanagerServer(tmp_path, text) as server:
            client = Alertmanager(server.url)
            client.post(
                [shown("at_risk", "crm:lead:1"), shown("overdue", "crm:lead:1"), shown("at_risk", "crm:lead:2")]
            )
            client.close()
            wanted = {
                ("BatonLeadAtRisk", "crm:lead:1"): True,
                ("BatonLeadOverdue", "crm:lead:1"): False,
                ("BatonLeadAtRisk", "crm:lead:2"): False,
            }
            deadline = time.monotonic() + SECONDS
            while (states := silenced(server)) != wanted:
                assert time.monotonic() < deadline, states
                time.sleep(0.1)
            while not receiver.posted:
                assert time.monotonic() < deadline
                time.sleep(0.1)
    finally:
        receiver.close()
    (attachment,) = receiver.posted[0]["attachments"]
    assert attachment["title"] == "overdue of crm:lead:1"
    assert attachment["title_link"] == "https://baton/leads/1"
    assert attachment["text"] == "overdue of crm:lead:1\nWhat is the matter.\n"

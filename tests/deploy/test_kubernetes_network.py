"""The manifests' network policies: who may speak with whom."""

from pathlib import Path
from typing import Any

from tests.deploy.cluster import (
    BASE,
    KUBERNETES,
    SERVICES,
    Document,
    component,
    every_folder,
    named,
    of_kind,
    pod,
    render,
    selects,
    workloads,
)
from tests.deploy.shipped import read_yaml


def _rules(documents: list[Document], labels: dict[str, str], direction: str) -> list[Any]:
    """What the policies that take in a pod let through."""
    policies = [
        each["spec"] for each in of_kind(documents, "NetworkPolicy") if selects(each["spec"]["podSelector"], labels)
    ]
    return [rule for spec in policies for rule in spec.get(direction, ())]


@every_folder
def test_without_a_word_pods_are_closed(folder: Path) -> None:
    """One policy takes in every pod and opens nothing, in both directions; so a pod that none names is closed too."""
    closed = named(render(folder), "NetworkPolicy", "baton-nothing")["spec"]
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert closed.keys() == {"podSelector", "policyTypes"}
    assert all(selects(closed["podSelector"], pod(each)["metadata"]["labels"]) for each in workloads(folder))


def test_pods_reach_what_they_need_and_nothing_else() -> None:
    """All look up names; Kafka, the database and alert receivers are open to those that have to do with them."""
    out: dict[str, set[int]] = {}
    for workload in workloads(BASE):
        rules = _rules(render(BASE), pod(workload)["metadata"]["labels"], "egress")
        out[component(workload)] = {port["port"] for rule in rules for port in rule["ports"]} - {53}
    kafka, database, alerts = {9092, 9093}, {5432}, {443, 465, 587, 9093}
    assert out == {
        "gateway": kafka,
        "tracker": kafka | database,
        "board": database,
        "notifier": kafka | database | alerts,
        "migrate": database,
        "topics": kafka,
    }


def test_the_notifier_reaches_alertmanager_whatever_port_kafka_has() -> None:
    """By a policy of its own."""
    (rule,) = named(render(BASE), "NetworkPolicy", "baton-alerts")["spec"]["egress"]
    assert 9093 in {port["port"] for port in rule["ports"]}


@every_folder
def test_pods_are_reached_by_the_proxy_and_prometheus_alone(folder: Path) -> None:
    """The proxy's namespace reaches the gateway and the board; Prometheus's, where it watches, all services."""
    watched = any(each["apiVersion"].startswith("monitoring") for each in render(folder))
    for workload in workloads(folder):
        rules = _rules(render(folder), pod(workload)["metadata"]["labels"], "ingress")
        sources = {
            key
            for rule in rules
            for source in rule["from"]
            for key in source["namespaceSelector"]["matchLabels"]
            if source.keys() == {"namespaceSelector"}
        }
        expected = {"baton-proxy"} if component(workload) in ("gateway", "board") else set()
        if watched and component(workload) in SERVICES:
            expected |= {"baton-metrics"}
        assert sources == expected
        assert {port["port"] for rule in rules for port in rule["ports"]} <= {"http"}


def test_only_webhooks_are_open_to_the_internet() -> None:
    """The example's Ingress publishes what is signed, and no page."""
    ingress = read_yaml(KUBERNETES / "examples" / "ingress.yaml")
    paths = [path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    assert [(path["path"], path["pathType"]) for path in paths] == [("/hooks/", "Prefix")]
    backend = paths[0]["backend"]["service"]
    service = named(render(BASE), "Service", backend["name"])
    assert component(service) == "gateway"
    assert backend["port"]["name"] in {each["name"] for each in service["spec"]["ports"]}

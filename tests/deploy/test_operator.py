"""What the Prometheus operator is given, whose kinds no schema here knows: monitors that find services, and rules."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.deploy.cluster import KUBERNETES, component, named, of_kind, render, selects
from tests.deploy.shipped import read_yaml
from tests.deploy.test_compose import DISTRIBUTED
from tests.deploy.test_prometheus import CONFIGS, RULES, check

MONITORING = KUBERNETES / "overlays" / "monitoring"
API = "monitoring.coreos.com/v1"
SERVICES = ("gateway", "tracker", "board", "notifier")


def test_every_service_has_a_monitor_that_finds_it() -> None:
    """It selects its Service in its own namespace, a port that the Service has, and the metrics' path."""
    documents = render(MONITORING)
    services = {component(each): each for each in of_kind(documents, "Service")}
    monitors = {component(each): each for each in of_kind(documents, "ServiceMonitor")}
    assert monitors.keys() == services.keys() == set(SERVICES)
    for name, monitor in monitors.items():
        assert monitor["apiVersion"] == API
        spec = monitor["spec"]
        assert spec.keys() == {"selector", "sampleLimit", "labelValueLengthLimit", "endpoints"}
        found = {other for other, each in services.items() if selects(spec["selector"], each["metadata"]["labels"])}
        assert found == {name}
        (endpoint,) = spec["endpoints"]
        assert endpoint == {"port": "http", "path": "/metrics", "interval": "15s"}
        assert endpoint["port"] in {port["name"] for port in services[name]["spec"]["ports"]}


def test_monitors_are_bounded_as_prometheus_is_by_compose() -> None:
    """The same limits of series and label values, and the same names of jobs: a job is named as its Service is."""
    jobs = {job["job_name"]: job for job in read_yaml(CONFIGS[DISTRIBUTED])["scrape_configs"]}
    documents = render(MONITORING)
    assert {each["metadata"]["name"] for each in of_kind(documents, "Service")} == jobs.keys()
    for monitor in of_kind(documents, "ServiceMonitor"):
        job = jobs[monitor["metadata"]["name"]]
        assert monitor["spec"]["sampleLimit"] == job["sample_limit"]
        assert monitor["spec"]["labelValueLengthLimit"] == job["label_value_length_limit"]


def test_rules_are_those_of_prometheus_by_compose(tmp_path: Path) -> None:
    """The operator's groups are the file's, and promtool finds nothing wrong with them."""
    rule: dict[str, Any] = named(render(MONITORING), "PrometheusRule", "baton")
    assert rule["apiVersion"] == API
    assert rule["spec"] == read_yaml(RULES)
    path = tmp_path / "rules.yml"
    YAML(typ="safe", pure=True).dump(rule["spec"], path)
    check("promtool", "check", "rules", path)

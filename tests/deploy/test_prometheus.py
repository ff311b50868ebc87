"""What watches Baton, judged by its own tools: Prometheus, its rules, Alertmanager, and what Grafana is given."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.metric_table import BY_NAME, Shape
from tests.deploy.composed import COMPOSED, DISTRIBUTED, EMBEDDED, SERVICES
from tests.deploy.shipped import DEPLOY, PORT, ROOT, read_yaml
from tests.shared_data import DEMAND_ALL

PROMETHEUS = DEPLOY / "prometheus"
CONFIGS = {DISTRIBUTED: PROMETHEUS / "prometheus.yml", EMBEDDED: PROMETHEUS / "embedded.yml"}
RULES = PROMETHEUS / "rules.yml"
ALERTMANAGER = DEPLOY / "alertmanager" / "alertmanager.yml"
GRAFANA = DEPLOY / "grafana" / "provisioning"
OF_PROMETHEUS = {"up"}


def check(tool: str, *arguments: str | Path) -> None:
    """Have a tool of Prometheus judge a file."""
    path = shutil.which(tool)
    if path is None and not DEMAND_ALL:
        pytest.skip(f"there is no {tool} on PATH (Debian's prometheus and prometheus-alertmanager)")
    assert path is not None, f"there is no {tool} on PATH"
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict[str, Any]]:
    """The rules that ship."""
    return [rule for group in read_yaml(RULES)["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("config", CONFIGS.values(), ids=lambda path: path.name)
def test_the_configuration_is_valid(config: Path) -> None:
    """promtool finds nothing wrong with it, nor with the rules that it names."""
    check("promtool", "check", "config", config)


def test_the_rules_speak_when_they_should() -> None:
    """Each fires in the case that it is for, with its words, and is silent where all is well."""
    check("promtool", "test", "rules", ROOT / "tests" / "deploy" / "rules_test.yml")
    tested = read_yaml(ROOT / "tests" / "deploy" / "rules_test.yml")["tests"]
    cases = [case for test in tested for case in test["alert_rule_test"]]
    for rule in rules():
        mine = [case for case in cases if case["alertname"] == rule["alert"]]
        assert any(case.get("exp_alerts") for case in mine), rule["alert"]
        assert any(not case.get("exp_alerts") for case in mine), rule["alert"]


def test_alertmanagers_configuration_is_valid() -> None:
    """amtool finds nothing wrong with it."""
    check("amtool", "check-config", ALERTMANAGER)


@pytest.mark.parametrize("compose", CONFIGS, ids=lambda path: path.name)
def test_it_reads_baton_where_compose_has_it(compose: Path) -> None:
    """Every service of Baton is a target under its name, at the port that it listens on, within bounds of series."""
    services = COMPOSED[compose]["services"]
    targets: dict[str, str] = {}
    for job in read_yaml(CONFIGS[compose])["scrape_configs"]:
        assert job["sample_limit"] > 0
        found = [target for each in job.get("static_configs", ()) for target in each["targets"]]
        found += [f"{name}:{each['port']}" for each in job.get("dns_sd_configs", ()) for name in each["names"]]
        (targets[job["job_name"]],) = found
    for job_name, target in targets.items():
        name, _, port = target.partition(":")
        assert name in services
        assert int(port) == PORT
        assert job_name.removeprefix("baton-") == name
    ours = {name for name, each in services.items() if each["image"].startswith("baton:")} - {"topics", "migrate"}
    assert {target.partition(":")[0] for target in targets.values()} == ours


def test_copies_of_a_service_are_found_by_its_name() -> None:
    """What can be scaled is looked up, for its copies are not known beforehand."""
    jobs = {job["job_name"]: job for job in read_yaml(CONFIGS[DISTRIBUTED])["scrape_configs"]}
    assert {name for name, job in jobs.items() if "dns_sd_configs" in job} == {"baton-tracker", "baton-notifier"}
    assert all(each["type"] == "A" for job in jobs.values() for each in job.get("dns_sd_configs", ()))


def test_alerts_find_their_way() -> None:
    """Prometheus posts them to Alertmanager's port, whose page is where compose has it."""
    (alertmanager,) = read_yaml(CONFIGS[DISTRIBUTED])["alerting"]["alertmanagers"]
    ((target,),) = (each["targets"] for each in alertmanager["static_configs"])
    name, _, port = target.partition(":")
    assert SERVICES[name]["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_rules_ask_for_metrics_that_there_are() -> None:
    """A name in an expression is Prometheus's own, or one that Baton exposes; a misspelt one would never speak."""
    for rule in rules():
        expression = re.sub(r'"[^"]*"', "", rule["expr"])
        names = {metric_of(name) for name in re.findall(r"\b(?:baton_\w+|up)\b", expression)}
        assert names, rule["alert"]
        assert names <= {*BY_NAME, *OF_PROMETHEUS}, rule["alert"]
        for name in names & BY_NAME.keys():
            grows = BY_NAME[name].shape is not Shape.GAUGE
            assert bool(re.search(r"\b(increase|rate)\(", expression)) == grows, rule["alert"]


def metric_of(name: str) -> str:
    """The metric to which a series belongs."""
    base = re.sub(r"_(bucket|count|sum)$", "", name)
    return base if base in BY_NAME and BY_NAME[base].shape is Shape.HISTOGRAM else name


def test_rules_say_what_is_the_matter_and_what_to_do() -> None:
    """Each has a name of its own, how bad it is, one sentence that says what, one that helps, and a page."""
    named = [rule["alert"] for rule in rules()]
    assert len(named) == len(set(named)) == 20
    for rule in rules():
        assert rule["labels"].keys() == {"severity"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
        assert all(rule["annotations"][name].endswith(".") for name in ("summary", "description"))


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    """The data source has an identity that dashboards can name, and the folder of dashboards is the one mounted."""
    (source,) = read_yaml(GRAFANA / "datasources" / "prometheus.yml")["datasources"]
    assert source["uid"] == "baton-prometheus"
    host, _, port = source["url"].removeprefix("http://").partition(":")
    assert SERVICES[host]["ports"] == [f"127.0.0.1:{port}:{port}"]
    scrape = read_yaml(CONFIGS[DISTRIBUTED])["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scrape
    (provider,) = read_yaml(GRAFANA / "dashboards" / "baton.yml")["providers"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]

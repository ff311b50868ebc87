"""The manifests' settings: each is one that Baton takes, secrets reach few, and overlays change what they say."""

import os
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from services.settings import Settings, read_settings
from tests.deploy.cluster import (
    KUBERNETES,
    WORKLOADS,
    component,
    container,
    every_folder,
    named,
    of_kind,
    pod,
    render,
    validate,
    variables,
    workloads,
)
from tests.deploy.shipped import PORT, ROOT, SECRETS, SETTINGS, VERSION, read_yaml


@every_folder
def test_variables_are_settings(folder: Path) -> None:
    """Every name is one that Baton reads, from a ConfigMap, a Secret or as it stands; and the cluster adds none."""
    documents = render(folder)
    for workload in workloads(folder):
        assert pod(workload)["spec"]["enableServiceLinks"] is False
        (source,) = container(workload)["envFrom"]
        settings = named(documents, "ConfigMap", source["configMapRef"]["name"])["data"]
        assert settings.keys() | variables(workload).keys() <= SETTINGS
        assert not settings.keys() & (SECRETS | variables(workload).keys())


@every_folder
def test_values_are_what_baton_takes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read as the container reads them, with the example's Secret, they are settings without a mistake."""
    documents = render(folder)
    secret = read_yaml(KUBERNETES / "examples" / "secret.yaml")["stringData"]
    for workload in workloads(folder):
        given = dict(named(documents, "ConfigMap", container(workload)["envFrom"][0]["configMapRef"]["name"])["data"])
        for name, each in variables(workload).items():
            given[name] = each.get("value") or secret[each["valueFrom"]["secretKeyRef"]["key"]]
        settings = _read(given, monkeypatch)
        assert settings.host == "0.0.0.0"  # noqa: S104 - the pod's
        assert settings.port == PORT
        if settings.charter is not None:
            assert str(settings.charter) in {each["mountPath"] for each in container(workload)["volumeMounts"]}


def _read(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    with monkeypatch.context() as patch:
        patch.chdir(KUBERNETES)  # where no .env is
        for name in [*os.environ]:
            if name.startswith("BATON_"):
                patch.delenv(name)
        for name, value in given.items():
            patch.setenv(name, value)
        return read_settings()


@every_folder
def test_a_secret_reaches_only_who_needs_it(folder: Path) -> None:
    """Secrets come from one Secret by name, each to the services that use it; the example has all of its keys."""
    needed: dict[str, set[str]] = {}
    for workload in workloads(folder):
        for name, each in variables(workload).items():
            assert (name in SECRETS) == ("valueFrom" in each)
            if name in SECRETS:
                reference = each["valueFrom"]["secretKeyRef"]
                assert (reference["name"], reference["key"]) == ("baton", name)
                assert reference.get("optional", False) == (name != "BATON_DATABASE")
                needed.setdefault(name, set()).add(component(workload))
    assert needed == {
        "BATON_DATABASE": {"tracker", "board", "notifier", "migrate"},
        "BATON_KAFKA_PASSWORD": {"gateway", "tracker", "notifier", "topics"},
        "BATON_HUBSPOT_SECRETS": {"gateway"},
        "BATON_SALESFORCE_ORGANIZATIONS": {"gateway"},
        "BATON_SALESFORCE_SECRETS": {"gateway"},
        "BATON_PIPEDRIVE_SECRETS": {"gateway"},
        "BATON_DYNAMICS_SECRETS": {"gateway"},
        "BATON_ZOHO_SECRETS": {"gateway"},
        "BATON_CLOSE_SECRETS": {"gateway"},
        "BATON_ODOO_SECRETS": {"gateway"},
        "BATON_CLOUDEVENTS_SECRETS": {"gateway"},
        "BATON_CLOUDEVENTS_TOKENS": {"gateway"},
        "BATON_ALERT_URLS": {"notifier"},
        "BATON_ALERTMANAGER_TOKEN": {"notifier"},
        "BATON_ALERTMANAGER_PASSWORD": {"notifier"},
        "BATON_WEBHOOK_URLS": {"notifier"},
        "BATON_WEBHOOK_SECRET": {"notifier"},
    }
    assert read_yaml(KUBERNETES / "examples" / "secret.yaml")["stringData"].keys() == needed.keys()
    assert not list(of_kind(render(folder), "Secret")), "secrets are not shipped"


def test_a_small_cluster_gets_one_copy_of_each() -> None:
    """One pod a service and one copy of each partition; budgets still let a node be emptied."""
    small = KUBERNETES / "overlays" / "small"
    assert {each["spec"]["replicas"] for each in workloads(small) if each["kind"] != "Job"} == {1}
    (settings,) = (
        each["data"]
        for each in of_kind(render(small), "ConfigMap")
        if each["metadata"]["name"].startswith("baton-settings-")
    )
    assert settings["BATON_TOPIC_REPLICAS"] == "1"
    for budget in of_kind(render(small), "PodDisruptionBudget"):
        assert budget["spec"]["maxUnavailable"] == 1


def test_the_overlay_of_the_docs_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the checkout, as there, the image is of a registry, the charter is another, and Kafka is met by TLS."""
    (block,) = re.findall(
        r"^```yaml\n(.*?)^```$", (ROOT / "docs" / "deployment.md").read_text(), re.DOTALL | re.MULTILINE
    )
    (tmp_path / "baton").symlink_to(ROOT)
    mine = tmp_path / "my-baton"
    mine.mkdir()
    (mine / "kustomization.yaml").write_text(block)
    (mine / "charter.yaml").write_text("charter: 1\n")
    documents = render(mine)
    for document in documents:
        validate(document)
    charters = [each for each in of_kind(documents, "ConfigMap") if "baton-charter-" in each["metadata"]["name"]]
    assert [each["data"] for each in charters] == [{"charter.yaml": "charter: 1\n"}]
    (volume,) = (
        each for each in pod(named(documents, "Deployment", "baton-tracker"))["spec"]["volumes"] if "configMap" in each
    )
    assert volume["configMap"]["name"] == charters[0]["metadata"]["name"]
    examples = [
        read_yaml(KUBERNETES / "examples" / name)["stringData"] for name in ("secret.yaml", "crm-apis-secret.yaml")
    ]
    secret = {name: value for example in examples for name, value in example.items()}
    for workload in of_kind(documents, *WORKLOADS):
        assert container(workload)["image"] == f"registry.example.com/baton:{VERSION}"
        given = dict(named(documents, "ConfigMap", container(workload)["envFrom"][0]["configMapRef"]["name"])["data"])
        given |= {name: each.get("value") or secret[name] for name, each in variables(workload).items()}
        settings = _read(given, monkeypatch)
        assert settings.kafka_security == "sasl_ssl"
        speaks = component(workload) in ("gateway", "tracker", "notifier", "topics")
        assert (settings.kafka_ca_file is not None) == speaks
        mounts = {each["mountPath"] for each in container(workload)["volumeMounts"]}
        assert ("/etc/baton/kafka" in mounts) == speaks
    assert list(of_kind(documents, "PrometheusRule"))


def test_where_apis_are_asked_the_gateway_has_what_that_needs(tmp_path: Path) -> None:
    """The component gives it the database, the APIs' secrets and the ways out; nobody else gets any of them."""
    (tmp_path / "base").symlink_to(KUBERNETES / "base")
    (tmp_path / "component").symlink_to(KUBERNETES / "components" / "crm-apis")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        "resources: [../base]\ncomponents: [../component]\n"
    )
    documents = render(mine)
    for document in documents:
        validate(document)
    secret = read_yaml(KUBERNETES / "examples" / "crm-apis-secret.yaml")
    keys = secret["stringData"].keys()
    assert keys <= SECRETS
    for workload in of_kind(documents, *WORKLOADS):
        given = variables(workload)
        taken = {name for name, each in given.items() if _secret_of(each) == secret["metadata"]["name"]}
        assert taken == (set(keys) if component(workload) == "gateway" else set())
        assert all(given[name]["valueFrom"]["secretKeyRef"]["optional"] for name in taken)
    assert "BATON_DATABASE" in variables(named(documents, "StatefulSet", "baton-gateway"))
    (rule,) = named(documents, "NetworkPolicy", "baton-crm-apis")["spec"]["egress"]
    assert {port["port"] for port in rule["ports"]} == {443, 5432}


def test_routes_are_the_notifiers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The component mounts what the overlay makes of a file, and the files with URLs, where routes look for them."""
    (tmp_path / "base").symlink_to(KUBERNETES / "base")
    (tmp_path / "component").symlink_to(KUBERNETES / "components" / "routes")
    mine = tmp_path / "mine"
    mine.mkdir()
    said = (KUBERNETES / "components" / "routes" / "kustomization.yaml").read_text()
    generators = "".join(line[2:] + "\n" for line in said.splitlines() if line.startswith("#   "))
    (mine / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        "resources: [../base]\ncomponents: [../component]\n" + textwrap.dedent(generators)
    )
    (mine / "routes.yaml").write_text("version: 1\n")
    documents = render(mine)
    for document in documents:
        validate(document)
    for workload in of_kind(documents, *WORKLOADS):
        assert ("BATON_ROUTES" in variables(workload)) == (component(workload) == "notifier")
    notifier = named(documents, "Deployment", "baton-notifier")
    volumes = {each["name"]: each for each in pod(notifier)["spec"]["volumes"]}
    mounts = {each["mountPath"]: volumes[each["name"]] for each in container(notifier)["volumeMounts"]}
    path = Path(variables(notifier)["BATON_ROUTES"]["value"])
    routes = named(documents, "ConfigMap", mounts[str(path.parent)]["configMap"]["name"])
    assert routes["data"] == {path.name: "version: 1\n"}
    assert routes["metadata"]["name"].startswith("baton-routes-"), "another file rolls the notifiers"
    secret = read_yaml(KUBERNETES / "examples" / "routes-secret.yaml")
    assert mounts["/etc/baton/route-urls"]["secret"]["secretName"] == secret["metadata"]["name"]
    assert "/etc/baton/route-urls/KEY" in said
    assert _read({"BATON_ROUTES": str(path)}, monkeypatch).routes == path


def test_alertmanager_is_a_setting() -> None:
    """Its address and user are no secrets: an overlay gives them with the other settings, as the docs have it."""
    assert {"BATON_ALERTMANAGER_URL", "BATON_ALERTMANAGER_USER", "BATON_WEBHOOK_ALLOW_PRIVATE"} <= SETTINGS - SECRETS
    page = (ROOT / "docs" / "deployment.md").read_text()
    assert "BATON_ALERTMANAGER_URL=http://alertmanager-operated.monitoring:9093" in page


def _secret_of(variable: dict[str, Any]) -> str | None:
    name: str | None = variable.get("valueFrom", {}).get("secretKeyRef", {}).get("name")
    return name

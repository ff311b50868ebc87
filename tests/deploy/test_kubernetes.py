"""The manifests: what a cluster accepts, with the fewest rights, and whose parts find each other."""

import os
import re
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from services.settings import Settings, read_settings
from tests.deploy.cluster import (
    BASE,
    KUBERNETES,
    RENDERED,
    WORKLOADS,
    Document,
    component,
    container,
    named,
    of_kind,
    pod,
    render,
    selects,
)
from tests.deploy.shipped import PORT, ROOT, SECRETS, SETTINGS, VERSION, read_yaml

EXAMPLES = sorted((KUBERNETES / "examples").iterdir())
SERVICES = {"gateway", "tracker", "board", "notifier"}
JOBS = {"migrate": ["migrate"], "topics": ["topics", "create"]}
VERSIONS = ("1.30", kubernetes_validate.latest_version())
"""The oldest that has all that is used here (a pause before stopping), and the newest known."""

every_folder = pytest.mark.parametrize("folder", RENDERED, ids=lambda path: path.name)


def workloads(folder: Path) -> list[Document]:
    """What runs pods."""
    return list(of_kind(render(folder), *WORKLOADS))


def variables(workload: Document) -> dict[str, Document]:
    """Those that a container names itself, without what it takes over from a ConfigMap."""
    return {each["name"]: each for each in container(workload).get("env", ())}


@every_folder
def test_the_cluster_accepts_every_document(folder: Path) -> None:
    """Each is of a known kind, every field is one of that kind, and no name is given twice."""
    documents = render(folder)
    for document in documents:
        if not document["apiVersion"].startswith("monitoring.coreos.com/"):
            for version in VERSIONS:
                kubernetes_validate.validate(document, version, strict=True)
    names = [(each["kind"], each["metadata"]["name"]) for each in documents]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_cluster_accepts_every_example(example: Path) -> None:
    """They are of the same namespace as all else."""
    document = read_yaml(example)
    for version in VERSIONS:
        kubernetes_validate.validate(document, version, strict=True)
    assert document["metadata"]["namespace"] == "baton"


@every_folder
def test_everything_is_in_one_namespace_that_lets_in_no_more_rights(folder: Path) -> None:
    """The namespace holds its pods to the restricted standard, and nothing is outside of it."""
    documents = render(folder)
    (namespace,) = of_kind(documents, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [each for each in documents if each is not namespace]
    assert {each["metadata"]["namespace"] for each in others} == {namespace["metadata"]["name"]}
    assert all(each["metadata"]["labels"]["app.kubernetes.io/name"] == "baton" for each in documents)


@every_folder
def test_pods_have_the_fewest_rights(folder: Path) -> None:
    """They run as the image's user, change nothing but their volumes, and cannot speak with the cluster."""
    (user,) = re.findall(r"^USER (\d+):", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    for workload in workloads(folder):
        spec = pod(workload)["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys()
        rights = spec["securityContext"]
        assert rights["runAsNonRoot"] is True
        assert {rights["runAsUser"], rights["runAsGroup"], rights["fsGroup"]} == {int(user)}
        assert rights["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container(workload)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        account = named(render(folder), "ServiceAccount", spec["serviceAccountName"])
        assert account["automountServiceAccountToken"] is False
    assert not list(of_kind(render(folder), "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"))


@every_folder
def test_what_is_written_is_a_volume(folder: Path) -> None:
    """Mounts name volumes that there are; /tmp is one of them, and bounded."""
    for workload in workloads(folder):
        volumes = {each["name"]: each for each in pod(workload)["spec"]["volumes"]}
        claims = {each["metadata"]["name"] for each in workload["spec"].get("volumeClaimTemplates", ())}
        mounts = {each["mountPath"]: each for each in container(workload)["volumeMounts"]}
        assert {each["name"] for each in mounts.values()} == {*volumes, *claims}
        assert volumes[mounts["/tmp"]["name"]]["emptyDir"]["sizeLimit"]  # noqa: S108 - the container's


@every_folder
def test_memory_is_bounded_and_processors_are_asked_for(folder: Path) -> None:
    """A leak ends one pod and not its node; processors have no limit, which would only make it late."""
    for workload in workloads(folder):
        resources = container(workload)["resources"]
        assert resources["requests"].keys() == {"cpu", "memory"}
        assert resources["limits"].keys() == {"memory"}


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
        "BATON_KAFKA_PASSWORD": {"gateway", "tracker", "topics"},
        "BATON_HUBSPOT_SECRETS": {"gateway"},
        "BATON_CLOUDEVENTS_SECRETS": {"gateway"},
        "BATON_CLOUDEVENTS_TOKENS": {"gateway"},
        "BATON_ALERT_URLS": {"notifier"},
    }
    assert read_yaml(KUBERNETES / "examples" / "secret.yaml")["stringData"].keys() == needed.keys()
    assert not list(of_kind(render(folder), "Secret")), "secrets are not shipped"


@every_folder
def test_every_service_is_there_and_is_asked_how_it_is(folder: Path) -> None:
    """All four run the project's image, and are probed at a port that they declare."""
    running = {component(each): each for each in workloads(folder)}
    assert running.keys() == SERVICES | JOBS.keys()
    for name, workload in running.items():
        assert container(workload)["image"] == f"baton:{VERSION}"
        assert container(workload)["args"] == JOBS.get(name, [name])
        if name in JOBS:
            continue
        ports = {each["name"]: each["containerPort"] for each in container(workload)["ports"]}
        assert ports == {"http": PORT}
        probes = {kind: container(workload)[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        assert {probe["port"] for probe in probes.values()} == {"http"}
        assert probes["liveness"]["path"] == probes["startup"]["path"] == "/healthz"
        assert probes["readiness"]["path"] == "/readyz"


@every_folder
def test_selectors_select_the_pods_that_they_mean(folder: Path) -> None:
    """Of each service, its workload, Service and disruption budget take in its own pods and no others."""
    documents = render(folder)
    labels = {component(each): pod(each)["metadata"]["labels"] for each in workloads(folder)}
    for name in SERVICES:
        (workload,) = (each for each in workloads(folder) if component(each) == name)
        service = named(documents, "Service", f"baton-{name}")["spec"]
        selectors: list[Document] = [
            workload["spec"]["selector"],
            {"matchLabels": service["selector"]},
            named(documents, "PodDisruptionBudget", f"baton-{name}")["spec"]["selector"],
            *(each["labelSelector"] for each in pod(workload)["spec"]["topologySpreadConstraints"]),
        ]
        for selector in selectors:
            assert {other for other, its in labels.items() if selects(selector, its)} == {name}
        assert {each["targetPort"] for each in service["ports"]} == {"http"}


def test_the_gateways_spool_outlives_its_pod() -> None:
    """Each copy has a volume of its own that stays when it is scaled down, with room for a full spool and its log."""
    gateway = named(render(BASE), "StatefulSet", "baton-gateway")
    (claim,) = gateway["spec"]["volumeClaimTemplates"]
    assert {each["name"]: each["mountPath"] for each in container(gateway)["volumeMounts"]}["data"] == "/data"
    assert claim["metadata"]["name"] == "data"
    assert "BATON_DATA=/data" in (ROOT / "deploy" / "Dockerfile").read_text()
    assert set(gateway["spec"]["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    size = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) * 2**30
    assert size > 2 * Settings.model_fields["spool_bytes"].default
    assert gateway["spec"]["serviceName"] in {each["metadata"]["name"] for each in of_kind(render(BASE), "Service")}


def test_trackers_are_apart_and_give_partitions_away_once() -> None:
    """Two copies, on two nodes where there are, replaced one by one; a pod's name is no member's, for it changes."""
    tracker = named(render(BASE), "Deployment", "baton-tracker")
    assert tracker["spec"]["replicas"] == 2
    assert tracker["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert "BATON_KAFKA_MEMBER" not in variables(tracker)
    (term,) = pod(tracker)["spec"]["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    assert selects(term["podAffinityTerm"]["labelSelector"], pod(tracker)["metadata"]["labels"])


@every_folder
def test_what_ends_is_given_the_time(folder: Path) -> None:
    """A tracker ends in up to 25 s; who answers requests goes on while proxies still send some."""
    for workload in workloads(folder):
        assert pod(workload)["spec"]["terminationGracePeriodSeconds"] == 40
        pause = container(workload).get("lifecycle", {}).get("preStop", {}).get("sleep")
        assert pause == ({"seconds": 5} if component(workload) in ("gateway", "board") else None)


def test_a_job_can_be_applied_anew() -> None:
    """It cannot be changed, so it goes away by itself once it is done; one that fails is tried again, not for ever."""
    for job in of_kind(render(BASE), "Job"):
        assert 0 < job["spec"]["ttlSecondsAfterFinished"] <= 3600
        assert job["spec"]["backoffLimit"] > 0
        assert pod(job)["spec"]["restartPolicy"] == "Never"


@every_folder
def test_what_comes_first_is_complete(folder: Path) -> None:
    """By its label, an upgrade applies the jobs before the services: with all that the jobs need, and no service."""
    first = [each for each in render(folder) if each["metadata"]["labels"].get("baton-order") == "first"]
    assert {component(each) for each in of_kind(first, *WORKLOADS)} == JOBS.keys()
    names = {(each["kind"], each["metadata"]["name"]) for each in first}
    assert ("Namespace", "baton") in names
    for job in of_kind(first, "Job"):
        assert ("ServiceAccount", pod(job)["spec"]["serviceAccountName"]) in names
        assert ("ConfigMap", container(job)["envFrom"][0]["configMapRef"]["name"]) in names
        assert any(("BATON_DATABASE" in variables(job), "BATON_KAFKA_PASSWORD" in variables(job)))
    allowed = {each["metadata"]["name"] for each in of_kind(first, "NetworkPolicy")}
    assert {"baton-nothing", "baton-names", "baton-kafka", "baton-database"} <= allowed


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
    kafka, database, alerts = {9092, 9093}, {5432}, {443, 465, 587}
    assert out == {
        "gateway": kafka,
        "tracker": kafka | database,
        "board": database,
        "notifier": database | alerts,
        "migrate": database,
        "topics": kafka,
    }


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
        if not document["apiVersion"].startswith("monitoring.coreos.com/"):
            kubernetes_validate.validate(document, VERSIONS[0], strict=True)
    charters = [each for each in of_kind(documents, "ConfigMap") if "baton-charter-" in each["metadata"]["name"]]
    assert [each["data"] for each in charters] == [{"charter.yaml": "charter: 1\n"}]
    (volume,) = (
        each for each in pod(named(documents, "Deployment", "baton-tracker"))["spec"]["volumes"] if "configMap" in each
    )
    assert volume["configMap"]["name"] == charters[0]["metadata"]["name"]
    secret = read_yaml(KUBERNETES / "examples" / "secret.yaml")["stringData"]
    for workload in of_kind(documents, *WORKLOADS):
        assert container(workload)["image"] == f"registry.example.com/baton:{VERSION}"
        given = dict(named(documents, "ConfigMap", container(workload)["envFrom"][0]["configMapRef"]["name"])["data"])
        given |= {name: each.get("value") or secret[name] for name, each in variables(workload).items()}
        settings = _read(given, monkeypatch)
        assert settings.kafka_security == "sasl_ssl"
        speaks = component(workload) in ("gateway", "tracker", "topics")
        assert (settings.kafka_ca_file is not None) == speaks
        mounts = {each["mountPath"] for each in container(workload)["volumeMounts"]}
        assert ("/etc/baton/kafka" in mounts) == speaks
    assert list(of_kind(documents, "PrometheusRule"))

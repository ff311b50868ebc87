"""The manifests: what a cluster accepts, with the fewest rights, and whose parts find each other."""

import re
from pathlib import Path

import pytest

from services.settings import Settings
from tests.deploy.cluster import (
    BASE,
    JOBS,
    KUBERNETES,
    SERVICES,
    WORKLOADS,
    Document,
    component,
    container,
    every_folder,
    named,
    of_kind,
    pod,
    render,
    selects,
    validate,
    variables,
    workloads,
)
from tests.deploy.shipped import PORT, ROOT, VERSION, read_yaml

DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
EXAMPLES = sorted((KUBERNETES / "examples").iterdir())


@every_folder
def test_the_cluster_accepts_every_document(folder: Path) -> None:
    """Each is of a known kind, every field is one of that kind, and no name is given twice."""
    documents = render(folder)
    for document in documents:
        validate(document)
    names = [(each["kind"], each["metadata"]["name"]) for each in documents]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_cluster_accepts_every_example(example: Path) -> None:
    """They are of the same namespace as all else."""
    document = read_yaml(example)
    validate(document)
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


def test_grafana_finds_the_dashboards_in_config_maps() -> None:
    """Each has one, which the sidecar of Grafana finds by its label and which is small enough; nothing else has it."""
    documents = render(KUBERNETES / "overlays" / "monitoring")
    found = [each for each in documents if "grafana_dashboard" in each["metadata"].get("labels", {})]
    assert {each["kind"] for each in found} == {"ConfigMap"}
    assert {each["metadata"]["labels"]["grafana_dashboard"] for each in found} == {"1"}
    data = {name: text for each in found for name, text in each["data"].items()}
    assert data == {path.name: path.read_text("utf-8") for path in DASHBOARDS}
    assert all(len(text.encode()) < 1_000_000 for text in data.values())
    assert {each["metadata"]["name"] for each in found} == {
        f"baton-dashboard-{path.stem.removeprefix('baton-')}" for path in DASHBOARDS
    }

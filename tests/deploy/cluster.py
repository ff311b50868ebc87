"""The manifests as a cluster gets them: rendered by Kustomize, and looked up by kind."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from tests.deploy.shipped import DEPLOY, read_documents
from tests.shared_data import DEMAND_ALL

KUBERNETES = DEPLOY / "kubernetes"
BASE = KUBERNETES / "base"
OVERLAYS = sorted((KUBERNETES / "overlays").iterdir())
RENDERED = [BASE, *OVERLAYS]
WORKLOADS = ("Deployment", "StatefulSet", "Job")
SERVICES = {"gateway", "tracker", "board", "notifier"}
JOBS = {"migrate": ["migrate"], "topics": ["topics", "create"]}
VERSIONS = ("1.30", kubernetes_validate.latest_version())
"""The oldest that has all that is used here (a pause before stopping), and the newest known."""

Document = dict[str, Any]

every_folder = pytest.mark.parametrize("folder", RENDERED, ids=lambda path: path.name)


def _command() -> list[str]:
    for name, arguments in (("kustomize", ["build"]), ("kubectl", ["kustomize"])):
        if path := shutil.which(name):
            return [path, *arguments]
    assert not DEMAND_ALL, "there is neither kustomize nor kubectl on PATH"
    pytest.skip("there is neither kustomize nor kubectl on PATH")


@cache
def render(folder: Path) -> list[Document]:
    """The documents that a folder with a kustomization becomes. Skips the test where no Kustomize is."""
    done = subprocess.run([*_command(), folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return read_documents(done.stdout)


def of_kind(documents: list[Document], *kinds: str) -> Iterator[Document]:
    """Those of some kinds."""
    return (each for each in documents if each["kind"] in kinds)


def named(documents: list[Document], kind: str, name: str) -> Document:
    """The one of a kind and a name."""
    (found,) = (each for each in of_kind(documents, kind) if each["metadata"]["name"] == name)
    return found


def validate(document: Document) -> None:
    """Have the schemas of the oldest version and of the newest judge a document; the operator's kinds have none."""
    if not document["apiVersion"].startswith("monitoring.coreos.com/"):
        for version in VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)


def workloads(folder: Path) -> list[Document]:
    """What runs pods."""
    return list(of_kind(render(folder), *WORKLOADS))


def pod(workload: Document) -> Document:
    """The template of its pods."""
    template: Document = workload["spec"]["template"]
    return template


def container(workload: Document) -> Document:
    """Its only container."""
    (only,) = pod(workload)["spec"]["containers"]
    found: Document = only
    return found


def variables(workload: Document) -> dict[str, Document]:
    """Those that a container names itself, without what it takes over from a ConfigMap."""
    return {each["name"]: each for each in container(workload).get("env", ())}


def component(document: Document) -> str:
    """Which part of Baton it is of."""
    label: str = document["metadata"]["labels"]["app.kubernetes.io/component"]
    return label


def selects(selector: Document, labels: dict[str, str]) -> bool:
    """Whether a selector takes in what has these labels. An empty one takes in all."""
    if not all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In", "no other is used here"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True

"""The manifests as a cluster gets them: rendered by Kustomize, and looked up by kind."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.shipped import DEPLOY, read_documents
from tests.shared_data import DEMAND_ALL

KUBERNETES = DEPLOY / "kubernetes"
BASE = KUBERNETES / "base"
OVERLAYS = sorted((KUBERNETES / "overlays").iterdir())
RENDERED = [BASE, *OVERLAYS]
WORKLOADS = ("Deployment", "StatefulSet", "Job")

Document = dict[str, Any]


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


def pod(workload: Document) -> Document:
    """The template of its pods."""
    template: Document = workload["spec"]["template"]
    return template


def container(workload: Document) -> Document:
    """Its only container."""
    (only,) = pod(workload)["spec"]["containers"]
    found: Document = only
    return found


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

"""The distributed compose file, started as processes on real servers: Baton takes its commands and settings."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import typer.main

from services.cli.main import app
from tests.command import baton
from tests.deploy.cluster import BASE, SERVICES, container, workloads
from tests.deploy.composed import COMPOSED, DISTRIBUTED, FILES, JOBS, REQUIRED, filled_in, is_ours, of_podman
from tests.deploy.shipped import DEPLOY, ROOT, read_documents, read_yaml
from tests.deploy.test_prometheus import RULES
from tests.e2e.running import TOKEN, Running
from tests.servers.kafka import KafkaCluster
from tests.servers.postgres import Postgres

_JUDGED_SECONDS = 120
_METRIC = re.compile(r"\bbaton_\w+\b")


def parses(arguments: list[str]) -> None:
    """Fail unless these are a command of Baton's, with its options."""
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    command.make_context("baton", rest)


def test_every_command_is_one() -> None:
    """What compose files and manifests start is a command of Baton's."""
    for path in FILES:
        for service in (each for each in COMPOSED[path]["services"].values() if is_ours(each)):
            parses(service["command"])


def test_every_pods_command_is_one() -> None:
    """What pods start is a command of Baton's."""
    for workload in workloads(BASE):
        parses(container(workload)["args"])


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[KafkaCluster]:
    """A node of its own, for the topics have the names that ship."""
    with KafkaCluster(tmp_path / "kafka") as cluster:
        cluster.needs_real("groups of several members")
        yield cluster


def as_filled_in(folder: Path, here: dict[str, str]) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Command and settings of each service of ours and each job. `here` has what is elsewhere than in containers."""
    done = filled_in(DISTRIBUTED, folder, {**REQUIRED, "BATON_CLOUDEVENTS_TOKENS": TOKEN})
    (resolved,) = read_documents(done.stdout)
    started = {}
    for name, service in resolved["services"].items():
        if is_ours(service):
            settings = {key: here.get(key, str(value)) for key, value in service["environment"].items()}
            started[name] = service["command"], {**settings, "BATON_PORT": "0", "BATON_DATA": str(folder / name)}
    return started


@of_podman
def test_it_takes_a_webhook_to_the_board(
    tmp_path: Path, kafka: KafkaCluster, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its jobs and services, with the settings that it gives them: the request of the docs is taken, judged and shown.

    Every metric that a rule asks for is there, and nothing is written but in the gateway's folder, which is a volume.
    """
    here = {
        "BATON_BROKER": f"kafka://{kafka.bootstrap}",
        "BATON_DATABASE": postgres.fresh_database(),
        "BATON_CHARTER": str(DEPLOY / "charters" / "warsaw-small-team.yaml"),
        "BATON_HOST": "127.0.0.1",
    }
    started = as_filled_in(tmp_path, here)
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.chdir(root)
    for name in sorted(JOBS):
        command, settings = started.pop(name)
        ended = baton(*command, **settings)
        assert ended.returncode == 0, ended.stderr
    with ExitStack() as stack:
        # The tracker before the board, which waits until one has put a charter in force.
        running = {
            name: stack.enter_context(Running(*command, **settings))
            for name, (command, settings) in sorted(started.items(), key=lambda each: each[0] == "board")
        }
        lead = _post(running["gateway"])
        _wait_until_shown(running["board"], lead)
        exposed = {name: set(_METRIC.findall(each.client.get("/metrics").text)) for name, each in running.items()}
        assert {name: each.get("/readyz")["status"] for name, each in running.items()} == dict.fromkeys(SERVICES, "ok")
    rules = [rule for group in read_yaml(RULES)["groups"] for rule in group["rules"]]
    assert {name for rule in rules for name in _METRIC.findall(rule["expr"])} <= set().union(*exposed.values())
    assert "baton_dead_letters_total" in exposed["board"]
    assert list(root.iterdir()) == []
    assert [name for name in SERVICES if (tmp_path / name).exists()] == ["gateway"]


def _post(gateway: Running) -> str:
    """Send what the docs send; the lead's key."""
    (body,) = re.findall(r"-d '(\{.*?\})'", (ROOT / "docs" / "deployment.md").read_text(), re.DOTALL)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/cloudevents+json"}
    answer = gateway.client.post("/hooks/cloudevents", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(json.loads(body)["subject"])


def _wait_until_shown(board: Running, lead: str) -> None:
    deadline = time.monotonic() + _JUDGED_SECONDS
    while board.client.get(f"/api/v1/leads/{lead}").status_code != 200:
        assert time.monotonic() < deadline, board.output
        time.sleep(0.2)

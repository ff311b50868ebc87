"""The compose files: valid, open to this machine only, without a secret of their own, with few rights."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from services.settings import read_settings
from tests.deploy.shipped import PORT, ROOT, SECRETS, SETTINGS, VERSION, read_documents, read_yaml
from tests.shared_data import DEMAND_ALL

TOOLS = Path(sys.executable).parent
DISTRIBUTED = ROOT / "docker-compose.yml"
EMBEDDED = ROOT / "deploy" / "compose" / "embedded.yml"
FILES = (DISTRIBUTED, EMBEDDED)
COMPOSED: dict[Path, dict[str, Any]] = {path: read_yaml(path) for path in FILES}
SERVICES: dict[str, dict[str, Any]] = COMPOSED[DISTRIBUTED]["services"]
JOBS = {"topics", "migrate"}
EXAMPLE = ROOT / ".env.example"
# What starts must be given, and what is given here where nothing but the form matters.
REQUIRED = {
    "CHARTER": "./deploy/charters/warsaw-small-team.yaml",
    "POSTGRES_PASSWORD": "a-password",
    "GRAFANA_PASSWORD": "another",
}

_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
every_service = pytest.mark.parametrize(
    ("path", "name"),
    [pytest.param(path, name, id=f"{path.stem}-{name}") for path in FILES for name in COMPOSED[path]["services"]],
)
of_podman = pytest.mark.skipif(
    shutil.which("podman") is None and not DEMAND_ALL,
    reason="there is no podman on PATH, which podman-compose asks for",
)


def is_ours(service: dict[str, Any]) -> bool:
    """Whether it runs Baton."""
    return str(service["image"]).startswith("baton:")


def texts(value: object) -> list[str]:
    """Every text in a part of a file, keys left out."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [str(value)]


def asked_for(path: Path) -> dict[str, set[str]]:
    """The variables that a file is filled in from, each with how: `-` with a default, `?` required."""
    found: dict[str, set[str]] = {}
    for text in texts(COMPOSED[path]):
        for name, how, _ in _VARIABLE.findall(text):
            found.setdefault(name, set()).add(how)
    return found


def filled_in(path: Path, folder: Path, given: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """What podman-compose makes of a file, with these variables and no others."""
    env_file = folder / "env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    return subprocess.run(
        [TOOLS / "podman-compose", "--env-file", env_file, "-f", path, "config"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@every_file
def test_the_file_is_valid(path: Path) -> None:
    """It is what the specification of compose files says."""
    done = subprocess.run(
        [TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@every_service
def test_images_are_pinned(path: Path, name: str) -> None:
    """A tag with a full version; ours has the project's, and one service builds it for all."""
    image, _, tag = COMPOSED[path]["services"][name]["image"].rpartition(":")
    assert re.fullmatch(r"v?\d+(\.\d+)+(-\w+)?", tag)
    if image == "baton":
        assert tag == VERSION
    else:
        assert image.startswith("docker.io/"), "engines differ in where they look for a short name"
    built = [each["build"] for each in COMPOSED[path]["services"].values() if "build" in each]
    assert len(built) == 1
    assert (path.parent / built[0]["context"] / built[0]["dockerfile"]).samefile(ROOT / "deploy" / "Dockerfile")


@every_service
def test_ports_are_open_on_this_machine_only(path: Path, name: str) -> None:
    """Nobody else reaches a port, for nothing here asks who comes."""
    service = COMPOSED[path]["services"][name]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert "network_mode" not in service


@every_service
def test_services_have_no_more_rights_than_they_need(path: Path, name: str) -> None:
    """The root file system is read-only, all capabilities are dropped, and none can be had again."""
    service = COMPOSED[path]["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode", "group_add"} & service.keys()
    # Of the images here it is the one that starts as root.
    if "/postgres:" in service["image"]:
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])


@every_service
def test_every_service_tells_whether_it_is_healthy_and_comes_back(path: Path, name: str) -> None:
    """A service has a check and is started again; a job runs once, and those that need it wait for its success."""
    services = COMPOSED[path]["services"]
    service = services[name]
    if name not in JOBS:
        image_has_it = is_ours(service) and path == EMBEDDED
        assert image_has_it or service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"
        return
    assert service["restart"] == "no"
    waiting = [
        each["depends_on"][name]["condition"] for each in services.values() if name in each.get("depends_on", ())
    ]
    assert set(waiting) == {"service_completed_successfully"}


@every_service
def test_what_a_service_waits_for_is_there(path: Path, name: str) -> None:
    """Services that it names exist, and have a health check where that is what it waits for."""
    services = COMPOSED[path]["services"]
    for other, how in services[name].get("depends_on", {}).items():
        assert other in services
        assert (how["condition"] == "service_completed_successfully") == (other in JOBS)


@every_service
def test_no_secret_has_a_default(path: Path, name: str) -> None:
    """A secret comes from whoever starts it; left out, nothing starts, or the door that it opens stays closed."""
    given: dict[str, Any] = COMPOSED[path]["services"][name].get("environment", {})
    for variable, value in given.items():
        if variable in SECRETS or re.search("PASSWORD|SECRET|TOKEN", variable):
            ((_, how, text),) = _VARIABLE.findall(value)
            assert how == "?" or (how == "-" and text == "" and value.startswith("$")), variable
            assert how == "-" or re.match("make one with ", text), "who starts it is told how to make one"


@every_service
def test_settings_are_spelled_as_baton_reads_them(path: Path, name: str) -> None:
    """Every variable that is given to a service of ours is a setting."""
    service = COMPOSED[path]["services"][name]
    if is_ours(service):
        assert service["environment"].keys() <= SETTINGS


@every_file
def test_what_is_mounted_is_there(path: Path) -> None:
    """Files of this repository that services read exist and are not written; named volumes are declared."""
    mounted = [volume for each in COMPOSED[path]["services"].values() for volume in each.get("volumes", ())]
    files = [found for volume in mounted if (found := re.match(r"(?:\$\{\w+:-)?(\.[^:}]+)\}?:[^:]+:ro$", volume))]
    assert len(files) == {DISTRIBUTED: 5, EMBEDDED: 2}[path]
    assert all((path.parent / found[1]).exists() for found in files)
    named = {found[1] for volume in mounted if (found := re.match(r"(\w+):/", volume))}
    assert named == COMPOSED[path]["volumes"].keys()


def test_the_example_names_all_that_is_asked_for() -> None:
    """Each variable stands in `.env.example` once and without a value; those that are required are set apart."""
    lines = re.findall(r"^(\w+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE)
    asked = asked_for(DISTRIBUTED)
    assert sorted(name for name, _ in lines) == sorted(asked)
    assert not any(value for _, value in lines)
    required = {name for name, how in asked.items() if "?" in how}
    assert required == REQUIRED.keys()
    assert {name for name, _ in lines[: len(required)]} == required
    assert asked_for(EMBEDDED).keys() <= asked.keys()


@of_podman
@pytest.mark.parametrize("missing", REQUIRED)
def test_without_what_it_needs_nothing_starts(missing: str, tmp_path: Path) -> None:
    """A required variable that is missing, or empty as in the example, is named."""
    for given in ({**REQUIRED, missing: ""}, {name: value for name, value in REQUIRED.items() if name != missing}):
        done = filled_in(DISTRIBUTED, tmp_path, given)
        assert done.returncode != 0
        assert f"required variable {missing} is missing a value" in done.stderr


@of_podman
def test_the_commands_of_the_docs_fill_it_in(tmp_path: Path) -> None:
    """What a new user is told to type makes a `.env` and a folder with a charter that it starts with."""
    page = (ROOT / "docs" / "deployment.md").read_text()
    (block,) = re.findall(r"^git clone .*\n((?:.*\n)*?)docker compose up", page, re.MULTILINE)
    shutil.copytree(ROOT / "deploy" / "charters", tmp_path / "deploy" / "charters")
    shutil.copy(EXAMPLE, tmp_path)
    subprocess.run(["sh", "-euc", block], cwd=tmp_path, check=True)
    written = dict(re.findall(r"^(\w+)=(.+)$", (tmp_path / ".env").read_text(), re.MULTILINE))
    assert written.keys() == {*REQUIRED, "BATON_CLOUDEVENTS_TOKENS"}
    assert len(set(written.values())) == len(written)
    assert list((tmp_path / written["CHARTER"]).glob("*.yaml"))
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    done = filled_in(DISTRIBUTED, tmp_path, written)
    assert done.returncode == 0, done.stderr
    assert f"postgresql://baton:{written['POSTGRES_PASSWORD']}@postgres/baton" in done.stdout


@of_podman
@every_file
def test_filled_in_it_is_what_baton_takes(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is required alone it resolves, and each service of ours reads its settings from it."""
    done = filled_in(path, tmp_path, REQUIRED if path == DISTRIBUTED else {})
    assert done.returncode == 0, done.stderr
    (resolved,) = read_documents(done.stdout)
    assert resolved["services"].keys() == COMPOSED[path]["services"].keys()
    monkeypatch.chdir(tmp_path)
    for service in (each for each in resolved["services"].values() if is_ours(each)):
        with monkeypatch.context() as patch:
            for name in SETTINGS:
                patch.delenv(name, raising=False)
            for name, value in service["environment"].items():
                patch.setenv(name, str(value))
            settings = read_settings()
        assert settings.host == "0.0.0.0"  # noqa: S104 - the container's
        assert settings.port == PORT
        assert (settings.charter is not None) == any(
            ":/etc/baton/charter:" in each for each in service.get("volumes", ())
        )


def test_what_stops_slowly_is_given_the_time() -> None:
    """A tracker ends in up to 25 s, and Docker gives 10 where nothing is said."""
    assert all(service["stop_grace_period"] == "40s" for service in SERVICES.values() if is_ours(service))


def test_what_was_acknowledged_has_a_volume_of_its_own() -> None:
    """The gateway keeps its data folder over a new container, and is no service that is scaled: others are, for they
    keep nothing.
    """
    gateway = SERVICES["gateway"]
    assert gateway["volumes"] == ["gateway:/data"]
    assert "deploy" not in gateway
    tracker = SERVICES["tracker"]
    assert tracker["deploy"] == {"mode": "replicated", "replicas": 2}
    assert not tracker.keys() & {"ports", "container_name", "hostname"}
    for name in ("tracker", "board", "notifier"):
        assert not [volume for volume in SERVICES[name].get("volumes", ()) if re.match(r"\w+:/", volume)]


def test_only_what_needs_them_reaches_kafka_and_the_database() -> None:
    """They are in a network without a way out, with Baton's services and jobs alone."""
    assert COMPOSED[DISTRIBUTED]["networks"]["inside"] == {"internal": True}
    inside = {name for name, service in SERVICES.items() if "inside" in service["networks"]}
    assert inside == {"kafka", "postgres", *(name for name, service in SERVICES.items() if is_ours(service))}
    assert all(SERVICES[name]["networks"] == ["inside"] for name in ("kafka", "postgres", *JOBS))


def test_baton_finds_kafka_and_the_database() -> None:
    """Their addresses are those of the services, whose own settings they follow."""
    kafka, postgres = SERVICES["kafka"]["environment"], SERVICES["postgres"]["environment"]
    for service in (each for each in SERVICES.values() if is_ours(each)):
        broker = urlsplit(service["environment"]["BATON_BROKER"])
        assert f"PLAINTEXT://{broker.netloc}" == kafka["KAFKA_ADVERTISED_LISTENERS"]
        if "BATON_DATABASE" in service["environment"]:
            # The variable is a part of the address, so it is split without it.
            database = urlsplit(_VARIABLE.sub("", service["environment"]["BATON_DATABASE"]))
            assert (database.scheme, database.hostname) == ("postgresql", "postgres")
            assert (database.username, database.path[1:]) == (postgres["POSTGRES_USER"], postgres["POSTGRES_DB"])
    assert {name for name, each in SERVICES.items() if "BATON_DATABASE" in each.get("environment", ())} == {
        "migrate",
        "tracker",
        "board",
        "notifier",
    }


def test_kafka_is_given_the_whole_of_its_configuration() -> None:
    """One variable drops every default of the image: roles, listeners, folder and the copies of one node are said."""
    kafka = SERVICES["kafka"]
    given = kafka["environment"]
    assert re.fullmatch(r"[\w-]{22}", given["CLUSTER_ID"])
    assert given["KAFKA_PROCESS_ROLES"] == "broker,controller"
    listeners = dict(each.split("://") for each in given["KAFKA_LISTENERS"].split(","))
    protocols = dict(each.split(":") for each in given["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert listeners.keys() == protocols.keys()
    assert listeners.keys() == {given["KAFKA_INTER_BROKER_LISTENER_NAME"], given["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    controller = listeners[given["KAFKA_CONTROLLER_LISTENER_NAMES"]]
    assert given["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"{given['KAFKA_NODE_ID']}@{kafka['hostname']}{controller}"
    copies = [name for name in given if name.endswith(("REPLICATION_FACTOR", "MIN_ISR"))]
    assert len(copies) == 5
    assert all(given[name] == 1 for name in copies)
    assert SERVICES["topics"]["environment"]["BATON_TOPIC_REPLICAS"] == 1
    assert f"kafka:{given['KAFKA_LOG_DIRS']}" in kafka["volumes"]

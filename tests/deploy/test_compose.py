"""The compose files: valid, open to this machine only, without a secret of their own, with few rights."""

import re
import subprocess
from pathlib import Path
from typing import Any

from tests.deploy.composed import (
    COMPOSED,
    DISTRIBUTED,
    EMBEDDED,
    JOBS,
    TOOLS,
    VARIABLE,
    every_file,
    every_service,
    is_ours,
)
from tests.deploy.shipped import ROOT, SECRETS, SETTINGS, VERSION


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
            ((_, how, text),) = VARIABLE.findall(value)
            assert how == "?" or (how == "-" and text == "" and value.startswith("$")), variable
            assert how == "-" or re.match("make one with ", text), "who starts it is told how to make one"


@every_service
def test_settings_are_spelled_as_baton_reads_them(path: Path, name: str) -> None:
    """Every variable that is given to a service of ours is a setting."""
    service = COMPOSED[path]["services"][name]
    if is_ours(service):
        assert service["environment"].keys() <= SETTINGS


@every_file
def test_prometheus_keeps_what_the_rules_look_back_at(path: Path) -> None:
    """Thirty days, which are more than it keeps by itself; it is told where its files are, as its image would."""
    windows = re.findall(r"\[(\d+)d\]", (ROOT / "deploy" / "prometheus" / "rules-warsaw.yml").read_text())
    given = dict(each.removeprefix("--").split("=", 1) for each in COMPOSED[path]["services"]["prometheus"]["command"])
    assert given.keys() == {"config.file", "storage.tsdb.path", "storage.tsdb.retention.time"}
    assert int(given["storage.tsdb.retention.time"].removesuffix("d")) > max(map(int, windows)) >= 30
    mounted = COMPOSED[path]["services"]["prometheus"]["volumes"]
    assert any(f":{given['config.file']}:ro" in each for each in mounted)
    assert f"prometheus:{given['storage.tsdb.path']}" in mounted


@every_service
def test_the_file_of_routes_can_be_mounted(path: Path, name: str) -> None:
    """Whoever is given BATON_ROUTES has the folder that it lies in."""
    service = COMPOSED[path]["services"][name]
    has_routes = "BATON_ROUTES" in service.get("environment", {})
    assert has_routes == any(":/etc/baton/routes:ro" in each for each in service.get("volumes", ()))
    assert has_routes == (name in ("notifier", "baton"))


@every_file
def test_what_is_mounted_is_there(path: Path) -> None:
    """Files of this repository that services read exist and are not written; named volumes are declared."""
    mounted = [volume for each in COMPOSED[path]["services"].values() for volume in each.get("volumes", ())]
    files = [found for volume in mounted if (found := re.match(r"(?:\$\{\w+:-)?(\.[^:}]+)\}?:[^:]+:ro$", volume))]
    assert len(files) == {DISTRIBUTED: 6, EMBEDDED: 3}[path]
    assert all((path.parent / found[1]).exists() for found in files)
    named = {found[1] for volume in mounted if (found := re.match(r"(\w+):/", volume))}
    assert named == COMPOSED[path]["volumes"].keys()

"""The compose file: valid, open to this machine only, with no secret of its own and no more rights than it needs."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from services.settings import Listed, Settings, variable

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = YAML(typ="safe", pure=True).load(COMPOSE)["services"]

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())


def test_the_file_is_valid() -> None:
    """It is what the specification of compose files says."""
    checker = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", COMPOSE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@every_service
def test_ports_are_open_on_this_machine_only(service: dict[str, Any]) -> None:
    """Nobody else reaches a port, for nothing here asks who comes."""
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service.get("network_mode") is None


@every_service
def test_services_have_no_more_rights_than_they_need(service: dict[str, Any]) -> None:
    """The root file system is read-only, all capabilities are dropped, and none can be had again."""
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc"} & service.keys()


@every_service
def test_every_service_tells_whether_it_is_healthy(service: dict[str, Any]) -> None:
    """The check is in the file, or in the image that it builds."""
    if "build" in service:
        dockerfile = ROOT / service["build"]["context"] / service["build"]["dockerfile"]
        assert re.search(r"^HEALTHCHECK .*CMD ", dockerfile.read_text(), re.MULTILINE)
    else:
        assert service["healthcheck"]["test"]


def test_no_secret_has_a_default() -> None:
    """A secret comes from whoever starts it; left out, the door that it opens stays closed."""
    secret = {variable(name) for name, field in Settings.model_fields.items() if field.rebuild_annotation() == Listed}
    given: dict[str, str] = SERVICES["baton"]["environment"]
    assert secret <= given.keys()
    assert all(given[name] == f"${{{name}:-}}" for name in secret)


def test_settings_are_spelled_as_baton_reads_them() -> None:
    """Every variable that the file sets is a setting."""
    assert SERVICES["baton"]["environment"].keys() <= {variable(name) for name in Settings.model_fields}


def test_what_is_mounted_is_there() -> None:
    """Files of this repository that the services read exist."""
    mounted = [volume for service in SERVICES.values() for volume in service["volumes"]]
    files = [found[1] for volume in mounted if (found := re.search(r"(?:^|:-)(\./[^:}]+)", volume))]
    assert len(files) == 2
    assert all((ROOT / file).is_file() for file in files)

"""What the files under test are: where they lie, what they say, and the settings that they may name."""

import re
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from ruamel.yaml import YAML

from services.settings import Settings, variable

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
VERSION = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]  # type: ignore[index]
"""The project's version, which its image has as well."""

SETTINGS = frozenset(variable(name) for name in Settings.model_fields)
SECRETS = frozenset(
    variable(name) for name, field in Settings.model_fields.items() if SecretStr.__name__ in repr(field.annotation)
)
PORT: int = Settings.model_fields["port"].default


def read_yaml(path: Path) -> Any:
    """What a file says."""
    return YAML(typ="safe", pure=True).load(path)


def read_documents(text: str) -> list[dict[str, Any]]:
    """The documents of a stream."""
    return list(YAML(typ="safe", pure=True).load_all(text))

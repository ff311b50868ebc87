"""The dashboards are made of what Grafana's own SDK has types for: read by it and written again, nothing is lost."""

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from services.charters import read_charter
from tests.dashboards.made import CHARTERS, documents

with warnings.catch_warnings():
    # It recommends a newer format than that of the files that are made here.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

MADE = [(path.stem, document) for path in CHARTERS for document in documents(read_charter(path).charter)]


def lost(document: Any) -> list[str]:
    """Where Grafana's types, panels and their options by the panel's kind, do not know what the dashboard says."""
    register_default_plugins()
    return list(_missing(document, json.loads(json.dumps(Dashboard.from_json(document), cls=JSONEncoder)), ""))


def _missing(ours: Any, theirs: Any, place: str) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            yield from _missing(value, theirs.get(name), f"{place}.{name}")  # what they add are defaults
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _missing(one, other, f"{place}[{number}]")
    elif ours != theirs:
        yield place


@pytest.mark.parametrize("document", [document for _, document in MADE], ids=[f"{n}: {d['uid']}" for n, d in MADE])
def test_grafana_knows_every_field(document: Any) -> None:
    """A field that is misspelt, or belongs to another kind of panel, would be dropped."""
    assert lost(document) == []


@pytest.mark.parametrize("place", [("targets", 0), ("fieldConfig", "defaults"), ("gridPos",), ("options",)])
def test_a_misspelt_field_would_be_found(place: tuple[Any, ...]) -> None:
    """In a query, a unit, a place or an option of a panel."""
    document = json.loads(json.dumps(MADE[0][1]))
    part = next(panel for panel in document["panels"] if panel["type"] == "stat")
    for step in place:
        part = part[step]
    name = next(iter(part))
    part[f"{name}_"] = part.pop(name)
    (where,) = lost(document)
    assert where.endswith(f".{name}_")

"""The dashboards as the tests look at them: of a charter, as documents, with their queries filled in."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from services.charters import read_charter
from services.dashboards import BOARD_URL, dashboards
from services.domain.charter import Charter

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "charters" / "warsaw-small-team.yaml"
COMMITTED = ROOT / "deploy" / "grafana" / "dashboards"
CHARTERS = sorted((ROOT / "deploy" / "charters").glob("*.yaml"))

FILLED = {"job": ".*", "team": ".*", "priority": ".*", "source": ".*", "window": "1h", "__range": "1h"}
"""What stands for the variables, as Grafana fills them in where all is chosen."""
RATE_INTERVAL = "1m"


def demo_charter() -> Charter:
    """The charter of `baton demo`."""
    with as_file(files("services.demo") / "charter.yaml") as path:
        return read_charter(path).charter


def documents(charter: Charter, board_url: str = BOARD_URL) -> list[Any]:
    """The dashboards."""
    return [json.loads(text) for text in dashboards(charter, board_url).values()]


def panels(document: Any) -> list[Any]:
    """Those that show something; headings do not."""
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def queries(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every query with its panel."""
    return ((panel, target) for panel in panels(document) for target in panel["targets"])


def filled(expr: str, **variables: str) -> str:
    """An expression as Grafana sends it."""
    values: Mapping[str, str] = {"__rate_interval": RATE_INTERVAL, **FILLED, **variables}
    for name in sorted(values, key=len, reverse=True):
        expr = expr.replace(f"${name}", values[name])
    return expr

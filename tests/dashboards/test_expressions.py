"""Expressions are PromQL, and name metrics and labels that there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.charters import parse_charter, read_charter
from services.dashboards.promql import each, gained, is_, now, quantile
from services.metric_table import ATTAINMENT_RATIO, BY_NAME, OPEN_CLOCKS, Metric, Shape
from tests.dashboards.made import CHARTERS, EXAMPLE, documents, filled, queries
from tests.shared_data import DEMAND_ALL

EXPRESSIONS = sorted(
    {
        target["expr"]
        for path in CHARTERS
        for each_ in documents(read_charter(path).charter)
        for _, target in queries(each_)
    }
)
OF_THE_SYSTEM = {
    "process_cpu_seconds_total": Shape.COUNTER,
    "process_resident_memory_bytes": Shape.GAUGE,
    "process_open_fds": Shape.GAUGE,
    "process_max_fds": Shape.GAUGE,
    "process_start_time_seconds": Shape.GAUGE,
}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"\b((?:baton|process)_\w+)\{([^}]*)\}(\[)?")
_GROUPED = re.compile(r"\b(?:by|without|on) \(([^)]*)\)")


def selectors(expr: str) -> Iterator[tuple[str, set[str], bool]]:
    """The metric, the labels and whether a range is asked for, of each selector."""
    for name, inside, ranged in _SELECTOR.findall(_QUOTED.sub('""', expr)):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside)), bool(ranged)


def metric_of(name: str) -> Metric | None:
    """The metric of the table to which a series belongs."""
    base = re.sub(r"_(bucket|count|sum)$", "", name)
    found = BY_NAME.get(base)
    return found if found is None or (base != name) is (found.shape is Shape.HISTOGRAM) else None


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_every_metric_and_label_is_in_the_table(expr: str) -> None:
    """A misspelt one would show an empty panel, and nobody would know why."""
    found = list(selectors(expr))
    assert found
    assert {name for name, _, _ in found} == set(re.findall(r"\b(?:baton|process)_\w+", _QUOTED.sub('""', expr)))
    grouped = {label for inside in _GROUPED.findall(expr) for label in re.split(r",\s*", inside) if label}
    for name, labels, ranged in found:
        assert "job" in labels, "one Baton among several cannot be chosen"
        metric = metric_of(name)
        if metric is None:
            assert name in OF_THE_SYSTEM
            assert labels | grouped <= {"job", "instance"}
            assert ranged is (OF_THE_SYSTEM[name] is Shape.COUNTER)
        else:
            more = {"job", "instance"} | ({"le"} if metric.shape is Shape.HISTOGRAM else set())
            assert labels | grouped <= {*metric.labels} | more
            assert ranged is (metric.shape is not Shape.GAUGE)


def test_the_dashboards_ask_for_every_metric() -> None:
    """What Baton exposes is shown somewhere."""
    asked = {metric.name for expr in EXPRESSIONS for name, _, _ in selectors(expr) if (metric := metric_of(name))}
    assert asked == BY_NAME.keys()


def test_rates_follow_the_scrapes() -> None:
    """A rate is over an interval that Grafana makes long enough; counts are over what the viewer sees or chooses."""
    for expr in EXPRESSIONS:
        for function, over in re.findall(r"\b(rate|increase)\([^[]*\[([^]]*)\]", expr):
            assert over in {"rate": ("$__rate_interval",)}.get(function, ("$__rate_interval", "$__range", "$window"))


def test_prometheus_parses_every_expression(tmp_path: Path) -> None:
    """promtool reads each as the expression of a rule, once the variables are filled in."""
    assert checked(tmp_path, EXPRESSIONS) == ""


def test_a_mistake_would_be_found(tmp_path: Path) -> None:
    """An expression that is none does not pass."""
    assert "parse error" in checked(tmp_path, ["sum by (team) (baton_open_handoffs"])


@pytest.mark.parametrize("name", ['a "b"', "a\\b", "$team", "it's", "zażółć", "x: y {{z}}"])
def test_any_name_of_a_clock_is_quoted(name: str, tmp_path: Path) -> None:
    """Whatever a charter calls a clock, the expression parses and no variable of Grafana's is in the name."""
    text = EXAMPLE.read_text().replace("  first-call:", f"  {json.dumps(name, ensure_ascii=False)}:")
    made = [
        target["expr"]
        for document in documents(parse_charter(text, "charter.yaml").charter)
        for _, target in queries(document)
    ]
    assert checked(tmp_path, made) == ""
    assert any(f"clock{is_(name)}" in expr for expr in made)
    assert "$" not in is_(name)


def checked(folder: Path, expressions: list[str]) -> str:
    """What promtool has to say; nothing where all is well."""
    path = shutil.which("promtool")
    if path is None and not DEMAND_ALL:
        pytest.skip("there is no promtool on PATH (Debian's prometheus)")
    assert path is not None, "there is no promtool on PATH"
    rules: list[dict[str, Any]] = [
        {"record": f"test:expression{number}:one", "expr": filled(expr)} for number, expr in enumerate(expressions)
    ]
    file = folder / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "test", "rules": rules}]}))
    done = subprocess.run([path, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or done.stderr
    return done.stderr if done.returncode else ""


def test_wrong_labels_are_a_fault() -> None:
    """A dashboard that asks for a label that there is not cannot be made."""
    with pytest.raises(ValueError, match="baton_attainment_ratio has the labels"):
        now(ATTAINMENT_RATIO, ["team"])
    with pytest.raises(ValueError, match="baton_open_clocks has the labels"):
        each(OPEN_CLOCKS, ["clock"], source=is_("x"))
    with pytest.raises(ValueError, match="baton_attainment_ratio has no _bucket"):
        quantile(0.5, ATTAINMENT_RATIO, "1h")


def test_copies_of_the_board_are_not_added_up() -> None:
    """They tell the same, so the largest is taken before anything is summed."""
    assert gained(BY_NAME["baton_handoff_outcomes_total"], "1h", ["outcome"]) == (
        'sum by (outcome) (max by (outcome, source) (increase(baton_handoff_outcomes_total{job=~"$job"}[1h])))'
    )

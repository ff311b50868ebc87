"""Charters for the tests of rules, and cases for `promtool test rules` made from the promises that are kept or late."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from ruamel.yaml import YAML

from services.charters import parse_charter
from services.domain.charter import Charter
from services.rules import rules_page
from services.rules.model import selector
from services.rules.page import groups_of
from tests.deploy.test_prometheus import check

COPIES = ("board-a", "board-b")
"""Every copy of the board shows the same counters."""

names = st.text(st.characters(exclude_categories=["C"], exclude_characters="/"), min_size=1, max_size=100).filter(
    lambda name: name.isprintable() and bool(name.strip())
)
"""What a clock may be called."""

HOUR = 60
DAY = 24 * HOUR


def charter_of(clocks: Mapping[str, tuple[str, str | None]], version: str = "made", stalled: str = "") -> Charter:
    """A charter with these clocks, each by its side and its objective."""
    written = {
        name: {
            "promised_by": side,
            "starts_on": ["lead.handed_off"],
            "stops_on": ["lead.accepted"],
            "calendar": "always",
            "targets": [{"within": "1h"}],
            **({} if objective is None else {"objective": objective}),
        }
        for name, (side, objective) in clocks.items()
    }
    document = {
        "charter": 1,
        "version": version,
        "effective_from": "2026-10-01T00:00:00+02:00",
        "calendars": {"always": {"timezone": "UTC", "hours": {"mon-sun": "00:00-24:00"}, "day": "24h"}},
        "clocks": written,
        **({"stalled_after": {"time": stalled, "calendar": "always"}} if stalled else {}),
    }
    return parse_charter(json.dumps(document, ensure_ascii=False), "made.yaml").charter


@dataclass(frozen=True)
class Decided:
    """Promises of one clock that are decided at a minute: how many are kept, how many late."""

    minute: int
    kept: int
    late: int


def steadily(*, minutes: range, kept: int, late: int) -> list[Decided]:
    """The same at each of these minutes."""
    return [Decided(minute, kept, late) for minute in minutes]


@dataclass(frozen=True)
class Told:
    """An alert that is expected: its labels beside `severity` are the clock's, where it has one."""

    severity: str
    labels: Mapping[str, str]
    summary: str
    description: str


@dataclass(frozen=True)
class Case:
    """What happens to the promises of some clocks, and what is told of it at an instant. Others are silent."""

    name: str
    charter: Charter
    at: int
    """The minute at which it is looked at."""
    promises: Mapping[str, Sequence[Decided]] = field(default_factory=dict)
    """By clock."""
    told: Mapping[str, Sequence[Told]] = field(default_factory=dict)
    """By the name of the alert."""
    step: int = 1
    """Minutes between two values."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Series beside the promises', as promtool writes them."""
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By expression: what it gives then, by series; none where it gives nothing."""

    def __str__(self) -> str:
        return self.name


def alerts_of(charter: Charter) -> set[str]:
    """The names of the alerts that a charter's rules have."""
    groups = YAML(typ="safe", pure=True).load(rules_page(charter))["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


def run(case: Case, folder: Path) -> None:
    """Have promtool judge a case."""
    (folder / "rules.yml").write_text(rules_page(case.charter), encoding="utf-8")
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{case.step}m",
        # Where values are further apart than Prometheus looks back, alerts must be worked out after what they read.
        "group_eval_order": [group.name for group in groups_of(case.charter)],
        "tests": [
            {
                "name": case.name,
                "interval": f"{case.step}m",
                "input_series": [
                    *(each for clock, promises in case.promises.items() for each in _series(case, clock, promises)),
                    *({"series": series, "values": values} for series, values in case.others.items()),
                ],
                "alert_rule_test": [
                    {"eval_time": f"{case.at}m", "alertname": name, "exp_alerts": list(_expected(name, case))}
                    for name in sorted(alerts_of(case.charter))
                ],
                "promql_expr_test": [
                    {
                        "expr": expression,
                        "eval_time": f"{case.at}m",
                        "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
                    }
                    for expression, samples in case.values.items()
                ],
            }
        ],
    }
    path = folder / "test.yml"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    check("promtool", "test", "rules", path)


def _expected(name: str, case: Case) -> Iterable[dict[str, Any]]:
    for told in case.told.get(name, ()):
        yield {
            "exp_labels": {"severity": told.severity, **told.labels},
            "exp_annotations": {
                "summary": told.summary,
                "description": told.description,
                "runbook_url": f"docs/runbooks/{name}.md",
            },
        }


def _series(case: Case, clock: str, promises: Sequence[Decided]) -> Iterable[dict[str, str]]:
    """The counters of a clock as both copies of the board show them, over two priorities.

    Whatever is late ends half an hour later, so that it is `missed` as well; all were there before Prometheus was.
    """
    counts = {
        ("hot", "met"): [(each.minute, each.kept // 2) for each in promises],
        ("cold", "met"): [(each.minute, each.kept - each.kept // 2) for each in promises],
        ("hot", "overdue"): [(each.minute, each.late // 2) for each in promises],
        ("cold", "overdue"): [(each.minute, each.late - each.late // 2) for each in promises],
        ("cold", "missed"): [(each.minute + HOUR // 2, each.late) for each in promises],
    }
    side = str(case.charter.clocks[clock].promised_by)
    for (priority, transition), moves in counts.items():
        values, amount = [], 1000
        for minute in range(0, case.at + 1, case.step):
            amount += sum(count for at, count in moves if minute - case.step < at <= minute)
            values.append(str(amount))
        for copy in COPIES:
            labels = {"clock": clock, "promised_by": side, "team": "inbound", "priority": priority}
            series = selector("baton_clock_transitions_total", **labels, transition=transition, instance=copy)
            yield {"series": series, "values": " ".join(values)}

"""The file of rules: what is in it, in which order, and how names of charters stand in it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from services.charters import read_charter
from services.domain.charter import Charter
from services.metric_table import BY_NAME
from services.rules import openslo_documents, rules_page
from services.rules.page import groups_of
from tests.command import baton
from tests.deploy.shipped import DEPLOY
from tests.deploy.test_prometheus import check
from tests.rules.made import charter_of, names

WARSAW = DEPLOY / "charters" / "warsaw-small-team.yaml"
EXAMPLE = DEPLOY / "prometheus" / "rules-warsaw.yml"


def read(text: str) -> Any:
    """What YAML says."""
    return YAML(typ="safe", pure=True).load(text)


def rules_of(charter: Charter) -> list[dict[str, Any]]:
    """All rules of the file."""
    return [rule for group in read(rules_page(charter))["groups"] for rule in group["rules"]]


def test_the_example_is_what_the_command_writes() -> None:
    """`baton rules --charter deploy/charters/warsaw-small-team.yaml --out deploy/prometheus/rules-warsaw.yml`."""
    assert EXAMPLE.read_text(encoding="utf-8") == rules_page(read_charter(WARSAW).charter)


def test_the_command_prints_the_file_or_writes_it(tmp_path: Path) -> None:
    """The same text either way; with `--openslo` the documents."""
    out = tmp_path / "promises.yml"
    printed = baton("rules", "--charter", WARSAW)
    written = baton("rules", "--charter", WARSAW, "--out", out)
    documents = baton("rules", "--charter", WARSAW, "--openslo")
    assert (printed.returncode, written.returncode, documents.returncode) == (0, 0, 0)
    assert printed.stdout == out.read_text(encoding="utf-8") == EXAMPLE.read_text(encoding="utf-8")
    assert written.stdout == ""
    assert documents.stdout == openslo_documents(read_charter(WARSAW).charter)


def test_pages_of_alerts_may_lie_elsewhere() -> None:
    """`--runbooks` is what each link begins with."""
    done = baton("rules", "--charter", WARSAW, "--runbooks", "https://wiki.example.com/baton/")
    links = [
        rule["annotations"]["runbook_url"]
        for group in read(done.stdout)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert links
    assert all(link.startswith("https://wiki.example.com/baton/Baton") and link.endswith(".md") for link in links)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--charter", "nowhere.yaml"),
        ("--charter", WARSAW, "--out", "/nowhere/promises.yml"),
        ("--charter", WARSAW, "--runbooks", " "),
        ("--charter", WARSAW, "--runbooks", "{{ $labels.clock }}"),
    ],
    ids=["no charter", "no folder", "no address", "a template"],
)
def test_wrong_use_gets_one_line(arguments: tuple[str | Path, ...]) -> None:
    """Exit 2, nothing printed, and one line that says what is wrong."""
    done = baton("rules", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_a_charter_with_mistakes_gives_no_rules(tmp_path: Path) -> None:
    """They are named with their lines, as `baton charter check` does."""
    path = tmp_path / "charter.yaml"
    path.write_text(WARSAW.read_text(encoding="utf-8").replace("objective: 95%", "objective: 100%"), encoding="utf-8")
    done = baton("rules", "--charter", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"charter\.yaml:\d+: ", done.stderr)


def test_clocks_stand_in_the_order_of_the_charter() -> None:
    """First what all share, then each clock, then goals and commitments, then what belongs to no promise."""
    names = [group["name"] for group in read(EXAMPLE.read_text(encoding="utf-8"))["groups"]]
    clocks = [f"baton-promise-{name}" for name in ("accept", "first-call", "answer")]
    assert names == ["baton-promises", *clocks, "baton-goals", "baton-leads"]


def test_rules_ask_for_what_there_is() -> None:
    """A name in an expression is a metric of Baton, with labels of its own, or was recorded by a rule before."""
    recorded: set[str] = set()
    for rule in rules_of(read_charter(WARSAW).charter):
        expression = re.sub(r'"[^"]*"', '""', rule["expr"])
        for name, labels in re.findall(r"\b((?:clock:)?baton_[\w:]+)(?:\{([^}]*)\})?", expression):
            assert name in recorded or name in BY_NAME, (name, rule)
            asked = set(re.findall(r"(\w+)!?=", labels))
            assert asked <= ({"clock", "promised_by"} if name in recorded else set(BY_NAME[name].labels)), rule
        recorded.add(rule.get("record", ""))


def test_a_clock_without_an_objective_has_no_alerts() -> None:
    """Its attainment is recorded with all others'; there is no budget that could be spent."""
    rules = rules_of(charter_of({"calm": ("marketing", None)}))
    assert {rule["alert"] for rule in rules if "alert" in rule} == {"BatonRulesOutdated"}
    assert not [rule for rule in rules if "budget" in rule.get("record", "") or "burn" in rule.get("record", "")]
    assert [rule for rule in rules if rule.get("record") == "clock:baton_attainment:ratio_30d"]


def test_leads_can_stand_still_only_where_the_charter_says_how() -> None:
    """By a promise of sales that is overdue, or by `stalled_after`."""

    def has_it(charter: Charter) -> bool:
        return any(rule.get("alert") == "BatonLeadsStalled" for rule in rules_of(charter))

    assert not has_it(charter_of({"answer": ("marketing", "90%")}))
    assert has_it(charter_of({"answer": ("marketing", "90%")}, stalled="3d"))
    assert has_it(charter_of({"accept": ("sales", None)}))


def test_a_factor_that_cannot_happen_is_spoken_of() -> None:
    """The comment of a clock says the highest burn rate, and what was lowered or left out because of it."""
    text = rules_page(charter_of({"talk": ("sales", "80%")}))
    assert "talk: 80 % of promises shall be kept, so 20 % may be late, and the burn rate can be 5 at most." in text
    assert "Left out: 14.4 in 1h." in text
    assert "factor 3.75, lowered from 6, which is 75 % late, and uses 3.12 % of the budget of 30d in 6h." in text
    assert " > 14.4" not in text


objectives = st.one_of(st.none(), st.integers(1, 99_999).map(lambda each: f"{each / 1000}%"))
charters = st.builds(
    charter_of,
    st.dictionaries(names, st.tuples(st.sampled_from(["sales", "marketing"]), objectives), min_size=1, max_size=4),
    version=names,
    stalled=st.sampled_from(["", "3d"]),
)


@settings(deadline=None)
@given(charters)
def test_names_stand_as_they_are(charter: Charter) -> None:
    """Whatever characters a name has, the labels and the strings of expressions have the same when they are read."""
    groups = read(rules_page(charter))["groups"]
    promises = [clock for clock in charter.clocks.values() if clock.objective is not None]
    assert [group["name"] for group in groups[1:-1]] == [f"baton-promise-{clock.name}" for clock in promises]
    for group, clock in zip(groups[1:-1], promises, strict=True):
        for alert in group["rules"]:
            # PromQL reads the escapes of Go, of which JSON has the two that are used.
            quoted = re.findall(r'clock=("(?:[^"\\]|\\.)*"),promised_by="(\w+)"}', alert["expr"])
            assert {(json.loads(name), side) for name, side in quoted} == {(clock.name, str(clock.promised_by))}
            assert alert["labels"]["clock"].replace('{{"{{"}}', "{{") == clock.name
    assert len(groups) == len(groups_of(charter))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(charters)
def test_rules_of_any_charter_are_valid(tmp_path: Path, charter: Charter) -> None:
    """promtool finds nothing wrong with them."""
    (tmp_path / "rules.yml").write_text(rules_page(charter), encoding="utf-8")
    check("promtool", "check", "rules", tmp_path / "rules.yml")

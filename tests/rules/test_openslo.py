"""OpenSLO documents of a charter, held to what the specification of v1 asks for."""

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.charters import read_charter
from services.domain.charter import Charter
from services.rules import openslo_documents, rules_page
from tests.deploy.shipped import DEPLOY, read_documents
from tests.rules.made import charter_of, names

NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
"""A label of RFC 1123, which is what every reader of OpenSLO takes."""


def of_kind(charter: Charter, kind: str) -> list[dict[str, Any]]:
    """The documents of one kind."""
    return [each for each in read_documents(openslo_documents(charter)) if each["kind"] == kind]


def test_each_clock_with_an_objective_is_an_slo() -> None:
    """With its words, its objective over 30 days, and kept and decided promises as counters."""
    charter = read_charter(DEPLOY / "charters" / "warsaw-small-team.yaml").charter
    (service,) = of_kind(charter, "Service")
    found = {each["metadata"]["displayName"]: each for each in of_kind(charter, "SLO")}
    assert list(found) == ["accept", "first-call", "answer"]
    for name, slo in found.items():
        clock, spec = charter.clocks[name], slo["spec"]
        assert slo["apiVersion"] == service["apiVersion"] == "openslo/v1"
        assert spec["service"] == service["metadata"]["name"]
        assert spec["description"] == clock.says
        assert spec["timeWindow"] == [{"duration": "30d", "isRolling": True}]
        assert spec["budgetingMethod"] == "Occurrences"
        assert [each["target"] for each in spec["objectives"]] == [float(clock.objective or 0)]
        ratio = spec["indicator"]["spec"]["ratioMetric"]
        assert ratio.keys() == {"counter", "good", "total"}
        good, total = (ratio[part]["metricSource"]["spec"]["query"] for part in ("good", "total"))
        labels = f'clock="{name}",promised_by="{clock.promised_by}"'
        assert f'{{{labels},transition="met"}}' in good
        assert total.startswith(f"{good} + ")
        assert f'{{{labels},transition="overdue"}}' in total


def test_a_clock_without_an_objective_is_an_sli_alone() -> None:
    """OpenSLO has no SLO without a target."""
    charter = charter_of({"calm": ("marketing", None), "accept": ("sales", "99.95%")})
    (sli,) = of_kind(charter, "SLI")
    assert sli["metadata"] == {"name": "calm", "displayName": "calm"}
    assert sli["spec"]["ratioMetric"]["counter"] is True
    (slo,) = of_kind(charter, "SLO")
    assert slo["spec"]["objectives"] == [{"displayName": "99.95 % kept", "target": 0.9995}]


@settings(deadline=None)
@given(st.lists(names, min_size=1, max_size=6, unique=True))
def test_every_document_has_a_name_of_its_own_that_is_allowed(clocks: list[str]) -> None:
    """Whatever the clocks are called; what they are called stands beside it."""
    charter = charter_of(dict.fromkeys(clocks, ("sales", "90%")))
    documents = of_kind(charter, "SLO")
    found = [each["metadata"]["name"] for each in documents]
    assert all(NAME.fullmatch(name) for name in found), found
    assert len(set(found)) == len(found)
    assert [each["metadata"]["displayName"] for each in documents] == clocks


def test_the_same_charter_gives_the_same_text() -> None:
    """So that the files can be kept and compared."""
    clocks = {"b": ("sales", "90%"), "a": ("marketing", None), "c": ("sales", "80%")}
    for write in (rules_page, openslo_documents):
        assert write(charter_of(clocks)) == write(charter_of(clocks))

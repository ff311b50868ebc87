"""The dashboards are what Grafana reads, say what they show, and lead to the board's lists."""

import itertools
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from schemas.api import LeadsQuery
from services.charters import parse_charter, read_charter
from services.dashboards import dashboards
from services.domain.charter import Charter
from services.errors import UsageError
from tests.dashboards.made import CHARTERS, EXAMPLE, documents, panels, queries
from tests.deploy.shipped import DEPLOY, read_yaml

MADE = [(path.stem, document) for path in CHARTERS for document in documents(read_charter(path).charter)]
each_dashboard = pytest.mark.parametrize(
    "document", [document for _, document in MADE], ids=[f"{name}: {document['uid']}" for name, document in MADE]
)


def example(old: str, new: str) -> Charter:
    """The example charter with a part of its text replaced."""
    text = EXAMPLE.read_text()
    assert old in text
    return parse_charter(text.replace(old, new), "charter.yaml").charter


def of(charter: Charter, uid: str) -> Any:
    """The dashboard with this uid."""
    return next(document for document in documents(charter) if document["uid"] == uid)


@each_dashboard
def test_grafana_has_what_it_needs(document: Any) -> None:
    """The format's version is pinned, nothing can be changed in the browser, and every id is there once."""
    assert document["schemaVersion"] == 42
    assert document["editable"] is False
    assert document["tags"] == ["baton"]
    assert document["title"].startswith("Baton: ")
    assert document["description"]
    assert document["time"]["to"] == "now"
    assert "id" not in document  # Grafana gives it
    numbers = [panel["id"] for panel in document["panels"]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_uids_are_fixed() -> None:
    """Links from elsewhere, and Grafana's own stars and playlists, go on to work whatever the charter."""
    for path in CHARTERS:
        made = dashboards(read_charter(path).charter)
        uids = [json.loads(text)["uid"] for text in made.values()]
        assert uids == ["baton-joint-view", "baton-handoff-flow", "baton-service-health"]
        assert list(made) == [f"{uid}.json" for uid in uids]


@each_dashboard
def test_no_panel_lies_on_another(document: Any) -> None:
    """Every panel is on the page, which is 24 wide, and no two share a place."""
    assert_apart(document)


def assert_apart(document: Any) -> None:
    """Each place is in the grid, and no two have a cell in common."""
    places = [panel["gridPos"] for panel in document["panels"]]
    for place in places:
        assert place["x"] >= 0
        assert place["y"] >= 0
        assert place["w"] > 0
        assert place["h"] > 0
        assert place["x"] + place["w"] <= 24
    for one, other in itertools.combinations(places, 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        is_below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert is_beside or is_below, (one, other)


@each_dashboard
def test_every_panel_says_what_it_shows(document: Any) -> None:
    """It has a title of its own, a description in sentences, a unit, and a first threshold that is from anywhere on."""
    titles = [panel["title"] for panel in panels(document)]
    assert len(titles) == len(set(titles)) > 0
    for panel in panels(document):
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"], panel["title"]
        steps = [step["value"] for step in defaults["thresholds"]["steps"]]
        assert steps[0] is None
        assert steps[1:] == sorted(steps[1:])


@each_dashboard
def test_every_query_asks_the_chosen_data_source(document: Any) -> None:
    """Panels and queries name the variable, never a data source; each query has a letter of its own in its panel."""
    for panel in panels(document):
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters)) != []
    for _, target in queries(document):
        assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert target["instant"] is not target["range"]


@each_dashboard
def test_variables_are_those_that_are_used(document: Any) -> None:
    """Each of the dashboard's variables is in a query, and each in a query is one of them or Grafana's own."""
    variables = {each["name"]: each for each in document["templating"]["list"]}
    text = json.dumps([target["expr"] for _, target in queries(document)])
    assert {name for name in variables if f"${name}" in text} == variables.keys() - {"datasource"}
    assert variables["datasource"]["type"] == "datasource"
    for own in ("__rate_interval", "__range", *variables):
        text = text.replace(f"${own}", "")
    assert "$" not in text


def test_the_data_source_that_is_provisioned_is_chosen_at_first() -> None:
    """So that nobody has to choose one after `docker compose up`."""
    (source,) = read_yaml(DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    for document in documents(read_charter(EXAMPLE).charter):
        assert document["templating"]["list"][0]["current"]["value"] == source["uid"]


def test_filters_offer_the_labels_of_the_charter() -> None:
    """Each value by its name, and `other` for the rest; All takes in those of earlier charters too."""
    variables = {
        each["name"]: each for each in of(read_charter(EXAMPLE).charter, "baton-joint-view")["templating"]["list"]
    }
    assert variables["team"]["query"] == "field,inbound,other"
    assert variables["priority"]["query"] == "cold,hot,warm,other"
    assert variables["source"]["query"] == "paid_search,referral,trade_fair,webinar,other"
    for name in ("team", "priority", "source"):
        assert variables[name]["multi"] is variables[name]["includeAll"] is True
        assert variables[name]["allValue"] == ".*"


def test_a_comma_in_a_label_parts_nothing() -> None:
    """Grafana parts the values of a list at commas that nothing stands before."""
    charter = example("team: [inbound, field]", "team: ['north, south', field]")
    variables = {each["name"]: each for each in of(charter, "baton-joint-view")["templating"]["list"]}
    assert variables["team"]["query"] == "field,north\\, south,other"


@pytest.mark.parametrize("label", ["a : b", "a\\"])
def test_a_label_that_grafana_cannot_list_is_refused(label: str) -> None:
    """With the name of the label, instead of a filter that finds something else."""
    charter = example("team: [inbound, field]", f"team: ['{label}']")
    with pytest.raises(UsageError, match=r"^labels\.team: Grafana cannot list"):
        dashboards(charter)


def test_objectives_are_thresholds() -> None:
    """A promise is red below its objective and green from it on; without an objective nothing is judged."""
    charter = example("targets: [{within: 1d}]\n    objective: 90%", "targets: [{within: 1d}]")
    dials = {panel["title"]: panel for panel in panels(of(charter, "baton-joint-view")) if panel["type"] == "gauge"}
    steps = {
        title: [(step["value"], step["color"]) for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        for title, panel in dials.items()
    }
    assert steps == {
        "Marketing: answer": [(None, "red"), (0.9, "green")],
        "Sales: accept": [(None, "red"), (0.95, "green")],
        "Sales: first-call": [(None, "blue")],
    }


def test_both_sides_stand_side_by_side() -> None:
    """Marketing's promises are in the left half, those of sales in the right, and both begin at the same height."""
    dials = [
        panel for panel in panels(of(read_charter(EXAMPLE).charter, "baton-joint-view")) if panel["type"] == "gauge"
    ]
    tops: dict[str, int] = {}
    for panel in dials:
        side = panel["title"].partition(":")[0]
        assert panel["gridPos"]["x"] // 12 == {"Marketing": 0, "Sales": 1}[side]
        tops.setdefault(side, panel["gridPos"]["y"])
    assert tops["Marketing"] == tops["Sales"]


def test_a_side_without_promises_leaves_its_half_free() -> None:
    """The other side's stay in theirs, and nothing lies on anything."""
    charter = example(
        "promised_by: marketing\n    starts_on: [lead.rejected]", "promised_by: sales\n    starts_on: [lead.rejected]"
    )
    document = of(charter, "baton-joint-view")
    assert {panel["gridPos"]["x"] // 12 for panel in panels(document) if panel["type"] == "gauge"} == {1}
    assert_apart(document)


def test_targets_are_lines() -> None:
    """How long a promise takes is drawn against each of its targets, in seconds."""
    (accept,) = (
        panel
        for panel in panels(of(read_charter(EXAMPLE).charter, "baton-handoff-flow"))
        if panel["title"] == "Sales: accept"
    )
    defaults = accept["fieldConfig"]["defaults"]
    assert [step["value"] for step in defaults["thresholds"]["steps"]] == [None, 1800, 3600, 14_400]
    assert defaults["custom"]["thresholdsStyle"] == {"mode": "dashed"}
    assert "30m, 1h, 4h" in accept["description"]


@each_dashboard
def test_links_lead_to_lists_of_the_board(document: Any) -> None:
    """Each asks for what the board's list takes, and labels come from the series that is clicked."""
    found = 0
    for panel in panels(document):
        links = [*panel["links"], *panel["fieldConfig"]["defaults"]["links"]]
        labels = {label for target in panel["targets"] for label in labels_of(target["legendFormat"])}
        for link in links:
            parts = urlsplit(link["url"])
            assert (parts.scheme, parts.netloc) == ("http", "127.0.0.1:8700")
            asked = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
            for name, value in asked.items():
                if value.startswith("$"):
                    assert value == f"${{__field.labels.{name}}}"
                    assert name in labels
                    asked[name] = "overdue" if name == "status" else "x"
            LeadsQuery.model_validate(asked)
            found += 1
    assert found > 0


def labels_of(legend: str) -> set[str]:
    """The labels that a legend names."""
    return {part.partition("}}")[0] for part in legend.split("{{")[1:]}


def test_what_the_charter_does_not_list_leads_nowhere() -> None:
    """`other` stands for all other values, and the board has no list of those: such series have no link."""
    for panel in panels(of(read_charter(EXAMPLE).charter, "baton-joint-view")):
        (*_, last) = panel["fieldConfig"]["overrides"] or [None]
        if panel["fieldConfig"]["defaults"]["links"]:
            assert last["matcher"] == {"id": "byRegexp", "options": "/(^| · )other($| · )/"}
            assert last["properties"] == [{"id": "links", "value": []}]
        else:
            assert last is None or last["matcher"]["id"] == "byName"


@pytest.mark.parametrize(
    "url", ["baton.example", "ftp://baton.example", "https://", "https://b/?a=1", "https://b/$team"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """With the option that is wrong."""
    with pytest.raises(UsageError, match=r"^--board-url: "):
        dashboards(read_charter(EXAMPLE).charter, url)


def test_the_board_may_lie_under_a_path() -> None:
    """A proxy may have it beside others; a slash at the end makes no difference."""
    one, other = (
        dashboards(read_charter(EXAMPLE).charter, url)
        for url in ("https://x.example/baton", "https://x.example/baton/")
    )
    assert one == other
    assert '"https://x.example/baton/leads?stalled=true"' in one["baton-joint-view.json"]

"""Every panel shows something: its queries are put to a real Prometheus that reads a demo while it plays."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.dashboards.live import DEMO, REST, Live, live
from tests.dashboards.made import demo_charter, documents, panels, queries
from tests.servers.prometheus import needs_prometheus

pytestmark = needs_prometheus

MADE = documents(demo_charter())
QUERIES = {
    f"{document['uid']}: {panel['title']} {target['refId']}": (panel, target)
    for document in MADE
    for panel, target in queries(document)
}


@pytest.fixture(scope="module")
def running() -> Iterator[Live]:
    """A demo and a Prometheus for all tests of this file."""
    with live() as both:
        yield both


def is_excused(panel: Any) -> bool:
    """Whether the description ends with when the panel is empty, which it shows as `none`."""
    last = panel["description"].removesuffix(".").split(". ")[-1]
    is_said = last.startswith(("Empty while ", "Empty where ", "Empty until ", "Each is missing"))
    assert is_said is (panel["fieldConfig"]["defaults"]["noValue"] == "none"), panel["title"]
    return bool(is_said)


def test_every_query_gives_data_in_a_demo(running: Live) -> None:
    """But those of panels that say when they are empty: nobody has to guess whether all is well or all is broken."""
    asked = {name: target for name, (panel, target) in QUERIES.items() if not is_excused(panel)}
    assert len(asked) > 40
    running.wait_for(asked, DEMO)


def test_every_query_gives_data_where_there_is_some(running: Live) -> None:
    """Those too that only services give which run apart, or CRMs' APIs."""
    running.wait_for({name: target for name, (_, target) in QUERIES.items()}, f"{DEMO}|{REST}")


def test_panels_that_may_be_empty_are_so_for_a_reason(running: Live) -> None:
    """An excuse stands only where a demo gives nothing, or gave nothing at its first moment."""
    excused = {name: target for name, (panel, target) in QUERIES.items() if is_excused(panel)}
    soon = {
        "baton-service-health: Charter in force",
        "baton-service-health: Webhook requests by CRM and answer",
        "baton-service-health: Events by CRM and what became of them",
    }
    running.wait_for({name: excused[f"{name} A"] for name in soon}, DEMO)
    empty = {name for name, target in excused.items() if not running.ask(target, DEMO)}
    late = {name.rpartition(" ")[0] for name in excused.keys() - empty}
    # A demo's sender wakes up at the instant of its event, or some microseconds before.
    assert late - {"baton-service-health: Clocks of CRMs that are ahead of ours"} == soon
    titles = {name.rpartition(" ")[0].partition(": ")[2] for name in empty}
    assert "Kept in spools" in titles
    assert "Failures of APIs" in titles


def test_nothing_is_zero_only(running: Live) -> None:
    """What a demo is full of is seen in the panels, not zeros under a wrong label."""
    titles = {
        "Open handoffs",
        "Stalled leads by team and priority",
        "From handoff to customer",
        "Why leads were rejected, by source",
        "Feedback",
        "Closed by source and outcome",
        "Marketing: transitions",
        "Sales: accept, each one",
        "Webhook requests by CRM and answer",
    }
    first = {panel["title"]: panel["targets"][0] for document in MADE for panel in panels(document)}
    running.wait_for({title: first[title] for title in titles}, DEMO, above=0)


def test_links_are_answered_by_the_board(running: Live) -> None:
    """Each leads to a page, with the labels of series that are there."""
    with_links = {
        f"{document['uid']}: {panel['title']}": (panel["targets"][0], panel["fieldConfig"]["defaults"]["links"])
        for document in MADE
        for panel in panels(document)
    }
    clicked = {name: target for name, (target, links) in with_links.items() if links}
    running.wait_for(clicked, DEMO)
    visited = {path_of(link["url"]) for document in MADE for panel in panels(document) for link in panel["links"]}
    for name, target in clicked.items():
        for link in with_links[name][1]:
            visited |= {path_of(with_labels(link["url"], each["metric"])) for each in running.ask(target, DEMO)}
    assert len(visited) > 10
    for path in sorted(visited):
        assert running.baton.client.get(path).status_code == 200, path


def path_of(url: str) -> str:
    """The path and the query of an address of the board."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def with_labels(url: str, labels: dict[str, str]) -> str:
    """The address as Grafana fills it in for a series."""
    for name, value in labels.items():
        url = url.replace(f"{name}=${{__field.labels.{name}}}", urlencode({name: value}))
    return url

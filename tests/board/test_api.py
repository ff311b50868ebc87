"""The JSON API."""

import json
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from httpx2 import AsyncClient

from services.domain.clocks import Status
from services.views import ClockQuery, LeadQuery
from tests.board.world import ODD_KEYS, FakeViews


def test_a_lead_tells_all_about_itself(client: TestClient) -> None:
    """Attributes, timeline, handoffs, clocks with their reasons, and what was told."""
    answer = client.get("/api/v1/leads/hubspot:contact:154")
    assert answer.status_code == 200
    lead = answer.json()
    assert lead["as_of"] == "2026-10-12T10:00:00Z"
    assert lead["attributes"] == {"source": "referral", "priority": "cold"}
    assert [event["type"] for event in lead["timeline"]] == ["lead.handed_off", "lead.accepted"]
    assert lead["handoffs"][0] | {"number": 1, "accepted_at": "2026-10-12T08:42:00Z"} == lead["handoffs"][0]
    assert [each["transition"] for each in lead["transitions"] if each["clock"] == "accept"] == ["started", "met"]
    accept = next(clock for clock in lead["clocks"] if clock["clock"] == "accept")
    assert accept == {
        "lead": "hubspot:contact:154",
        "clock": "accept",
        "number": 1,
        "charter": "2026-Q4",
        "promised_by": "sales",
        "team": "other",
        "priority": "cold",
        "status": "met",
        "reason": "Met: accepted Mon 12 Oct 10:42, after 1 h 12 min of the 4 h that calendar office allows "
        "(target: everything else → 4h)",
        "target": {
            "number": 3,
            "of": 3,
            "when": None,
            "within": "4h",
            "within_seconds": 14400,
            "calendar": "office",
        },
        "started_at": "2026-10-12T07:30:00Z",
        "started_by": "lead.handed_off",
        "due_at": "2026-10-12T11:30:00Z",
        "ended_at": "2026-10-12T08:42:00Z",
        "ended_by": "lead.accepted",
        "counted_seconds": 4320,
        "left_seconds": None,
    }


def test_a_paused_clock_says_what_is_left(client: TestClient) -> None:
    """With the lead's events at hand, counted and left time are known although there is no due time."""
    clock = client.get("/api/v1/leads/hubspot:contact:153").json()["clocks"][0]
    assert (clock["status"], clock["due_at"]) == ("paused", None)
    assert (clock["counted_seconds"], clock["left_seconds"]) == (3600, 10800)


def test_a_correction_says_before_and_after(client: TestClient) -> None:
    """What was told and taken back is there, and what holds instead."""
    told = client.get("/api/v1/leads/hubspot:contact:157").json()["transitions"]
    correction = next(each for each in told if each["transition"] == "corrected")
    assert (correction["before"], correction["after"], correction["standing"]) == ("overdue", "met", True)
    assert correction["id"] == "hubspot:contact:157/accept/1/corrected"
    assert [each["standing"] for each in told if each["transition"] == "overdue"] == [False]


def test_a_lead_as_of_another_instant(client: TestClient) -> None:
    """A plus sign that was not encoded is understood too."""
    for offset in ("Z", "+00:00", "%2B00:00"):
        lead = client.get(f"/api/v1/leads/hubspot:contact:154?as_of=2026-10-12T08:00:00{offset}").json()
        assert lead["as_of"] == "2026-10-12T08:00:00Z"
        assert [clock["status"] for clock in lead["clocks"]] == ["running"]
        assert [event["type"] for event in lead["timeline"]] == ["lead.handed_off"]


@pytest.mark.parametrize("key", ODD_KEYS)
async def test_any_key_survives_its_address(browser: AsyncClient, key: str) -> None:
    """Percent-encoded as one part of a path, or as the `href` of the list has it."""
    listed = {item["key"]: item["href"] for item in (await browser.get("/api/v1/leads?limit=200")).json()["items"]}
    for address in (listed[key], f"/api/v1/leads/{quote(key, safe='')}"):
        assert (await browser.get(address)).json()["key"] == key


def test_leads_are_listed_with_their_open_clocks(client: TestClient) -> None:
    """Each with what is open, its verdict and its reason."""
    items = client.get("/api/v1/leads?account=Globex").json()["items"]
    assert [item["key"] for item in items] == ["hubspot:contact:152"]
    clock = items[0]["clocks"][0]
    assert (clock["status"], clock["counted_seconds"], clock["left_seconds"]) == ("at_risk", 3000, 600)
    assert clock["reason"].startswith("At risk: 50 min of the 1 h")


def test_filters_of_leads_are_handed_to_the_views(client: TestClient, views: FakeViews) -> None:
    """What is asked of the API is asked of the views."""
    client.get("/api/v1/leads?stalled=false&clock=answer&status=paused&team=a&account=b&priority=c&source=d&owner=e")
    assert views.asked == [
        LeadQuery(
            stalled=False,
            clock="answer",
            status=Status.PAUSED,
            team="a",
            account="b",
            priority="c",
            source="d",
            owner="e",
            limit=51,
        )
    ]


def test_filters_of_clocks_are_handed_to_the_views(client: TestClient, views: FakeViews) -> None:
    """The team of an instance is its label at the start."""
    client.get("/api/v1/clocks?clock=accept&status=met&team=inbound&limit=7")
    assert views.asked == [ClockQuery(clock="accept", status=Status.MET, team_label="inbound", limit=8)]


@pytest.mark.parametrize(("path", "name"), [("leads", "key"), ("clocks", "lead")])
def test_pages_hang_together(client: TestClient, path: str, name: str) -> None:
    """Following `next` to the end gives every row once, in the same order as all at once."""
    everything = client.get(f"/api/v1/{path}?limit=200").json()
    assert everything["next"] is None
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(f"/api/v1/{path}?limit=3" + (f"&cursor={cursor}" if cursor else "")).json()
        assert 0 < len(page["items"]) <= 3
        seen += page["items"]
        cursor = page["next"]
    assert seen == everything["items"]
    assert len({json.dumps(item, sort_keys=True) for item in seen}) == len(seen) > 3
    assert [item[name] for item in seen] == sorted(item[name] for item in seen)


def test_lists_are_judged_at_the_instant_asked(client: TestClient) -> None:
    """What is open is judged as of then."""
    later = client.get("/api/v1/clocks?status=overdue&as_of=2026-10-12T11:00:00Z").json()
    assert later["as_of"] == "2026-10-12T11:00:00Z"
    assert {item["lead"] for item in later["items"]} == {"hubspot:contact:151", "hubspot:contact:152"}
    assert {item["left_seconds"] for item in later["items"]} == {0}


def test_the_charter_in_force(client: TestClient) -> None:
    """Its clocks with targets and objectives, its calendars by name, and its version."""
    charter = client.get("/api/v1/charter").json()
    assert (charter["version"], charter["in_force"], charter["draft"]) == ("2026-Q4", True, False)
    assert charter["calendars"]["office"] == {"timezone": "Europe/Warsaw", "day_seconds": 28800}
    accept = next(clock for clock in charter["clocks"] if clock["name"] == "accept")
    assert accept["objective"] == 0.95
    assert accept["targets"][0] == {
        "when": "priority is hot",
        "within": "15m",
        "within_seconds": 900,
        "calendar": "always",
    }
    assert accept["escalate"][1] == {"level": 2, "at": 1.5, "to": "sales-leads"}


def test_the_overview(client: TestClient) -> None:
    """The figures of the front page."""
    seen = client.get("/api/v1/overview").json()
    assert (seen["version"], seen["quarter"], seen["stalled_leads"]) == (1, "2026-Q4", 2)
    assert [side["side"] for side in seen["sides"]] == ["marketing", "sales"]
    assert seen["sides"][1]["promises"][0]["month"] == {"met": 3, "missed": 1, "overdue": 1, "attainment": 0.6}
    assert seen["attention"][0]["lead"] == "hubspot:contact:159"


def test_an_unknown_lead_is_a_problem_document(client: TestClient) -> None:
    """404 as RFC 9457 has it."""
    answer = client.get("/api/v1/leads/no/body")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "No lead has the key 'no/body'",
        "instance": "/api/v1/leads/no/body",
        "errors": [],
    }


@pytest.mark.parametrize(
    ("address", "parameter", "text"),
    [
        ("leads?limit=201", "limit", "less than or equal to 200"),
        ("leads?limit=many", "limit", "valid integer"),
        ("leads?stalled=perhaps", "stalled", "valid boolean"),
        ("clocks?status=late", "status", "'overdue'"),
        ("clocks?colour=red", "colour", "there is no such parameter"),
        ("leads?as_of=2026-10-12", "as_of", "is not an RFC 3339 time with an offset"),
        ("leads/hubspot:contact:151?as_of=2026-10-12T10:00:00", "as_of", "is not an RFC 3339 time with an offset"),
    ],
)
def test_a_wrong_parameter_is_a_problem_document(client: TestClient, address: str, parameter: str, text: str) -> None:
    """422, with the parameter's name and what is wrong with it."""
    answer = client.get(f"/api/v1/{address}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert [error["parameter"] for error in problem["errors"]] == [parameter]
    assert text in problem["errors"][0]["detail"]
    assert problem["detail"].startswith(f"{parameter}: ")


@pytest.mark.parametrize("cursor", ["x", "%00", "bnVsbA", "WyJhIl0", "W10", "e30", "WzFd"])
def test_a_cursor_from_elsewhere_is_refused(client: TestClient, cursor: str) -> None:
    """Not one that this list has given: said, not guessed."""
    answer = client.get(f"/api/v1/clocks?cursor={cursor}")
    assert answer.status_code == 422
    assert "cursor" in answer.json()["detail"]


def test_a_database_that_is_away_is_a_problem_document(client: TestClient, views: FakeViews) -> None:
    """503, with when to come back."""
    views.is_away = True
    answer = client.get("/api/v1/leads")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["title"] == "Service Unavailable"


def test_the_openapi_document_lists_the_routes(client: TestClient) -> None:
    """Valid JSON, every route with its parameters described, problems in their own media type."""
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.")
    paths = document["paths"]
    leads = {"overview", "leads", "leads/{key}", "clocks", "charter", "stream"}
    measures = {"goals", "commitments", "collaboration", "ceremonies", "facts"}
    feedback = {"feedback", "feedback/rejections", "feedback/disputes", "feedback/actions", "handoffs"}
    assert set(paths) == {f"/api/v1/{name}" for name in leads | measures | feedback}
    for operation in (operation for item in paths.values() for operation in item.values()):
        assert operation["description"]
    for parameter in paths["/api/v1/leads"]["get"]["parameters"]:
        assert parameter["description"] or parameter["schema"]["description"]
    assert list(paths["/api/v1/leads"]["get"]["responses"]["422"]["content"]) == ["application/problem+json"]
    assert "text/event-stream" in paths["/api/v1/stream"]["get"]["responses"]["200"]["content"]
    assert all(schema.get("description") for schema in document["components"]["schemas"].values())

"""What the pages of other sites send here changes nothing."""

import pytest
from fastapi.testclient import TestClient

from tests.board.feedback_world import JudgedLog

LEAD = "hubspot:contact:152"
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://testserver:81"},
    {"Origin": "null"},
]
OURS: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://testserver"},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_page_of_another_site_records_nothing(client: TestClient, log: JudgedLog, headers: dict[str, str]) -> None:
    """Neither by a form nor over the API, whichever of the two headers a browser sends."""
    answers = [
        client.post(f"/leads/{LEAD}", data={"form": "accept"}, headers=headers),
        client.post("/api/v1/handoffs", json={"lead": LEAD, "decision": "accept"}, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert "page of another site" in answers[1].json()["detail"]
    assert log.events == []


@pytest.mark.parametrize("headers", OURS)
def test_the_boards_own_pages_and_programs_do(client: TestClient, log: JudgedLog, headers: dict[str, str]) -> None:
    """A program such as curl sends neither header."""
    assert client.post(f"/leads/{LEAD}", data={"form": "accept"}, headers=headers).status_code == 303
    assert [event.lead for event in log.events] == [LEAD]


def test_links_from_elsewhere_still_lead_here(client: TestClient) -> None:
    """Reading changes nothing: a message in a chat may link to a lead."""
    assert client.get(f"/leads/{LEAD}", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200

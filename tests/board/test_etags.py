"""Tags of the API's answers: what has not changed is not sent again."""

import pytest
from fastapi.testclient import TestClient

from services.domain.instants import SECOND
from tests.board.world import FakeViews, StillClock

ADDRESSES = (
    "overview",
    "leads?limit=2",
    "leads/hubspot:contact:151",
    "clocks",
    "charter",
    "feedback",
    "feedback/disputes",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_who_shows_the_tag_is_told_that_nothing_changed(client: TestClient, address: str) -> None:
    """304 without a body, with the tag and the headers of every answer; `*` and lists of tags count too."""
    path = f"/api/v1/{address}"
    first = client.get(path)
    tag = first.headers["etag"]
    for shown in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = client.get(path, headers={"If-None-Match": shown})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["x-content-type-options"] == "nosniff"
    assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content


def test_the_tag_changes_with_what_it_stands_for(client: TestClient, views: FakeViews, clock: StillClock) -> None:
    """With the store, with the question, and at the latest after a minute with the time of day."""
    tags = [client.get("/api/v1/leads").headers["etag"], client.get("/api/v1/leads?limit=3").headers["etag"]]
    clock.instant += 59 * SECOND
    assert client.get("/api/v1/leads").headers["etag"] == tags[0]
    clock.instant += SECOND
    tags.append(client.get("/api/v1/leads").headers["etag"])
    views.number += 1
    tags.append(client.get("/api/v1/leads").headers["etag"])
    assert len(set(tags)) == 4
    assert all(tag.startswith('W/"') for tag in tags)


def test_of_an_instant_the_tag_is_strong(client: TestClient, views: FakeViews, clock: StillClock) -> None:
    """The answer is the same to the last byte whenever it is asked, until the store changes."""
    path = "/api/v1/leads/hubspot:contact:151?as_of=2026-10-12T09:00:00Z"
    first = client.get(path)
    clock.instant += 3_600 * SECOND
    later = client.get(path)
    assert (later.headers["etag"], later.content) == (first.headers["etag"], first.content)
    assert first.headers["etag"].startswith('"')
    views.number += 1
    assert client.get(path).headers["etag"] != first.headers["etag"]


def test_troubles_and_the_stream_have_no_tag(client: TestClient, views: FakeViews) -> None:
    """A refusal may be over at the next try."""
    assert "etag" not in client.get("/api/v1/leads?limit=0").headers
    assert "etag" not in client.get("/api/v1/leads/crm:nobody").headers
    views.is_away = True
    assert client.get("/api/v1/leads", headers={"If-None-Match": "*"}).status_code == 503


def test_what_is_not_there_is_a_problem_too(client: TestClient) -> None:
    """An unknown path of the API, and a method that it has not: problem documents as any other."""
    for method, path, status in (
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v2/leads", 404),
        ("DELETE", "/api/v1/leads", 405),
        ("PUT", "/api/v1/feedback", 405),
    ):
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["instance"] == path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert ("allow" in answer.headers) == (status == 405)

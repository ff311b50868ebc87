"""The pages on feedback: the forms on a lead's page, and the figures with the leads behind them."""

import re
from html import unescape

import pytest
from fastapi.testclient import TestClient

from services.board.bodies import MOST_BYTES
from services.domain.charter import Charters
from services.domain.events import EventType
from tests.board.feedback_world import JudgedLog
from tests.board.world import CHARTER, HOSTILE, FakeViews, StillClock, Story, at, file_of

OPEN = "hubspot:contact:152"
REJECTED = "hubspot:contact:155"


def text(page: str) -> str:
    """What a reader sees, roughly."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def forms(page: str) -> set[str]:
    """Which forms a page has."""
    return set(re.findall(r'name="form" value="(\w+)"', page))


@pytest.mark.parametrize(
    ("lead", "there"),
    [
        (OPEN, {"accept", "reject", "rate"}),
        ("hubspot:contact:154", {"reject", "rate"}),
        (REJECTED, {"rate", "agree", "dispute"}),
        ("hubspot:contact:156", {"rate"}),
        ("hubspot:contact:158", set()),
    ],
)
def test_a_lead_has_the_forms_that_fit(client: TestClient, lead: str, there: set[str]) -> None:
    """Accepted, rejected, withdrawn or forgotten; and none when it is shown as it was."""
    assert forms(client.get(f"/leads/{lead}").text) == there
    assert forms(client.get(f"/leads/{lead}?as_of=2026-10-12T10:00:00Z").text) == set()


def test_a_form_is_recorded_and_the_page_says_so(client: TestClient, log: JudgedLog) -> None:
    """It is sent, the browser is sent back, and the page says what was recorded. No script takes part."""
    fields = {"form": "reject", "reason": "no_budget", "comment": "asked twice\r\nin vain"}
    answer = client.post(f"/leads/{OPEN}", data=fields)
    (event,) = log.events
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/leads/{OPEN}?recorded={event.id}#feedback"
    assert event.data == {"reason": "no_budget", "comment": "asked twice\nin vain"}
    page = client.get(answer.headers["location"]).text
    assert "Recorded: Sales rejected the lead: no_budget" in text(page)
    assert forms(page) == {"rate", "agree", "dispute"}


def test_what_is_not_judged_yet_is_said_to_be_received(client: TestClient, log: JudgedLog) -> None:
    """Where the tracker is slower than the browser waits."""
    log.is_judging = False
    where = client.post(f"/leads/{OPEN}", data={"form": "accept"}).headers["location"]
    assert "Received. It is shown here as soon as it is judged." in text(client.get(where).text)


def test_marketing_is_offered_what_the_charter_says_of_the_reason(client: TestClient, log: JudgedLog) -> None:
    """It may be sent as it is, or changed; then sales can settle nothing, for nothing is disputed."""
    page = client.get(f"/leads/{REJECTED}").text
    assert "Tighten the audience</textarea>" in page
    answer = client.post(f"/leads/{REJECTED}", data={"form": "agree", "action": "Tighten the audience"})
    assert answer.status_code == 303
    assert log.events[0].data == {"answer": "agreed", "action": "Tighten the audience"}
    assert forms(client.get(f"/leads/{REJECTED}").text) == {"rate"}


def test_a_dispute_is_settled_by_form(client: TestClient, log: JudgedLog) -> None:
    """With an outcome."""
    client.post(f"/leads/{REJECTED}", data={"form": "dispute", "comment": "on the list of both"})
    page = client.get(f"/leads/{REJECTED}").text
    assert "settle" in forms(page)
    assert "The dispute is open." in text(page)
    client.post(f"/leads/{REJECTED}", data={"form": "settle", "outcome": "upheld"})
    assert "Settled: the dispute is upheld" in text(client.get(f"/leads/{REJECTED}").text)
    assert [event.type for event in log.events] == [EventType.FEEDBACK_ANSWERED, EventType.FEEDBACK_SETTLED]


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        ({"form": "reject", "comment": "words"}, "reject-reason", "This is needed."),
        ({"form": "reject", "reason": "far", "comment": "words"}, "reject-reason", "not a reason of the charter"),
        ({"form": "reject", "reason": "no_budget", "comment": "words" * 500}, "reject-comment", "at most 2000"),
        ({"form": "rate", "comment": "words"}, "rate-verdict", "This is needed."),
        ({"form": "rate", "verdict": "good", "reason": "no_budget", "comment": "words"}, "rate-reason", "only a poor"),
        ({"form": "reject", "reason": "no_budget", "comment": "words\0"}, "reject-comment", "cannot be used"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    client: TestClient, log: JudgedLog, fields: dict[str, str], place: str, words: str
) -> None:
    """And what was typed is still there."""
    answer = client.post(f"/leads/{OPEN}", data=fields)
    assert answer.status_code == 422
    problem = re.search(rf'id="{place}-problem"[^>]*>([^<]*)<', answer.text)
    assert problem is not None
    assert words in unescape(problem[1])
    assert f'aria-describedby="{place}-problem"' in answer.text
    assert fields["comment"].strip("\0") in answer.text
    assert f'id="say-{fields["form"]}" open' in answer.text
    assert not log.records


def test_what_does_not_fit_any_more_is_said(client: TestClient, log: JudgedLog) -> None:
    """The page was open while somebody else was quicker."""
    client.post(f"/leads/{OPEN}", data={"form": "reject", "reason": "no_budget"})
    answer = client.post(f"/leads/{OPEN}", data={"form": "accept"})
    assert answer.status_code == 409
    assert "No handoff of the lead is open." in text(answer.text)
    assert len(log.records) == 1


def test_while_the_log_is_away_the_form_is_kept(client: TestClient, log: JudgedLog) -> None:
    """503, with what was typed."""
    log.is_away = True
    fields = {"form": "reject", "reason": "no_budget", "comment": "typed once"}
    answer = client.post(f"/leads/{OPEN}", data=fields)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "nothing was recorded" in text(answer.text)
    assert "typed once</textarea>" in answer.text


def test_forms_of_no_kind_are_refused(client: TestClient, log: JudgedLog) -> None:
    """An unknown form, another format, too many fields, too large, a lead that is not known."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post(f"/leads/{OPEN}", data={"form": "promote"}).status_code == 400
    assert client.post(f"/leads/{OPEN}", json={"form": "accept"}).status_code == 415
    assert client.post(f"/leads/{OPEN}", content=b"a=1&" * 100, headers=kind).status_code == 400
    assert client.post(f"/leads/{OPEN}", content=b"form=%ff", headers=kind).status_code == 400
    assert client.post(f"/leads/{OPEN}", content=b"x" * (MOST_BYTES + 1), headers=kind).status_code == 413
    assert client.post("/leads/crm:nobody", data={"form": "accept"}).status_code == 404
    assert not log.records


def test_hostile_words_are_shown_as_words(client: TestClient) -> None:
    """In the form that comes back, in what is recorded, and in what the address says was recorded."""
    fields = {"form": "reject", "comment": HOSTILE, "reason": HOSTILE}
    pages = [client.post(f"/leads/{OPEN}", data=fields).text]
    client.post(f"/leads/{OPEN}", data={**fields, "reason": "no_budget"})
    pages += [client.get(address, params={"recorded": HOSTILE}).text for address in (f"/leads/{OPEN}",)]
    pages += [client.get("/feedback", params={"campaign": HOSTILE}).text]
    for page in pages:
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def history(views: FakeViews) -> None:
    """Two sources since July: one that got better after a promise, one of which little is known."""
    book = Story()
    for number in range(60):
        month = "08" if number < 30 else "10"
        key = f"crm:webinar:{number:02}"
        known = {"source": "webinar", "campaign": "autumn", "segment": "smb"}
        book.tell(key, f"{month}-0{number % 5 + 1} 09:00", EventType.LEAD_HANDED_OFF, attributes=known, team="inbound")
        if number < 20 or number == 59:
            book.tell(key, f"{month}-0{number % 5 + 1} 10:00", EventType.LEAD_REJECTED, reason="wrong_fit")
        else:
            book.tell(key, f"{month}-0{number % 5 + 1} 10:00", EventType.LEAD_ACCEPTED)
    book.tell("crm:webinar:00", "09-15 10:00", EventType.FEEDBACK_ANSWERED, answer="agreed", action="Ask for the size")
    book.tell("crm:webinar:59", "10-08 10:00", EventType.FEEDBACK_ANSWERED, answer="disputed")
    book.tell("crm:rare:1", "10-05 09:00", EventType.LEAD_HANDED_OFF, attributes={"source": "fair"})
    book.tell("crm:rare:1", "10-05 10:00", EventType.LEAD_REJECTED, reason="no_budget")
    charters = Charters([CHARTER])
    views.files = {key: file_of(key, events, at("10-12 12:00"), charters) for key, events in book.events.items()}


def test_the_figures_of_a_quarter(client: TestClient, views: FakeViews) -> None:
    """By reason, source, campaign and segment, with intervals; each number leads to its leads."""
    history(views)
    figures = client.get("/api/v1/feedback").json()
    assert figures["period"] == "2026-Q4"
    assert figures["total"] | {"low": 0, "high": 0} == {
        "accepted": 29,
        "rejected": 2,
        "rate": 2 / 31,
        "low": 0,
        "high": 0,
    }
    assert figures["total"]["low"] == pytest.approx(0.0179, abs=1e-4)
    assert [(each["reason"], each["count"], each["means"]) for each in figures["reasons"]] == [
        ("no_budget", 1, "No money this year"),
        ("wrong_fit", 1, "Not our kind of customer"),
    ]
    assert [(each["value"], each["rate"]["rejected"]) for each in figures["sources"]["items"]] == [
        ("webinar", 1),
        ("other", 1),
    ]
    assert [each["value"] for each in figures["campaigns"]["items"]] == ["autumn", None]
    assert {each["month"]: each["rate"]["rejected"] for each in figures["trend"] if each["rate"]["rejected"]} == {
        "2026-08": 20,
        "2026-10": 2,
    }
    assert len(figures["trend"]) == 12
    listed = client.get(figures["sources"]["items"][0]["href"]).json()
    assert [each["lead"] for each in listed["items"]] == ["crm:webinar:59"]
    page = client.get("/feedback").text
    assert "1 of 30 3.3 % 0.5 % to 16.6 %" in text(page)
    links = re.findall(r'href="(/feedback/rejections[^"]*)"', page)
    assert links
    for link in links:
        assert client.get(unescape(link)).status_code == 200


def test_filters_stand_in_the_address(client: TestClient, views: FakeViews) -> None:
    """The same for the page and the API; what is misspelt is refused."""
    history(views)
    narrowed = client.get("/api/v1/feedback?period=2026-08&source=webinar&team=inbound&segment=smb").json()
    assert (narrowed["total"]["accepted"], narrowed["total"]["rejected"]) == (10, 20)
    assert client.get("/api/v1/feedback?campaign=spring").json()["total"]["rate"] is None
    assert 'value="spring"' in client.get("/feedback?campaign=spring").text
    for wrong in ("period=2026-13", "period=soon", "sorce=webinar", "source=" + "x" * 201):
        assert client.get(f"/api/v1/feedback?{wrong}").status_code == 422
        assert client.get(f"/feedback?{wrong}").status_code == 422


def test_a_promise_shows_what_followed(client: TestClient, views: FakeViews, clock: StillClock) -> None:
    """The rate of its source before and after; too early to tell at first."""
    history(views)
    (action,) = client.get("/api/v1/feedback/actions?period=2026-Q3").json()["items"]
    assert (action["lead"], action["action"], action["reason"]) == ("crm:webinar:00", "Ask for the size", "wrong_fit")
    assert (action["before"]["rejected"], action["after"]["rejected"]) == (20, 1)
    assert action["change"] == "fell"
    assert "fell" in text(client.get("/feedback?period=2026-Q3").text)
    clock.instant = at("09-20 12:00")
    early = client.get("/api/v1/feedback/actions").json()["items"][0]
    assert (early["after"]["rate"], early["change"]) == (None, "too_early")
    assert "too early to tell" in text(client.get("/feedback").text)


def test_open_disputes_are_listed_with_their_time(client: TestClient, views: FakeViews) -> None:
    """Of any period. Where no clock of the charter times them, the quarter does."""
    history(views)
    (dispute,) = client.get("/api/v1/feedback/disputes").json()["items"]
    assert (dispute["lead"], dispute["source"], dispute["reason"]) == ("crm:webinar:59", "webinar", "wrong_fit")
    assert (dispute["quarter_ends"], dispute["clock"]) == ("2026-12-31T23:00:00Z", None)
    assert "within 2026-Q4, by 31 Dec 2026" in text(client.get("/feedback/disputes").text)
    client.post("/leads/crm:webinar:59", data={"form": "settle", "outcome": "withdrawn"})
    assert client.get("/api/v1/feedback/disputes").json()["items"] == []


def test_lists_go_on_by_cursor(client: TestClient, views: FakeViews) -> None:
    """Each rejection once, in the order of time; a cursor of another list is refused."""
    history(views)
    address, seen = "/api/v1/feedback/rejections?period=2026&limit=7", []
    following: str | None = ""
    while following is not None:
        page = client.get(address + (f"&cursor={following}" if following else "")).json()
        seen += [each["lead"] for each in page["items"]]
        following = page["next"]
    assert len(seen) == len(set(seen)) == 22
    assert client.get("/api/v1/feedback/rejections?cursor=bm8").status_code == 422
    more = re.search(r'rel="next" href="([^"]*)"', client.get("/feedback/rejections?period=2026&limit=7").text)
    assert more is not None
    assert client.get(unescape(more[1])).status_code == 200


def test_nothing_counts_or_orders_people(client: TestClient, views: FakeViews) -> None:
    """No owner and no name of who said something is on a page of figures or in its API."""
    views.files = {}
    book = Story()
    book.tell("crm:1", "10-06 09:00", EventType.LEAD_HANDED_OFF, attributes={"source": "webinar"}, owner="jan.nowak")
    book.tell("crm:1", "10-06 10:00", EventType.LEAD_REJECTED, reason="no_budget", by="jan.nowak", comment="jan.nowak")
    book.tell("crm:1", "10-06 11:00", EventType.FEEDBACK_ANSWERED, answer="disputed", by="ewa", comment="ewa")
    views.files["crm:1"] = file_of("crm:1", book.events["crm:1"], at("10-12 12:00"), Charters([CHARTER]))
    for address in ("", "/rejections", "/disputes", "/actions"):
        for shown in (client.get(f"/feedback{address}").text, client.get(f"/api/v1/feedback{address}").text):
            assert "jan.nowak" not in shown
            assert "ewa" not in shown


def test_an_empty_board_says_so(client: TestClient, views: FakeViews) -> None:
    """No figures, no lists, no error."""
    views.files = {}
    assert "No dispute is open." in text(client.get("/feedback").text)
    for address in ("rejections", "disputes", "actions"):
        assert "There are none." in text(client.get(f"/feedback/{address}").text)

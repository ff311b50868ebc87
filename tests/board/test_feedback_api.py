"""What is said over the API: checked, safe in the log before it is acknowledged, and said once."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from schemas import feedback as wire
from services.board.app import Board
from services.board.bodies import MOST_BYTES
from services.board.feedback_examples import CEREMONIES, FEEDBACK, HANDOFFS
from services.board.feedback_writing import SOURCE, check
from tests.board.feedback_world import JudgedLog, without_reasons
from tests.board.world import CHARTER, HOSTILE, NOW, FakeViews, StillClock, at
from tests.feedback_book import FactBook

OPEN = "hubspot:contact:152"
"""Handed off, not accepted."""
REJECTED = "hubspot:contact:155"
ACCEPTED = "hubspot:contact:154"
FORGOTTEN = "hubspot:contact:158"
WITHDRAWN = "hubspot:contact:156"


def accept(lead: str = OPEN) -> dict[str, Any]:
    return {"lead": lead, "decision": "accept"}


def reject(lead: str = OPEN, reason: str = "no_budget", **more: Any) -> dict[str, Any]:
    return {"lead": lead, "decision": "reject", "reason": reason, **more}


def answered(answer: str, lead: str = REJECTED, **more: Any) -> dict[str, Any]:
    return {"lead": lead, "kind": "answered", "answer": answer, **more}


def settled(outcome: str = "upheld", lead: str = REJECTED) -> dict[str, Any]:
    return {"lead": lead, "kind": "settled", "outcome": outcome}


def given(verdict: str, lead: str = OPEN, **more: Any) -> dict[str, Any]:
    return {"lead": lead, "kind": "given", "verdict": verdict, **more}


def say(client: TestClient, body: Any, *, status: int = 202, key: str | None = None) -> Any:
    """Post to where such a body belongs; the answer's document."""
    path = "handoffs" if "decision" in body else "feedback"
    content = json.dumps(body)  # in ASCII: what is no character is sent as an escape
    answer = client.post(
        f"/api/v1/{path}",
        content=content,
        headers={"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})},
    )
    assert answer.status_code == status, answer.text
    is_problem = answer.headers["content-type"] == "application/problem+json"
    assert is_problem == (status != 202)
    return answer.json()


def test_what_is_said_is_a_canonical_event_in_the_log(client: TestClient, log: JudgedLog) -> None:
    """Of the board's own source, now, under the lead's key."""
    told = say(client, reject(comment="  the budget is spent  "))
    (record,) = log.records
    (event,) = log.events
    assert (record.topic, record.key, record.headers) == ("baton.events", OPEN, {"crm": "board"})
    assert (event.type.wire, event.time, event.source, event.lead) == ("lead.rejected", NOW, SOURCE, OPEN)
    assert event.data == {"reason": "no_budget", "comment": "the budget is spent"}
    assert told == {
        "id": event.id,
        "source": SOURCE,
        "type": "lead.rejected",
        "subject": OPEN,
        "time": "2026-10-12T10:00:00Z",
        "href": f"/api/v1/leads/{OPEN}",
        "repeated": False,
        "judged": False,
    }


def test_a_rejection_is_answered_disputed_and_settled(client: TestClient, clock: StillClock, views: FakeViews) -> None:
    """Each step waits for the one before, and starts and stops the charter's clocks."""
    say(client, settled(lead=OPEN), status=409)
    say(client, answered("disputed", OPEN), status=409)
    say(client, reject())
    clock.instant = at("10-12 13:00")
    answer = client.get(f"/api/v1/leads/{OPEN}").json()
    assert {each["clock"]: each["status"] for each in answer["clocks"]} == {"accept": "met", "answer": "running"}
    say(client, settled(lead=OPEN), status=409)
    say(client, answered("disputed", OPEN, comment="they asked for a quote"))
    say(client, answered("agreed", OPEN, action="ask"), status=409)
    say(client, settled(lead=OPEN))
    kinds = [event.type.wire for event in views.files[OPEN].events]
    assert kinds[-3:] == ["lead.rejected", "feedback.answered", "feedback.settled"]
    assert say(client, settled(lead=OPEN))["repeated"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (accept(ACCEPTED), "The open handoff is accepted already."),
        (accept(REJECTED), "No handoff of the lead is open."),
        (reject(WITHDRAWN), "No handoff of the lead is open."),
        (answered("disputed", OPEN), "No rejection or verdict of poor waits for an answer."),
        (settled(), "No dispute about the lead is open."),
        (reject(FORGOTTEN), "The person asked to be forgotten; nothing more is kept of the lead."),
    ],
)
def test_what_does_not_fit_is_refused(client: TestClient, log: JudgedLog, body: Any, why: str) -> None:
    """409, in words for whoever said it; nothing is in the log."""
    problem = say(client, body, status=409)
    assert problem["detail"] == why
    assert not log.records


def test_of_a_lead_that_nobody_knows_nothing_can_be_said(client: TestClient, log: JudgedLog) -> None:
    """404."""
    assert "crm:nobody" in say(client, accept("crm:nobody"), status=404)["detail"]
    assert not log.records


@pytest.mark.parametrize("body", [reject(), accept(), given("poor", reason="wrong_fit"), answered("disputed")])
def test_a_double_click_is_one_event(client: TestClient, log: JudgedLog, clock: StillClock, body: Any) -> None:
    """Before it is judged it has the same id; afterwards nothing is written again."""
    log.is_judging = False
    first = say(client, body)
    clock.instant += 1
    second = say(client, body)
    assert second["id"] == first["id"]
    assert len({(event.source, event.id) for event in log.events}) == 1
    log.judge()
    count = len(log.records)
    third = say(client, body)
    assert (third["id"], third["repeated"], third["judged"]) == (first["id"], True, True)
    assert third["time"] == first["time"]
    assert len(log.records) == count


def test_the_same_words_about_something_else_are_another_event(client: TestClient, log: JudgedLog) -> None:
    """A verdict may change, and change back."""
    for verdict in ("good", "poor", "good"):
        say(client, given(verdict))
    assert [event.data["verdict"] for event in log.events] == ["good", "poor", "good"]
    assert len({event.id for event in log.events}) == 3


def test_a_key_makes_a_request_one_whatever_else(client: TestClient, log: JudgedLog) -> None:
    """Sent again it is repeated; used for something else about the lead it is refused."""
    first = say(client, given("good"), key="a")
    again = say(client, given("good"), key="a")
    assert (again["id"], again["repeated"]) == (first["id"], True)
    assert "Idempotency-Key" in say(client, given("poor"), status=422, key="a")["detail"]
    say(client, given("poor", ACCEPTED), key="a")
    assert len(log.records) == 2
    say(client, given("good"), status=422, key="x" * 256)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (reject(reason="too_far"), "reason"),
        (reject(reason=""), "reason"),
        ({"lead": OPEN, "decision": "reject"}, "reason"),
        ({"lead": OPEN, "decision": "maybe"}, "decision"),
        (reject(lead=""), "lead"),
        (reject(lead="x" * 201), "lead"),
        (reject(lead="crm:\0"), "lead"),
        (reject(comment="x" * 10_000), "comment"),
        (reject(comment="a\0b"), "comment"),
        (reject(comment="\ud800"), "comment"),
        (reject(comment=7), "comment"),
        (reject(person="Jan"), "person"),
        (given("good", reason="no_budget"), "reason"),
        (given("so so"), "verdict"),
        (answered("agreed"), "action"),
        (answered("agreed", action="   "), "action"),
        (answered("disputed", action="Tighten"), "action"),
        (settled("yes"), "outcome"),
    ],
)
def test_what_is_wrong_is_refused_by_field(client: TestClient, log: JudgedLog, body: Any, place: str) -> None:
    """422 that names it; nothing is in the log."""
    problem = say(client, body, status=422)
    assert place in problem["detail"]
    assert not log.records


def test_what_is_no_json_is_refused(client: TestClient) -> None:
    """Whatever it is; and no form of another site can pose as JSON."""
    for content, kind, status in (
        (b"{", "application/json", 422),
        (b"\xff", "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        (b"lead=a&decision=accept", "application/x-www-form-urlencoded", 422),
        (b'{"lead": "hubspot:contact:152", "decision": "accept"}', "text/plain", 422),
        (b"x" * (MOST_BYTES + 1), "application/json", 413),
    ):
        answer = client.post("/api/v1/handoffs", content=content, headers={"Content-Type": kind})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), content[:9]


def test_hostile_words_stay_words(client: TestClient, log: JudgedLog) -> None:
    """They are kept as they were said, and shown escaped."""
    say(client, reject(comment=HOSTILE))
    assert log.events[0].data["comment"] == HOSTILE
    page = client.get(f"/leads/{OPEN}").text
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_any_reason_will_do_where_the_charter_has_none() -> None:
    """A charter need not list them."""
    check(wire.Reject(lead=OPEN, decision="reject", reason="because"), without_reasons(CHARTER))


def test_while_the_log_is_away_nothing_is_recorded(client: TestClient, log: JudgedLog, views: FakeViews) -> None:
    """503 with when to come back; the same while the database is away."""
    log.is_away = True
    answer = client.post("/api/v1/handoffs", json=accept())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "nothing was recorded" in answer.json()["detail"]
    log.is_away, views.is_away = False, True
    assert client.post("/api/v1/handoffs", json=accept()).status_code == 503
    assert not log.records


def test_an_answer_can_wait_until_it_counts(client: TestClient, log: JudgedLog) -> None:
    """`Prefer: wait=N`, bounded; where the tracker is slow it says that it is not judged yet."""
    answer = client.post("/api/v1/handoffs", json=accept(), headers={"Prefer": "respond-async, wait=2"})
    assert (answer.json()["judged"], answer.headers["preference-applied"]) == (True, "wait=2")
    log.is_judging = False
    late = client.post("/api/v1/handoffs", json=accept("hubspot:contact:151"), headers={"Prefer": "wait=0"})
    assert (late.status_code, late.json()["judged"]) == (202, False)


def test_a_ceremony_is_noted(client: TestClient, log: JudgedLog) -> None:
    """Under its own subject; the same meeting told twice on a day is one."""
    body = {"ceremony": "quarterly-review", "attendees": {"marketing": 4, "sales": 5}, "notes": "scored anew"}
    first, second = (client.post("/api/v1/ceremonies", json=body).json() for _ in range(2))
    assert first["id"] == second["id"]
    assert (first["subject"], first["href"], first["type"]) == ("ceremony:quarterly-review", None, "ceremony.held")
    assert log.events[0].data == body
    earlier = client.post("/api/v1/ceremonies", json={**body, "held_at": "2026-10-09T09:00:00+02:00"}).json()
    assert earlier["time"] == "2026-10-09T07:00:00Z"
    assert earlier["id"] != first["id"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"ceremony": "party"}, "ceremony"),
        ({"attendees": {"marketing": -1, "sales": 0}}, "attendees.marketing"),
        ({"attendees": {"marketing": 1}}, "attendees.sales"),
        ({"held_at": "2026-10-13T09:00:00+02:00"}, "held_at"),
        ({"held_at": 1}, "held_at"),
        ({"held_at": "yesterday"}, "held_at"),
        ({"notes": "x" * 10_001}, "notes"),
        ({"persons": ["Jan"]}, "persons"),
    ],
)
def test_a_wrong_ceremony_is_refused(client: TestClient, log: JudgedLog, change: dict[str, Any], place: str) -> None:
    """422 that names what is wrong."""
    body = {"ceremony": "quarterly-review", "attendees": {"marketing": 1, "sales": 1}, **change}
    answer = client.post("/api/v1/ceremonies", json=body)
    assert answer.status_code == 422
    assert place in answer.json()["detail"]
    assert not log.records


def test_the_examples_are_what_may_be_said() -> None:
    """Those of the reference."""
    for examples, shape in (
        (HANDOFFS, TypeAdapter[Any](wire.HandoffRequest)),
        (FEEDBACK, TypeAdapter[Any](wire.FeedbackRequest)),
        (CEREMONIES, TypeAdapter[Any](wire.CeremonyRequest)),
    ):
        for example in examples.values():
            shape.validate_python(example["value"])


def test_a_dispute_that_a_merge_brought_along_is_settled_where_the_lead_goes_on(
    client: TestClient, board: Board, log: JudgedLog
) -> None:
    """The lead itself has no exchange of its own; without such a dispute there is nothing to settle."""
    say(client, answered("disputed"))
    say(client, settled(lead=OPEN), status=409)
    book = board.feedback.views
    assert isinstance(book, FactBook)
    book.merged = {REJECTED: OPEN}
    assert 'value="settle"' in client.get(f"/leads/{OPEN}").text
    say(client, settled(lead=OPEN))
    assert log.events[-1].lead == OPEN

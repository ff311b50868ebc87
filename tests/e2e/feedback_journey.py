"""From a handoff to a settled dispute, over HTTP alone: the same on one machine and where services run apart."""

import time
from typing import Any

from services.domain.instants import SECOND, format_exact
from tests.e2e.running import Running

CHARTER = """
charter: 1
version: feedback
effective_from: 2020-01-01T00:00:00Z
agreed: [{side: marketing, by: A, on: 2019-12-01}, {side: sales, by: B, on: 2019-12-01}]
calendars:
  always: {timezone: Europe/Warsaw, hours: {mon-sun: "00:00-24:00"}, day: 24h}
labels: {source: [webinar]}
reasons: {wrong_fit: {means: Not ours, action: Aim better}, no_budget: {means: No money}}
ceremonies: {quarterly-review: {every: quarter}}
clocks:
  accept:
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.accepted, lead.rejected]
    calendar: always
    targets: [{within: 4h}]
  answer:
    promised_by: marketing
    starts_on: [lead.rejected]
    stops_on: [feedback.answered]
    calendar: always
    targets: [{within: 2d}]
  settle:
    promised_by: marketing
    starts_on: [{type: feedback.answered, when: {answer: disputed}}]
    stops_on: [feedback.settled]
    calendar: always
    targets: [{within: 5d}]
"""
LEAD = "crm:lead:1"
OTHER = "crm:lead:2"
_SOON_SECONDS = 60


def play(gateway: Running, board: Running) -> None:
    """Hand two leads off through the gateway, then speak on the board, and hold what it shows."""
    gateway.post_events([handed_off(LEAD), handed_off(OTHER)])
    _wait_until(board, lambda: board.client.get(f"/api/v1/leads/{OTHER}").status_code == 200)
    _wait_until(board, lambda: board.client.get(f"/api/v1/leads/{LEAD}").status_code == 200)
    _reject_and_dispute(board)
    _settle(board)
    _say_twice_at_once(board)
    _speak_by_form(board)


def _reject_and_dispute(board: Running) -> None:
    rejected = _say(board, "handoffs", {"lead": LEAD, "decision": "reject", "reason": "wrong_fit", "comment": "far"})
    again = _say(board, "handoffs", {"lead": LEAD, "decision": "reject", "reason": "wrong_fit", "comment": "far"})
    assert (again["id"], again["repeated"]) == (rejected["id"], True)
    assert _clocks(board) == {"accept": "met", "answer": "running"}
    _say(board, "feedback", {"lead": LEAD, "kind": "answered", "answer": "disputed", "comment": "on the list"})
    assert _clocks(board) == {"accept": "met", "answer": "met", "settle": "running"}
    (dispute,) = board.get("/api/v1/feedback/disputes")["items"]
    assert (dispute["lead"], dispute["source"], dispute["reason"]) == (LEAD, "webinar", "wrong_fit")
    assert (dispute["clock"]["clock"], dispute["clock"]["status"]) == ("settle", "running")
    assert dispute["clock"]["left_seconds"] > 4 * 86_400


def _settle(board: Running) -> None:
    _say(board, "feedback", {"lead": LEAD, "kind": "settled", "outcome": "upheld"})
    assert board.get("/api/v1/feedback/disputes")["items"] == []
    assert _clocks(board)["settle"] == "met"
    _refused(board, {"lead": LEAD, "kind": "settled", "outcome": "withdrawn"}, 409)
    _refused(board, {"lead": "crm:nobody", "kind": "settled", "outcome": "withdrawn"}, 404)
    figures = board.get("/api/v1/feedback")
    assert (figures["total"]["rejected"], figures["reasons"][0]["reason"]) == (1, "wrong_fit")
    assert {kind: _said(board, kind) for kind in ("rejected", "disputed", "upheld", "agreed")} == {
        "rejected": 1,
        "disputed": 1,
        "upheld": 1,
        "agreed": 0,
    }


def _say_twice_at_once(board: Running) -> None:
    """Two posts before anything is judged are one event."""
    body = {"lead": LEAD, "kind": "given", "verdict": "poor", "reason": "no_budget"}
    answers = [board.client.post("/api/v1/feedback", json=body).json() for _ in range(2)]
    assert answers[0]["id"] == answers[1]["id"]
    held = {"ceremony": "quarterly-review", "attendees": {"marketing": 2, "sales": 3}}
    assert board.client.post("/api/v1/ceremonies", json=held).status_code == 202
    _wait_until(board, lambda: _said(board, "poor") > 0)
    assert _said(board, "poor") == 1


def _speak_by_form(board: Running) -> None:
    """A browser without scripts: the form is sent, and the page that follows says what was recorded."""
    sent = board.client.post(f"/leads/{OTHER}", data={"form": "reject", "reason": "no_budget", "comment": "<b>x</b>"})
    assert sent.status_code == 303
    page = board.client.get(sent.headers["location"]).text
    assert "Recorded:" in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert board.client.post(f"/leads/{OTHER}", data={"form": "accept"}).status_code == 409
    agreed = board.client.post(f"/leads/{OTHER}", data={"form": "agree", "action": "Ask for the budget"})
    assert agreed.status_code == 303
    (action,) = [each for each in board.get("/api/v1/feedback/actions")["items"] if each["lead"] == OTHER]
    assert (action["action"], action["change"]) == ("Ask for the budget", "too_early")
    assert "Ask for the budget" in board.client.get("/feedback").text


def handed_off(lead: str) -> dict[str, Any]:
    """A lead that marketing has just handed over."""
    return {
        "specversion": "1.0",
        "id": f"{lead}/1",
        "source": "/crm",
        "type": "lead.handed_off",
        "subject": lead,
        "time": format_exact(time.time_ns() // 1000 - 60 * SECOND),
        "data": {"attributes": {"source": "webinar", "campaign": "autumn", "segment": "smb"}, "team": "inbound"},
    }


def _say(board: Running, path: str, body: dict[str, Any]) -> Any:
    """Post it and wait until it counts; the pages behind a stream show it within as much."""
    answer = board.client.post(f"/api/v1/{path}", json=body, headers={"Prefer": "wait=10"})
    assert answer.status_code == 202, answer.text
    said = answer.json()
    _wait_until(board, lambda: said["judged"] or _is_known(board, body["lead"], said["id"]))
    return said


def _is_known(board: Running, lead: str, event: str) -> bool:
    return any(each["id"] == event for each in board.get(f"/api/v1/leads/{lead}")["timeline"])


def _refused(board: Running, body: dict[str, Any], status: int) -> None:
    answer = board.client.post("/api/v1/feedback", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def _clocks(board: Running) -> dict[str, str]:
    return {each["clock"]: each["status"] for each in board.get(f"/api/v1/leads/{LEAD}")["clocks"]}


def _said(board: Running, kind: str) -> float:
    """What the counter of feedback has of a kind."""
    lines = board.client.get("/metrics").text.splitlines()
    found = [line for line in lines if line.startswith("baton_feedback_total{") and f'kind="{kind}"' in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


def _wait_until(board: Running, what: Any) -> None:
    deadline = time.monotonic() + _SOON_SECONDS
    while not what():
        assert time.monotonic() < deadline, board.output
        time.sleep(0.05)

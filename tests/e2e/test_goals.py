"""Goals from end to end: events over HTTP, and the figures of the API, the page and the metrics."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import Running
from tests.e2e.test_up import document

CHARTER = """
charter: 1
version: e2e
effective_from: 2020-01-01T00:00:00Z
agreed: [{side: marketing, by: A, on: 2019-12-01}, {side: sales, by: B, on: 2019-12-01}]
calendars:
  always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}, day: 24h}
labels: {source: [webinar]}
clocks:
  accept: {promised_by: sales, starts_on: [lead.handed_off], stops_on: [lead.accepted, lead.rejected],
           calendar: always, targets: [{within: 1h}]}
  answer: {promised_by: marketing, starts_on: [lead.rejected], stops_on: [feedback.answered],
           calendar: always, targets: [{within: 1d}]}
commitments:
  volume: {promised_by: marketing, measure: handoffs, per: quarter, at_least: 10}
  quality: {promised_by: marketing, measure: accept_rate, per: quarter, at_least: 70%}
  complete: {promised_by: marketing, measure: completeness, per: quarter, at_least: 95%, fields: [source]}
  effort: {promised_by: sales, measure: contact_rate, per: quarter, at_least: 90%}
  punctual: {promised_by: sales, attainment: accept, per: quarter, at_least: 90%}
goals:
  - {name: new-revenue, measure: won_amount, where: {new_customer: true}, currency: PLN, per: quarter, target: 4000,
     contributes: {marketing: 10 handoffs, sales: 2 won}}
ceremonies:
  quarterly-review: {every: quarter}
"""


def story() -> list[dict[str, Any]]:
    """A quarter with four handoffs: two won (one of a new customer), one rejected and disputed, one untouched."""
    call = {"kind": "call", "direction": "outbound", "connected": True}
    events = []
    for number in range(1, 5):
        lead, day = f"crm:lead:{number}", f"2026-02-0{number}"
        attributes = {"source": "webinar"} if number > 1 else {}
        events.append(document("lead.handed_off", lead, f"{day}T09:00:00Z", {"attributes": attributes}))
        if number < 4:
            events.append(document("lead.touched", lead, f"{day}T09:20:00Z", call))
        if number < 3:
            deal = {"deal": f"d{number}", "amount": 1000 * number, "currency": "PLN", "new_customer": number == 2}
            events.append(document("lead.accepted", lead, f"{day}T09:30:00Z", {}))
            events.append(document("deal.won", lead, f"{day}T12:00:00Z", deal))
    events += [
        document("lead.rejected", "crm:lead:3", "2026-02-03T11:00:00Z", {"reason": "wrong_fit"}),
        document("feedback.answered", "crm:lead:3", "2026-02-03T12:00:00Z", {"answer": "disputed"}),
        document("feedback.settled", "crm:lead:3", "2026-02-05T12:00:00Z", {"outcome": "upheld"}),
        document(
            "ceremony.held",
            "ceremony:quarterly-review",
            "2026-03-20T10:00:00Z",
            {"ceremony": "quarterly-review", "attendees": {"marketing": 2, "sales": 3}},
        ),
    ]
    return events


def test_figures_are_those_of_the_events(tmp_path: Path) -> None:
    """Each commitment, the goal, the index and the lists behind them; a late event moves them."""
    path = tmp_path / "charter.yaml"
    path.write_text(CHARTER)
    with Running("up", "--charter", path, "--data", tmp_path / "data", "--port", "0") as running:
        running.post_events(story())
        running.wait_until_judged()
        items = running.get("/api/v1/commitments", period="2026-Q1")["items"]
        figures = {item["name"]: item["figure"] for item in items}
        assert figures["volume"]["value"] == 4
        assert (figures["quality"]["top"], figures["quality"]["bottom"]) == (2, 3)
        assert (figures["complete"]["top"], figures["complete"]["bottom"]) == (3, 4)
        assert (figures["effort"]["top"], figures["effort"]["bottom"]) == (3, 4)
        assert (figures["punctual"]["top"], figures["punctual"]["bottom"]) == (2, 4)
        (goal,) = running.get("/api/v1/goals", period="2026-Q1")["items"]
        assert (goal["figure"]["value"], goal["figure"]["word"]) == (2000, "behind")
        assert [each["figure"]["value"] for each in goal["contributes"]] == [4, 1]
        assert goal["gap"]["total"] == 2000
        assert sum(part["amount"] for part in goal["gap"]["parts"]) == pytest.approx(2000)
        index = running.get("/api/v1/collaboration", period="2026-Q1")
        assert {part["part"]: (part["top"], part["bottom"]) for part in index["parts"]} == {
            "two_way_attainment": (2, 4),
            "feedback_given": (1, 3),
            "feedback_answered": (1, 1),
            "disputes_settled": (1, 1),
            "ceremonies_held": (1, 1),
        }
        (held,) = running.get("/api/v1/ceremonies", period="2026-Q1")["items"]
        assert held["held"] == [{"at": "2026-03-20T10:00:00Z", "marketing": 2, "sales": 3, "notes": None}]

        for figure in [*figures.values(), goal["figure"], *(each["figure"] for each in goal["contributes"])]:
            for link in figure["made_of"]:
                assert len(running.client.get(link["href"]).json()["items"]) == link["count"], link
        assert "2,000\xa0PLN" in running.client.get("/goals?period=2026-Q1").text

        # Lead 4 was called in time after all; the CRM tells it only now.
        call = {"kind": "call", "direction": "outbound", "connected": True}
        running.post_events([document("lead.touched", "crm:lead:4", "2026-02-04T09:20:00Z", call)])
        running.wait_until_judged()
        items = running.get("/api/v1/commitments", period="2026-Q1")["items"]
        effort = next(item["figure"] for item in items if item["name"] == "effort")
        assert (effort["top"], effort["bottom"], effort["word"]) == (4, 4, "ahead")


def test_metrics_are_of_the_present_period(tmp_path: Path) -> None:
    """Every goal and commitment has its series at once; the quarter of long ago is not in them."""
    path = tmp_path / "charter.yaml"
    path.write_text(CHARTER)
    with Running("up", "--charter", path, "--data", tmp_path / "data", "--port", "0") as running:
        running.post_events(story())
        running.wait_until_judged()
        text = running.client.get("/metrics").text
        for line in (
            'baton_goal_progress_ratio{goal="new-revenue",per="quarter"} 0.0',
            'baton_commitment_ratio{commitment="volume",promised_by="marketing"} 0.0',
            'baton_commitment_ratio{commitment="effort",promised_by="sales"} NaN',
        ):
            assert line in text

"""The timeline of a lead that lay still, from a real store."""

from zoneinfo import ZoneInfo

from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.adapters.sql.account_views import SqlAccountViews
from services.board import app as board
from services.board.timeline import entries
from services.board.times import Times
from tests.notifier.support import HandClock
from tests.tracker.support import Bench, at, event


def test_stalls_and_their_corrections_are_told_of_the_handoff() -> None:
    """Since when there was no event, and what took it back."""
    bench = Bench()
    bench.feed(
        [
            event("lead.handed_off", "09:00"),
            event("lead.touched", "09:30", kind="call", direction="outbound", connected=True),
        ],
        "09:30",
    )
    bench.tick("11:30")
    bench.feed([event("lead.updated", "10:00", attributes={})], "11:40")
    file = bench.views.lead("crm:lead:1")
    assert file is not None
    told = {entry.title: entry for entry in entries(file, Times(ZoneInfo("UTC"), at("11:40")))}
    assert told["Handoff 1: stalled, no event since Mon 5 Oct 09:30"].is_taken_back
    assert not told["Handoff 1: corrected from stalled to open"].is_taken_back


def test_page_and_api_show_a_stall() -> None:
    """The page in words, the API as it is stored."""
    bench = Bench()
    bench.feed(
        [
            event("lead.handed_off", "09:00"),
            event("lead.touched", "09:30", kind="call", direction="outbound", connected=True),
        ],
        "09:30",
    )
    bench.tick("11:30")
    app = FastAPI(docs_url=None, redoc_url=None)
    shown = board.Board(
        views=bench.views,
        accounts=SqlAccountViews(bench.database),
        charters=lambda: bench.charters,
        documents=list,
        clock=HandClock("11:40"),
    )
    board.add_routes(app, shown)
    with TestClient(app) as client:
        assert "Handoff 1: stalled, no event since Mon 5 Oct 09:30" in client.get("/leads/crm:lead:1").text
        (stall,) = [
            each for each in client.get("/api/v1/leads/crm:lead:1").json()["transitions"] if each["clock"] == "handoff"
        ]
    assert (stall["number"], stall["transition"], stall["standing"]) == (1, f"stalled/{at('09:30')}", True)

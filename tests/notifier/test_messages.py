"""The words of an alert: what people read of each kind, and that nothing a CRM says can forge a line of it."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi import FastAPI

from schemas.routes import Language
from services.adapters.sql.account_views import SqlAccountViews
from services.board import app as board
from services.domain.instants import parse_instant
from services.notifier.messages import message
from services.ports import Message
from services.storage import AlertRow
from tests.notifier.support import BOARD, Desk, HandClock
from tests.tracker.support import CHARTER, Bench, charters_of, event

WARSAW = CHARTER.replace("  always: {timezone: UTC, ", "  office: {timezone: Europe/Warsaw, ").replace(
    "calendar: always", "calendar: office"
)

DETAILS: dict[str, object] = {
    "at": parse_instant("2026-10-05T09:45:00Z"),
    "before": None,
    "after": None,
    "owner": "jan",
    "team": "inbound",
    "account": "ACME",
    "source": "webinar",
    "promised_by": "sales",
    "says": "Sales touches every lead",
    "due_at": parse_instant("2026-10-05T10:00:00Z"),
    "started_at": parse_instant("2026-10-05T09:00:00Z"),
    "ended_at": None,
    "within": "1h",
    "calendar": "office",
    "timezone": "Europe/Warsaw",
    "to": None,
}
PAST_DUE = parse_instant("2026-10-05T10:00:00Z") + 1
ENDED = parse_instant("2026-10-05T09:30:00Z")


def told(kind: str, lead: str = "crm:lead:1", **details: object) -> Message:
    """The message of an alert with these details."""
    row = AlertRow(f"{lead}/touch/1/{kind}", kind, lead, "touch", 1, 0, {**DETAILS, **details})
    return message(row, BOARD)


TEXTS = {
    "at_risk": (
        told("at_risk"),
        "At risk: touch on crm:lead:1",
        "Due Mon 05 Oct 2026 12:00 CEST: some of the 1h of calendar office is left.",
    ),
    "at risk while paused": (
        told("at_risk", due_at=None),
        "At risk: touch on crm:lead:1",
        "It is paused; some of the 1h of calendar office is left.",
    ),
    "overdue": (
        told("overdue", at=PAST_DUE),
        "Overdue: touch on crm:lead:1",
        "Was due Mon 05 Oct 2026 12:00 CEST: the 1h of calendar office has passed.",
    ),
    "escalated": (
        told("escalated", at=PAST_DUE, to="sales-leads"),
        "Escalated to sales-leads: touch on crm:lead:1",
        "Was due Mon 05 Oct 2026 12:00 CEST: the 1h of calendar office has passed.",
    ),
    "escalated before it is due": (
        told("escalated", to="sales"),
        "Escalated to sales: touch on crm:lead:1",
        "Due Mon 05 Oct 2026 12:00 CEST: some of the 1h of calendar office is left.",
    ),
    "corrected": (
        told("corrected", before="overdue", after="met", ended_at=ENDED),
        "Corrected: touch on crm:lead:1 is met",
        "It was told as overdue; an event that reached us late shows that it is met at Mon 05 Oct 2026 11:30 CEST. "
        "What was told before is taken back.",
    ),
    "corrected to one that still runs": (
        told("corrected", before="overdue", after="at_risk"),
        "Corrected: touch on crm:lead:1 is at risk",
        "It was told as overdue; an event that reached us late shows that it is at risk. "
        "What was told before is taken back.",
    ),
    "corrected to one that never was": (
        told("corrected", before="at_risk", after="none"),
        "Corrected: touch on crm:lead:1 is not owed at all",
        "It was told as at risk; an event that reached us late shows that it is not owed at all. "
        "What was told before is taken back.",
    ),
}


@pytest.mark.parametrize(("told_as", "title", "sentence"), TEXTS.values(), ids=TEXTS)
def test_what_people_read(told_as: Message, title: str, sentence: str) -> None:
    """The title says what is the matter; then come the times in the calendar's zone, the promise, the lead, a link."""
    assert told_as.title == title
    assert told_as.body.split("\n") == [
        sentence,
        "The promise of sales: Sales touches every lead.",
        "Lead: owner jan, team inbound, account ACME, source webinar.",
        "https://baton.example.com/leads/crm%3Alead%3A1",
    ]


LIES_STILL: dict[str, object] = {
    "at": PAST_DUE,
    "since": parse_instant("2026-10-05T08:00:00Z"),
    "before": None,
    "after": None,
    "owner": "jan",
    "team": "inbound",
    "within": "2h",
    "calendar": "office",
    "timezone": "Europe/Warsaw",
}


def of_handoff(kind: str, language: Language = "en", **details: object) -> Message:
    """The message of an alert of the first handoff of a lead."""
    row = AlertRow(f"crm:lead:1/handoff/1/{kind}", kind, "crm:lead:1", "handoff", 1, 0, {**LIES_STILL, **details})
    return message(row, BOARD, language=language)


STALLS: dict[str, tuple[Message, str, str]] = {
    "stalled": (
        of_handoff("stalled"),
        "Stalled: crm:lead:1",
        "No event since Mon 05 Oct 2026 10:00 CEST: 2h of calendar office passed.",
    ),
    "corrected": (
        of_handoff("corrected", before="stalled", after="open"),
        "Corrected: crm:lead:1 did not lie still",
        "It was told as stalled; an event that reached us late shows that it did not lie still. It is open now. "
        "What was told before is taken back.",
    ),
    "corrected to a handoff that never was": (
        of_handoff("corrected", before="stalled", after="none"),
        "Corrected: crm:lead:1 did not lie still",
        "It was told as stalled; an event that reached us late shows that it did not lie still. It is not handed off "
        "now. What was told before is taken back.",
    ),
    "corrected back": (
        of_handoff("corrected", before="open", after="stalled"),
        "Corrected: crm:lead:1 did lie still",
        "That it was stalled was taken back; what reached us since shows that it was. It is stalled now.",
    ),
    "stalled, in Polish": (
        of_handoff("stalled", "pl"),
        "Bez ruchu: crm:lead:1",
        "Ostatnie zdarzenie: 05.10.2026 10:00 CEST. Od tego czasu upłynęło 2h według kalendarza office.",
    ),
    "corrected, in Polish": (
        of_handoff("corrected", "pl", before="stalled", after="closed"),
        "Sprostowanie: crm:lead:1, przestoju nie było",
        "Zgłoszono brak ruchu. Zdarzenie, które dotarło do nas z opóźnieniem, pokazuje, że przestoju nie było. "
        "Stan przekazania: zamknięte. Poprzednie zgłoszenie jest nieaktualne.",
    ),
    "corrected back, in Polish": (
        of_handoff("corrected", "pl", before="open", after="stalled"),
        "Sprostowanie: crm:lead:1, przestój jednak był",
        "Zgłoszenie braku ruchu cofnięto, ale nowsze dane pokazują, że przestój był. Stan przekazania: bez ruchu.",
    ),
}


@pytest.mark.parametrize(("told_as", "title", "sentence"), STALLS.values(), ids=STALLS)
def test_what_people_read_of_a_lead_that_lies_still(told_as: Message, title: str, sentence: str) -> None:
    """Since when, and by which calendar that is too long; no promise is named, for it is none."""
    assert told_as.title == title
    first, lead, link = told_as.body.split("\n")
    assert first == sentence
    assert lead in ("Lead: owner jan, team inbound.", "Lead: opiekun jan, zespół inbound.")
    assert link == "https://baton.example.com/leads/crm%3Alead%3A1"


def test_the_tracker_gives_all_that_the_words_of_a_stall_need() -> None:
    """Told and corrected in a real history."""
    desk = Desk(WARSAW.replace("stalled_after: {time: 2h", "stalled_after: {time: 30m"))
    desk.bench.feed([event("lead.handed_off", "09:00", owner="jan")], "09:00")
    desk.tell("09:30")
    desk.bench.feed([event("lead.updated", "09:10", attributes={})], "09:35")
    desk.tell("09:35")
    assert [each.title for each in desk.mail.taken] == [
        "Stalled: crm:lead:1",
        "Corrected: crm:lead:1 did not lie still",
    ]
    assert desk.mail.taken[0].body.startswith(
        "No event since Mon 05 Oct 2026 11:00 CEST: 30m of calendar office passed."
    )
    assert [each.facts.get("before") for each in desk.mail.taken] == [None, "stalled"]


def test_what_is_not_known_is_left_out() -> None:
    """Of a clock that says nothing on a lead of which nothing is known, there is the fact and the link."""
    bare = told("overdue", at=PAST_DUE, says="", owner=None, team=None, account=None, source=None)
    assert len(bare.body.split("\n")) == 2


def test_the_tracker_gives_all_that_the_words_need() -> None:
    """Every kind of alert of a real history reads whole, with winter time in winter."""
    desk = Desk(WARSAW)
    handed = event("lead.handed_off", "09:00", owner="jan", attributes={"team": "inbound", "source": "webinar"})
    desk.bench.feed([handed], "09:00")
    for now in ("09:45", "10:00:01", "10:30:01"):
        desk.tell(now)
    touch: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}
    desk.bench.feed([event("lead.touched", "09:30", **touch)], "10:40")
    desk.tell("10:40")
    assert [each.kind for each in desk.mail.taken] == ["at_risk", "overdue", "escalated", "escalated", "corrected"]
    for each in desk.mail.taken:
        first, promise, lead, link = each.body.split("\n")
        assert "None" not in each.title + first
        assert promise == "The promise of sales: Sales touches every lead."
        assert lead == "Lead: owner jan, team inbound, source webinar."
        assert link == f"{BOARD}/leads/crm%3Alead%3A1"
    assert "12:00 CEST" in desk.mail.taken[1].body
    assert desk.mail.taken[4].body.startswith("It was told as overdue; ")
    assert "met at Mon 05 Oct 2026 11:30 CEST" in desk.mail.taken[4].body


def test_times_follow_the_clock_changes_of_the_zone() -> None:
    """In winter the same zone is another hour."""
    due = parse_instant("2026-11-05T10:00:00Z")
    assert "Was due Thu 05 Nov 2026 11:00 CET:" in told("overdue", at=due + 1, due_at=due).body


KEYS = [
    "hubspot:contact:151",
    "crm:folder/contact/1",
    "crm://double//slash",
    "a lead with spaces",
    "crm:lead#1?x=y&z",
    "100%25 of it",
    "zażółć:gęślą/jaźń",
    "日本語:🙂",
    "<b>&amp;\"'",
]


@pytest.mark.parametrize("key", KEYS)
async def test_the_link_leads_to_the_page_of_the_lead(key: str) -> None:
    """Whatever the key is made of, the link in the message opens that lead on the board."""
    bench = Bench(charters_of())
    bench.feed([event("lead.handed_off", "09:00", key)], "09:00")
    app = FastAPI(docs_url=None, redoc_url=None)
    shown = board.Board(
        views=bench.views,
        accounts=SqlAccountViews(bench.database),
        charters=lambda: bench.charters,
        documents=list,
        clock=HandClock("09:45"),
    )
    board.add_routes(app, shown)
    link = told("at_risk", key).body.rsplit("\n", 1)[1]
    assert link.isascii()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as client:
        page = await client.get(link)
        api = await client.get(link.replace("/leads/", "/api/v1/leads/"))
    assert urlsplit(link).path.count("/") == 2
    assert page.status_code == 200
    assert api.json()["key"] == key


HOSTILE = "x\nLead: owner boss.\r\n\x85\u2028\u2029\x1b[2J\u202eevil\x00"


@pytest.mark.parametrize("kind", ["stalled", "corrected"])
def test_no_line_of_a_stall_can_be_forged(kind: str) -> None:
    """Neither there."""
    details: dict[str, Any] = dict.fromkeys(("owner", "team", "account", "source", "within", "calendar"), HOSTILE)
    forged = of_handoff(kind, "en", **details, before=HOSTILE, after=HOSTILE)
    assert forged.title.isprintable()
    assert len(forged.body.splitlines()) == len(forged.body.split("\n")) == 3


@pytest.mark.parametrize("kind", ["at_risk", "overdue", "escalated", "corrected"])
def test_no_line_can_be_forged(kind: str) -> None:
    """Line breaks, terminal orders and characters that turn text around become spaces, wherever a CRM puts them."""
    details = dict.fromkeys(("owner", "team", "account", "source", "says", "to"), HOSTILE)
    forged = told(kind, HOSTILE, **details, before=HOSTILE, after=HOSTILE)
    assert forged.title.isprintable()
    lines = forged.body.split("\n")
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)
    assert len(forged.body.splitlines()) == 4


def test_an_id_is_that_of_the_transition() -> None:
    """The same alert has the same id whenever it is told."""
    row = AlertRow("crm:lead:1/touch/1/overdue", "overdue", "crm:lead:1", "touch", 1, 0, DETAILS)
    assert message(row, BOARD).id == message(replace(row, not_before=5), BOARD).id == "crm:lead:1/touch/1/overdue"

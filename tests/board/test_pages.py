"""The pages: the right facts, readable without a script, and nothing that a stranger wrote runs."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient
from httpx2 import AsyncClient

from services.board.shapes import lead_path
from services.domain.charter import Charters
from services.domain.clocks import Status
from services.domain.events import EventType
from services.views import LeadQuery
from tests.board.world import CHARTER, HOSTILE, MINUTE, ODD_KEYS, FakeViews, StillClock, Story, views_of

HOSTILE_KEY = f"crm:{HOSTILE}"
PAGES = [
    "/",
    "/?team=inbound&wall=true",
    "/leads",
    "/leads?status=overdue&account=ACME",
    "/leads/hubspot:contact:151",
    "/leads/hubspot:contact:157",
    f"/leads/{lead_path(HOSTILE_KEY)}",
    "/leads/nobody",
    "/leads?limit=0",
    "/accounts",
    "/accounts/ACME",
    f"/accounts/{lead_path(HOSTILE)}",
    "/charter",
    "/docs",
]
STATIC = [path for path in files("services.board").joinpath("static").iterdir() if not path.name.startswith(".")]


class _Page(HTMLParser):
    """The tags of a page with their attributes, the text, and what stands within script and style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.inline = ""
        self._within = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within = tag

    def handle_endtag(self, tag: str) -> None:
        del tag
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in ("script", "style"):
            self.inline += data.strip()
        else:
            self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def values(self, tag: str, name: str) -> list[str]:
        return [value for each, attributes in self.tags if each == tag and (value := attributes.get(name)) is not None]


def read(client: TestClient, address: str, status: int = 200) -> _Page:
    answer = client.get(address)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return _Page(answer.text)


def test_the_board_shows_both_teams_and_their_promises(client: TestClient) -> None:
    """Both sides with what each says, how it was kept against its objective, and what is open."""
    words = read(client, "/").words
    for expected in (
        "Charter 2026-Q4, in force since 1 Oct 2026",
        "Marketing promises sales",
        "Sales promises marketing",
        "Marketing answers every rejection",
        "Sales accepts or rejects every lead it is handed",
        "60 %",
        "3 of 5 kept",
        "95 %",
        "1 overdue",
        "1 at risk",
        "9 running",
        "1 paused",
    ):
        assert expected in words


def test_the_board_says_who_is_needed_now(client: TestClient) -> None:
    """The worst first: the lead as a link, its clock, team, owner, due time in the charter's zone, and time left."""
    page = read(client, "/")
    assert "/leads/hubspot:contact:151" in page.values("a", "href")
    row = page.words[page.words.index("hubspot:contact:151") :]
    assert row.startswith(
        "hubspot:contact:151ACME · hot acceptowed by sales inboundjan.nowak Mon 12 Oct 09:45 2 h 15 min over"
    )
    assert page.words.index("hubspot:contact:159") < page.words.index("hubspot:contact:151")


def test_a_time_is_also_there_for_machines(client: TestClient) -> None:
    """Every time shown in the zone carries its instant in UTC."""
    assert "2026-10-12T07:45:00Z" in read(client, "/").values("time", "datetime")


def test_a_time_lapse_is_said_and_its_speed_given_to_the_script(client: TestClient, clock: StillClock) -> None:
    """The page carries the server's now in milliseconds and its speed, so that time left is counted rightly."""
    clock.speed = 600.0
    page = read(client, "/")
    assert page.values("body", "data-speed") == ["600.0"]
    assert page.values("body", "data-now") == ["1791799200000"]
    assert page.values("body", "data-version") == ["1"]
    assert "Time-lapse, 600 times as fast" in page.words


def test_an_empty_board_says_what_to_do_next(client: TestClient, views: FakeViews) -> None:
    """A newcomer is told how to connect a CRM, and sees what will be counted."""
    views.files.clear()
    words = read(client, "/").words
    assert "No lead has arrived yet" in words
    assert "Connect your CRM" in words
    assert "/hooks/hubspot" in words
    assert "nothing fell due" in words
    assert "Needs someone now" not in words


def test_a_calm_board_says_so(client: TestClient, views: FakeViews) -> None:
    """Where nobody is waited for, that is said and not just left blank."""
    views.files = {key: file for key, file in views.files.items() if key == "hubspot:contact:154"}
    assert "Nobody is waited for" in read(client, "/").words


def test_the_list_hands_its_filters_on(client: TestClient, views: FakeViews) -> None:
    """What the address asks is what the views are asked."""
    read(client, "/leads?stalled=true&clock=accept&status=at_risk&team=a&source=b&account=c&priority=d&owner=e")
    assert views.asked[-1] == LeadQuery(
        stalled=True,
        clock="accept",
        status=Status.AT_RISK,
        team="a",
        source="b",
        account="c",
        priority="d",
        owner="e",
        limit=51,
    )


def test_an_empty_field_of_the_form_asks_nothing(client: TestClient, views: FakeViews) -> None:
    """A form sends its empty fields too."""
    read(client, "/leads?stalled=&clock=&status=&team=&source=&priority=&account=&owner=")
    assert views.asked[-1] == LeadQuery(limit=51)


def test_the_list_shows_what_was_asked(client: TestClient) -> None:
    """The form keeps its values; the rows are the leads that meet them."""
    page = read(client, "/leads?account=Globex&status=at_risk")
    assert "Globex" in page.values("input", "value")
    assert "hubspot:contact:152" in page.words
    assert "hubspot:contact:151" not in page.words


def test_the_list_is_paged(client: TestClient, views: FakeViews) -> None:
    """Following the next page from the first to the last shows every lead once, with the filters kept."""
    address, seen = "/leads?limit=4&stalled=false", []
    while address:
        page = read(client, address)
        hrefs = page.values("a", "href")
        seen += [unquote(href.removeprefix("/leads/")) for href in hrefs if href.startswith("/leads/")]
        address = next((attrs["href"] or "" for _, attrs in page.tags if attrs.get("rel") == "next"), "")
        assert not address or "stalled=false" in address
    assert seen == sorted(views.files.keys() - {"hubspot:contact:151", "hubspot:contact:159"})


def test_the_page_of_a_lead_explains_each_verdict(client: TestClient) -> None:
    """Each clock with its reason, its target and why, what started it and when it is due."""
    words = read(client, "/leads/hubspot:contact:151").words
    for expected in (
        "Overdue: due Mon 12 Oct 09:45 and not yet accepted or rejected; "
        "2 h 30 min of the 15 min that calendar always allows have gone by (target: priority is hot → 15m).",
        "Target 1 of 3, because priority is hot: 15m of calendar always, charter 2026-Q4",
        "Mon 12 Oct 09:30, handed off",
        "Met: handed off Mon 12 Oct 09:30, after 30 min of the 4 h that calendar office allows (target: 4h).",
        "Handoff 1 is open since Mon 12 Oct 09:30",
        "Clock accept 1: escalated, level 2",
        "ownerjan.nowakteaminbound",
    ):
        assert expected in words


def test_the_page_of_a_lead_tells_corrections(client: TestClient) -> None:
    """What was told and taken back stays in the timeline, with the verdict before and after."""
    words = read(client, "/leads/hubspot:contact:157").words
    assert "Clock accept 1: corrected from overdue to met" in words
    assert "taken back by a late event" in words


def test_the_page_of_a_lead_says_where_the_time_went(client: TestClient, views: FakeViews) -> None:
    """What it waited for, on the wall and in counted time, and the transit of the news; with the sum."""
    file = views.files["hubspot:contact:154"]
    late = {(event.source, event.id): event.time + 12 * MINUTE for event in file.events}
    views.files["hubspot:contact:154"] = replace(file, received=late)
    words = read(client, "/leads/hubspot:contact:154").words
    assert "Waiting for an owner1 h 00 min1 h40 %" in words
    assert "Waiting for a touch1 h 06 min1 h 6 min44 %" in words
    assert "In transit between the CRM and us24 min 00 s24 min16 %" in words
    assert "Altogether2 h 30 min2 h 30 min" in words


def test_the_page_of_a_lead_draws_every_clock(client: TestClient) -> None:
    """A bar for each instance and one for where the time went, all by attributes that the strict policy allows."""
    page = read(client, "/leads/hubspot:contact:157")
    drawn = [attributes for tag, attributes in page.tags if tag == "svg" and attributes.get("class") == "axis"]
    assert len(drawn) == 3
    assert all(attributes["aria-hidden"] == "true" for attributes in drawn)


def test_a_lead_back_with_who_rejected_it_carries_a_warning(client: TestClient, views: FakeViews) -> None:
    """It says when and why, and blames nobody."""
    book = Story()
    book.tell("crm:back", "10-12 09:00", EventType.LEAD_HANDED_OFF, attributes={"account": "ACME"}, owner="ewa")
    book.tell("crm:back", "10-12 10:00", EventType.LEAD_REJECTED, reason="wrong_fit")
    book.tell("crm:back", "10-12 11:00", EventType.LEAD_HANDED_OFF)
    views.files |= views_of(book, Charters([CHARTER])).files
    words = read(client, "/leads/crm:back").words
    assert "back with the person who rejected it Mon 12 Oct 10:00 (wrong_fit)" in words
    assert "back with" not in read(client, "/leads/hubspot:contact:151").words


def test_the_page_of_a_lead_tells_its_deals(client: TestClient, views: FakeViews) -> None:
    """How far each went, with the amount as people write it."""
    book = Story()
    book.tell("crm:deal", "10-12 09:00", EventType.LEAD_HANDED_OFF, attributes={})
    book.tell("crm:deal", "10-12 10:00", EventType.DEAL_OPENED, deal="D-1", stage="offer", amount=1200, currency="PLN")
    views.files |= views_of(book, Charters([CHARTER])).files
    words = read(client, "/leads/crm:deal").words
    assert "D-1 deal opened Mon 12 Oct 10:00 Amount1,200 PLNStagesoffer (Mon 12 Oct 10:00)" in words


def test_the_timeline_says_who_did_what(client: TestClient) -> None:
    """Marketing, sales, the customer and the system, each by name."""
    words = read(client, "/leads/hubspot:contact:151").words
    assert "Captured Marketing" in words
    assert "Clock accept 1: overdue Baton" in words


def test_the_page_of_a_forgotten_lead_shows_nothing_of_the_person(client: TestClient) -> None:
    """The verdict stays, the person's data does not."""
    words = read(client, "/leads/hubspot:contact:158").words
    assert "Forgotten at the person’s wish" in words
    assert "Cancelled: erased Mon 12 Oct 09:20" in words
    assert "Kowalska" not in words


def test_the_page_of_a_closed_handoff_tells_its_outcome(client: TestClient) -> None:
    """Handoffs opened and closed are in the timeline, with the reason."""
    words = read(client, "/leads/hubspot:contact:155").words
    assert "Handoff 1 closed: rejected" in words
    assert "wrong_fit" in words
    assert "No open handoff" in words


def test_a_lead_can_be_seen_as_it_was(client: TestClient) -> None:
    """With `as_of` the page shows the lead at that instant, and does not update itself."""
    page = read(client, "/leads/hubspot:contact:154?as_of=2026-10-12T10:00:00%2B02:00")
    assert "Running: 30 min of the 4 h" in page.words
    assert "10:42" not in page.words
    assert page.values("body", "data-version") == []


@pytest.mark.parametrize("key", [*ODD_KEYS, HOSTILE_KEY])
async def test_any_key_survives_its_link(browser: AsyncClient, key: str) -> None:
    """Slashes, colons, spaces, letters of any script and percent signs: the link of a list leads to that lead."""
    listed = _Page((await browser.get("/leads?limit=200")).text)
    link = next(href for href in listed.values("a", "href") if unquote(href) == f"/leads/{key}")
    answer = await browser.get(link)
    assert answer.status_code == 200
    assert key in _Page(answer.text).text


def test_an_unknown_lead_is_not_found(client: TestClient) -> None:
    """The page says so, in words."""
    assert "No lead has the key 'nobody'" in read(client, "/leads/nobody", 404).words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", "limit: Input should be greater than or equal to 1"),
        ("status=late", "status: Input should be 'running', 'at_risk'"),
        ("statsu=met", "statsu: there is no such parameter"),
        ("clock=acept", "clock: no charter has a clock 'acept'; there are pass_on, answer, accept, first_call"),
        ("cursor=%21", "cursor: not one that this list has given"),
        ("as_of=yesterday", "as_of: 'yesterday' is not an RFC 3339 time"),
    ],
)
def test_a_wrong_filter_is_explained(client: TestClient, query: str, words: str) -> None:
    """A page that cannot be shown says which parameter is wrong and why."""
    assert words in read(client, f"/leads?{query}", 422).words


@pytest.mark.parametrize("address", ["/", "/leads", "/leads/hubspot:contact:151"])
def test_a_database_that_is_away_is_said(client: TestClient, views: FakeViews, address: str) -> None:
    """No traceback: a page that says to come back, and when."""
    views.is_away = True
    assert "Try again in a moment" in read(client, address, 503).words
    assert client.get(address).headers["retry-after"] == "5"


@pytest.mark.parametrize("address", PAGES)
def test_hostile_text_stays_text(client: TestClient, address: str) -> None:
    """A key or a campaign's name that looks like markup is shown, never run."""
    html = client.get(address).text
    assert "<script>alert" not in html
    page = _Page(html)
    assert page.inline == ""
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 1


@pytest.mark.parametrize("address", PAGES)
def test_no_page_has_anything_inline_or_from_elsewhere(client: TestClient, address: str) -> None:
    """No inline script, style or handler, and no address of another host: the strict policy holds as it is."""
    answer = client.get(address)
    page = _Page(answer.text)
    for tag, attributes in page.tags:
        assert tag not in ("style", "base", "iframe", "object")
        for name, value in attributes.items():
            assert name != "style"
            assert not name.startswith("on")
            if name in ("src", "href", "action", "srcset"):
                assert (value or "").startswith(("/", "#"))
                assert not (value or "").startswith("//")


@pytest.mark.parametrize("address", [*PAGES, "/assets/board.css", "/api/v1/leads", "/api/v1/leads/nobody"])
def test_every_answer_carries_the_security_headers(client: TestClient, address: str) -> None:
    """Also errors, files and the API."""
    headers = client.get(address).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("asset", STATIC, ids=lambda asset: str(asset.name))
def test_no_static_file_calls_elsewhere(asset: object) -> None:
    """No font, script or picture comes from outside (a namespace is a name, not an address that is called)."""
    text = getattr(asset, "read_text")().replace("http://www.w3.org/2000/svg", "")  # noqa: B009 - a Traversable
    assert not re.search(r"https?:|@import|url\(|//[a-z]+\.[a-z]", text)


def test_static_files_are_kept_by_the_browser_until_they_change(client: TestClient) -> None:
    """Their addresses carry a digest, so they may be kept for ever; pages, which speak of people, never."""
    page = client.get("/")
    assert page.headers["cache-control"] == "no-store"
    for address in (*_Page(page.text).values("script", "src"), *_Page(page.text).values("link", "href")):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert re.search(r"\?v=[0-9a-f]{12}$", address)


def test_there_are_no_other_files(client: TestClient) -> None:
    """A name that is not one of the board's own files is not found."""
    assert client.get("/assets/..%2Fapp.py").status_code == 404
    assert client.get("/assets/nothing.js").status_code == 404


@pytest.mark.parametrize("address", PAGES)
def test_every_page_can_be_used_by_all(client: TestClient, address: str) -> None:
    """A language, one main heading, landmarks, a way past the navigation, labels, and headers of tables."""
    page = _Page(client.get(address).text)
    names = [tag for tag, _ in page.tags]
    assert page.values("html", "lang") == ["en"]
    assert names.count("h1") == 1
    assert {"header", "nav", "main", "footer", "title"} <= set(names)
    assert "#main" in page.values("a", "href")
    fields = {
        attrs["id"]
        for tag, attrs in page.tags
        if tag in ("input", "select", "textarea") and attrs.get("type") != "hidden"
    }
    assert fields == set(page.values("label", "for"))
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_the_reference_lists_the_api(client: TestClient) -> None:
    """Paths, parameters with what they mean, answers and shapes, from the app's own document."""
    page = read(client, "/docs")
    for expected in (
        "/api/v1/leads/{key}",
        "Leads with their open clocks, by key.",
        "as_of",
        "LeadSummary",
        "stalls_at",
    ):
        assert expected in page.words
    targets = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    assert {href[1:] for href in page.values("a", "href") if href.startswith("#")} <= targets

"""The page and the API of goals: numbers as the measures have them, each with the leads behind it."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.board.app import add_routes
from services.domain.facts import FactKind
from services.domain.instants import Instant
from services.domain.periods import parse_period
from services.measures.book import Book
from services.views import CeremonyHeld, FactView, Verdicts
from tests.board.feedback_world import board_of
from tests.board.world import HOSTILE, FakeViews, StillClock
from tests.measures.made import WARSAW, MemoryFacts, MemoryVerdicts, at, charters, deal, fact, many

NOW = at("2026-11-16 09:00")
"""32 of the quarter's 66 working days have passed, 10 of November's 21."""
QUARTER = parse_period("2026-Q4", WARSAW)
FACTS: list[FactView] = [
    *many(FactKind.HANDED_OFF, "2026-10-05 10:00", 200),
    *many(FactKind.ACCEPTED, "2026-10-06 10:00", 150),
    *many(FactKind.HANDED_OFF, "2026-11-10 10:00", 190),
    *many(FactKind.ACCEPTED, "2026-11-10 11:00", 7),
    *many(FactKind.REJECTED, "2026-11-10 11:00", 3),
    *many(FactKind.CLOSED, "2026-11-10 11:00", 4),
    *many(FactKind.JUDGED, "2026-11-10 11:00", 3),
    *[view for place in range(40) for view in deal("2026-10-20 10:00", 12_000, name=f"d{place}")],
    *deal("2026-10-21 10:00", 5_000, name="euro", currency="EUR"),
]
HELD = [CeremonyHeld("huddle", at("2026-11-10 09:30"), 3, 4, "we met")]


JUDGED = {QUARTER.since: [Verdicts("accept", "sales", 9, 1, 0), Verdicts("answer", "marketing", 8, 1, 1)]}


def client_of(
    facts: MemoryFacts, views: FakeViews | None = None, *, verdicts: dict[Instant, list[Verdicts]] | None = None
) -> TestClient:
    """A client of a board over facts in memory."""
    agreed, views = charters(), views or FakeViews()
    book = Book(views=MemoryVerdicts(JUDGED if verdicts is None else verdicts), facts=facts)
    app = FastAPI(title="Baton", version="1", docs_url=None, redoc_url=None)
    add_routes(app, board_of(views, StillClock(NOW), agreed, book=book))
    return TestClient(app, follow_redirects=False)


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A client of a board with an autumn of facts."""
    with client_of(MemoryFacts(FACTS, HELD)) as client:
        yield client


def test_a_goal_in_the_api(client: TestClient) -> None:
    """480,000 of 1.2 million where 32 of 66 days have passed: the figure, its pace, its gap and its facts."""
    body = client.get("/api/v1/goals").json()
    assert (body["charter"], body["as_of"]) == ("2026-Q4", "2026-11-16T08:00:00Z")
    (goal,) = body["items"]
    figure = goal["figure"]
    assert (figure["measure"], figure["currency"], figure["where"]) == ("won_amount", "PLN", "new_customer is true")
    assert (figure["value"], figure["target"], figure["progress"]) == (480_000, 1_200_000, 0.4)
    assert figure["period"]["key"] == "2026-Q4"
    assert figure["time_passed"] == 32 / 66
    assert figure["word"] == "behind"
    assert figure["pace"] == pytest.approx(0.825)
    assert [part["stage"] for part in goal["gap"]["parts"]] == ["handoffs", "accepted", "won", "amount"]
    assert [part["planned_by"] for part in goal["gap"]["parts"]] == [
        "contributes",
        "commitment",
        "contributes",
        "target",
    ]
    assert sum(part["amount"] for part in goal["gap"]["parts"]) == pytest.approx(goal["gap"]["total"])
    assert [each["side"] for each in goal["contributes"]] == ["marketing", "sales", "service"]
    assert goal["contributes"][2] == {"side": "service", "words": "a good start", "figure": None}
    assert goal["forecast"]["low"] <= goal["forecast"]["middle"] <= goal["forecast"]["high"]


def test_commitments_of_both_sides_in_the_api(client: TestClient) -> None:
    """Each with its own period, and whole numbers behind every share."""
    items = {item["name"]: item for item in client.get("/api/v1/commitments").json()["items"]}
    assert {item["promised_by"] for item in items.values()} == {"marketing", "sales"}
    quality = items["quality"]["figure"]
    assert (quality["top"], quality["bottom"], quality["value"], quality["pace"]) == (7, 10, 0.7, 1)
    assert quality["expected"] == quality["target"] == 0.7
    assert items["punctual"]["figure"]["clock"] == "accept"
    assert (items["punctual"]["figure"]["value"], items["punctual"]["figure"]["word"]) == (None, None)
    assert items["volume"]["figure"]["period"]["name"] == "November 2026"


def test_the_index_in_the_api(client: TestClient) -> None:
    """All five parts, null where nothing was to do, and a sentence."""
    body = client.get("/api/v1/collaboration").json()
    assert [part["part"] for part in body["parts"]] == [
        "two_way_attainment",
        "feedback_given",
        "feedback_answered",
        "disputes_settled",
        "ceremonies_held",
    ]
    assert [part["share"] for part in body["parts"]] == [0.8, 0.75, 0.8, None, pytest.approx(1 / 7)]
    assert body["parts"][0]["side"] == "marketing"
    assert body["index"] == pytest.approx((0.8 + 0.75 + 0.8 + 1 / 7) / 4 * 100)
    assert body["last_index"] == 0
    assert body["says"].startswith("62.3 of 100, up 62.3 from 0 in 2026-Q3: ")


def test_ceremonies_in_the_api(client: TestClient) -> None:
    """Those of weeks that are over and of the quarter that runs, with who came by side, and no person."""
    items = client.get("/api/v1/ceremonies").json()["items"]
    assert {item["ceremony"] for item in items} == {"huddle", "quarterly-review"}
    (held,) = [item for item in items if item["held"]]
    assert (held["period"]["key"], held["due"], held["over"]) == ("2026-W46", True, True)
    assert held["held"] == [{"at": "2026-11-10T08:30:00Z", "marketing": 3, "sales": 4, "notes": "we met"}]
    assert [item["due"] for item in items if item["ceremony"] == "quarterly-review"] == [False]


def test_every_number_leads_to_as_many_facts(client: TestClient) -> None:
    """Following a link page by page gives exactly what was counted, in goals, commitments and the index."""
    body = [client.get(f"/api/v1/{name}").json() for name in ("goals", "commitments", "collaboration")]
    links = {(each["href"], each["count"]) for each in _made_of(body)}
    assert len(links) > 8
    for href, count in links:
        assert len(_listed(client, href)) == count, href


def _made_of(body: object) -> Iterator[dict[str, object]]:
    if isinstance(body, dict):
        for key, value in body.items():
            yield from value if key == "made_of" else _made_of(value)
    elif isinstance(body, list):
        for each in body:
            yield from _made_of(each)


def _listed(client: TestClient, href: object) -> list[object]:
    found: list[object] = []
    cursor = ""
    while True:
        page = client.get(f"{href}&limit=60{cursor}").json()
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def test_facts_are_told_with_their_leads(client: TestClient) -> None:
    """When, whose, what is known of it, and for how much."""
    address = "/api/v1/facts?kind=deal_won&since=2026-10-01&until=2026-11-01&currency=EUR"
    (item,) = client.get(address).json()["items"]
    assert item == {
        "lead": "crm:euro:2026-10-21 10:00",
        "href": "/api/v1/leads/crm:euro:2026-10-21%2010:00",
        "kind": "deal_won",
        "number": "euro",
        "at": "2026-10-21T08:00:00Z",
        "source": "other",
        "attributes": {},
        "amount": 5000,
        "currency": "EUR",
    }


def test_a_past_moment_gives_the_numbers_of_then(client: TestClient) -> None:
    """As of noon on the fifth of October, and the list behind it is that of then too."""
    body = client.get("/api/v1/commitments?as_of=2026-10-06T08:30:00%2B02:00").json()
    volume = next(item["figure"] for item in body["items"] if item["name"] == "volume")
    assert (volume["value"], volume["period"]["key"]) == (200, "2026-10")
    quality = next(item["figure"] for item in body["items"] if item["name"] == "quality")
    assert quality["value"] is None
    assert "as_of=2026-10-06T06%3A30%3A00Z" in volume["made_of"][0]["href"]
    before = "/api/v1/facts?kind=accepted&since=2026-10-01&until=2026-11-01&as_of="
    assert client.get(f"{before}2026-10-06T06:30:00Z").json()["items"] == []
    assert len(_listed(client, f"{before}2026-10-06T08:00:00Z")) == 150


def test_a_period_that_is_over(client: TestClient) -> None:
    """October as it ended."""
    body = client.get("/api/v1/commitments?period=2026-10").json()
    figures = {item["name"]: item["figure"] for item in body["items"]}
    assert (figures["volume"]["value"], figures["volume"]["time_passed"]) == (200, 1)
    assert figures["quality"]["value"] == 1


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("goals?period=soon", "period: 'soon' is no period; write a week 2026-W41"),
        ("goals?period=2027-Q1", "period: 2027-Q1 has not begun yet"),
        ("commitments?as_of=yesterday", "as_of: 'yesterday' is not an RFC 3339 time"),
        ("collaboration?when=now", "when: there is no such parameter"),
        ("ceremonies?period=2026-13", "period: '2026-13' is no period"),
        ("facts?since=2026-10-01&until=2026-11-01", "kind: Field required"),
        ("facts?kind=accepted&since=2026-10-01&until=2026-10-01", "until: the day after the last"),
        ("facts?kind=accepted&since=2026-10-01&until=2026-11-01&filter=x", "filter: no charter has"),
        ("facts?kind=accepted&since=2026-10-01&until=2026-11-01&cursor=x", "cursor: not one that this list"),
        ("facts?kind=happy&since=2026-10-01&until=2026-11-01", "kind: Input should be 'handed_off'"),
    ],
)
def test_what_is_asked_wrongly_is_told(client: TestClient, query: str, detail: str) -> None:
    """A problem document that names the parameter and what to write."""
    answer = client.get(f"/api/v1/{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith(detail)


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.words: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href" and value and tag == "a"]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def test_the_page_says_what_the_api_says(client: TestClient) -> None:
    """The figure, the pace in a word, what was expected, the gap that adds up, and both sides' promises."""
    page = _Page(client.get("/goals").text)
    for words in (
        "480,000\xa0PLN",
        "of 1,200,000\xa0PLN",
        "Behind",
        "581,818\xa0PLN expected by now, 48.4 % of the time has passed",
        "Low acceptance",
        "planned by a commitment",
        "101,818\xa0PLN",
        "a good start",
        "Marketing promised",
        "Sales promised",
        "62.3",
        "left out: nothing was due",
        "not held",
        "there is time",
        "3 of marketing, 4 of sales",
    ):
        assert words.replace("\xa0", " ") in page.text.replace("\xa0", " "), words


def test_the_page_s_numbers_lead_to_lists(client: TestClient) -> None:
    """Each link to facts opens, and its list has as many leads as the link says, page after page."""
    page = client.get("/goals").text
    links = re.findall(r'<a href="(/facts\?[^"]+)">([\d,]+) ', page)
    assert len(links) > 8
    for href, number in links:
        address = href.replace("&amp;", "&")
        listed = 0
        while address:
            shown = client.get(address)
            assert shown.status_code == 200
            listed += shown.text.count('<th scope="row"')
            following = re.search(r'rel="next" href="([^"]+)"', shown.text)
            address = following[1].replace("&amp;", "&") if following else ""
        assert listed == int(number.replace(",", "")), href


def test_attainment_leads_to_the_leads_of_its_clock() -> None:
    """It is made of verdicts and not of facts: how many were kept, and the leads that have the clock."""
    november = parse_period("2026-11", WARSAW)
    with client_of(MemoryFacts(), verdicts={november.since: [Verdicts("accept", "sales", 9, 1, 0)]}) as client:
        page = _Page(client.get("/goals").text)
    assert "9 of 10" in page.text
    assert "/leads?clock=accept" in page.links


def test_the_page_goes_back_and_forth(client: TestClient) -> None:
    """To the quarter before, and from there to the present one; a period in the address stays what it is."""
    assert "/goals?period=2026-Q3" in _Page(client.get("/goals").text).links
    third = _Page(client.get("/goals?period=2026-Q3").text)
    assert {"/goals?period=2026-Q2", "/goals"} <= set(third.links)
    second = _Page(client.get("/goals?period=2026-Q2").text)
    assert "/goals?period=2026-Q3" in second.links
    assert 'data-version="' not in client.get("/goals?period=2026-Q3").text


def test_the_pages_speak_polish(client: TestClient) -> None:
    """With numbers as Polish writes them."""
    page = _Page(client.get("/goals?lang=pl").text).text.replace("\xa0", " ")
    assert "480 000 PLN" in page
    assert "Za planem" in page
    assert "listopad 2026" in page
    assert "Niski odsetek przyjętych" in page


def test_it_is_too_early_to_tell() -> None:
    """With no working day watched, the page says how many it takes."""
    with client_of(MemoryFacts()) as client:
        text = _Page(client.get("/goals").text).text
        assert "Too early to tell: 10 working days more are needed." in text
        (goal,) = client.get("/api/v1/goals").json()["items"]
        assert goal["forecast"] == {"low": None, "middle": None, "high": None, "missing_days": 10, "missing_deals": 5}


def test_what_crms_say_is_shown_as_text() -> None:
    """Neither a lead's key nor an attribute is markup, in a list of facts as elsewhere."""
    facts = [fact(FactKind.ACCEPTED, "2026-11-10", lead=HOSTILE, attributes={"campaign": HOSTILE})]
    with client_of(MemoryFacts(facts)) as client:
        text = client.get("/facts?kind=accepted&since=2026-11-01&until=2026-12-01").text
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(1)") >= 2


def test_the_page_stands_alone(client: TestClient) -> None:
    """No script in it, no style, nothing from elsewhere: complete as served, under the strictest policy."""
    answer = client.get("/goals")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert " style=" not in answer.text
    assert "<style" not in answer.text
    assert answer.text.count("<script") == 1
    assert _Page(answer.text).tags.count("h1") == 1


def test_the_store_away_is_told() -> None:
    """A page and a problem, with when to come back."""
    with client_of(MemoryFacts(FACTS), FakeViews(is_away=True)) as away:
        answer = away.get("/goals")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"


def test_numbers_are_numbers_of_json(client: TestClient) -> None:
    """Whole ones without a point, no NaN anywhere."""
    text = client.get("/api/v1/goals").text
    assert '"target":1200000,' in text
    json.loads(text, parse_constant=lambda name: pytest.fail(name))


def test_links_are_those_of_the_api(client: TestClient) -> None:
    """A link asks with the same parameters on the page as in the API."""
    (goal,) = client.get("/api/v1/goals").json()["items"]
    asked = dict(parse_qsl(urlsplit(goal["figure"]["made_of"][0]["href"]).query))
    assert asked == {
        "kind": "deal_won",
        "since": "2026-10-01",
        "until": "2026-11-17",
        "filter": "new_customer is true",
        "currency": "PLN",
    }

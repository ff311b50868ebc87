"""The customer in the middle: the page of an account, and the list of accounts with their client teams."""

from fastapi.testclient import TestClient

from services.domain.charter import Charters
from services.domain.events import EventType
from tests.board.test_pages import read
from tests.board.world import CHARTER, HOSTILE, FakeViews, Story, views_of

E = EventType


def _more(views: FakeViews) -> None:
    book = Story()
    book.tell("crm:a", "10-12 09:00", E.LEAD_HANDED_OFF, attributes={"account": "ACME"}, owner="ewa")
    book.tell("crm:a", "10-12 09:30", E.LEAD_ACCEPTED)
    book.tell("crm:a", "10-12 10:00", E.LEAD_TOUCHED, kind="call", direction="outbound", connected=True)
    book.tell("crm:a", "10-12 10:30", E.LEAD_TOUCHED, kind="email", direction="inbound", connected=False)
    book.tell("crm:a", "10-12 11:00", E.DEAL_OPENED, deal="D-1", amount=5000, currency="EUR", stage="offer")
    book.tell("crm:b", "10-12 09:00", E.LEAD_CAPTURED, attributes={"account": "ACME"})
    views.files |= views_of(book, Charters([CHARTER])).files


def test_an_account_shows_every_lead_from_both_sides(client: TestClient, views: FakeViews) -> None:
    """Leads, deals, touches and open promises of marketing and of sales, each with its link."""
    _more(views)
    page = read(client, "/accounts/ACME")
    for expected in (
        "Marketing owes",
        "At risk pass_on crm:b 1 h left",
        "Sales owes",
        "Overdue accept hubspot:contact:151 2 h 15 min over",
        "D-1 deal opened Mon 12 Oct 11:00",
        "5,000 EUR",
        "Mon 12 Oct 10:30 email from the customer crm:a",
        "Mon 12 Oct 10:00 call to the customer, connected crm:a",
    ):
        assert expected in page.words
    assert {"/leads/crm:a", "/leads/crm:b", "/leads/hubspot:contact:151"} <= set(page.values("a", "href"))
    assert page.words.index("10:30 email") < page.words.index("10:00 call")


def test_an_account_shows_its_client_team_and_alerts(client: TestClient) -> None:
    """Members of any department, where its alerts go, and what was alerted."""
    words = read(client, "/accounts/ACME").words
    for expected in ("Client team key-accounts", "onboarding", "campaign-lead", "key-accounts-channel"):
        assert expected in words
    assert "Clock accept 1: escalated, level 2 hubspot:contact:151" in words


def test_an_account_of_a_client_team_is_there_before_its_first_lead(client: TestClient, views: FakeViews) -> None:
    """The team can look at it; an account of nobody is not found."""
    views.files.clear()
    words = read(client, "/accounts/Globex").words
    assert "Client team key-accounts" in words
    assert "No lead is of this account yet." in words
    assert "No lead is of the account 'Initech'" in read(client, "/accounts/Initech", 404).words


def test_accounts_are_listed_by_name_with_their_teams(client: TestClient) -> None:
    """How many leads, open handoffs and stalled ones each has."""
    page = read(client, "/accounts")
    assert "ACME 1 1 1" in page.words
    assert "Umbrella 1 1 1" in page.words
    assert page.words.index("Client teams") < page.words.index("Umbrella")
    assert any("%3Cscript%3E" in href for href in page.values("a", "href"))
    assert HOSTILE in page.text


def test_the_list_of_accounts_goes_on(client: TestClient, views: FakeViews) -> None:
    """Page by page, without the teams on the later ones."""
    book = Story()
    for number in range(60):
        book.tell(f"crm:{number}", "10-12 09:00", E.LEAD_CAPTURED, attributes={"account": f"Account {number:02}"})
    views.files = views_of(book, Charters([CHARTER])).files
    first = read(client, "/accounts")
    assert "Account 49" in first.words
    assert "Account 50" not in first.words
    following = next(href for href in first.values("a", "href") if "cursor" in href)
    second = read(client, following)
    assert "Account 50" in second.words
    assert "Client teams" not in second.words
    assert "cursor: not one that this list has given" in read(client, "/accounts?cursor=x", 422).words


def test_a_leads_page_leads_to_its_account(client: TestClient) -> None:
    """With the client team that looks after it."""
    page = read(client, "/leads/hubspot:contact:151")
    assert "/accounts/ACME" in page.values("a", "href")
    assert "ACME, client team key-accounts" in page.words

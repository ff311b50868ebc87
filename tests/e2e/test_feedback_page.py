"""Feedback in a real browser: by keyboard, without scripts, and undisturbed while the page around it is live."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import Visit, chromium, needs_browser
from tests.e2e.feedback_journey import CHARTER, handed_off
from tests.e2e.running import Running

pytestmark = needs_browser

LEADS = ("crm:lead:typed", "crm:lead:keys", "crm:lead:bare")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A Baton with some leads that were just handed off."""
    folder = tmp_path_factory.mktemp("feedback")
    charter = Path(folder / "charter.yaml")
    charter.write_text(CHARTER)
    with Running("up", "--charter", charter, "--data", folder / "data", "--port", "0") as process:
        process.post_events([handed_off(lead) for lead in LEADS])
        process.wait_until_judged()
        yield process


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def test_what_is_being_typed_stays_while_the_page_changes(running: Running, browser: Browser) -> None:
    """A webhook changes the lead meanwhile: the page shows it, and the open form keeps words and focus."""
    lead = LEADS[0]
    with Visit(browser, running.url) as visit:
        page = visit.to(f"/leads/{lead}")
        page.get_by_text("Reject the lead", exact=True).first.click()
        comment = page.locator("#reject-comment")
        comment.fill("half a sent")
        running.client.post("/api/v1/handoffs", json={"lead": lead, "decision": "accept"})
        expect(page.locator("#timeline").locator("..")).to_contain_text("Accepted")
        expect(comment).to_have_value("half a sent")
        expect(comment).to_be_focused()
        comment.press_sequentially("ence")
        page.locator("#reject-reason").select_option("no_budget")
        page.locator("#say-reject button").click()
        expect(page.locator(".notice")).to_contain_text("Recorded: Sales rejected the lead: no_budget")
        expect(page.locator(".exchange")).to_contain_text("half a sentence")


def test_a_lead_is_rejected_and_answered_by_keyboard(running: Running, browser: Browser) -> None:
    """Every form is reached and sent by keys alone."""
    with Visit(browser, running.url) as visit:
        page = visit.to(f"/leads/{LEADS[1]}")
        page.locator("#say-reject summary").focus()
        for key in ("Enter", "Tab"):
            page.keyboard.press(key)
        expect(page.locator("#reject-reason")).to_be_focused()
        page.keyboard.type("wrong")
        for key in ("Tab", "Tab", "Enter"):
            page.keyboard.press(key)
        expect(page.locator(".notice")).to_contain_text("wrong_fit")
        page.locator("#say-agree summary").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#agree-action")).to_have_value("Aim better")
        for key in ("Tab", "Tab", "Tab", "Enter"):
            page.keyboard.press(key)
        expect(page.locator(".exchange")).to_contain_text("Marketing agrees: Aim better")


def test_the_forms_need_no_script(running: Running, browser: Browser) -> None:
    """A browser without JavaScript says the same."""
    with Visit(browser, running.url, java_script_enabled=False) as visit:
        page = visit.to(f"/leads/{LEADS[2]}")
        page.get_by_role("button", name="Accept the lead").click()
        expect(page.locator(".notice")).to_contain_text("Recorded: Sales accepted the lead.")
        page = visit.to("/feedback")
        expect(page.locator("h1")).to_have_text("Feedback")

"""The pages in a real browser: live without reloading, complete without scripts, usable by keyboard and on a phone."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import Visit, chromium, needs_browser
from tests.e2e.running import Running
from tests.e2e.test_up import CHARTER, document, touched

pytestmark = needs_browser

NOW = "2026-03-02T12:00:00Z"
OVERDUE = "crm:lead:overdue"
AT_RISK = "crm:lead:at-risk"
ACCOUNT = "A rather long company name, Incorporated"
PATHS = (
    "/",
    "/?team=inbound&wall=true",
    "/leads",
    "/leads?stalled=true",
    f"/leads/{OVERDUE}",
    "/accounts",
    f"/accounts/{ACCOUNT}",
    "/charter",
    "/docs",
)
PHONE = {"width": 390, "height": 844}
READABLE = 4.5  # the least contrast of text by WCAG 2.2, 1.4.3


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A Baton at noon with one lead past its hour and one near it."""
    folder = tmp_path_factory.mktemp("page")
    charter = Path(folder / "charter.yaml")
    charter.write_text(CHARTER)
    lapse = {"BATON_LAPSE_START": NOW, "BATON_LAPSE_SPEED": "1"}
    with Running("up", "--charter", charter, "--data", folder / "data", "--port", "0", **lapse) as process:
        process.post_events([handed_off(OVERDUE, "10:30"), handed_off(AT_RISK, "11:10")])
        process.wait_until_judged()
        yield process


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def handed_off(lead: str, time: str) -> dict[str, Any]:
    data = {"attributes": {"account": ACCOUNT}, "owner": "rep-1", "team": "inbound"}
    return document("lead.handed_off", lead, f"2026-03-02T{time}:00Z", data)


def seconds(countdown: str) -> int:
    """The length that a countdown tells: `9 min 05 s left`."""
    units = {"h": 3600, "min": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+) (h|min|s)\b", countdown))


def test_a_webhook_appears_on_an_open_board(running: Running, browser: Browser) -> None:
    """A lead that is handed off shows on the open board by itself; the page is not loaded anew."""
    with Visit(browser, running.url) as visit:
        page = visit.to("/")
        expect(page.get_by_role("status")).to_have_text("Live")
        page.evaluate("window.isTheSamePage = true")
        running.post_events([handed_off("crm:lead:new", "11:05")])
        expect(page.get_by_role("link", name="crm:lead:new")).to_be_visible()
        assert page.evaluate("window.isTheSamePage")


def test_the_time_left_counts_down(running: Running, browser: Browser) -> None:
    """What is left of a promise falls second by second, and rises once it is over."""
    with Visit(browser, running.url) as visit:
        for lead, words, step in ((AT_RISK, "left", -1), (OVERDUE, "over", 1)):
            countdown = visit.to(f"/leads/{lead}").locator(".countdown").first
            before = countdown.inner_text()
            assert before.endswith(words)
            visit.page.wait_for_timeout(2500)
            after = countdown.inner_text()
            assert 2 <= step * (seconds(after) - seconds(before)) <= 4, (before, after)


def test_a_correction_shows_on_an_open_page(running: Running, browser: Browser) -> None:
    """A call made in time that is told late turns the verdict over under the reader's eyes, and leaves its trace."""
    lead = "crm:lead:corrected"
    running.post_events([handed_off(lead, "10:30")])
    running.wait_until_judged()
    with Visit(browser, running.url) as visit:
        clock = visit.to(f"/leads/{lead}").get_by_role("article")
        expect(clock).to_contain_text("Overdue")
        running.post_events([touched(lead, "2026-03-02T10:50:00Z")])
        expect(clock).to_contain_text("Corrected")
        expect(clock).to_contain_text("Met")
        timeline = visit.page.get_by_role("region", name="Timeline")
        expect(timeline).to_contain_text("corrected from overdue to met")
        expect(timeline).to_contain_text("taken back by a late event")


@pytest.mark.parametrize("path", PATHS)
def test_without_scripts_every_page_is_complete(running: Running, browser: Browser, path: str) -> None:
    """The same words stand on a page that runs no script, but for seconds that went by."""
    with Visit(browser, running.url) as visit:
        visit.to(path)
        scripted = words(visit.page)
    with Visit(browser, running.url, java_script_enabled=False) as visit:
        visit.to(path)
        assert words(visit.page) == scripted
        for countdown in visit.page.locator(".countdown").all_inner_texts():
            assert re.fullmatch(r"\d+ .*(left|over)", countdown)


def words(page: Page) -> str:
    """What stands on the page, without its numbers."""
    return re.sub(r"\d+", "0", page.locator("main").inner_text())


def test_no_page_needs_anything_from_elsewhere(running: Running, browser: Browser) -> None:
    """Pages, styles, scripts, images and the live stream come from this server, which a visit checks in the end."""
    with Visit(browser, running.url) as visit:
        for path in PATHS:
            visit.to(path).wait_for_load_state("load")
        kinds = {url.partition("?")[0].rpartition(".")[2] for url in visit.requests}
        assert {"css", "js", "svg"} <= kinds


def test_the_keyboard_reaches_every_lead_that_needs_someone(running: Running, browser: Browser) -> None:
    """Tab goes from the skip link to the leads, always with a visible focus; Enter opens one."""
    with Visit(browser, running.url) as visit:
        page = visit.to("/")
        links = page.get_by_role("region", name="Needs someone now").get_by_role("rowheader").get_by_role("link")
        waited_for = set(links.all_inner_texts())
        assert {OVERDUE, AT_RISK} <= waited_for
        reached: list[str] = []
        while not waited_for <= set(reached):
            assert len(reached) < 100, reached
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            reached.append(focused.inner_text())
            outline = focused.evaluate("e => [getComputedStyle(e).outlineStyle, getComputedStyle(e).outlineWidth]")
            assert outline[0] != "none", reached
            assert float(outline[1].removesuffix("px")) >= 2, reached
        assert reached[0] == "Skip to the content"
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(reached[-1])


def test_the_focus_stays_where_it_was_when_the_page_changes(running: Running, browser: Browser) -> None:
    """Whoever is on a link when news come in is still on it afterwards."""
    with Visit(browser, running.url) as visit:
        page = visit.to("/")
        page.get_by_role("link", name=OVERDUE).focus()
        running.post_events([handed_off("crm:lead:newer", "11:06")])
        expect(page.get_by_role("link", name="crm:lead:newer")).to_be_visible()
        expect(page.get_by_role("link", name=OVERDUE)).to_be_focused()


@pytest.mark.parametrize("path", PATHS)
def test_on_a_phone_nothing_scrolls_sideways(running: Running, browser: Browser, path: str) -> None:
    """Every page fits the width of a phone."""
    with Visit(browser, running.url, viewport=PHONE) as visit:
        page = visit.to(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_color_schemes_are_readable(running: Running, browser: Browser, scheme: str) -> None:
    """The page follows the reader's scheme, and its text stands out from its ground in both."""
    with Visit(browser, running.url, color_scheme=scheme) as visit:
        page = visit.to("/")
        ground, ink = (luminance(page, name) for name in ("background-color", "color"))
        assert (ground < ink) is (scheme == "dark")
        assert (max(ground, ink) + 0.05) / (min(ground, ink) + 0.05) >= READABLE


def luminance(page: Page, property_name: str) -> float:
    """The relative luminance of a colour of the page's body (WCAG 2.2)."""
    value = page.locator("body").evaluate("(e, name) => getComputedStyle(e).getPropertyValue(name)", property_name)
    channels = [int(channel) / 255 for channel in re.findall(r"\d+", value)[:3]]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

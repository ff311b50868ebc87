"""The page of `baton whatif --html`: self-contained, escaped, its bars as long as the numbers say."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from services.whatif.bars import WIDTH, Chart, Pair, lying, upright
from tests.command import baton
from tests.whatif.made import ANSWER, CALL, LEADS, charter, event, history, touch

EVIL = "<script>alert('1')</script>"
VOID = frozenset({"meta", "line"})


class Elements(HTMLParser):
    """The elements of a page with their attributes, its text, and the elements that were left open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f" {data.strip()}"


@pytest.fixture
def page(tmp_path: Path) -> str:
    """Of a history and charters that say all they can say with markup."""
    a = charter(tmp_path / "a.yaml", touch("1h"), version=f'"{EVIL}"')
    b = charter(tmp_path / "b&b.yaml", touch("30m"), ANSWER, version="2")
    lead = f"{EVIL}&co"
    lines = [*LEADS, event("lead.handed_off", "09:00:00", lead), event("lead.touched", "09:45:00", lead, **CALL)]
    out = tmp_path / "page.html"
    done = baton("whatif", history(tmp_path, lines), "--charter", a, "--against", b, "--html", out)
    assert done.returncode == 0, done.stderr
    return out.read_text(encoding="utf-8")


def test_what_a_crm_or_charter_says_is_escaped(page: str) -> None:
    """Leads and versions are shown as they are, and are never markup."""
    elements = Elements(page)
    assert not elements.open
    assert {tag for tag, _ in elements.found}.isdisjoint({"script", "img", "link", "iframe", "object", "a"})
    assert elements.text.count(f"{EVIL}&co") == 1
    assert f"{EVIL} (a.yaml)" in elements.text
    assert "2 (b&b.yaml)" in elements.text


def test_nothing_comes_from_elsewhere(page: str) -> None:
    """No address, no import, nothing that runs."""
    assert not re.search(r"https?:|//|url\(|@import|javascript:", page.replace(EVIL, ""))
    for _, attributes in Elements(page).found:
        assert attributes.keys().isdisjoint({"src", "href", "srcset", "data", "action"})
        assert not any(name.startswith("on") for name in attributes)


def test_each_chart_has_its_numbers_in_a_table(page: str) -> None:
    """Four drawings, each with a name for readers that see none, and what only one charter has is said."""
    elements = Elements(page)
    drawings = [attributes for tag, attributes in elements.found if tag == "svg"]
    assert len(drawings) == 4
    assert all(each["role"] == "img" and each["aria-label"] for each in drawings)
    assert "not in this charter" in elements.text
    assert "A is without it" in elements.text
    assert "2026-W10" in elements.text


def lengths(chart: Chart, side: str, *, upwards: bool) -> list[float]:
    return [rect.height if upwards else rect.width for rect in chart.rects if rect.side == side]


def inside(chart: Chart) -> Iterator[bool]:
    for rect in chart.rects:
        yield rect.x >= 0 and rect.y >= 0
        yield rect.x + rect.width <= WIDTH and rect.y + rect.height <= chart.height
    for text in chart.texts:
        yield 0 <= text.x <= WIDTH and 0 <= text.y <= chart.height


def test_lying_bars_are_as_long_as_their_shares() -> None:
    """A tenth is a tenth of the whole; the objective stands where it lies; what is not there is not drawn."""
    chart = lying("t", [Pair("x", (1.0, 0.1), ("100 %", "10 %"), (0.5, None)), Pair("y", (None, 0.0), ("-", "0 %"))])
    (whole,) = lengths(chart, "A", upwards=False)
    assert lengths(chart, "B", upwards=False) == pytest.approx([whole / 10, 0])
    (mark,) = chart.marks
    assert mark.x1 == pytest.approx(chart.rects[0].x + whole / 2)
    assert all(inside(chart))


@pytest.mark.parametrize("count", [1, 7, 24, 60])
@pytest.mark.parametrize("most", [1, 9, 10, 3_999, 123_456_789])
def test_upright_bars_stand_in_proportion(count: int, most: int) -> None:
    """Heights are in proportion, all shapes are inside, labels do not run into each other."""
    chart = upright("t", [Pair(f"2026-W{week:02d}", (most, most / 2), ("x", "y")) for week in range(count)])
    a, b = lengths(chart, "A", upwards=True), lengths(chart, "B", upwards=True)
    assert b == pytest.approx([height / 2 for height in a])
    assert all(inside(chart))
    labels = [text for text in chart.texts if text.text.startswith("2026")]
    assert all(after.x - before.x > 55 for before, after in pairwise(labels))


def test_a_chart_of_nothing_is_empty() -> None:
    """No weeks, no bars; zeros stand as nothing."""
    assert upright("t", []).rects == []
    assert upright("t", [Pair("x", (0, 0), ("0", "0"))]).rects == []

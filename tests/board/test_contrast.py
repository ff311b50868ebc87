"""The colours of the board meet WCAG 2.2 AA, in light and in dark, as computed from its style sheet."""

import re
from collections.abc import Mapping
from importlib.resources import files

import pytest

CSS = files("services.board").joinpath("static", "board.css").read_text(encoding="utf-8")
TEXT = 4.5
"""WCAG 1.4.3, for text of any size."""
GRAPHIC = 3.0
"""WCAG 1.4.11, for what one has to see to use or understand a part."""
_VARIABLE = re.compile(r"--([a-z-]+):\s*(#[0-9a-f]{6});")
_GROUNDS = ("ground", "card", "sunk")
_STATUSES = ("overdue", "at-risk", "running", "met", "quiet", "stalled")


def _colours(block: str) -> dict[str, str]:
    return dict(_VARIABLE.findall(block))


LIGHT = _colours(CSS[: CSS.index("@media")])
DARK = LIGHT | _colours(CSS[CSS.index("@media (prefers-color-scheme: dark)") : CSS.index("*, *::before")])
THEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])


def _luminance(colour: str) -> float:
    """WCAG's relative luminance of `#rrggbb`."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _low(colours: Mapping[str, str], pairs: list[tuple[str, str]], least: float) -> dict[tuple[str, str], float]:
    ratios = {(one, other): contrast(colours[one], colours[other]) for one, other in pairs}
    return {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < least}


def test_the_formula_is_wcags() -> None:
    """Black on white has 21, and a well-known grey just passes on white."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_dark_has_its_own_colours() -> None:
    """Every ground and ink of the light theme has another one in the dark."""
    assert all(LIGHT[name] != DARK[name] for name in (*_GROUNDS, "ink", "soft", "link", *_STATUSES))


@THEMES
def test_text_can_be_read_on_its_ground(colours: Mapping[str, str]) -> None:
    """Ink, soft ink and links on every ground; a status on its own ground and on a card; sides and the button."""
    pairs = [(ink, ground) for ink in ("ink", "soft") for ground in _GROUNDS]
    pairs += [("link", ground) for ground in ("ground", "card")]
    pairs += [(status, f"{status}-ground") for status in _STATUSES]
    pairs += [(status, "card") for status in _STATUSES]
    pairs += [("marketing", "card"), ("sales", "card"), ("card", "ink")]
    assert _low(colours, pairs, TEXT) == {}


@THEMES
def test_what_is_drawn_can_be_seen(colours: Mapping[str, str]) -> None:
    """Bars and keys on a card, the focus ring and the edge of fields on every ground."""
    pairs = [(fill, "card") for fill in ("marketing-fill", "sales-fill", "wait-owner", "wait-touch", "wait-transit")]
    pairs += [("pause", "card")]
    pairs += [(line, ground) for line in ("focus", "edge") for ground in ("ground", "card")]
    pairs += [(fill, "hours") for fill in ("running", "met", "overdue", "ink", "at-risk", "quiet")]
    assert _low(colours, pairs, GRAPHIC) == {}


def test_no_colour_is_told_but_by_its_name() -> None:
    """What this test computes is all there is: outside the two themes no colour is written out."""
    rules = CSS[CSS.index("*, *::before") :]
    assert re.findall(r"#[0-9a-f]{3,8}\b", rules[: rules.index("@media print")]) == []

"""What all kinds of drawn panels share: colours, text, and values in words."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Series = tuple[str, Sequence[tuple[float, float]]]
"""What a series is called, and its points: seconds and values."""

INK, FAINT, LINE = "#24292e", "#6b7280", "#e3e5e8"
NAMED = {"green": "#56a64b", "orange": "#ff780a", "red": "#e02f44", "blue": "#3274d9", "purple": "#a352cc"}
PALETTE = (
    "#56a64b",
    "#f2cc0c",
    "#3274d9",
    "#ff780a",
    "#e02f44",
    "#8ab8ff",
    "#a352cc",
    "#705da0",
    "#508642",
    "#cca300",
)


def shown(value: float, about: Any) -> str:
    """A value as the panel shows it."""
    if math.isnan(value):
        return "nothing yet"
    defaults = about["fieldConfig"]["defaults"]
    if defaults["unit"] == "percentunit":
        return f"{value * 100:.1f} %"
    return f"{value:.0f}" if defaults.get("decimals") == 0 or math.isclose(value, round(value)) else f"{value:.1f}"


def text(
    x: float, y: float, words: str, *, size: float = 9, color: str = INK, anchor: str = "start", weight: str = "400"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def named(color: str) -> str:
    return NAMED.get(color, color)


def fixed_colors(about: Any) -> Mapping[str, str]:
    return {
        each["matcher"]["options"]: named(each["properties"][0]["value"]["fixedColor"])
        for each in about["fieldConfig"]["overrides"]
        if each["matcher"]["id"] == "byName"
    }

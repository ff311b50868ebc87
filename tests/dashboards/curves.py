"""Draws panels whose series go along time."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.dashboards.ink import FAINT, LINE, NAMED, PALETTE, Series, fixed_colors, shown, text

_LEFT, _FOOT = 34.0, 16.0
"""Room for the values and for the legend, in pixels."""


@dataclass(frozen=True)
class Scale:
    """Where instants and values lie in the picture."""

    begin: float
    end: float
    low: float
    high: float
    width: float
    height: float

    def x(self, at: float) -> float:
        """From the left, in pixels."""
        return _LEFT + (at - self.begin) / ((self.end - self.begin) or 1) * (self.width - _LEFT)

    def y(self, value: float) -> float:
        """From above, in pixels."""
        deep = self.height - _FOOT
        return deep - (value - self.low) / ((self.high - self.low) or 1) * (deep - 6)

    def level(self, value: float, style: str) -> str:
        """A line across."""
        return f'<line x1="{_LEFT}" x2="{self.width}" y1="{self.y(value):.1f}" y2="{self.y(value):.1f}" {style}/>'


def curves(about: Any, series: Sequence[Series], width: float, height: float) -> Iterator[str]:
    """Lines, or areas that stand on each other, with a legend below."""
    custom = about["fieldConfig"]["defaults"]["custom"]
    is_stacked = custom["stacking"]["mode"] == "normal"
    tops = _stacked(series) if is_stacked else [[value for _, value in points] for _, points in series]
    scale = _scale(series, tops, width, height)
    for value in (scale.low, (scale.low + scale.high) / 2, scale.high):
        yield scale.level(value, f'stroke="{LINE}"')
        yield text(_LEFT - 4, scale.y(value) + 3, shown(value, about), size=8, color=FAINT, anchor="end")
    if custom["thresholdsStyle"]["mode"] != "off":
        for step in about["fieldConfig"]["defaults"]["thresholds"]["steps"][1:]:
            yield scale.level(step["value"], f'stroke="{NAMED[step["color"]]}" stroke-dasharray="5 4"')
    fixed = fixed_colors(about)
    colors = [fixed.get(name, PALETTE[index % len(PALETTE)]) for index, (name, _) in enumerate(series)]
    # The lowest last, for each area reaches down to the foot.
    for (_, points), top, color in reversed(list(zip(series, tops, colors, strict=True))):
        yield _curve(scale, [at for at, _ in points], top, color, is_stacked)
    yield from _legend([name for name, _ in series], colors, height)


def _curve(scale: Scale, instants: Sequence[float], tops: Sequence[float], color: str, is_area: bool) -> str:
    points = [(scale.x(at), scale.y(top)) for at, top in zip(instants, tops, strict=True) if math.isfinite(top)]
    if is_area:
        points += [(points[-1][0], scale.y(0)), (points[0][0], scale.y(0))]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{path}" ' + (f'fill="{color}"/>' if is_area else f'fill="none" stroke="{color}"/>')


def _legend(names: Sequence[str], colors: Sequence[str], height: float) -> Iterator[str]:
    x = _LEFT
    for name, color in zip(names, colors, strict=True):
        yield f'<rect x="{x:.1f}" y="{height - 7:.1f}" width="8" height="4" fill="{color}"/>'
        yield text(x + 11, height - 2, name, size=8.5)
        x += 24 + 5.4 * len(name)


def _scale(series: Sequence[Series], tops: Sequence[Sequence[float]], width: float, height: float) -> Scale:
    finite = [value for each in tops for value in each if math.isfinite(value)]
    instants = [at for _, points in series for at, _ in points]
    return Scale(min(instants), max(instants), min(0, *finite), max(0, *finite), width, height)


def _stacked(series: Sequence[Series]) -> list[list[float]]:
    below: dict[float, float] = {}
    tops = []
    for _, points in series:
        for at, value in points:
            below[at] = below.get(at, 0) + value
        tops.append([below[at] for at, _ in points])
    return tops

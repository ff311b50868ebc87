"""Draws panels as SVG from what their queries gave: near to how Grafana does, and with its colours and thresholds."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.dashboards.curves import curves
from tests.dashboards.ink import FAINT, LINE, Series, fixed_colors, named, shown, text

_TITLE = 20


def panel(about: Any, series: Sequence[Series], width: float, height: float) -> str:
    """A panel in a frame of so many pixels."""
    draw = _KINDS[about["type"]]
    frame = f'<rect width="{width}" height="{height}" rx="3" fill="#fff" stroke="{LINE}"/>'
    title = text(8, 14, about["title"], size=10.5, weight="600")
    inside = "".join(draw(about, series, width - 16, height - _TITLE - 8)) if series else text(8, 60, "none")
    return f'{frame}{title}<g transform="translate(8 {_TITLE + 2})">{inside}</g>'


def _by_threshold(about: Any, value: float) -> str:
    steps = about["fieldConfig"]["defaults"]["thresholds"]["steps"]
    color = steps[0]["color"]
    for step in steps[1:]:
        if value >= step["value"]:
            color = step["color"]
    return named(color)


def _stat(about: Any, series: Sequence[Series], width: float, height: float) -> Iterator[str]:
    value = series[0][1][-1][1]
    words = shown(value, about)
    yield text(
        width / 2, height / 2 + 12, words, size=30, color=_by_threshold(about, value), anchor="middle", weight="600"
    )


def _gauge(about: Any, series: Sequence[Series], width: float, height: float) -> Iterator[str]:
    share = width / len(series)
    for index, (name, points) in enumerate(series):
        value, x, y = points[-1][1], share * (index + 0.5), height * 0.62
        radius = min(share * 0.42, height * 0.5)
        steps = about["fieldConfig"]["defaults"]["thresholds"]["steps"]
        ends = [*(step["value"] for step in steps[1:]), 1.0]
        begin = 0.0
        for step, end in zip(steps, ends, strict=True):
            yield _arc(x, y, radius, begin, end, named(step["color"]), 3)
            begin = end
        yield _arc(x, y, radius - 9, 0, 1, LINE, 11)
        if not math.isnan(value):
            yield _arc(x, y, radius - 9, 0, min(value, 1), _by_threshold(about, value), 11)
        yield text(
            x,
            y + 2,
            shown(value, about),
            size=13,
            color=_by_threshold(about, value),
            anchor="middle",
            weight="600",
        )
        yield text(x, y + 20, f"this {name}", color=FAINT, anchor="middle")


def _arc(x: float, y: float, radius: float, begin: float, end: float, color: str, width: float) -> str:
    """From and to shares of a dial that is open below."""
    around = [math.radians(200 * share - 190) for share in (begin, end)]
    (x0, y0), (x1, y1) = ((x + radius * math.cos(at), y + radius * math.sin(at)) for at in around)
    large = int(around[1] - around[0] > math.pi)
    path = f"M{x0:.1f} {y0:.1f}A{radius:.1f} {radius:.1f} 0 {large} 1 {x1:.1f} {y1:.1f}"
    return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>'


def _bars(about: Any, series: Sequence[Series], width: float, height: float) -> Iterator[str]:
    most = max(points[-1][1] for _, points in series) or 1
    each, left, fixed = height / len(series), width * 0.34, fixed_colors(about)
    for index, (name, points) in enumerate(series):
        value, y = points[-1][1], index * each
        color = fixed.get(name) or _by_threshold(about, value)
        length = (width - left - 34) * value / most
        middle = y + each / 2 + 3
        yield text(left - 6, middle, name, size=min(9, each * 0.8), anchor="end")
        size = f'width="{length:.1f}" height="{each * 0.76:.1f}"'
        yield f'<rect x="{left}" y="{y + each * 0.12:.1f}" {size} fill="{color}"/>'
        yield text(left + length + 5, middle, shown(value, about), size=min(9, each * 0.8), color=color, weight="600")


def _matrix(about: Any, series: Sequence[Series], width: float, height: float) -> Iterator[str]:
    cells = {tuple(name.split("\n")): points[-1][1] for name, points in series}
    rows, columns = (sorted({name[at] for name in cells}, key=lambda each: (each == "other", each)) for at in (0, 1))
    most = max(cells.values()) or 1
    left, line = width * 0.17, min(24, height / (len(rows) + 1))
    wide = (width - left) / len(columns)
    longest = max(len(column) for column in columns)
    for number, column in enumerate(columns):
        yield text(
            left + wide * (number + 0.5),
            line * 0.7,
            column,
            size=min(8, 1.7 * wide / longest),
            color=FAINT,
            anchor="middle",
        )
    for down, row in enumerate(rows, 1):
        yield text(0, line * (down + 0.65), row)
        for number, column in enumerate(columns):
            value = cells[row, column]
            x, y = left + wide * number, line * down
            size = f'width="{wide - 2:.1f}" height="{line - 2:.1f}"'
            shade = f'fill="#3274d9" fill-opacity="{0.08 + 0.8 * value / most:.2f}"'
            yield f'<rect x="{x + 1:.1f}" y="{y + 1:.1f}" {size} {shade}/>'
            yield text(x + wide / 2, y + line * 0.65, shown(value, about), anchor="middle")


_KINDS: Mapping[str, Callable[[Any, Sequence[Series], float, float], Iterator[str]]] = {
    "stat": _stat,
    "gauge": _gauge,
    "bargauge": _bars,
    "timeseries": curves,
    "table": _matrix,
}

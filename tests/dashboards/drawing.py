"""Draws panels as SVG from what their queries gave: near to how Grafana does, and with its colours and thresholds."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

Series = tuple[str, Sequence[tuple[float, float]]]
"""What a series is called, and its points: seconds and values."""

INK, FAINT, LINE = "#24292e", "#6b7280", "#e3e5e8"
_NAMED = {"green": "#56a64b", "orange": "#ff780a", "red": "#e02f44", "blue": "#3274d9", "purple": "#a352cc"}
_PALETTE = (
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
_TITLE = 20


def panel(about: Any, series: Sequence[Series], width: float, height: float) -> str:
    """A panel in a frame of so many pixels."""
    draw = _KINDS[about["type"]]
    frame = f'<rect width="{width}" height="{height}" rx="3" fill="#fff" stroke="{LINE}"/>'
    title = _text(8, 14, about["title"], size=10.5, weight="600")
    inside = "".join(draw(about, series, width - 16, height - _TITLE - 8)) if series else _text(8, 60, "none")
    return f'{frame}{title}<g transform="translate(8 {_TITLE + 2})">{inside}</g>'


def shown(value: float, unit: str) -> str:
    """A value in its unit."""
    if math.isnan(value):
        return "nothing yet"
    if unit == "percentunit":
        return f"{value * 100:.1f} %"
    return f"{value:.0f}" if value >= 10 or value == round(value) else f"{value:.1f}"


def _text(
    x: float, y: float, words: str, *, size: float = 9, color: str = INK, anchor: str = "start", weight: str = "400"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def _named(color: str) -> str:
    return _NAMED.get(color, color)


def _by_threshold(about: Any, value: float) -> str:
    steps = about["fieldConfig"]["defaults"]["thresholds"]["steps"]
    color = steps[0]["color"]
    for step in steps[1:]:
        if value >= step["value"]:
            color = step["color"]
    return _named(color)


def _fixed(about: Any) -> Mapping[str, str]:
    return {
        each["matcher"]["options"]: _named(each["properties"][0]["value"]["fixedColor"])
        for each in about["fieldConfig"]["overrides"]
        if each["matcher"]["id"] == "byName"
    }


def _unit(about: Any) -> str:
    return str(about["fieldConfig"]["defaults"]["unit"])


def _stat(about: Any, series: Sequence[Series], width: float, height: float) -> Iterator[str]:
    value = series[0][1][-1][1]
    words = shown(value, _unit(about))
    yield _text(
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
            yield _arc(x, y, radius, begin, end, _named(step["color"]), 3)
            begin = end
        yield _arc(x, y, radius - 9, 0, 1, LINE, 11)
        if not math.isnan(value):
            yield _arc(x, y, radius - 9, 0, min(value, 1), _by_threshold(about, value), 11)
        yield _text(
            x,
            y + 2,
            shown(value, _unit(about)),
            size=13,
            color=_by_threshold(about, value),
            anchor="middle",
            weight="600",
        )
        yield _text(x, y + 20, f"this {name}", color=FAINT, anchor="middle")


def _arc(x: float, y: float, radius: float, begin: float, end: float, color: str, width: float) -> str:
    """From and to shares of a dial that is open below."""
    around = [math.radians(200 * share - 190) for share in (begin, end)]
    (x0, y0), (x1, y1) = ((x + radius * math.cos(at), y + radius * math.sin(at)) for at in around)
    large = int(around[1] - around[0] > math.pi)
    path = f"M{x0:.1f} {y0:.1f}A{radius:.1f} {radius:.1f} 0 {large} 1 {x1:.1f} {y1:.1f}"
    return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>'


def _bars(about: Any, series: Sequence[Series], width: float, height: float) -> Iterator[str]:
    most = max(points[-1][1] for _, points in series) or 1
    each, left, fixed = height / len(series), width * 0.34, _fixed(about)
    for index, (name, points) in enumerate(series):
        value, y = points[-1][1], index * each
        color = fixed.get(name) or _by_threshold(about, value)
        length = (width - left - 34) * value / most
        middle = y + each / 2 + 3
        yield _text(left - 6, middle, name, size=min(9, each * 0.8), anchor="end")
        yield f'<rect x="{left}" y="{y + each * 0.12:.1f}" width="{length:.1f}" height="{each * 0.76:.1f}" fill="{color}"/>'
        yield _text(
            left + length + 5, middle, shown(value, _unit(about)), size=min(9, each * 0.8), color=color, weight="600"
        )


def _lines(about: Any, series: Sequence[Series], width: float, height: float) -> Iterator[str]:
    custom, fixed = about["fieldConfig"]["defaults"]["custom"], _fixed(about)
    is_stacked = custom["stacking"]["mode"] == "normal"
    heights = _stacked(series) if is_stacked else [[value for _, value in points] for _, points in series]
    finite = [value for each in heights for value in each if math.isfinite(value)]
    low, high = min(0, *finite), max(0, *finite) or 1
    begin = min(points[0][0] for _, points in series)
    end = max(points[-1][0] for _, points in series)
    left, deep = 34.0, height - 16
    across = (width - left) / ((end - begin) or 1)

    def up(value: float) -> float:
        return deep - (value - low) / (high - low) * (deep - 6)

    for value in (low, (low + high) / 2, high):
        yield f'<line x1="{left}" x2="{width}" y1="{up(value):.1f}" y2="{up(value):.1f}" stroke="{LINE}"/>'
        yield _text(left - 4, up(value) + 3, shown(value, _unit(about)), size=8, color=FAINT, anchor="end")
    if custom["thresholdsStyle"]["mode"] != "off":
        yield f'<line x1="{left}" x2="{width}" y1="{up(0):.1f}" y2="{up(0):.1f}" stroke="{_NAMED["green"]}" stroke-dasharray="5 4"/>'
    x = left
    colors = [fixed.get(name, _PALETTE[index % len(_PALETTE)]) for index, (name, _) in enumerate(series)]
    for (_, points), tops, color in reversed(list(zip(series, heights, colors, strict=True))):
        path = [
            f"{left + (at - begin) * across:.1f} {up(top):.1f}"
            for (at, _), top in zip(points, tops, strict=True)
            if math.isfinite(top)
        ]
        foot = f"L{left + (points[-1][0] - begin) * across:.1f} {up(0):.1f}L{left + (points[0][0] - begin) * across:.1f} {up(0):.1f}Z"
        if is_stacked:
            yield f'<path d="M{"L".join(path)}{foot}" fill="{color}"/>'
        else:
            yield f'<path d="M{"L".join(path)}" fill="none" stroke="{color}" stroke-width="1.6"/>'
    for (name, _), color in zip(series, colors, strict=True):
        yield f'<rect x="{x:.1f}" y="{height - 7:.1f}" width="8" height="4" fill="{color}"/>'
        yield _text(x + 11, height - 2, name, size=8.5)
        x += 24 + 5 * len(name)


def _stacked(series: Sequence[Series]) -> list[list[float]]:
    below: dict[float, float] = {}
    tops = []
    for _, points in series:
        for at, value in points:
            below[at] = below.get(at, 0) + value
        tops.append([below[at] for at, _ in points])
    return tops


def _matrix(about: Any, series: Sequence[Series], width: float, height: float) -> Iterator[str]:
    cells = {tuple(name.split("\n")): points[-1][1] for name, points in series}
    rows, columns = (sorted({name[at] for name in cells}, key=lambda each: (each == "other", each)) for at in (0, 1))
    most = max(cells.values()) or 1
    left, line = width * 0.17, min(24, height / (len(rows) + 1))
    wide = (width - left) / len(columns)
    for number, column in enumerate(columns):
        yield _text(left + wide * (number + 0.5), line * 0.7, column, size=8, color=FAINT, anchor="middle")
    for down, row in enumerate(rows, 1):
        yield _text(0, line * (down + 0.65), row)
        for number, column in enumerate(columns):
            value = cells[row, column]
            x, y = left + wide * number, line * down
            yield f'<rect x="{x + 1:.1f}" y="{y + 1:.1f}" width="{wide - 2:.1f}" height="{line - 2:.1f}" fill="#3274d9" fill-opacity="{0.08 + 0.8 * value / most:.2f}"/>'
            yield _text(x + wide / 2, y + line * 0.65, shown(round(value), _unit(about)), anchor="middle")


_KINDS: Mapping[str, Callable[[Any, Sequence[Series], float, float], Iterator[str]]] = {
    "stat": _stat,
    "gauge": _gauge,
    "bargauge": _bars,
    "timeseries": _lines,
    "table": _matrix,
}

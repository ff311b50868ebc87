"""Bar charts of pairs (A beside B) as shapes with coordinates; a template draws them as SVG. Nothing else is drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil

WIDTH = 960
_LABELS_WIDTH = 210  # left of horizontal bars
_LONGEST_LABEL = 28  # characters that fit there
_BAR = 17
_GAP = 4
_GROUP_GAP = 18
_MARK_OVERHANG = 4
_VALUES_WIDTH = 150  # right of horizontal bars
_AXIS_WIDTH = 56  # left of upright bars
_HEIGHT = 190  # of upright bars
_TOP = 18
_FILLED = 0.78  # share of a group's width that its two bars take
_NUMBERED_FROM = 26  # an upright bar at least this wide has its number above it
_CHARACTER = 7.5  # about the width of one below an upright bar, with what keeps labels apart
_TICKS = 4


@dataclass(frozen=True, slots=True)
class Pair:
    """Two values of one thing, None where there is none; `notes` are written or shown for each."""

    label: str
    values: tuple[float | None, float | None]
    notes: tuple[str, str]
    marks: tuple[float | None, float | None] = (None, None)
    """Where each should have been."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A bar of A or B."""

    x: float
    y: float
    width: float
    height: float
    side: str
    note: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the grid, or a mark."""

    x1: float
    y1: float
    x2: float
    y2: float
    kind: str


@dataclass(frozen=True, slots=True)
class Text:
    """`anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    anchor: str
    kind: str


@dataclass(slots=True)
class Chart:
    """What to draw on `width` by `height`; `title` says it in words."""

    title: str
    height: float
    width: float = WIDTH
    lines: list[Line] = field(default_factory=list)
    rects: list[Rect] = field(default_factory=list)
    marks: list[Line] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)


def lying(title: str, pairs: Sequence[Pair]) -> Chart:
    """Horizontal bars of shares from 0 to 1, each pair with its label at the left and the notes at the bars' ends."""
    group = 2 * _BAR + _GAP + _GROUP_GAP
    bottom = _TOP + group * len(pairs)
    chart = Chart(title, bottom + 20)
    scale = WIDTH - _LABELS_WIDTH - _VALUES_WIDTH
    for quarter in range(5):
        x = _LABELS_WIDTH + scale * quarter / 4
        chart.lines.append(Line(x, _TOP - 8, x, bottom, "grid"))
        chart.texts.append(Text(x, bottom + 14, f"{quarter * 25} %", "middle", "tick"))
    for number, pair in enumerate(pairs):
        top = _TOP + number * group
        chart.texts.append(Text(_LABELS_WIDTH - 12, top + _BAR + 6, _cut(pair.label), "end", "label"))
        for side, y in zip((0, 1), (top, top + _BAR + _GAP), strict=True):
            _lay(chart, pair, side, y, scale)
    return chart


def _lay(chart: Chart, pair: Pair, side: int, y: float, scale: float) -> None:
    value, mark, note = pair.values[side], pair.marks[side], pair.notes[side]
    name = "AB"[side]
    end = _LABELS_WIDTH + scale * (value or 0)
    if value is not None:
        chart.rects.append(Rect(_LABELS_WIDTH, y, scale * value, _BAR, name, f"{pair.label}, {name}: {note}"))
    if mark is not None:
        x = _LABELS_WIDTH + scale * mark
        chart.marks.append(Line(x, y - _MARK_OVERHANG / 2, x, y + _BAR + _MARK_OVERHANG / 2, "mark"))
        # The note stands behind the mark where it would be struck through.
        end = x if end <= x <= end + _VALUES_WIDTH else end
    chart.texts.append(Text(end + 8, y + _BAR - 4, f"{name} {note}", "start", "value"))


def upright(title: str, pairs: Sequence[Pair]) -> Chart:
    """Vertical bars of numbers, the labels below (not all, where they are many)."""
    chart = Chart(title, _TOP + _HEIGHT + 24)
    ticks = list(_ticks(max((value or 0 for pair in pairs for value in pair.values), default=0)))
    bottom = _TOP + _HEIGHT
    for tick in ticks:
        y = bottom - _HEIGHT * tick / ticks[-1]
        chart.lines.append(Line(_AXIS_WIDTH, y, WIDTH, y, "grid"))
        chart.texts.append(Text(_AXIS_WIDTH - 8, y + 4, f"{tick:,}", "end", "tick"))
    group = (WIDTH - _AXIS_WIDTH) / max(len(pairs), 1)
    every = ceil(max((len(pair.label) for pair in pairs), default=0) * _CHARACTER / group)
    for number, pair in enumerate(pairs):
        left = _AXIS_WIDTH + group * number
        if not number % every:
            chart.texts.append(Text(left + group / 2, bottom + 16, pair.label, "middle", "tick"))
        for side in (0, 1):
            _stand(chart, pair, side, left, group, ticks[-1])
    return chart


def _stand(chart: Chart, pair: Pair, side: int, left: float, group: float, top: int) -> None:
    value = pair.values[side] or 0
    width = group * _FILLED / 2
    height = _HEIGHT * value / top
    x = left + group * (1 - _FILLED) / 2 + side * width
    y = _TOP + _HEIGHT - height
    name = "AB"[side]
    if value:
        chart.rects.append(Rect(x, y, width, height, name, f"{pair.label}, {name}: {pair.notes[side]}"))
    if width >= _NUMBERED_FROM:
        chart.texts.append(Text(x + width / 2, y - 5, pair.notes[side], "middle", "value"))


def _ticks(most: float) -> Iterator[int]:
    """Round numbers from 0 to at least `most`."""
    step = next(
        step for power in range(19) for step in (10**power, 2 * 10**power, 5 * 10**power) if step * _TICKS >= most
    )
    yield from range(0, max(ceil(most / step), 1) * step + 1, step)


def _cut(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"

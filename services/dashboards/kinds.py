"""The kinds of Grafana's panels that the dashboards have, each with the options that make it look as it should."""

from collections.abc import Mapping, Sequence
from typing import Required, TypedDict, Unpack

from services.dashboards.panels import Json, Link, Panel, Query, Step


class About(TypedDict, total=False):
    """What every kind of panel is told, as `Panel` has it."""

    title: Required[str]
    description: Required[str]
    queries: Required[Sequence[Query]]
    unit: Required[str]
    width: int
    height: int
    steps: Sequence[Step]
    decimals: int
    least: float
    most: float
    colors: Mapping[str, str]
    links: Sequence[Link]
    series_links: Sequence[Link]
    may_be_empty: str


def _reduced() -> Json:
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}


def gauge(**about: Unpack[About]) -> Panel:
    """Dials with the thresholds around them."""
    options = {
        "reduceOptions": _reduced(),
        "orientation": "auto",
        "showThresholdLabels": True,
        "showThresholdMarkers": True,
    }
    return Panel(kind="gauge", options=options, **about)


def stat(*, shows: str = "auto", **about: Unpack[About]) -> Panel:
    """Large numbers; or, where it `shows` the "name", the names of their series."""
    options = {
        "reduceOptions": _reduced(),
        "orientation": "auto",
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "textMode": shows,
        "wideLayout": True,
    }
    return Panel(kind="stat", options=options, **about)


def bars(**about: Unpack[About]) -> Panel:
    """Horizontal bars, one a series."""
    options = {
        "reduceOptions": _reduced(),
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color",
        "namePlacement": "auto",
        "showUnfilled": True,
        "sizing": "auto",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 300,
    }
    about.setdefault("least", 0)
    return Panel(kind="bargauge", options=options, **about)


def lines(*, stacked: bool = False, marked: bool = False, drawn: str = "line", **about: Unpack[About]) -> Panel:
    """Series along time. `marked` draws the thresholds as lines."""
    custom = {
        "drawStyle": drawn,
        "lineInterpolation": "stepAfter" if stacked else "linear",
        "lineWidth": 1,
        "fillOpacity": 60 if stacked else 0,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if marked else "off"},
    }
    options = {
        "legend": {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return Panel(kind="timeseries", custom=custom, options=options, color_mode="palette-classic", **about)


def heatmap(**about: Unpack[About]) -> Panel:
    """How many observations fell into which bucket, along time; colour says how many."""
    unit = about["unit"]
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Blues", "steps": 32, "reverse": False, "exponent": 0.5},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": True},
        "yAxis": {"unit": unit, "axisPlacement": "left", "reverse": False},
    }
    custom = {"scaleDistribution": {"type": "linear"}, "hideFrom": {"legend": False, "tooltip": False, "viz": False}}
    return Panel(kind="heatmap", options=options, custom=custom, **about)


def matrix(*, row: str, column: str, **about: Unpack[About]) -> Panel:
    """A table with the values of one label down, of another across, and the numbers as colours."""
    transformations = [
        {
            "id": "groupingToMatrix",
            "options": {"rowField": row, "columnField": column, "valueField": "Value"},
        }
    ]
    custom = {"align": "auto", "cellOptions": {"type": "color-background", "mode": "gradient"}, "inspect": False}
    return Panel(
        kind="table",
        transformations=transformations,
        custom=custom,
        options={"showHeader": True, "cellHeight": "sm"},
        color_mode="continuous-blues",
        **about,
    )

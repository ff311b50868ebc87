"""Panels of Grafana as plain data: what they ask, how they show it, and where a click leads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
GOOD, WARN, BAD, CALM, STILL = "green", "orange", "red", "blue", "#8e8e8e"
"""Colours by what they say; CALM judges nothing, STILL is at rest."""
_NO_NUMBER = {"type": "special", "options": {"match": "null+nan", "result": {"text": "nothing yet", "index": 0}}}


@dataclass(frozen=True, slots=True)
class Step:
    """From this value on, a colour. The first step of a panel is from anywhere on: None."""

    value: float | None
    color: str


@dataclass(frozen=True, slots=True)
class Link:
    """Where a click leads: from a series (with its labels) or, in the panel's corner, from the panel."""

    title: str
    url: str

    def as_json(self) -> Json:
        """As Grafana has it."""
        return {"title": self.title, "url": self.url, "targetBlank": True}


@dataclass(frozen=True, slots=True)
class Query:
    """One expression, and what a series of it is called. `kind` is range, instant, table or heatmap."""

    expr: str
    legend: str = ""
    kind: str = "range"

    def as_json(self, ref: str) -> Json:
        """As Grafana has it."""
        instant = self.kind in ("instant", "table")
        return {
            "refId": ref,
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": self.expr,
            "legendFormat": self.legend or "__auto",
            "format": self.kind if self.kind in ("table", "heatmap") else "time_series",
            "instant": instant,
            "range": not instant,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel. `width` counts in 24ths of the page, `height` in Grafana's rows."""

    kind: str
    title: str
    description: str
    queries: Sequence[Query]
    unit: str
    width: int = 12
    height: int = 8
    steps: Sequence[Step] = (Step(None, CALM),)
    decimals: int | None = None
    least: float | None = None
    most: float | None = None
    custom: Mapping[str, Any] | None = None
    options: Mapping[str, Any] | None = None
    colors: Mapping[str, str] | None = None
    """By the name of a series."""
    color_mode: str = "thresholds"
    links: Sequence[Link] = ()
    """In the panel's corner."""
    series_links: Sequence[Link] = ()
    """On each series that stands for a value of the charter, not for all the others."""
    transformations: Sequence[Json] = ()
    may_be_empty: str = ""
    """When a healthy Baton gives the panel nothing to show; the description ends with it."""

    def as_json(self, number: int, x: int, y: int) -> Json:
        """As Grafana has it, at its place in the grid."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": " ".join(filter(None, (self.description, self.may_be_empty))),
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [query.as_json(chr(ord("A") + index)) for index, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": self._overrides()},
            "options": dict(self.options or {}),
            "links": [link.as_json() for link in self.links],
            "transformations": list(self.transformations),
        }

    def _defaults(self) -> Json:
        defaults: Json = {
            "unit": self.unit,
            "color": {"mode": self.color_mode},
            "thresholds": {"mode": "absolute", "steps": [{"value": s.value, "color": s.color} for s in self.steps]},
            "mappings": [_NO_NUMBER],
            "noValue": "none" if self.may_be_empty else "no data",
            "links": [link.as_json() for link in self.series_links],
            "custom": dict(self.custom or {}),
        }
        for name, value in (("decimals", self.decimals), ("min", self.least), ("max", self.most)):
            if value is not None:
                defaults[name] = value
        return defaults

    def _overrides(self) -> list[Json]:
        overrides: list[Json] = [
            {
                "matcher": {"id": "byName", "options": name},
                "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
            }
            for name, color in (self.colors or {}).items()
        ]
        if self.series_links:
            # `other` stands for all values that the charter does not list: the board has no list of those.
            matcher = {"id": "byRegexp", "options": "/(^| · )other($| · )/"}
            overrides.append({"matcher": matcher, "properties": [{"id": "links", "value": []}]})
        return overrides

"""A whole dashboard as plain data: rows of panels in Grafana's grid, the variables above them, and its document."""

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.dashboards.links import Board
from services.dashboards.panels import DATASOURCE, Json, Panel
from services.domain.charter import OTHER, Charter
from services.errors import UsageError

SCHEMA_VERSION = 42
"""The last of this format, by Grafana's own word: 12 and 13 read it, later forms are another API's."""
PROVISIONED = "baton-prometheus"
"""The data source that deploy/grafana provisions, chosen at first; another can be chosen."""
WINDOWS = ("1h", "6h", "1d", "7d")
_PAGE = 24
_ALL: Json = {"text": ["All"], "value": ["$__all"]}
_TAG = "baton"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the columns under it, as wide as each other. In a column panels are placed from left to right, and
    downwards where a line is full.
    """

    title: str
    columns: Sequence[Sequence[Panel]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """What one dashboard shows; `since` is the beginning of its time range, such as now-30d."""

    uid: str
    title: str
    description: str
    since: str
    sections: Sequence[Section]
    labels: Sequence[str] = ()
    """The labels of the charter by which it can be filtered."""
    window: str = ""
    """How far back counts look at first, one of WINDOWS; empty where the viewer has nothing to choose."""

    def document(self, charter: Charter, board: Board) -> Json:
        """The document that Grafana reads."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [_TAG],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "1m",
            "time": {"from": self.since, "to": "now"},
            "timepicker": {},
            # Months and quarters begin by the charter's first calendar.
            "timezone": str(next(iter(charter.calendars.values())).zone),
            "weekStart": "monday",
            "fiscalYearStartMonth": 0,
            "annotations": {"list": []},
            "templating": {"list": list(self._variables(charter))},
            "links": _links(board),
            "panels": list(_placed(self.sections)),
        }

    def _variables(self, charter: Charter) -> Iterator[Json]:
        yield _datasource()
        yield _job()
        for label in self.labels:
            yield _label(label, charter.labels.get(label, frozenset()))
        if self.window:
            yield _window(self.window)


def _placed(sections: Sequence[Section]) -> Iterator[Json]:
    numbers, y = itertools.count(1), 0
    for section in sections:
        heading = {"id": next(numbers), "type": "row", "title": section.title, "collapsed": False, "panels": []}
        yield {**heading, "gridPos": {"x": 0, "y": y, "w": _PAGE, "h": 1}}
        width, ends = _PAGE // len(section.columns), [y + 1]
        for column, panels in enumerate(section.columns):
            for panel, x, top in _flowing(panels, column * width, y + 1, width):
                yield panel.as_json(next(numbers), x, top)
                ends.append(top + panel.height)
        y = max(ends)


def _flowing(panels: Sequence[Panel], left: int, y: int, width: int) -> Iterator[tuple[Panel, int, int]]:
    """Each panel with the place of its upper left corner."""
    x, lowest = left, 0
    for panel in panels:
        if x + panel.width > left + width:
            x, y, lowest = left, y + lowest, 0
        yield panel, x, y
        x, lowest = x + panel.width, max(lowest, panel.height)


def _datasource() -> Json:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "regex": "",
        "hide": 0,
        "refresh": 1,
        "multi": False,
        "includeAll": False,
        "options": [],
        "current": {"text": "Prometheus", "value": PROVISIONED},
    }


def _job() -> Json:
    """Which Baton, where one Prometheus reads several."""
    query = 'label_values({__name__=~"baton_.+"}, job)'
    return {
        "name": "job",
        "label": "Job",
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"qryType": 1, "query": query, "refId": "Job"},
        "regex": "",
        "hide": 0,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "options": [],
        "current": _ALL,
    }


def _label(name: str, values: Collection[str]) -> Json:
    for value in values:
        if " : " in value or value.endswith("\\"):
            raise UsageError(f'labels.{name}: Grafana cannot list "{value}"; write it without " : " and final "\\"')
    # A comma parts the values of a list.
    listed = [*sorted(values), *([] if OTHER in values else [OTHER])]
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "custom",
        "query": ",".join(value.replace(",", "\\,") for value in listed),
        "hide": 0,
        "multi": True,
        "includeAll": True,
        # Labels of earlier charters too.
        "allValue": ".*",
        "options": [],
        "current": _ALL,
    }


def _window(chosen: str) -> Json:
    return {
        "name": "window",
        "label": "Counted over",
        "type": "interval",
        "query": ",".join(WINDOWS),
        "hide": 0,
        "refresh": 2,
        "auto": False,
        "auto_count": 30,
        "auto_min": "10s",
        "options": [{"text": each, "value": each, "selected": each == chosen} for each in WINDOWS],
        "current": {"text": chosen, "value": chosen},
    }


def _links(board: Board) -> list[dict[str, Any]]:
    common: Json = {"icon": "external link", "tooltip": "", "targetBlank": False, "asDropdown": False}
    others = {"type": "dashboards", "title": "Baton", "tags": [_TAG], "keepTime": True, "includeVars": True, "url": ""}
    front = {"type": "link", "tags": [], "keepTime": False, "includeVars": False, **board.front().as_json()}
    return [{**common, **others}, {**common, **front}]

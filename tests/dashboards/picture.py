"""Draws docs/images/joint-view.png: `python -m tests.dashboards.picture`.

A demo plays a day, a real Prometheus reads it, and what the queries of the joint view give is drawn in its grid.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from tests.dashboards.drawing import panel
from tests.dashboards.ink import FAINT, INK, Series
from tests.dashboards.live import DEMO, Live, live
from tests.dashboards.made import ROOT, demo_charter, documents
from tests.e2e.browser import chromium

PICTURE = ROOT / "docs" / "images" / "joint-view.png"
_COLUMN, _ROW, _GAP = 41, 20, 5
_SPEED, _SECONDS = 600, 80
"""Thirteen hours of the demo: its whole day."""


def series_of(running: Live, target: Mapping[str, Any], about: Any) -> Iterator[Series]:
    """What a query gives, named as the panel names it."""
    for each in running.ask(target, DEMO):
        labels = each["metric"]
        if about["type"] == "table":
            options = about["transformations"][0]["options"]
            name = f"{labels[options['rowField']]}\n{labels[options['columnField']]}"
        else:
            name = target["legendFormat"]
            for label, value in labels.items():
                name = name.replace(f"{{{{{label}}}}}", value)
        samples = each["values"] if "values" in each else [each["value"]]
        yield name, [(float(at), float(value)) for at, value in samples]


def drawn(running: Live) -> str:
    """The page."""
    document = documents(demo_charter())[0]
    places = [each["gridPos"] for each in document["panels"]]
    height = max(place["y"] + place["h"] for place in places) * _ROW + 40
    width = 24 * _COLUMN + 2 * _GAP
    parts = [f'<text x="{_GAP + 4}" y="24" font-size="16" font-weight="600" fill="{INK}">{document["title"]}</text>']
    for about, place in zip(document["panels"], places, strict=True):
        x, y = place["x"] * _COLUMN + _GAP, place["y"] * _ROW + 36
        if about["type"] == "row":
            parts.append(f'<text x="{x + 4}" y="{y + 14}" font-size="11.5" fill="{FAINT}">{about["title"]}</text>')
            continue
        series = [each for target in about["targets"] for each in series_of(running, target, about)]
        inside = panel(about, series, place["w"] * _COLUMN - _GAP, place["h"] * _ROW - _GAP)
        parts.append(f'<g transform="translate({x} {y})">{inside}</g>')
    style = "<style>body{margin:0}svg{font-family:'DejaVu Sans',sans-serif;background:#f4f5f5;display:block}</style>"
    return f'{style}<svg width="{width}" height="{height}">{"".join(parts)}</svg>'


def main() -> None:
    """Write the picture."""
    with live(_SPEED) as running:
        time.sleep(_SECONDS)
        page = drawn(running)
    with chromium() as browser:
        view = browser.new_page()
        view.set_content(page)
        view.locator("svg").screenshot(path=PICTURE)


if __name__ == "__main__":
    main()

"""Templates and static files: read once from the package, nothing from anywhere else."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.board import times
from services.board.judgements import OPEN, happened
from services.board.reasons import STATUS_WORDS, choice, reason
from services.board.shapes import lead_path
from services.domain.instants import format_exact

_HERE = Path(__file__).parent
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MICROSECONDS_A_MILLISECOND = 1000
FOREVER = "public, max-age=31536000, immutable"
"""For addresses that carry the digest of what they name."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file."""

    body: bytes
    media_type: str
    digest: str


class Rendering:
    """Renders the board's templates, escaping all that is put into them."""

    def __init__(self) -> None:
        self.assets: Mapping[str, Asset] = {
            path.name: _asset(path) for path in sorted((_HERE / "static").iterdir()) if path.suffix in _MEDIA_TYPES
        }
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self._environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]  # by the extension
        self._environment.filters.update(
            percent=times.percent,
            iso=format_exact,
            ms=lambda instant: instant // _MICROSECONDS_A_MILLISECOND,
            lead_path=lead_path,
            duration=times.duration,
            gap=times.gap,
            happened=happened,
        )
        self._environment.globals.update(
            asset=self._address, status_words=STATUS_WORDS, open_statuses=OPEN, reason=reason, choice=choice
        )

    def page(self, template: str, *, status: int = 200, **context: object) -> Response:
        """A page."""
        return HTMLResponse(self._environment.get_template(template).render(context), status)

    def _address(self, name: str) -> str:
        return f"/assets/{name}?v={self.assets[name].digest}"


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, _MEDIA_TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:12])

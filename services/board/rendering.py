"""Templates and static files: read once from the package, nothing from anywhere else."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi import Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from schemas.charter import SHARES
from services.board import charter_page, said, timeline, times
from services.board.funnel import step_words
from services.board.judgements import OPEN
from services.board.languages import Language, languages
from services.board.readers import Reader
from services.board.reasons import choice, reason, status_words
from services.board.shapes import lead_path
from services.board.times import Times
from services.board.waits import wait_words
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
    """Renders the board's templates in any language, escaping all that is put into them."""

    def __init__(self) -> None:
        self.assets: Mapping[str, Asset] = {
            path.name: _asset(path) for path in sorted((_HERE / "static").iterdir()) if path.suffix in _MEDIA_TYPES
        }
        self._environments = {code: self._environment(language) for code, language in languages().items()}

    def page(
        self, template: str, *, times: Times, reader: Reader | None = None, status: int = 200, **context: object
    ) -> Response:
        """A page in the language of `times`. `reader` tells where it stands; without, it links to no other language."""
        code = times.language.code
        text = self._environments[code].get_template(template).render(context, times=times, reader=reader)
        return HTMLResponse(text, status, headers={"Content-Language": code})

    def _environment(self, language: Language) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        environment.policies["ext.i18n.trimmed"] = True
        environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]  # by the extension
        environment.filters.update(
            percent=partial(times.percent, language=language),
            number=partial(times.number, language=language),
            duration=partial(times.duration, language=language),
            gap=partial(times.gap, language=language),
            happened=partial(said.happened, language=language),
            side=partial(said.side, language=language),
            events=partial(said.triggers_words, language=language),
            condition=partial(said.when_words, language=language),
            either=partial(said.either, language=language),
            money=partial(times.money, language=language),
            verdict=partial(timeline.verdict, language=language),
            told=timeline.told,
            measure=partial(charter_page.measure_words, language=language),
            per=partial(charter_page.per_words, language=language),
            written_day=partial(charter_page.day_words, language=language),
            capital=said.capital,
            place=lambda hundredths: f"{hundredths:.2f}%",
            iso=format_exact,
            ms=lambda instant: instant // _MICROSECONDS_A_MILLISECOND,
            lead_path=lead_path,
        )
        environment.globals.update(
            asset=self._address,
            language=language,
            languages=list(languages().values()),
            units=times.units(language),
            status_words=status_words(language),
            open_statuses=OPEN,
            shares=SHARES,
            party_words=timeline.party_words(language),
            wait_words=wait_words(language),
            step_words=step_words(language),
            reason=reason,
            trouble_title=partial(said.trouble_title, language=language),
            choice=partial(choice, language=language),
        )
        return environment

    def _address(self, name: str) -> str:
        return f"/assets/{name}?v={self.assets[name].digest}"


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, _MEDIA_TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:12])

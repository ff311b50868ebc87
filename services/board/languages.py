"""The languages of the board: their words, from gettext catalogues in the package, and how a reader gets one.

Catalogues are read as they are written (`.po`): there is no compiled file beside them that could be older.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.core import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = Path(__file__).parent / "locales"
CATALOGUE = "LC_MESSAGES/board.po"


def marked(message: str) -> str:
    """The message itself: marks for the catalogues what is looked up later."""
    return message


def marked_in(context: str, message: str) -> str:
    """As `marked`, of a message that needs other words in this context."""
    del context
    return message


@dataclass(frozen=True, slots=True)
class Language:
    """One language. Its methods bear the names by which Babel finds messages; values are put in by name."""

    code: str
    name: str
    """In the language itself."""
    translations: NullTranslations = field(default_factory=NullTranslations, repr=False, compare=False)

    @property
    def locale(self) -> Locale:
        """How dates and numbers are written."""
        return Locale.parse(self.code)

    def gettext(self, message: str, /, **values: object) -> str:
        """The message in this language."""
        return self.translations.gettext(message) % values

    def ngettext(self, singular: str, plural: str, number: int, /, **values: object) -> str:
        """The message for so many; the number is `%(num)s`."""
        return self.translations.ngettext(singular, plural, number) % {"num": number, **values}

    def pgettext(self, context: str, message: str, /, **values: object) -> str:
        """The message in this language, as it is said in the context."""
        return self.translations.pgettext(context, message) % values


ENGLISH = Language("en", "English")
"""The language in which messages are written, and that of the API."""


@cache
def languages() -> Mapping[str, Language]:
    """All languages by their code, English first."""
    return {"en": ENGLISH, "pl": Language("pl", "Polski", _read(LOCALES / "pl" / CATALOGUE))}


def choose(asked: str | None, kept: str | None, accepted: str) -> Language:
    """The reader's language: as `asked` in the address, else as `kept` in a cookie, else the best one `accepted`.

    `accepted` is an Accept-Language header; what no language is called counts for nothing.
    """
    known = languages()
    for code in (asked, kept):
        if code is not None and code in known:
            return known[code]
    best = negotiate_locale(_by_preference(accepted), list(known), sep="-")
    return known[best] if best is not None else ENGLISH


def _by_preference(header: str) -> list[str]:
    ranges = []
    for part in header.split(","):
        tag, _, parameter = part.strip().partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            quality = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            quality = 0.0
        if quality > 0:
            ranges.append((quality, tag.strip()))
    return [tag for _, tag in sorted(ranges, key=lambda item: -item[0])]


def _read(path: Path) -> GNUTranslations:
    with path.open("rb") as text:
        catalogue = read_po(text)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)

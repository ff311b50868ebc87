"""Writes the catalogues of the board's messages anew from code and templates: `python -m tests.board.catalogues`.

What is said already in a language stays; what is new waits for its words, and a test does too.
"""

from datetime import UTC, datetime
from pathlib import Path

from babel.core import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from services.board.languages import CATALOGUE, ENGLISH, LOCALES, languages

BOARD = LOCALES.parent
_METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
_OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false", "encoding": "utf-8"}}
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)
_KEYWORDS = {**DEFAULT_KEYWORDS, "say": None, "marked": None, "marked_in": ((1, "c"), 2)}


def codes() -> list[str]:
    """The languages that have a catalogue."""
    return [code for code in languages() if code != ENGLISH.code]


def path_of(code: str) -> Path:
    """The catalogue of a language."""
    return LOCALES / code / CATALOGUE


def read(code: str) -> Catalog:
    """What a language says, as it is written."""
    with path_of(code).open("rb") as text:
        return read_po(text, locale=code)


def extracted() -> Catalog:
    """Every message that code and templates have."""
    template = Catalog(project="Baton", creation_date=_NO_DATE)
    found = extract_from_dir(BOARD, _METHODS, _OPTIONS, keywords=_KEYWORDS)
    for name, _, message, _, context in sorted(found, key=lambda each: (each[0], each[1])):
        template.add(message, locations=[(name, 0)], context=context)
    return template


def write(code: str) -> None:
    """Write the catalogue of a language anew."""
    path = path_of(code)
    catalogue = _new(code)
    if path.exists():
        known = read(code)
        for message in known:
            if message.id:
                catalogue[message.id] = message
    catalogue.update(extracted(), no_fuzzy_matching=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as text:
        write_po(text, catalogue, width=120, ignore_obsolete=True, include_lineno=False)


def _new(code: str) -> Catalog:
    """An empty catalogue. Its head says no dates, which would change with each writing."""
    return Catalog(
        locale=code,
        project="Baton",
        version="1",
        header_comment=f"# The board in {Locale.parse(code).english_name}. Written anew by: make messages",
        creation_date=_NO_DATE,
        revision_date=_NO_DATE,
        last_translator="Baton",
        language_team="Baton",
        msgid_bugs_address="none",
        fuzzy=False,
    )


if __name__ == "__main__":
    for each in codes():
        write(each)

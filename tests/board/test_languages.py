"""English and Polish: every message in both, with the same values, and each reader in their own."""

import re
from collections.abc import Iterable

import pytest
from babel.messages.catalog import Message
from fastapi.testclient import TestClient

from services.board.languages import CATALOGUE, LOCALES, choose, languages
from services.board.said import awaited, happened, trigger_words, trouble_title, when_words
from services.board.times import Times, duration, gap, money, number, percent, units
from services.domain.charter import Trigger
from services.domain.conditions import AnyOf, Compared, Known, NoneOf, When
from services.domain.events import EventType
from services.domain.instants import SECOND
from tests.board import catalogues
from tests.board.world import NOW, WARSAW, at

POLISH = languages()["pl"]
_PLACEHOLDER = re.compile(r"%\([a-z_]+\)s|\{\}|%(?!\()|</?[a-z]+")


def _known(code: str) -> dict[tuple[object, object], Message]:
    return {(message.id, message.context): message for message in catalogues.read(code) if message.id}


def _texts(said: object) -> Iterable[str]:
    return said if isinstance(said, tuple) else (str(said),)


@pytest.mark.parametrize("code", catalogues.codes())
def test_every_message_has_its_words(code: str) -> None:
    """What code and templates say is in the catalogue, in all plurals, and the catalogue has nothing else."""
    expected = {(message.id, message.context) for message in catalogues.extracted() if message.id}
    known = _known(code)
    assert known.keys() == expected, "write the catalogues anew: make messages"
    wordless = [message.id for message in known.values() if not all(_texts(message.string))]
    assert wordless == []
    assert not any(message.fuzzy for message in known.values())


@pytest.mark.parametrize("code", catalogues.codes())
def test_values_stand_in_every_language(code: str) -> None:
    """A translation has the same placeholders and tags as the message, each as often."""
    for message in _known(code).values():
        wanted = sorted(_PLACEHOLDER.findall(next(reversed(list(_texts(message.id))))))
        for text in _texts(message.string):
            assert sorted(_PLACEHOLDER.findall(text)) == wanted, text


def test_the_catalogues_lie_in_the_package() -> None:
    """A wheel has them, as they lie beside the code."""
    assert all((LOCALES / code / CATALOGUE).is_file() for code in catalogues.codes())


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "code"),
    [
        (None, None, "", "en"),
        (None, None, "pl", "pl"),
        (None, None, "pl-PL,pl;q=0.9,en;q=0.8", "pl"),
        (None, None, "de-DE,de;q=0.9,pl;q=0.4,en;q=0.3", "pl"),
        (None, None, "en-GB,en;q=0.9,pl;q=0.8", "en"),
        (None, None, "pl;q=0,en", "en"),
        (None, None, "pl;q=high, en;q=0.1", "en"),
        (None, None, "*", "en"),
        (None, None, ",;=;q", "en"),
        (None, "pl", "en", "pl"),
        ("en", "pl", "pl", "en"),
        ("xx", "yy", "pl", "pl"),
    ],
)
def test_the_language_is_as_asked_then_as_kept_then_as_the_browser_wants(
    asked: str | None, kept: str | None, accepted: str, code: str
) -> None:
    """The address comes before the cookie, the cookie before the browser; what is unknown counts for nothing."""
    assert choose(asked, kept, accepted).code == code


def test_a_page_speaks_the_browsers_language(client: TestClient) -> None:
    """The page says which it is, for screen readers too."""
    answer = client.get("/leads", headers={"Accept-Language": "pl-PL,pl;q=0.9"})
    assert '<html lang="pl">' in answer.text
    assert answer.headers["content-language"] == "pl"
    assert "Zespół i opiekun" in answer.text


def test_a_language_that_was_asked_for_stays(client: TestClient) -> None:
    """`?lang=` goes with any other parameter, and the next page is in that language too."""
    assert '<html lang="pl">' in client.get("/leads?lang=pl&status=overdue").text
    assert '<html lang="pl">' in client.get("/leads").text
    assert '<html lang="en">' in client.get("/leads?lang=en").text
    assert '<html lang="en">' in client.get("/leads?lang=xx").text


def test_a_page_links_to_itself_in_each_language(client: TestClient) -> None:
    """What the address asks for stays."""
    text = client.get("/leads?status=overdue&lang=pl").text
    assert 'href="/leads?status=overdue&amp;lang=en" hreflang="en"' in text
    assert 'href="/leads?status=overdue&amp;lang=pl" hreflang="pl" lang="pl" aria-current="true"' in text


def test_trouble_is_told_in_the_readers_language(client: TestClient) -> None:
    """A page that is not shown has the frame of all pages; what exactly is wrong is said in English."""
    text = client.get("/leads/nobody?lang=pl").text
    assert '<html lang="pl">' in text
    assert "<h1>Nie znaleziono</h1>" in text
    assert "<h1>Not understood</h1>" in client.get("/leads?limit=0&lang=en").text
    assert trouble_title(418, "I’m a Teapot") == "I’m a Teapot"


def test_polish_writes_dates_numbers_and_lengths_its_own_way() -> None:
    """Names of months in their case, a comma in decimals, the units that people use."""
    times = Times(WARSAW, NOW, POLISH)
    assert times.moment(at("10-12 10:42")) == "pon. 12 paź 10:42"
    assert times.moment(at("2025-10-12 10:42")) == "niedz. 12 paź 2025 10:42"
    assert times.day(at("10-12 10:42")) == "poniedziałek 12 października 2026"
    assert times.month(at("10-12 10:42")) == "październik 2026"
    assert percent(0.949, POLISH) == "94,9 %"
    assert number(1234.5, POLISH) == "1\xa0234,5"
    assert money("1200000", "PLN", POLISH) == "1\xa0200\xa0000\xa0PLN"
    assert duration(4320 * SECOND, POLISH) == "1 godz. 12 min"
    assert gap(97_200 * SECOND, POLISH) == "1 d 3 godz."
    assert units(POLISH) == "{} d|{} godz.|{} min|{} s"


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (1200, "PLN", "1,200\xa0PLN"),
        ("12.5", "EUR", "12.5\xa0EUR"),
        (12.5, None, "12.5"),
        (100, "XXQ", "100\xa0XXQ"),
        ("much", "PLN", "much"),
        ("NaN", "PLN", "NaN"),
    ],
)
def test_an_amount_is_written_as_far_as_it_is_one(amount: object, currency: str | None, words: str) -> None:
    """CRMs send amounts that are no numbers and currencies that nobody knows: they are shown as they came."""
    assert money(amount, currency) == words


@pytest.mark.parametrize("kind", EventType)
def test_every_event_has_words_in_every_language(kind: EventType) -> None:
    """What happened, and what is waited for."""
    for language in languages().values():
        assert "." not in happened(kind.wire, language)
        assert awaited([Trigger(kind)], language)
    assert happened(kind.wire) in (kind.wire.partition(".")[2].replace("_", " "), kind.wire.replace(".", " "))


def test_conditions_are_said_in_both_languages() -> None:
    """In English as the charter's own words have it, in Polish by the same parts."""
    when = When(
        (
            ("priority", AnyOf(("hot", "warm"))),
            ("score", Compared("gte", 80)),
            ("vip", NoneOf((True,))),
            ("account", Known(True)),
            ("region", Known(False)),
        )
    )
    assert when_words(when) == str(when)
    assert when_words(When()) == ""
    assert when_words(when, POLISH) == (
        "priority to hot lub warm i score wynosi co najmniej 80 i vip to nie true i account jest znane "
        "i region nie jest znane"
    )
    touched = Trigger(EventType.LEAD_TOUCHED, When((("kind", AnyOf(("call",))),)))
    assert trigger_words(touched, POLISH) == "nawiązano kontakt (kind to call)"

"""The charter as people read it, and what changed between its versions."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from schemas.charter import MEASURES, CharterDocument
from services.board.app import add_routes
from services.board.charter_changes import Change, changes
from services.board.charter_page import measure_words, per_words
from services.board.languages import languages
from services.charters.files import CharterFile, parse_charter, read_charter
from services.domain.charter import Charters, Per
from tests.board.feedback_world import board_of
from tests.board.test_pages import read
from tests.board.world import WRITTEN, FakeViews, StillClock


def _read(text: str) -> CharterFile:
    return parse_charter(text, "the charter")


def _document(text: str) -> CharterDocument:
    return _read(text).document


BEFORE = (
    WRITTEN.replace("version: 2026-Q4", "version: 2026-Q3")
    .replace("2026-10-01", "2026-07-01")
    .replace("{within: 4h}", "{within: 6h}")
    .replace("strategy: Fewer leads, better ones.\n", "")
    .replace("service: [onboarding]", "service: [onboarding, support]")
)
EXAMPLES = sorted((Path(__file__).parents[2] / "deploy" / "charters").glob("*.yaml"))
PLACES = {
    "95%": "90%",
    "within: 15m": "within: 20m",
    "at_least: 400": "at_least: 450",
    "Tighten the audience": "Tell the agency",
    "[ACME, Globex]": "[ACME]",
    "target: 1200000": "target: 1500000",
    '"09:00-17:00"': '["09:00-12:00", "13:00-17:00"]',
    "sales: 90 won": "sales: 95 won",
}


@pytest.fixture
def two(views: FakeViews, clock: StillClock) -> TestClient:
    """A client of a board with two versions of the charter."""
    files = [_read(BEFORE), _read(WRITTEN)]
    charters = Charters(file.charter for file in files)
    app = FastAPI(docs_url=None, redoc_url=None)
    documents = [file.document for file in files]
    add_routes(app, board_of(views, clock, charters, documents=documents))
    return TestClient(app, follow_redirects=False)


def test_the_charter_in_force_is_shown_as_people_read_it(two: TestClient) -> None:
    """What each side promises, when time counts, reasons, words, goals, and who agreed when."""
    words = read(two, "/charter").words
    for expected in (
        "Charter 2026-Q4",
        "Fewer leads, better ones.",
        "Sales accepts or rejects every lead it is handed",
        "within 15m of calendar always when priority is hot",
        "within 4h of calendar office otherwise",
        "Leads handed over: at least 400, every month",
        "1,200,000 PLN, every quarter",
        "Mon–Fri 09:00-17:00",
        "closed on the public holidays of PL",
        "24 Dec 2026",
        "Not our kind of customer",
        "Then: Tighten the audience",
        "A lead that marketing hands over under this charter",
        "Anna Lis, 21 Sep 2026",
    ):
        assert expected in words


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("code", ["en", "pl"])
def test_every_example_can_be_read(views: FakeViews, clock: StillClock, path: Path, code: str) -> None:
    """The charters that come with Baton, with every clock and commitment that they have, in both languages."""
    file = read_charter(path)
    charters = Charters([file.charter])
    app = FastAPI(docs_url=None, redoc_url=None)
    add_routes(app, board_of(views, clock, charters, documents=[file.document]))
    words = read(TestClient(app), f"/charter?lang={code}").words
    assert all(name in words for name in (*file.document.clocks, *file.document.commitments, *file.document.reasons))


def test_its_history_says_what_changed(two: TestClient) -> None:
    """Each version with who agreed to it, and what is other than in the one before."""
    words = read(two, "/charter").words
    assert "3 changes from the version before" in words
    assert "clocks.accept.targets.2.within6h4h" in words
    assert "strategynothingFewer leads, better ones." in words
    assert "client_teams.key-accounts.members.serviceonboarding, supportonboarding" in words
    assert "The first version." in words


def test_earlier_versions_can_be_read(two: TestClient) -> None:
    """By their addresses; what is no version is not found."""
    page = read(two, "/charter?version=2026-Q3")
    assert "within 6h of calendar office otherwise" in page.words
    assert "/charter?version=2026-Q4" in page.values("a", "href")
    assert "No charter has the version '2020'" in read(two, "/charter?version=2020", 404).words


def test_the_charter_speaks_polish_around_its_own_words(two: TestClient) -> None:
    """What the charter itself says stays as both sides signed it."""
    words = read(two, "/charter?lang=pl").words
    assert "Sales accepts or rejects every lead it is handed" in words
    assert "w ciągu 15m kalendarza always gdy priority to hot" in words
    assert "3 zmiany względem poprzedniej wersji" in words
    assert "pon.–pt. 09:00-17:00" in words
    assert "Leady przekazane: co najmniej 400, co miesiąc" in words


def test_changes_name_their_places() -> None:
    """Places of lists are counted from 1, goals are known by name; dates and signatures are no change."""
    later = WRITTEN.replace("target: 1200000", "target: 1500000").replace("Anna Lis", "Jan Lis")
    assert changes(_document(WRITTEN), _document(later)) == [Change("goals.revenue.target", "1200000", "1500000")]


def _with(edits: set[str]) -> CharterDocument:
    text = WRITTEN
    for edit in edits:
        text = text.replace(edit, PLACES[edit])
    return _document(text)


_EDITS = st.sets(st.sampled_from(sorted(PLACES)))


@given(_EDITS, _EDITS)
def test_changes_are_all_there_is_and_can_be_read_backwards(one: set[str], other: set[str]) -> None:
    """None where the same stands; else each edit shows, and from the other side before and after are exchanged."""
    before, after = _with(one), _with(other)
    there, back = changes(before, after), changes(after, before)
    assert bool(there) == (one != other)
    assert len(there) >= len(one ^ other)
    assert sorted((each.place, each.before or "", each.after or "") for each in there) == sorted(
        (each.place, each.after or "", each.before or "") for each in back
    )


def test_every_measure_and_period_has_words() -> None:
    """In every language."""
    for language in languages().values():
        assert all(measure_words(measure, language) for measure in MEASURES)
        assert all(per_words(per, language) for per in Per)

"""The collaboration index: five parts, equal, without those of which nothing is known."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.domain.charter import Charters, Side
from services.domain.facts import FactKind
from services.domain.periods import parse_period
from services.measures.ceremonies import ceremonies, since_when
from services.measures.collaboration import Element, Index, IndexPart, answer_clocks, index, moved
from services.measures.ledger import Days, Ledger
from services.views import CeremonyHeld, Verdicts
from tests.measures.made import WARSAW, MemoryFacts, at, charter, charters, many

QUARTER = parse_period("2026-Q4", WARSAW)
DAYS = Days(QUARTER.first, QUARTER.end)


def held(name: str, when: str) -> CeremonyHeld:
    """A ceremony with two of each side."""
    return CeremonyHeld(name, at(when), 2, 2, None)


def of(*, ledger: Ledger | None = None, verdicts: tuple[Verdicts, ...] = ()) -> Index:
    """The index of the quarter, without ceremonies."""
    return index(charter(), QUARTER, ledger or Ledger([]), DAYS, verdicts, [])


def test_a_quarter_by_hand() -> None:
    """90 % of marketing's and 80 % of sales' promises, 3 of 4 closes judged, answers 9 of 10, 1 of 2 disputes, 1 of 2
    ceremonies: the mean of 80, 75, 90, 50 and 50.
    """
    facts = [
        *many(FactKind.CLOSED, "2026-10-05", 4),
        *many(FactKind.JUDGED, "2026-10-05", 3),
        *many(FactKind.DISPUTED, "2026-10-05", 2),
        *many(FactKind.SETTLED, "2026-10-05", 1),
    ]
    verdicts = [Verdicts("answer", "marketing", 9, 1, 0), Verdicts("accept", "sales", 8, 1, 1)]
    monthly = charters(("huddle: {every: week}", "kickoff: {every: quarter}"))
    due = ceremonies(monthly, QUARTER, QUARTER.until, [held("kickoff", "2026-10-02 10:00")])
    found = index(charter(), QUARTER, Ledger(MemoryFacts(facts).tallies(0, 100_000)), DAYS, verdicts, due)
    assert [part.share for part in found.parts] == [
        Fraction(8, 10),
        Fraction(3, 4),
        Fraction(9, 10),
        Fraction(1, 2),
        Fraction(1, 2),
    ]
    assert found.parts[0].side is Side.SALES
    assert found.value == 69


def test_nothing_known_is_no_index() -> None:
    """Not 0, which would be a verdict."""
    assert of().value is None


def test_parts_without_anything_to_do_are_left_out() -> None:
    """No disputes, no closes, no ceremony due: the index is what is left."""
    found = of(verdicts=(Verdicts("accept", "sales", 1, 1, 0),))
    assert found.value == 50
    assert [part.element for part in found.parts if part.share is not None] == [Element.ATTAINMENT]


def test_the_weaker_side_s_attainment_counts() -> None:
    """All clocks of a side together; who keeps every promise does not make up for the other."""
    verdicts = (
        Verdicts("accept", "sales", 10, 0, 0),
        Verdicts("first_call", "sales", 10, 0, 0),
        Verdicts("answer", "marketing", 0, 1, 3),
    )
    part = of(verdicts=verdicts).parts[0]
    assert part.side == Side.MARKETING
    assert part.share == 0


def test_answers_are_marketing_s_clocks_on_what_sales_said() -> None:
    """Those that start on a rejection or a verdict and stop on the answer; another clock of marketing is none."""
    text = "  answer:\n    promised_by: marketing\n    starts_on: [lead.rejected]"
    assert answer_clocks(charter()) == {"answer"}
    given_too = charter((text, text.replace("lead.rejected", "feedback.given")))
    assert answer_clocks(given_too) == {"answer"}
    assert answer_clocks(charter((text, text.replace("lead.rejected", "lead.captured")))) == frozenset()
    assert answer_clocks(charter((text, text.replace("marketing", "sales")))) == frozenset()


def test_a_ceremony_is_due_when_its_period_is_over() -> None:
    """In mid-quarter the review has time; the huddles of the weeks that are over were due, and one was held."""
    now = at("2026-10-14 12:00")
    due = ceremonies(charters(), QUARTER, now, [held("huddle", "2026-10-06 09:00")])
    assert [(each.ceremony, each.period.key, each.counts, bool(each.held)) for each in due] == [
        ("huddle", "2026-W40", True, False),
        ("huddle", "2026-W41", True, True),
        ("huddle", "2026-W42", False, False),
        ("quarterly-review", "2026-Q4", False, False),
    ]


def test_a_ceremony_that_was_held_early_counts_at_once() -> None:
    """Who met in the first week need not wait for the quarter's end to be told so."""
    now = at("2026-10-14 12:00")
    (review,) = [
        each
        for each in ceremonies(charters(), QUARTER, now, [held("quarterly-review", "2026-10-02 09:00")])
        if each.ceremony == "quarterly-review"
    ]
    assert review.counts
    assert not review.is_over


def test_a_ceremony_after_the_moment_is_not_held_yet() -> None:
    """As of an instant, what is to come is unknown."""
    due = ceremonies(charters(), QUARTER, at("2026-10-05 12:00"), [held("huddle", "2026-10-09 09:00")])
    assert not any(each.held for each in due)


def test_a_yearly_ceremony_counts_once() -> None:
    """In the quarter in which its year ends, though it may have been held in spring."""
    yearly = charters(
        ("quarterly-review: {every: quarter}", "summit: {every: year}"), ("  huddle: {every: week}\n", "")
    )
    spring = [held("summit", "2026-04-10 09:00")]
    assert since_when(QUARTER, yearly) == at("2026-01-01")
    for key, counts in (("2026-Q2", False), ("2026-Q3", False), ("2026-Q4", True)):
        period = parse_period(key, WARSAW)
        due = ceremonies(yearly, period, period.until, spring)
        assert [each.counts for each in due] == ([True] if counts else [])
    running = ceremonies(yearly, parse_period("2026-Q2", WARSAW), at("2026-05-01"), spring)
    assert [(each.ceremony, each.counts) for each in running] == [("summit", False)]


def test_each_week_is_judged_by_the_charter_at_its_end() -> None:
    """A ceremony that a new charter brings is not owed for the weeks before it."""
    first = charter(("  huddle: {every: week}\n", ""), ("version: 2026-Q4", "version: first"))
    second = charter(("2026-01-01T00:00:00+01:00", "2026-10-12T00:00:00+02:00"))
    due = ceremonies(Charters([first, second]), QUARTER, at("2026-10-26"), [])
    assert [each.period.key for each in due if each.ceremony == "huddle" and each.is_over] == ["2026-W42", "2026-W43"]


_SHARES = st.lists(st.none() | st.tuples(st.integers(0, 20), st.integers(20, 40)), min_size=5, max_size=5)


def _made(shares: list[tuple[int, int] | None]) -> Index:
    parts = [IndexPart(element, *(each or (0, 0))) for element, each in zip(Element, shares, strict=True)]
    return Index(QUARTER, parts)


@settings(deadline=None)
@given(_SHARES, _SHARES)
def test_what_moved_it_adds_up(before: list[tuple[int, int] | None], after: list[tuple[int, int] | None]) -> None:
    """The points of all parts are the change, exactly, also where a part comes or goes; the largest is first."""
    was, is_ = _made(before), _made(after)
    found = moved(was, is_)
    if was.value is None or is_.value is None:
        assert found == []
        return
    assert sum((each.points for each in found), Fraction(0)) == is_.value - was.value
    assert [abs(each.points) for each in found] == sorted((abs(each.points) for each in found), reverse=True)


def test_with_the_same_parts_each_moves_it_by_its_own_change() -> None:
    """Answers rose from half to all, one of two parts: 25 points."""
    was = _made([(1, 2), None, (1, 2), None, None])
    is_ = _made([(1, 2), None, (2, 2), None, None])
    (found,) = moved(was, is_)
    assert found.element == Element.ANSWERED
    assert found.points == 25
    assert found.before == Fraction(1, 2)
    assert found.after == 1


@pytest.mark.parametrize("sides", [("marketing",), ("sales",)])
def test_one_side_alone_is_the_weaker_one(sides: tuple[str, ...]) -> None:
    """Where nothing of the other fell due, there is nothing weaker."""
    part = of(verdicts=tuple(Verdicts("accept", side, 3, 1, 0) for side in sides)).parts[0]
    assert (part.side, part.share) == (sides[0], Fraction(3, 4))

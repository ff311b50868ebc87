"""Goals and commitments as they stand, read from facts: which period, until when, and why."""

from collections.abc import Sequence
from fractions import Fraction

from services.domain.charter import Charters
from services.domain.facts import FactKind
from services.domain.instants import Instant
from services.domain.periods import parse_period
from services.measures.book import Book, Moment
from services.measures.collaboration import Element
from services.measures.forecast import Forecast, TooEarly
from services.measures.pace import Pace
from services.measures.standing import CommitmentStanding
from services.views import CeremonyHeld, FactView, Verdicts
from tests.measures.made import WARSAW, MemoryFacts, MemoryVerdicts, at, charter, charters, deal, fact, many

NOW = at("2026-11-16 09:00")
"""A Monday before work: 32 of the quarter's 66 working days have passed, 10 of November's 21."""


def book(
    views: Sequence[FactView] = (),
    verdicts: dict[Instant, list[Verdicts]] | None = None,
    held: Sequence[CeremonyHeld] = (),
) -> Book:
    """A book over facts in memory."""
    return Book(views=MemoryVerdicts(verdicts or {}), facts=MemoryFacts(views, held))


def by_name(found: Sequence[CommitmentStanding]) -> dict[str, CommitmentStanding]:
    """Commitments by name."""
    return {each.commitment.name: each for each in found}


def test_a_goal_of_the_contract() -> None:
    """480,000 of 1.2 million PLN in 32 of 66 working days: 40 % against 48.5 %, which is behind."""
    sold = [view for when in ("2026-10-06", "2026-11-03") for view in deal(when, 240_000)]
    (goal,) = book(sold).goals(charters(), Moment(NOW))
    standing = goal.standing
    assert standing.period.key == "2026-Q4"
    assert standing.figure.value == 480_000
    assert standing.progress == Fraction(2, 5)
    assert standing.passed == Fraction(32, 66)
    assert standing.expected == 1_200_000 * Fraction(32, 66)
    assert standing.pace == Fraction(2, 5) / Fraction(32, 66)
    assert standing.word is Pace.BEHIND


def test_a_goal_s_gap_adds_up() -> None:
    """By the plan of the contract: 600 handoffs, 70 % accepted, 90 won, and what deals are worth."""
    facts = [
        *many(FactKind.HANDED_OFF, "2026-10-05", 200),
        *many(FactKind.ACCEPTED, "2026-10-06", 150),
        *[view for place in range(40) for view in deal("2026-10-20", 12_000, name=f"d{place}")],
    ]
    (goal,) = book(facts).goals(charters(), Moment(NOW))
    assert goal.gap is not None
    assert goal.standing.expected is not None
    assert goal.standing.figure.value is not None
    assert goal.gap.total == goal.standing.expected - goal.standing.figure.value
    assert sum(part.amount for part in goal.gap.parts) == goal.gap.total
    assert [part.planned for part in goal.gap.parts] == [
        600 * Fraction(32, 66),
        Fraction(7, 10),
        Fraction(90, 420),
        Fraction(1_200_000, 90),
    ]
    assert [part.actual for part in goal.gap.parts] == [200, Fraction(3, 4), Fraction(40, 150), 12_000]


def test_each_side_s_contribution_has_a_pace_of_its_own() -> None:
    """Handoffs of all leads, wins of new customers; another department's words stay words."""
    facts = [*many(FactKind.HANDED_OFF, "2026-10-05", 300), *deal("2026-10-20", 1), *deal("2026-10-21", 1, new=False)]
    (goal,) = book(facts).goals(charters(), Moment(NOW))
    marketing, sales, service = goal.contributions
    assert (marketing.side, sales.side, service.side) == ("marketing", "sales", "service")
    assert marketing.standing is not None
    assert sales.standing is not None
    assert marketing.standing.figure.value == 300
    assert marketing.standing.word == Pace.ON_PACE
    assert sales.standing.figure.value == 1
    assert sales.standing.word == Pace.BEHIND
    assert (service.words, service.standing) == ("a good start", None)


def test_shares_know_no_time() -> None:
    """An acceptance of 70 % is on pace on the first day as on the last: it is compared with the target itself."""
    facts = many(FactKind.ACCEPTED, "2026-11-03", 7) + many(FactKind.REJECTED, "2026-11-03", 3)
    found = by_name(book(facts).commitments(charters(), Moment(NOW)))["quality"].standing
    assert found.is_share
    assert found.figure.value == Fraction(7, 10)
    assert found.expected == Fraction(7, 10)
    assert found.pace == 1
    assert found.word is Pace.ON_PACE


def test_commitments_are_those_of_both_sides() -> None:
    """Each in its own period, the month; without anything to be a share of there is no pace."""
    found = by_name(book(many(FactKind.HANDED_OFF, "2026-11-03", 200)).commitments(charters(), Moment(NOW)))
    assert {name: str(each.commitment.promised_by) for name, each in found.items()} == {
        "volume": "marketing",
        "quality": "marketing",
        "complete": "marketing",
        "effort": "sales",
        "punctual": "sales",
    }
    volume = found["volume"].standing
    assert volume.period.key == "2026-11"
    assert volume.figure.value == 200
    assert volume.expected == 400 * Fraction(10, 21)
    assert (found["quality"].standing.pace, found["quality"].standing.word) == (None, None)


def test_attainment_is_by_the_period_of_its_due_time() -> None:
    """The verdicts that fell due in the month."""
    november = parse_period("2026-11", WARSAW)
    verdicts = {november.since: [Verdicts("accept", "sales", 8, 1, 1)]}
    found = by_name(book(verdicts=verdicts).commitments(charters(), Moment(NOW)))["punctual"].standing
    assert (found.figure.value, found.word) == (Fraction(8, 10), Pace.BEHIND)


def test_a_past_period_is_told_as_it_ended() -> None:
    """Of October nothing counts that happened on the first of November; nothing is forecast any more."""
    facts = many(FactKind.HANDED_OFF, "2026-10-31 23:59", 3) + many(FactKind.HANDED_OFF, "2026-11-01", 5)
    october = parse_period("2026-10", WARSAW)
    volume = by_name(book(facts).commitments(charters(), Moment(NOW), october))["volume"].standing
    assert volume.figure.value == 3
    assert volume.passed == 1
    assert volume.is_over
    third = parse_period("2026-Q3", WARSAW)
    (goal,) = book(deal("2026-08-01", 5) + deal("2026-10-01", 7)).goals(charters(), Moment(NOW), third)
    assert goal.standing.figure.value == 5
    assert goal.standing.is_over
    assert goal.forecast is None


def test_a_quarter_has_the_months_of_its_commitments() -> None:
    """Those that have begun; and a goal of a quarter that is asked for by a month is told as it was at its end."""
    found = book().commitments(charters(), Moment(NOW), parse_period("2026-Q4", WARSAW))
    assert [each.standing.period.key for each in found if each.commitment.name == "volume"] == ["2026-10", "2026-11"]
    sold = deal("2026-10-06", 10) + deal("2026-11-01", 20)
    (goal,) = book(sold).goals(charters(), Moment(NOW), parse_period("2026-10", WARSAW))
    assert goal.standing.period.key == "2026-Q4"
    assert goal.standing.figure.value == 10
    assert goal.standing.passed == Fraction(22, 66)


def test_a_past_moment_does_not_know_the_rest_of_its_day() -> None:
    """At noon what happened at half past is not there; what happened at noon is."""
    facts = [
        *many(FactKind.HANDED_OFF, "2026-11-12 09:00", 1),
        *[fact(FactKind.HANDED_OFF, when, lead=when) for when in ("2026-11-13 11:59", "2026-11-13 12:00")],
        *many(FactKind.HANDED_OFF, "2026-11-13 12:30", 4),
        *many(FactKind.HANDED_OFF, "2026-11-16 08:00", 8),
    ]
    past = Moment(at("2026-11-13 12:00"), is_past=True)
    assert by_name(book(facts).commitments(charters(), past))["volume"].standing.figure.value == 3
    live = Moment(NOW)
    assert by_name(book(facts).commitments(charters(), live))["volume"].standing.figure.value == 15


def test_a_long_day_is_read_page_by_page() -> None:
    """More facts in one day than a page has are all counted."""
    facts = many(FactKind.HANDED_OFF, "2026-11-13 09:00", 2100)
    past = Moment(at("2026-11-13 12:00"), is_past=True)
    assert by_name(book(facts).commitments(charters(), past))["volume"].standing.figure.value == 2100


def test_forecasts_wait_for_two_weeks() -> None:
    """A goal of revenue with a deal a day has one after ten working days, and says before how many are missing."""
    days = [f"2026-11-{day:02}" for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13)]
    sold = [view for when in days for view in deal(f"{when} 10:00", 10_000)]
    (goal,) = book(sold).goals(charters(), Moment(NOW))
    assert isinstance(goal.forecast, Forecast)
    # The 34 working days to come go on as these ten, of which none differs from another.
    assert goal.forecast == Forecast(*[Fraction(100_000 + 34 * 10_000)] * 3)
    (goal,) = book(sold).goals(charters(), Moment(at("2026-11-12 09:00")))
    assert goal.forecast == TooEarly(2)


def test_the_charter_at_the_end_of_a_period_says_what_its_goals_were() -> None:
    """A target that was agreed on for the next quarter does not change how the last one ended."""
    first = charter(("version: 2026-Q4", "version: first"), ("target: 1200000", "target: 100"))
    second = charter(("2026-01-01T00:00:00+01:00", "2026-10-01T00:00:00+02:00"))
    versions = Charters([first, second])
    (last,) = book().goals(versions, Moment(NOW), parse_period("2026-Q3", WARSAW))
    (present,) = book().goals(versions, Moment(NOW))
    assert last.standing.target == 100
    assert present.standing.target == 1_200_000


def test_the_index_is_told_with_the_quarter_before() -> None:
    """And with what moved it."""
    facts = [
        *many(FactKind.CLOSED, "2026-08-03", 2),
        *many(FactKind.JUDGED, "2026-08-03", 1),
        *many(FactKind.CLOSED, "2026-10-05", 2),
        *many(FactKind.JUDGED, "2026-10-05", 2),
    ]
    quiet = charters(("  quarterly-review: {every: quarter}\n  huddle: {every: week}\n", "  party: {every: year}\n"))
    found = book(facts).collaboration(quiet, Moment(NOW))
    assert found.last.value == 50
    assert found.index.value == 100
    assert [(each.element, each.points) for each in found.moved] == [(Element.GIVEN, Fraction(50))]


def test_figures_for_scrapes_are_those_of_the_pages() -> None:
    """The same standings, of every goal and commitment, without what scrapes do not ask."""
    facts = many(FactKind.HANDED_OFF, "2026-11-03", 200) + deal("2026-10-06", 240_000)
    made, agreed = book(facts), charters()
    figures = made.figures(agreed, NOW)
    assert [standing for _, standing in figures.goals] == [each.standing for each in made.goals(agreed, Moment(NOW))]
    assert list(figures.commitments) == made.commitments(agreed, Moment(NOW))
    assert figures.index == made.collaboration(agreed, Moment(NOW)).index

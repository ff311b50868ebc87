"""Goals, commitments and the index on the page of metrics: all there from the start, exact, NaN where there is none."""

import math
from fractions import Fraction

from services.domain.facts import FactKind
from services.measures.book import Book
from services.metrics.collector import page, registry_of
from services.metrics.promised import PromiseCollector
from tests.board.world import StillClock
from tests.measures.made import MemoryFacts, MemoryVerdicts, at, charters, deal, many
from tests.metrics.support import Page, read

NOW = at("2026-11-16 09:00")
"""32 of the quarter's 66 working days have passed, 10 of November's 21."""


def scraped(facts: MemoryFacts) -> Page:
    """The series over facts in memory."""
    agreed = charters()
    book = Book(views=MemoryVerdicts(), facts=facts)
    clock = StillClock(NOW)
    return read(page(registry_of(PromiseCollector(book=book, charters=lambda: agreed, clock=clock))).decode())


def test_every_goal_and_commitment_is_there_from_the_start() -> None:
    """Before anything happened: counts at 0, shares of nothing as NaN, and no series beside these."""
    series = scraped(MemoryFacts())
    names = {"volume": "marketing", "quality": "marketing", "complete": "marketing"}
    sides = names | {"effort": "sales", "punctual": "sales"}
    wanted = {"baton_collaboration_index"}
    for name, side in sides.items():
        own = f'commitment="{name}"'
        wanted.add(f'baton_commitment_ratio{{{own},promised_by="{side}"}}')
        for metric in ("pace_ratio", "due_ratio", "counted"):
            wanted.add(f'baton_commitment_{metric}{{{own},per="month",promised_by="{side}"}}')
    for metric in ("progress_ratio", "pace_ratio", "due_ratio", "counted"):
        wanted.add(f'baton_goal_{metric}{{goal="new-revenue",per="quarter"}}')
    assert set(series) == wanted
    assert series['baton_commitment_ratio{commitment="volume",promised_by="marketing"}'] == 0
    assert series['baton_commitment_pace_ratio{commitment="volume",per="month",promised_by="marketing"}'] == 0
    assert math.isnan(series['baton_commitment_ratio{commitment="quality",promised_by="marketing"}'])
    assert math.isnan(series['baton_commitment_pace_ratio{commitment="quality",per="month",promised_by="marketing"}'])


def test_the_values_are_those_of_the_measures() -> None:
    """Progress, pace, what is due and what is counted; shares are due in full."""
    facts = [
        *many(FactKind.HANDED_OFF, "2026-11-03", 200),
        *many(FactKind.REACHED, "2026-11-03", 150),
        *deal("2026-10-06", 480_000),
        *deal("2026-10-06", 480_000, new=False),
    ]
    series = scraped(MemoryFacts(facts))
    goal = 'goal="new-revenue",per="quarter"'
    assert series[f"baton_goal_progress_ratio{{{goal}}}"] == 0.4
    assert series[f"baton_goal_due_ratio{{{goal}}}"] == float(Fraction(32, 66))
    assert series[f"baton_goal_pace_ratio{{{goal}}}"] == float(Fraction(2, 5) / Fraction(32, 66))
    assert series[f"baton_goal_counted{{{goal}}}"] == 1
    volume = 'commitment="volume",per="month",promised_by="marketing"'
    assert series[f"baton_commitment_due_ratio{{{volume}}}"] == float(Fraction(10, 21))
    assert series[f"baton_commitment_counted{{{volume}}}"] == 200
    effort = 'commitment="effort",per="month",promised_by="sales"'
    assert series[f"baton_commitment_due_ratio{{{effort}}}"] == 1
    assert series[f"baton_commitment_pace_ratio{{{effort}}}"] == float(Fraction(75, 90))
    assert series[f"baton_commitment_counted{{{effort}}}"] == 200
    assert series['baton_commitment_ratio{commitment="effort",promised_by="sales"}'] == float(Fraction(75, 90))


def test_the_index_is_that_of_the_quarter() -> None:
    """Half of the closes judged; no huddle was held in the six weeks that are over, and the review has time."""
    facts = [*many(FactKind.CLOSED, "2026-10-05", 4), *many(FactKind.JUDGED, "2026-10-05", 2)]
    assert scraped(MemoryFacts(facts))["baton_collaboration_index"] == 25

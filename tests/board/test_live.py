"""What the live page computes: error budgets, time left in counted time, the funnel, weeks, and its filters."""

from fractions import Fraction

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from services.board.budget import Budget, budget_of
from services.board.countdowns import countdown, of_judgement
from services.board.funnel import Step, ends, step_words, way
from services.board.judgements import of_row
from services.board.languages import languages
from services.board.overview import WEEKS_SHOWN, Kept, overview
from services.domain.charter import Charters
from services.domain.clocks import Status
from services.domain.instants import DAY
from services.domain.periods import weeks_until
from services.views import Funnel, Scope
from tests.board.test_pages import read
from tests.board.world import ALWAYS, CHARTER, HOUR, MINUTE, NOW, OFFICE, WARSAW, FakeViews, at, world

unhurried = settings(deadline=None)

CHARTERS = Charters([CHARTER])


@pytest.mark.parametrize(
    ("objective", "due", "used", "expected"),
    [
        (Fraction(95, 100), 40, 1, Budget(2, 1)),
        (Fraction(95, 100), 39, 0, Budget(1, 0)),
        (Fraction(9, 10), 0, 0, Budget(0, 0)),
        (Fraction(1), 100, 1, Budget(0, 1)),
        (None, 40, 1, None),
    ],
)
def test_a_budget_is_what_the_objective_leaves_room_for(
    objective: Fraction | None, due: int, used: int, expected: Budget | None
) -> None:
    """Whole misses, of what fell due; without an objective there is none."""
    assert budget_of(objective, due, used) == expected


@unhurried
@given(st.fractions(0, 1), st.integers(0, 10_000), st.data())
def test_a_budget_is_used_up_exactly_when_the_objective_is_missed(
    objective: Fraction, due: int, data: st.DataObject
) -> None:
    """One more miss than allowed brings attainment below the objective, and no fewer do."""
    used = data.draw(st.integers(0, due))
    budget = budget_of(objective, due, used)
    assert budget is not None
    assert (budget.over > 0) == (due > 0 and Fraction(due - used, due) < objective)
    assert budget.left == 0 or budget.over == 0
    assert budget.used + budget.left - budget.over == budget.allowed
    assert 0 <= budget.share <= 1


@pytest.mark.parametrize(
    ("due", "now", "length", "is_over", "is_counting", "changes_at"),
    [
        ("10-12 15:00", "10-12 12:00", 3 * HOUR, False, True, "10-12 15:00"),
        ("10-13 10:00", "10-12 12:00", 6 * HOUR, False, True, "10-12 17:00"),
        ("10-12 10:00", "10-09 18:00", HOUR, False, False, "10-12 09:00"),
        ("10-12 12:00", "10-12 12:00", 0, False, True, "10-12 12:00"),
        ("10-09 16:00", "10-12 12:00", 4 * HOUR, True, True, "10-12 17:00"),
        ("10-09 16:00", "10-10 12:00", HOUR, True, False, "10-12 09:00"),
    ],
    ids=["within a day", "over night", "on a weekend", "due now", "overdue", "overdue on a weekend"],
)
def test_time_left_is_counted_time(
    due: str, now: str, length: int, is_over: bool, is_counting: bool, changes_at: str
) -> None:
    """Nights and weekends count nothing; it is said when time begins or ceases to count."""
    seen = countdown(at(due), OFFICE, at(now))
    assert (seen.length, seen.is_over, seen.is_counting, seen.changes_at) == (
        length,
        is_over,
        is_counting,
        at(changes_at),
    )


@unhurried
@given(st.integers(-20 * DAY, 20 * DAY), st.integers(0, 5 * DAY))
def test_a_countdown_goes_on_as_it_says(until_due: int, later: int) -> None:
    """Until it changes, each second that passes is one less (or one more), or none where time stands still."""
    due = NOW + until_due
    seen = countdown(due, OFFICE, NOW)
    then = min(NOW + later, seen.changes_at)
    step = (1 if seen.is_over else -1) if seen.is_counting else 0
    assert countdown(due, OFFICE, then).length == seen.length + step * (then - NOW)


def test_what_counts_nothing_down_has_no_countdown() -> None:
    """An instance that is paused, and one that has ended."""
    rows = {(row.lead, row.clock): of_row(row, CHARTERS, NOW) for file in world().files.values() for row in file.clocks}
    paused = rows["hubspot:contact:153", "accept"]
    assert paused.status is Status.PAUSED
    assert of_judgement(paused, CHARTERS, NOW) is None
    assert of_judgement(rows["hubspot:contact:155", "accept"], CHARTERS, NOW) is None
    open_one = of_judgement(rows["hubspot:contact:151", "accept"], CHARTERS, NOW)
    assert open_one == countdown(at("10-12 09:45"), ALWAYS, NOW)


def test_the_funnel_has_shares_of_all() -> None:
    """The way and the other ends, each as a share of what was opened; nothing opened has none."""
    funnel = Funnel(opened=20, accepted=15, touched=12, qualified=8, opportunities=5, won=2, lost=1, rejected=4)
    assert [(came.step, came.count, came.share) for came in way(funnel)] == [
        (Step.OPENED, 20, 1.0),
        (Step.ACCEPTED, 15, 0.75),
        (Step.TOUCHED, 12, 0.6),
        (Step.QUALIFIED, 8, 0.4),
        (Step.OPPORTUNITIES, 5, 0.25),
        (Step.WON, 2, 0.1),
    ]
    assert [(came.step, came.count) for came in ends(funnel)] == [
        (Step.REJECTED, 4),
        (Step.RECYCLED, 0),
        (Step.LOST, 1),
        (Step.WITHDRAWN, 0),
    ]
    assert {came.share for came in way(Funnel())} == {None}
    assert all(step_words(language).keys() == set(Step) for language in languages().values())


def test_weeks_begin_on_mondays_of_the_zone() -> None:
    """Also over the night in which clocks go back."""
    assert weeks_until(at("10-28 12:00"), WARSAW, 2) == [at("10-19 00:00"), at("10-26 00:00"), at("11-02 00:00")]


def test_each_promise_has_its_weeks() -> None:
    """The present one last; all of them together are no more than fell due."""
    accept = next(each for each in overview(world(), CHARTERS, NOW).sides[1].promises if each.name == "accept")
    assert len(accept.weeks) == WEEKS_SHOWN
    assert accept.weeks[-1] == Kept(met=1, missed=0, overdue=1)
    assert sum(accept.weeks, Kept()) == accept.quarter


def test_a_scope_is_all_that_is_shown() -> None:
    """With one team, one clock: the figures, both sides and the list are of those alone."""
    seen = overview(world(), CHARTERS, NOW, Scope(team="enterprise", clock="accept"))
    assert [row.lead for row in seen.attention] == ["hubspot:contact:152"]
    assert seen.open_handoffs == 1
    assert seen.funnel.opened == 1
    assert [[each.name for each in side.promises] for side in seen.sides] == [[], ["accept"]]
    assert not seen.is_empty


@pytest.mark.parametrize(
    ("query", "leads"),
    [
        ("team=enterprise", {"hubspot:contact:152"}),
        ("account=ACME", {"hubspot:contact:151"}),
        ("priority=hot", {"hubspot:contact:151"}),
        ("source=webinar&clock=answer", {"hubspot:contact:155"}),
        ("team=nobody", set()),
        ("team=&priority=&source=&account=&clock=", {f"hubspot:contact:{each}" for each in (151, 152, 155, 159)}),
    ],
)
def test_filters_live_in_the_address(client: TestClient, query: str, leads: set[str]) -> None:
    """The address says which team, priority, source, account and clock; the empty fields of a form ask nothing."""
    found = read(client, f"/?{query}").values("a", "href")
    assert {href.removeprefix("/leads/") for href in found if href.startswith("/leads/")} == leads


def test_lists_behind_the_figures_keep_the_filters(client: TestClient) -> None:
    """From the figures to the leads and to the wall screen, with what was asked."""
    hrefs = read(client, "/?team=inbound&priority=hot").values("a", "href")
    assert "/leads?team=inbound&priority=hot&status=overdue" in hrefs
    assert "/leads?team=inbound&priority=hot&clock=accept&status=overdue" in hrefs
    assert "/?team=inbound&priority=hot&wall=true" in hrefs


@pytest.mark.parametrize(
    ("query", "words"), [("clock=acept", "no charter has a clock 'acept'"), ("tema=x", "there is no such parameter")]
)
def test_a_wrong_filter_of_the_board_is_explained(client: TestClient, query: str, words: str) -> None:
    """Nothing is shown that was not asked for."""
    assert words in read(client, f"/?{query}", 422).words


def test_a_wall_screen_has_nothing_to_press(client: TestClient) -> None:
    """Larger, without the form; with a way back that keeps the filters."""
    page = read(client, "/?wall=true&team=inbound")
    assert page.values("body", "class") == ["wall"]
    assert "form" not in [tag for tag, _ in page.tags]
    assert "/?team=inbound" in page.values("a", "href")


def test_time_left_goes_on_in_the_browser(client: TestClient) -> None:
    """The script is given the counted time, whether it goes up or down, and until when."""
    page = read(client, "/?team=enterprise")
    (left,) = [attributes for tag, attributes in page.tags if "data-counted" in attributes]
    assert (left["data-counted"], left["data-step"]) == (str(10 * MINUTE // 1000), "-1")
    assert left["data-until"] == str(at("10-12 12:10") // 1000)
    assert left["data-words"] == "{} left"


def test_the_board_shows_budgets_trends_and_the_funnel(client: TestClient, views: FakeViews) -> None:
    """In words too, for who does not see the bars."""
    page = read(client, "/")
    assert "Error budget used up: 2 missed, 0 allowed" in page.words
    assert any("Kept by week: 24 Aug -" in label for label in page.values("svg", "aria-label"))
    assert "Handed off18100 %" in page.words
    assert views.number == 1

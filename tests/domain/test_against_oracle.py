"""The domain against a second judge, and against itself when events come in other ways."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.domain import build, checks
from tests.domain.strategies import Case, cases, some_case

CASES = 2_000  # with the others below this takes about a minute; the deep run draws millions

# The same cases in every run: a change breaks its own tests, and new cases are drawn by the deep run.
settings.register_profile(
    "domain",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
thorough = settings(settings.get_profile("domain"), max_examples=CASES)
brief = settings(settings.get_profile("domain"), max_examples=CASES // 10)
randoms = st.randoms(use_true_random=False)


@pytest.mark.deep
@thorough
@given(case=cases)
def test_the_domain_gives_the_rows_of_the_oracle(case: Case) -> None:
    """Every clock row is the one that a plain walk through the contract gives."""
    assert list(checks.oracle_agrees(case, build.charters(case.charters))) == []


@pytest.mark.deep
@brief
@given(case=cases, random=randoms)
def test_arrival_and_duplicates_change_no_row(case: Case, random: Random) -> None:
    """Events shuffled, and some twice, give the same rows."""
    assert list(checks.arrival_changes_nothing(case, build.charters(case.charters), random)) == []


@pytest.mark.deep
@brief
@given(case=cases)
def test_events_applied_one_by_one_give_what_the_fold_gives(case: Case) -> None:
    """After every event the state is that of a fold of the events so far."""
    assert list(checks.one_by_one_is_the_fold(case, build.charters(case.charters))) == []


@pytest.mark.deep
@brief
@given(case=cases, random=randoms)
def test_a_state_survives_being_stored_at_any_event(case: Case, random: Random) -> None:
    """A state that goes through JSON goes on as one that does not."""
    assert list(checks.cuts_change_nothing(case, build.charters(case.charters), random)) == []


@pytest.mark.deep
@brief
@given(case=cases, random=randoms)
def test_every_transition_is_told_once(case: Case, random: Random) -> None:
    """Woken when it asks to be, or late, an instance tells what it went through, each transition once."""
    assert list(checks.told_once_as_time_goes(case, build.charters(case.charters), random)) == []


@pytest.mark.deep
@brief
@given(case=cases, random=randoms)
def test_merged_leads_do_not_depend_on_arrival(case: Case, random: Random) -> None:
    """Leads that are merged into one another, in chains and circles, have the same rows in any arrival."""
    assert list(checks.merged_leads_do_not_depend_on_arrival(case, build.charters(case.charters), random)) == []


@pytest.mark.deep
@brief
@given(case=cases, random=randoms)
def test_silences_come_to_their_stalls(case: Case, random: Random) -> None:
    """Whatever the arrival and wherever the state is stored, the stalls are those of the states between the events."""
    assert list(checks.silences_come_to_their_stalls(case, build.charters(case.charters), random)) == []


def test_the_cases_reach_every_kind_of_verdict() -> None:
    """What is drawn is worth judging: every status, paused without due_at, several instances, two charters."""
    seen: set[str] = set()
    for seed in range(400):
        case = some_case(Random(seed))
        rows = build.judge(case.events, build.charters(case.charters), case.as_of)
        seen |= {row.status for row in rows}
        seen |= {"no due_at" for row in rows if row.due_at is None}
        seen |= {"met at due_at" for row in rows if row.status == "met" and row.ended_at == row.due_at}
        seen |= {"missed by a microsecond" for row in rows if row.due_at and row.ended_at == row.due_at + 1}
        seen |= {"a third instance" for row in rows if row.instance == 3}
        seen |= {"several charters"} if len(case.charters) > 1 and rows else set()
    assert seen == {
        "running",
        "at_risk",
        "overdue",
        "paused",
        "met",
        "missed",
        "cancelled",
        "no due_at",
        "met at due_at",
        "missed by a microsecond",
        "a third instance",
        "several charters",
    }

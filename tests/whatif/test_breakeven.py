"""The break-even target: held against replays with that target, and with one second less."""

import random
from array import array
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.charters import parse_charter
from services.domain.charter import Charters
from services.domain.events import Event, EventType
from services.domain.instants import DAY, SECOND, parse_instant
from services.replay.history import History
from services.replay.judge import judge
from services.whatif.breakeven import Needs, break_even
from services.whatif.compare import compare
from services.whatif.words import duration
from tests.whatif.made import ALWAYS, OFFICE

MONDAY = parse_instant("2026-03-23T00:00:00+01:00")
"""The clocks change on the Sunday after it."""
QUARTER = 900 * SECOND
CHARTER = """
charter: 1
version: 1
effective_from: 2026-01-01T00:00:00Z
calendars:
  {office}
  {always}
clocks:
  accept:
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.accepted]
    restarts_on: [lead.assigned]
    cancelled_by: [lead.recycled]
    pausable: true
    calendar: office
    targets:
      - {{when: {{priority: hot}}, within: {within}, calendar: always}}
      - {{within: {within}}}
    objective: {objective}%
"""
KINDS = [
    EventType.LEAD_HANDED_OFF,
    EventType.LEAD_ACCEPTED,
    EventType.LEAD_ASSIGNED,
    EventType.LEAD_RECYCLED,
    EventType.LEAD_PAUSED,
    EventType.LEAD_RESUMED,
]
WEIGHTS = [5, 5, 1, 1, 2, 2]


def charters(within: str, objective: int) -> Charters:
    text = CHARTER.format(within=within, objective=objective, office=OFFICE, always=ALWAYS)
    return Charters([parse_charter(text, "made.yaml").charter], whole_history=True)


def random_history(seed: int, until: int) -> History:
    """Leads whose events lie on quarters of hours (so closing times are hit) or anywhere, in and out of hours."""
    rng = random.Random(seed)
    history = History()
    for lead in range(rng.randint(1, 25)):
        for number in range(rng.randint(1, 8)):
            kind = rng.choices(KINDS, WEIGHTS)[0]
            time = MONDAY + rng.randrange(10 * DAY)
            if rng.random() < 0.7:
                time -= time % QUARTER
            data = {"attributes": {"priority": rng.choice(["hot", "cold"])}} if kind in KINDS[::2] else {}
            history.add(Event(time, kind, "/t", f"{lead}:{number}", f"l{lead}", data), until)
    return history


@pytest.mark.parametrize("seed", range(60))
def test_the_break_even_is_the_shortest_target_at_which_a_replay_reaches_the_objective(seed: int) -> None:
    """Judged by a charter with that target the objective is reached; with a second less it is not."""
    as_of = MONDAY + random.Random(-seed).randrange(5 * DAY, 10 * DAY)
    percent = random.Random(seed).choice([1, 20, 50, 80, 95, 99])
    any_target = charters("4h", percent)
    comparison = compare(random_history(seed, as_of), any_target, any_target, as_of=as_of, changed=lambda _: None)
    found = comparison.a.clocks["accept"].break_even()

    def is_reached(target: int) -> bool:
        replayed = judge(random_history(seed, as_of), charters(duration(target), percent), as_of=as_of)
        attainment = replayed.clocks["accept"].attainment
        return attainment is not None and attainment >= percent / 100

    if found is None:
        assert not comparison.a.clocks["accept"].needs.stops
        assert not is_reached(500_000)
    else:
        assert is_reached(found)
        assert found == 1 or not is_reached(found - 1)


NEEDED = st.lists(st.integers(1, 40), max_size=30)


@given(NEEDED, NEEDED, st.fractions(Fraction(1, 100), Fraction(99, 100), max_denominator=100))
def test_the_break_even_is_what_trying_every_target_finds(
    stops: list[int], others: list[int], objective: Fraction
) -> None:
    """The smallest target by the definition, or none where there is none."""

    def attainment(target: int) -> Fraction | None:
        met = sum(need <= target for need in stops)
        judged = len(stops) + sum(need > target for need in others)
        return Fraction(met, judged) if judged else None

    reached = (target for target in range(1, 42) if (attainment(target) or 0) >= objective)
    assert break_even(Needs(array("q", stops), array("q", others)), objective) == next(reached, None)


def test_without_an_objective_there_is_no_break_even() -> None:
    """A clock that promises no share of anything cannot fail to keep it."""
    assert break_even(Needs(array("q", [1])), None) is None

"""Alerts on goals and commitments, judged by promtool: of both sides alike, not early, not of few, not of luck."""

from pathlib import Path
from typing import Any

import pytest

from services.charters import parse_charter
from services.domain.charter import Charter
from services.rules.goals import COMMITMENT, GOAL, goals
from services.rules.model import Alert, selector
from tests.rules.made import COPIES, Case, Told, charter_of, run

TEXT = """\
charter: 1
version: made
effective_from: 2026-10-01T00:00:00+02:00
calendars:
  always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}, day: 24h}
clocks:
  accept: {promised_by: sales, starts_on: [lead.handed_off], stops_on: [lead.accepted], calendar: always,
           targets: [{within: 1h}]}
commitments:
  volume: {promised_by: marketing, measure: handoffs, per: month, at_least: 400}
  calls: {promised_by: sales, measure: conversations, per: month, at_least: 400}
  quality: {promised_by: marketing, measure: accept_rate, per: month, at_least: 70%}
  effort: {promised_by: sales, measure: contact_rate, per: month, at_least: 70%}
  all: {promised_by: sales, measure: feedback_rate, per: month, at_least: 100%}
goals:
  - {name: wins, measure: won, per: quarter, target: 100}
  - {name: revenue, measure: won_amount, currency: PLN, per: quarter, target: 1200000}
  - {name: new, measure: new_customer_share, currency: PLN, per: year, target: 40%}
"""
CHARTER = parse_charter(TEXT, "made.yaml").charter
HOURS = 3


def commitment(name: str, side: str, *, pace: float, due: float = 1, counted: float = 0) -> dict[str, str]:
    """The gauges of a commitment, as both copies of the board show them for hours."""
    return _series("commitment", {"commitment": name, "promised_by": side, "per": "month"}, pace, due, counted)


def goal(name: str, per: str, *, pace: float, due: float = 1, counted: float = 0) -> dict[str, str]:
    """The gauges of a goal."""
    return _series("goal", {"goal": name, "per": per}, pace, due, counted)


def _series(what: str, labels: dict[str, str], pace: float, due: float, counted: float) -> dict[str, str]:
    values = {"pace_ratio": pace, "due_ratio": due, "counted": counted}
    return {
        selector(f"baton_{what}_{name}", **labels, instance=copy): f"{value:.12g}+0x{HOURS * 60}".replace("nan", "NaN")
        for copy in COPIES
        for name, value in values.items()
    }


def told_of_commitment(name: str, side: str, pace: str) -> dict[str, list[Told]]:
    """One side is told."""
    return {
        COMMITMENT: [
            Told(
                "warning",
                {"commitment": name, "promised_by": side, "per": "month"},
                f"{side.title()} is behind with the commitment {name}: {pace} of what was to be reached by now.",
                "Luck alone hardly explains it. Talk about it this week, while the month can still be made up for; "
                "the board shows the leads behind the number.",
            )
        ]
    }


def told_of_goal(name: str, per: str, pace: str) -> dict[str, list[Told]]:
    """Both sides are told."""
    return {
        GOAL: [
            Told(
                "warning",
                {"goal": name, "per": per},
                f"Both sides are behind with the goal {name}: {pace} of what was to be reached by now.",
                "The board says what is missing: handoffs, acceptance, wins, or the size of deals. "
                "Look at it together.",
            )
        ]
    }


def case(name: str, series: dict[str, str], told: Any = None, *, at: int = HOURS * 60) -> Case:
    """What the gauges are, and what is told of it after some hours."""
    return Case(name, CHARTER, at=at, others=series, told=told or {})


NAN = float("nan")
CASES = [
    case("nothing is known", commitment("volume", "marketing", pace=NAN, due=NAN) | goal("wins", "quarter", pace=NAN)),
    case("all is on pace", commitment("volume", "marketing", pace=0.95, due=0.9) | goal("wins", "quarter", pace=1)),
    # Numbers: of 200 that were due 28 are missing from 0.8586 on.
    case(
        "too few handoffs, by more than luck",
        commitment("volume", "marketing", pace=0.858, due=0.5),
        told_of_commitment("volume", "marketing", "85.8%"),
    ),
    case("too few handoffs, as luck would have it", commitment("volume", "marketing", pace=0.859, due=0.5)),
    case(
        "sales is told by the same rule",
        commitment("calls", "sales", pace=0.858, due=0.5),
        told_of_commitment("calls", "sales", "85.8%"),
    ),
    case("none at all, but the period is young", commitment("volume", "marketing", pace=0, due=0.19)),
    case(
        "none at all from a fifth on",
        commitment("volume", "marketing", pace=0, due=0.2),
        told_of_commitment("volume", "marketing", "0%"),
    ),
    case("a goal of few", goal("wins", "quarter", pace=0.6, due=0.24)),
    case("a goal of more", goal("wins", "quarter", pace=0.6, due=0.26), told_of_goal("wins", "quarter", "60%")),
    # Shares: 4 of 10, 60 of 100 where 70 % were promised.
    case(
        "sixty of a hundred",
        commitment("quality", "marketing", pace=0.6 / 0.7, counted=100),
        told_of_commitment("quality", "marketing", "85.71%"),
    ),
    case("sixty-one of a hundred", commitment("quality", "marketing", pace=0.61 / 0.7, counted=100)),
    case("five of ten", commitment("effort", "sales", pace=0.5 / 0.7, counted=10)),
    case(
        "four of ten",
        commitment("effort", "sales", pace=0.4 / 0.7, counted=10),
        told_of_commitment("effort", "sales", "57.14%"),
    ),
    case("none of four", commitment("effort", "sales", pace=0, counted=4)),
    case("none of nothing", commitment("effort", "sales", pace=NAN, counted=0)),
    case("a promise without any slack, of few", commitment("all", "sales", pace=0.5, counted=4)),
    case(
        "a promise without any slack",
        commitment("all", "sales", pace=0.8, counted=5),
        told_of_commitment("all", "sales", "80%"),
    ),
    # Amounts.
    case("little revenue, early", goal("revenue", "quarter", pace=0.2, due=0.34, counted=3)),
    case("somewhat too little revenue", goal("revenue", "quarter", pace=0.76, due=0.6, counted=9)),
    case(
        "far too little revenue",
        goal("revenue", "quarter", pace=0.74, due=0.35, counted=9),
        told_of_goal("revenue", "quarter", "74%"),
    ),
    case("no revenue at all", goal("revenue", "quarter", pace=0, due=0.5), told_of_goal("revenue", "quarter", "0%")),
    case("few new customers", goal("new", "year", pace=0.5, counted=4)),
    case("far too few new customers", goal("new", "year", pace=0.5, counted=5), told_of_goal("new", "year", "50%")),
    case("for less than an hour", commitment("volume", "marketing", pace=0.2, due=0.9), at=59),
]


@pytest.mark.parametrize("told", CASES, ids=str)
def test_who_is_told(told: Case, tmp_path: Path) -> None:
    """Each alert speaks when it must and is silent when it must, once though two copies of the board show it."""
    run(told, tmp_path)


def test_every_promise_has_its_alert_and_both_sides_the_same() -> None:
    """One an entry of the charter; those of marketing and of sales differ in their labels alone."""
    group = goals(CHARTER)
    assert group is not None
    alerts = [rule for rule in group.rules if isinstance(rule, Alert)]
    assert [alert.labels.get("commitment", alert.labels.get("goal")) for alert in alerts] == [
        "volume",
        "calls",
        "quality",
        "effort",
        "all",
        "wins",
        "revenue",
        "new",
    ]
    for one, other in (("volume", "calls"), ("quality", "effort")):
        mine, theirs = (next(each for each in alerts if each.labels.get("commitment") == name) for name in (one, other))
        swapped = theirs.expr.replace(f'"{other}"', f'"{one}"').replace('"sales"', '"marketing"')
        assert (mine.expr, mine.severity, mine.summary, mine.description, mine.hold) == (
            swapped,
            theirs.severity,
            theirs.summary,
            theirs.description,
            theirs.hold,
        )


def test_a_charter_without_goals_has_no_such_group() -> None:
    """Nor is a page written about nothing."""
    assert goals(charter_of({"accept": ("sales", "90%")})) is None


@pytest.mark.parametrize("name", ['say "no"', "a\\b", "{{ $value }}", "über-ziel", "x'y"])
def test_any_name_may_stand_in_a_rule(name: str, tmp_path: Path) -> None:
    """What a goal is called is quoted as PromQL, YAML and Prometheus's templates want it."""
    run(
        Case("named", _named(name), at=HOURS * 60, others=goal(name, "quarter", pace=0, due=0.5), told=_told(name)),
        tmp_path,
    )


def _named(name: str) -> Charter:
    written = name.replace("\\", "\\\\").replace('"', '\\"')
    return parse_charter(TEXT.replace("name: wins", f'name: "{written}"'), "made.yaml").charter


def _told(name: str) -> dict[str, list[Told]]:
    return told_of_goal(name, "quarter", "0%")

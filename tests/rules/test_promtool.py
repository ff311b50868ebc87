"""The rules of charters, judged by promtool: when each alert speaks, and when it is silent."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from services.charters import read_charter
from services.rules import rules_page
from tests.deploy.shipped import DEPLOY
from tests.deploy.test_prometheus import check
from tests.rules.made import COPIES, DAY, HOUR, Case, Decided, Told, alerts_of, charter_of, run, steadily

BREAKING, SLIPPING, SPENT = "BatonPromiseBreaking", "BatonPromiseSlipping", "BatonPromiseBudgetSpent"
STALLED, OUTDATED = "BatonLeadsStalled", "BatonRulesOutdated"

OBJECTIVES = ("80%", "90%", "95%", "99%")
"""Each is an objective of a clock of its own, in one charter."""
CHARTER = charter_of({f"of {each}": ("sales", each) for each in OBJECTIVES} | {"answer": ("marketing", "90%")})
SALES = tuple(f"of {each}" for each in OBJECTIVES)


def breaking(clock: str, times: str, objective: str, side: str = "sales") -> Told:
    """Somebody is called."""
    return Told(
        "critical",
        {"clock": clock, "promised_by": side},
        f"{side.title()} is breaking the promise {clock}: promises are late {times} times as often as agreed.",
        f"Agreed were {objective}. Find out today what stands in the way; the board shows the leads that wait.",
    )


def slipping(clock: str, times: str, objective: str, side: str = "sales") -> Told:
    """Somebody finds it in the morning."""
    return Told(
        "warning",
        {"clock": clock, "promised_by": side},
        f"{side.title()} keeps the promise {clock} too seldom for days: promises are late {times} times as often as "
        "agreed.",
        f"Agreed were {objective}. Talk about it this week, before the month's budget is gone.",
    )


def spent(clock: str, kept: str, objective: str, side: str = "sales") -> Told:
    """The month is lost."""
    return Told(
        "warning",
        {"clock": clock, "promised_by": side},
        f"{side.title()} kept {kept} of the promise {clock} in 30 days, less than agreed.",
        f"Agreed were {objective}. Both sides should look at the late leads, and at whether the promise is one that "
        "can be kept.",
    )


def of(objective: str) -> str:
    """The clock with this objective."""
    return f"of {objective}"


def same(promises: list[Decided], clocks: Iterable[str] = SALES) -> dict[str, list[Decided]]:
    """The same of each of these clocks."""
    return dict.fromkeys(clocks, promises)


ALL_LATE = steadily(minutes=range(5, 60, 5), kept=0, late=1)
"""Eleven promises within an hour, and none is kept."""

CASES = [
    Case("nothing ever happened", CHARTER, at=2 * HOUR, promises=same([])),
    Case("all are kept", CHARTER, at=2 * HOUR, promises=same(steadily(minutes=range(120), kept=1, late=0))),
    Case(
        "a single late one in a quiet hour",
        CHARTER,
        at=HOUR,
        promises=same([Decided(50, 0, 1)]),
        values={
            'clock:baton_burn_rate:ratio_1h{clock="of 95%"}': {
                'clock:baton_burn_rate:ratio_1h{clock="of 95%", promised_by="sales"}': 20
            }
        },
    ),
    Case("four late ones, and none kept", CHARTER, at=HOUR, promises=same([Decided(50, 0, 4)])),
    Case(
        "a whole hour in which none is kept",
        CHARTER,
        at=HOUR,
        promises=same(ALL_LATE),
        told={
            BREAKING: [
                breaking("of 80%", "5", "80 %"),
                breaking("of 90%", "10", "90 %"),
                breaking("of 95%", "20", "95 %"),
                breaking("of 99%", "100", "99 %"),
            ],
            # With an objective of 80 % nine promises show that a day is bad; with 99 % it takes two hundred.
            SLIPPING: [slipping("of 80%", "5", "80 %")],
        },
        # What the textbook asks for can never happen where one of five may be late.
        values={
            'clock:baton_burn_rate:ratio_1h{clock="of 80%"}': {
                'clock:baton_burn_rate:ratio_1h{clock="of 80%", promised_by="sales"}': 5
            },
            'clock:baton_burn_rate:ratio_1h{clock="of 80%"} > 14.4': {},
        },
    ),
    Case(
        "a bad hour is over: nobody is called any more, though the day and the month show it",
        CHARTER,
        at=3 * HOUR,
        promises=same([*ALL_LATE, *steadily(minutes=range(100, 180, 5), kept=1, late=0)]),
        told={
            SLIPPING: [slipping("of 90%", "4.074", "90 %")],
            SPENT: [spent("of 80%", "59.26%", "80 %"), spent("of 90%", "59.26%", "90 %")],
        },
    ),
    Case(
        "a bad hour, and then the evening: what nobody decides is not late",
        CHARTER,
        at=8 * HOUR,
        promises=same(ALL_LATE),
        told={SPENT: [spent("of 80%", "0%", "80 %"), spent("of 90%", "0%", "90 %")]},
    ),
    Case(
        "two of three late for hours",
        CHARTER,
        at=5 * HOUR,
        step=5,
        promises=same(steadily(minutes=range(10, 300, 20), kept=1, late=2)),
        told={
            # At 80 % three of four have to be late, for less happens to a team that keeps its promise.
            BREAKING: [
                breaking("of 90%", "6.667", "90 %"),
                breaking("of 95%", "13.33", "95 %"),
                breaking("of 99%", "66.67", "99 %"),
            ],
            SLIPPING: [
                slipping("of 80%", "3.333", "80 %"),
                slipping("of 90%", "6.667", "90 %"),
                slipping("of 95%", "13.33", "95 %"),
            ],
            SPENT: [
                spent("of 80%", "33.33%", "80 %"),
                spent("of 90%", "33.33%", "90 %"),
                spent("of 95%", "33.33%", "95 %"),
            ],
        },
    ),
    Case(
        "exactly as many late as agreed, for nine days",
        CHARTER,
        at=9 * DAY,
        step=HOUR,
        promises={
            "of 80%": steadily(minutes=range(HOUR, 9 * DAY, HOUR), kept=4, late=1),
            "of 90%": steadily(minutes=range(HOUR, 9 * DAY, HOUR), kept=9, late=1),
            "of 95%": steadily(minutes=range(HOUR, 9 * DAY, HOUR), kept=19, late=1),
            "of 99%": steadily(minutes=range(HOUR, 9 * DAY, HOUR), kept=99, late=1),
            "answer": steadily(minutes=range(HOUR, 9 * DAY, HOUR), kept=9, late=1),
        },
        values={
            "round(clock:baton_error_budget_left:ratio_30d * 1000)": {
                f'{{clock="{clock}", promised_by="{side}"}}': 0
                for clock, side in [*((name, "sales") for name in SALES), ("answer", "marketing")]
            }
        },
    ),
    Case(
        "twice as many late as agreed: too few for a warning, and the month is lost",
        CHARTER,
        at=9 * DAY,
        step=30,
        promises={
            "of 95%": steadily(minutes=range(HOUR, 9 * DAY, HOUR), kept=9, late=1),
            "of 99%": steadily(minutes=range(HOUR, 9 * DAY, HOUR), kept=49, late=1),
        },
        told={SPENT: [spent("of 95%", "90%", "95 %"), spent("of 99%", "98%", "99 %")]},
        values={
            "clock:baton_attainment:ratio_30d": {
                'clock:baton_attainment:ratio_30d{clock="of 95%", promised_by="sales"}': 0.9,
                'clock:baton_attainment:ratio_30d{clock="of 99%", promised_by="sales"}': 0.98,
            }
        },
    ),
    Case(
        "of nineteen one is late, in days: at 95 % there would have to be twenty",
        CHARTER,
        at=4 * DAY,
        step=30,
        promises=same(
            [*steadily(minutes=range(4 * HOUR, 76 * HOUR, 4 * HOUR), kept=1, late=0), Decided(80 * HOUR, 0, 1)]
        ),
    ),
    Case(
        "two of twenty are late, in days",
        CHARTER,
        at=4 * DAY,
        step=30,
        promises={
            "of 95%": [
                *steadily(minutes=range(4 * HOUR, 76 * HOUR, 4 * HOUR), kept=1, late=0),
                Decided(80 * HOUR, 0, 2),
            ]
        },
        told={SPENT: [spent("of 95%", "90%", "95 %")]},
    ),
    Case(
        "marketing owes its answers too",
        CHARTER,
        at=HOUR,
        promises={"answer": ALL_LATE},
        told={BREAKING: [breaking("answer", "10", "90 %", "marketing")]},
    ),
]


def two_days(kept: int, late: int, told: dict[str, list[Told]]) -> Case:
    """The same every half an hour for two days, at an objective of 95 %."""
    promises = steadily(minutes=range(30, 2 * DAY, 30), kept=kept, late=late)
    name = f"{late} of {kept + late} late for two days"
    return Case(name, CHARTER, at=2 * DAY - 30, step=30, promises={"of 95%": promises}, told=told)


CASES += [
    two_days(
        7,
        4,
        {
            # Above 30 %, which six hours stand for.
            BREAKING: [breaking("of 95%", "7.273", "95 %")],
            SLIPPING: [slipping("of 95%", "7.273", "95 %")],
            SPENT: [spent("of 95%", "63.64%", "95 %")],
        },
    ),
    # Below 30 % and above 15 %, which a day stands for.
    two_days(8, 2, {SLIPPING: [slipping("of 95%", "4", "95 %")], SPENT: [spent("of 95%", "80%", "95 %")]}),
    # Below 15 % and above 12.5 %, which three days stand for.
    two_days(13, 2, {SLIPPING: [slipping("of 95%", "2.667", "95 %")], SPENT: [spent("of 95%", "86.67%", "95 %")]}),
    # Below 12.5 % and above 10.71 %, which a week stands for.
    two_days(8, 1, {SLIPPING: [slipping("of 95%", "2.222", "95 %")], SPENT: [spent("of 95%", "88.89%", "95 %")]}),
    # Below all of them.
    two_days(9, 1, {SPENT: [spent("of 95%", "90%", "95 %")]}),
]

LOW = charter_of({"of 50%": ("sales", "50%"), "of 20%": ("sales", "20%"), "none": ("marketing", None)}, stalled="3d")
ODD = ('a"b', "back\\slash", "{{ $labels.x }}", "{{", "it's: #1", "ąść 100 % 😀", "- x", "null", "'", "$value", "}}{{{")
"""Names that a charter may have, and that mean something in YAML, in PromQL or in a template."""


def stalled(team: str, value: str) -> Told:
    """A team's leads stand still."""
    return Told(
        "warning",
        {"team": team},
        f"{value} of the open leads of team {team} stand still.",
        "The board lists them. Each has an overdue promise of sales, or nothing has happened to it for too long.",
    )


def gauges(team: str, priority: str, opened: int, standing: int) -> dict[str, str]:
    """What both copies of the board say of a team's open leads."""
    return {
        f'{name}{{team="{team}",priority="{priority}",instance="{copy}"}}': f"{value}x180"
        for copy in COPIES
        for name, value in (("baton_open_handoffs", opened), ("baton_stalled_leads", standing))
    }


CASES.append(
    Case(
        "four of a hundred late for two days, at 99 %",
        CHARTER,
        at=2 * DAY - 30,
        step=30,
        promises={"of 99%": steadily(minutes=range(30, 2 * DAY, 30), kept=24, late=1)},
        told={SLIPPING: [slipping("of 99%", "4", "99 %")], SPENT: [spent("of 99%", "96%", "99 %")]},
    )
)
CASES += [
    Case(
        "at an objective of 50 % an hour says nothing, and at 20 % not even a day",
        LOW,
        at=HOUR,
        promises=same(steadily(minutes=range(5, 60, 2), kept=0, late=1), ("of 50%", "of 20%", "none")),
        told={SLIPPING: [slipping("of 50%", "2", "50 %")]},
        values={
            # Without an objective there is an attainment, and nothing else.
            'clock:baton_attainment:ratio_1h{clock="none"}': {
                'clock:baton_attainment:ratio_1h{clock="none", promised_by="marketing"}': 0
            },
            'clock:baton_burn_rate:ratio_1h{clock="none"}': {},
        },
    ),
    Case(
        "leads stand still: many of one team, few of another, a small share of a third",
        LOW,
        at=2 * HOUR,
        others={
            **gauges("inbound", "hot", 10, 3),
            **gauges("inbound", "cold", 10, 2),
            **gauges("field", "cold", 4, 4),
            **gauges("other", "other", 100, 20),
        },
        told={STALLED: [stalled("inbound", "25%")]},
    ),
    Case("nobody has a lead", LOW, at=2 * HOUR, others=gauges("inbound", "hot", 0, 0)),
    Case(
        "the charter in force is another",
        LOW,
        at=2 * HOUR,
        others={'baton_charter_info{version="2027-Q1",instance="board-a"}': "1x180"},
        told={
            OUTDATED: [
                Told(
                    "warning",
                    {"version": "2027-Q1"},
                    "Charter 2027-Q1 is in force, but the rules are of another.",
                    "Write them anew with `baton rules` and have Prometheus read them.",
                )
            ]
        },
    ),
    Case(
        "the charter in force is this one",
        LOW,
        at=2 * HOUR,
        others={'baton_charter_info{version="made",instance="board-a"}': "1x180"},
    ),
    Case(
        "names with characters that mean something elsewhere stand as they are",
        charter_of(dict.fromkeys(ODD, ("sales", "80%")), version='a "b" {{ c }} \\'),
        at=HOUR,
        promises=same(steadily(minutes=range(5, 50, 9), kept=0, late=1), ODD),
        told={BREAKING: [breaking(name, "5", "80 %") for name in ODD]},
        others={'baton_charter_info{version="a \\"b\\" {{ c }} \\\\"}': "1x180"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_speaks_when_it_must_and_is_silent_else(case: Case, tmp_path: Path) -> None:
    """Of all the alerts of a charter those are told that the case names, in their words, and no others."""
    run(case, tmp_path)


def test_every_alert_has_a_case_in_which_it_speaks_and_one_in_which_it_is_silent() -> None:
    """Of each kind of alert, by each objective that has it."""
    spoken = {
        (name, told.labels.get("clock", "")) for case in CASES for name, all_of in case.told.items() for told in all_of
    }
    for name in (BREAKING, SLIPPING, SPENT):
        assert {clock for kind, clock in spoken if kind == name} >= {of(each) for each in OBJECTIVES}, name
    for name in (STALLED, OUTDATED):
        assert (name, "") in spoken
    for name in alerts_of(CHARTER) | alerts_of(LOW):
        assert any(name in alerts_of(case.charter) and name not in case.told for case in CASES), name


@pytest.mark.parametrize("path", sorted((DEPLOY / "charters").glob("*.yaml")), ids=lambda path: path.stem)
def test_rules_of_the_examples_are_valid(path: Path, tmp_path: Path) -> None:
    """promtool finds nothing wrong with them, nor two that are alike."""
    (tmp_path / "rules.yml").write_text(rules_page(read_charter(path).charter), encoding="utf-8")
    check("promtool", "check", "rules", tmp_path / "rules.yml")


def test_a_verdict_that_is_corrected_counts_as_both(tmp_path: Path) -> None:
    """What was called late and turns out to be kept is one late and one kept: attainment is too low by one of them."""
    case = Case(
        "corrected",
        CHARTER,
        at=HOUR,
        promises={"answer": [Decided(10, 8, 1), Decided(20, 1, 0)]},
        others={
            'baton_clock_transitions_total{clock="answer",promised_by="marketing",team="inbound",priority="hot",'
            'transition="corrected"}': "0x19 1x60"
        },
        values={
            'clock:baton_attainment:ratio_1h{clock="answer"}': {
                'clock:baton_attainment:ratio_1h{clock="answer", promised_by="marketing"}': 0.9
            }
        },
    )
    run(case, tmp_path)


def test_copies_of_the_board_that_come_and_go_change_no_count(tmp_path: Path) -> None:
    """One ends while the other is a promise behind, and a third begins: six were late, not a thousand more."""
    late = 'baton_clock_transitions_total{{clock="answer",promised_by="marketing",team="a",priority="b",{}}}'
    copies = {
        late.format('transition="overdue",instance="first"'): "1000x9 1005x10 stale",
        late.format('transition="overdue",instance="second"'): "1000x11 1004x9 1006x40",
        late.format('transition="overdue",instance="third"'): "_x30 1006x30",
        late.format('transition="met",instance="first"'): "1000x60",
    }
    series = '{clock="answer", promised_by="marketing"}'
    case = Case(
        "copies",
        CHARTER,
        at=59,
        others=copies,
        values={
            f"clock:baton_{name}:count_1h": {f"clock:baton_{name}:count_1h{series}": 6} for name in ("late", "decided")
        },
        told={BREAKING: [breaking("answer", "10", "90 %", "marketing")]},
    )
    run(case, tmp_path)

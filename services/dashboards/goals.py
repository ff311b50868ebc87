"""Panels on goals, on the commitments of both sides, and on how both work together."""

from collections.abc import Iterator

from services import metric_table as table
from services.dashboards.kinds import bars, lines, stat
from services.dashboards.links import Board
from services.dashboards.panels import BAD, CALM, GOOD, WARN, Panel, Query, Step
from services.dashboards.promql import is_, now
from services.domain.charter import Side

_PACES = (Step(None, BAD), Step(0.95, CALM), Step(1.05, GOOD))
"""Behind, on pace, ahead: the contract's words."""
_FAIR, _GOOD = 60, 80


def collaboration(board: Board) -> Iterator[Panel]:
    """The index now, and along time."""
    index = now(table.COLLABORATION_INDEX)
    says = (
        "From 0 to 100, this quarter: promises kept by the weaker side, feedback given, feedback answered in time, "
        "disputes settled, ceremonies held. No person is in it."
    )
    yield stat(
        title="Collaboration index",
        description=says,
        queries=[Query(index, "index", "instant")],
        unit="short",
        steps=(Step(None, BAD), Step(_FAIR, WARN), Step(_GOOD, GOOD)),
        least=0,
        most=100,
        decimals=1,
        height=8,
        links=[board.goals()],
    )
    yield lines(
        title="Collaboration index, along time",
        description="The same; it begins anew with each quarter. What moved it is on the board.",
        queries=[Query(index, "index")],
        unit="short",
        least=0,
        most=100,
        decimals=1,
        links=[board.goals()],
    )


def goals(board: Board) -> Iterator[Panel]:
    """The goals of both sides."""
    metrics = (table.GOAL_PACE_RATIO, table.GOAL_PROGRESS_RATIO, table.GOAL_DUE_RATIO, table.GOAL_COUNTED)
    yield from _standing("Goals", "{{goal}} · {{per}}", metrics, {}, board)


def commitments(side: Side, board: Board) -> Iterator[Panel]:
    """The commitments of one side."""
    metrics = (
        table.COMMITMENT_PACE_RATIO,
        table.COMMITMENT_RATIO,
        table.COMMITMENT_DUE_RATIO,
        table.COMMITMENT_COUNTED,
    )
    yield from _standing(side.capitalize(), "{{commitment}}", metrics, {"promised_by": is_(side)}, board)


def _standing(
    whose: str,
    name: str,
    metrics: tuple[table.Metric, table.Metric, table.Metric, table.Metric],
    where: dict[str, str],
    board: Board,
) -> Iterator[Panel]:
    pace, reached, due, counted = metrics
    yield bars(
        title=f"{whose}: pace",
        description="What is reached over what was to be reached by now; a share over what was promised. Behind below "
        "0.95, ahead from 1.05 on.",
        queries=[Query(now(pace, pace.labels, **where), name, "instant")],
        unit="percentunit",
        steps=_PACES,
        links=[board.goals()],
    )
    yield lines(
        title=f"{whose}: reached and due",
        description="The share of the target that is reached, and that was to be reached by now. Both begin anew with "
        "each period.",
        queries=[
            Query(now(reached, reached.labels, **where), f"{name} reached"),
            Query(now(due, due.labels, **where), f"{name} due"),
        ],
        unit="percentunit",
        least=0,
        links=[board.goals()],
    )
    yield bars(
        title=f"{whose}: how much the figures are made of",
        description="Handoffs, deals or promises; of shares, those that they are a share of. Of few a figure says "
        "little.",
        queries=[Query(now(counted, counted.labels, **where), name, "instant")],
        unit="short",
        decimals=0,
        height=6,
    )

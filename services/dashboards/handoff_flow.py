"""*Handoff flow*: how leads come, how they are closed, how long each promise takes, and what was told."""

from collections.abc import Iterator

from services import metric_table as table
from services.dashboards.dashboard import Dashboard, Section
from services.dashboards.kinds import bars, heatmap, lines, matrix
from services.dashboards.links import Board
from services.dashboards.panels import BAD, CALM, GOOD, STILL, WARN, Panel, Query
from services.dashboards.promises import SIDES, clocks_of, sentence, target_steps, target_words
from services.dashboards.promql import RANGE, RATE, WINDOW, buckets, chosen, gained, is_, now, one_of, quantile
from services.domain.charter import Charter, Clock, Side
from services.domain.clocks import Kind

_BY_TEAM = {"team": chosen("team"), "priority": chosen("priority")}
_BY_SOURCE = {"source": chosen("source")}
_OUTCOME_COLORS = {
    "won": GOOD,
    "lost": STILL,
    "rejected": BAD,
    "recycled": WARN,
    "withdrawn": "purple",
    "merged": CALM,
}
_QUANTILES = (("half within", 0.5), ("90 % within", 0.9), ("99 % within", 0.99))
_BROKEN = (Kind.AT_RISK, Kind.OVERDUE, Kind.ESCALATED, Kind.MISSED, Kind.CORRECTED)


def handoff_flow(charter: Charter, board: Board) -> Dashboard:
    """The dashboard for whoever wants to know why the joint view looks as it does."""
    return Dashboard(
        uid="baton-handoff-flow",
        title="Baton: handoff flow",
        description="Handoffs opened and closed, how long promises take against their targets, and transitions.",
        since="now-30d",
        labels=("team", "priority", "source"),
        window="1d",
        sections=(
            Section("Handoffs", [list(_handoffs(board))]),
            Section(
                "Counted time until a promise was kept, early or late",
                [[panel for side in SIDES for clock in clocks_of(charter, side) for panel in _times(clock)]],
            ),
            Section("Transitions (marketing left, sales right)", [list(_transitions(side, board)) for side in SIDES]),
            Section("Silences", [[_silences(board)]]),
        ),
    )


def _handoffs(board: Board) -> Iterator[Panel]:
    yield lines(
        title="Opened and closed",
        description="Handoffs in the time before each instant that is chosen above: those told by CRMs (all teams and "
        "sources), and those closed.",
        queries=[
            Query(gained(table.EVENTS_TOTAL, WINDOW, type=is_("lead.handed_off"), outcome=is_("used")), "opened"),
            Query(gained(table.HANDOFF_OUTCOMES_TOTAL, WINDOW, **_BY_SOURCE), "closed"),
        ],
        unit="short",
        least=0,
        colors={"opened": CALM, "closed": GOOD},
    )
    yield lines(
        title="Open handoffs by team",
        description="Leads handed to sales and not yet closed. A click on a line leads to the team's leads.",
        queries=[Query(now(table.OPEN_HANDOFFS, ["team"], **_BY_TEAM), "{{team}}")],
        unit="short",
        decimals=0,
        least=0,
        stacked=True,
        series_links=[board.leads_of_series("The team's leads", "team")],
    )
    yield lines(
        title="Closed by outcome",
        description="How handoffs ended, in the time before each instant that is chosen above.",
        queries=[Query(gained(table.HANDOFF_OUTCOMES_TOTAL, WINDOW, ["outcome"], **_BY_SOURCE), "{{outcome}}")],
        unit="short",
        least=0,
        stacked=True,
        colors=_OUTCOME_COLORS,
    )
    yield matrix(
        row="source",
        column="outcome",
        title="Closed by source and outcome",
        description="Handoffs that ended in the time shown, by where the lead came from (down) and how (across).",
        queries=[Query(gained(table.HANDOFF_OUTCOMES_TOTAL, RANGE, ["outcome", "source"], **_BY_SOURCE), kind="table")],
        unit="short",
        decimals=0,
    )


def _times(clock: Clock) -> Iterator[Panel]:
    own = {"clock": is_(clock.name), "promised_by": is_(clock.promised_by), "team": chosen("team")}
    yield lines(
        title=f"{clock.promised_by.capitalize()}: {clock.name}",
        description=f"{sentence(clock)} {target_words(clock)} Dashed: the targets. Over the time that is chosen "
        "above, by the bounds of its histogram.",
        queries=[
            Query(quantile(share, table.CLOCK_COUNTED_SECONDS, WINDOW, **own), name) for name, share in _QUANTILES
        ],
        unit="s",
        least=0,
        steps=target_steps(clock),
        marked=True,
    )
    yield heatmap(
        title=f"{clock.promised_by.capitalize()}: {clock.name}, each one",
        description=f"{sentence(clock)} {target_words(clock)} How many took how long; each target is a bound, and so "
        "are 0.25, 0.5, 0.75, 1.5, 2 and 4 times it.",
        queries=[Query(buckets(table.CLOCK_COUNTED_SECONDS, RATE, **own), "{{le}}", "heatmap")],
        unit="s",
    )


def _transitions(side: Side, board: Board) -> Iterator[Panel]:
    own = {"promised_by": is_(side), **_BY_TEAM}
    yield lines(
        title=f"{side.capitalize()}: transitions",
        description="What was told, in the time before each instant that is chosen above. A correction counts as "
        "corrected and as its new verdict.",
        queries=[Query(gained(table.CLOCK_TRANSITIONS_TOTAL, WINDOW, ["transition"], **own), "{{transition}}")],
        unit="short",
        least=0,
        colors={Kind.MET: GOOD, Kind.MISSED: BAD, Kind.OVERDUE: BAD, Kind.AT_RISK: WARN, Kind.STARTED: CALM},
    )
    broken = gained(table.CLOCK_TRANSITIONS_TOTAL, RANGE, ["clock", "transition"], transition=one_of(_BROKEN), **own)
    yield bars(
        title=f"{side.capitalize()}: near or past the time, by promise",
        description="In the time shown. A click on a bar leads to leads that have had this promise.",
        queries=[Query(broken, "{{clock}} · {{transition}}", "instant")],
        unit="short",
        decimals=0,
        series_links=[board.leads_of_series("Leads with this promise", "clock")],
    )


def _silences(board: Board) -> Panel:
    return lines(
        title="Leads that lay still",
        description="Silences that were told as stalled, and those of them that were taken back, in the time before "
        "each instant that is chosen above. An overdue promise of sales has told so before, and is not told again.",
        queries=[Query(gained(table.HANDOFF_TRANSITIONS_TOTAL, WINDOW, ["transition"], **_BY_TEAM), "{{transition}}")],
        unit="short",
        least=0,
        colors={Kind.STALLED: WARN, Kind.CORRECTED: CALM},
        width=24,
        links=[board.leads("Leads that are stalled now", stalled="true")],
    )

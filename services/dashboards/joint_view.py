"""*Joint view*: both sides' promises side by side, and what lies between the teams now."""

from collections.abc import Iterator, Sequence

from services import metric_table as table
from services.dashboards.dashboard import Dashboard, Section
from services.dashboards.goals import collaboration, commitments, goals
from services.dashboards.kinds import bars, gauge, lines, matrix, stat
from services.dashboards.links import Board
from services.dashboards.panels import BAD, CALM, GOOD, WARN, Panel, Query, Step
from services.dashboards.promises import SIDES, STATUS_COLORS, clocks_of, objective_steps, objective_words, sentence
from services.dashboards.promql import RANGE, chosen, gained, is_, now, one_of, or_zero, worst_first
from services.domain.charter import Charter, Clock, Side
from services.domain.clocks import Status

_BY_TEAM = {"team": chosen("team"), "priority": chosen("priority")}
_BY_SOURCE = {"source": chosen("source")}
_FEEDBACK_COLORS = {
    "good": GOOD,
    "poor": WARN,
    "rejected": BAD,
    "agreed": GOOD,
    "disputed": WARN,
    "upheld": CALM,
    "withdrawn": CALM,
}


def joint_view(charter: Charter, board: Board) -> Dashboard:
    """The dashboard that both teams look at together."""
    return Dashboard(
        uid="baton-joint-view",
        title="Baton: joint view",
        description="How marketing and sales keep what they promised each other, on one page for both.",
        since="now-30d",
        labels=("team", "priority", "source"),
        sections=(
            Section("Now", [list(_now(board))]),
            Section(
                "What each side promised the other (marketing left, sales right)",
                [list(_kept(charter, side)) for side in SIDES],
            ),
            Section("Promises that are being timed now", [list(_open(charter, side, board)) for side in SIDES]),
            *_agreed(charter, board),
            Section("How both work together", [list(collaboration(board))]),
            Section("From one team to the other", [[_funnel(), _stalled(board)]]),
            Section("What they tell each other", [[_reasons(), _feedback()]]),
        ),
    )


def _agreed(charter: Charter, board: Board) -> Iterator[Section]:
    """Goals and commitments, as far as the charter has some."""
    if charter.goals:
        yield Section("Goals of both sides", [list(goals(board))])
    if charter.commitments:
        yield Section("Commitments of each side", [list(commitments(side, board)) for side in SIDES])


def _now(board: Board) -> Iterator[Panel]:
    figures: Sequence[tuple[str, str, str, dict[str, str], str]] = (
        ("Open handoffs", "Leads handed to sales and not yet closed.", now(table.OPEN_HANDOFFS, **_BY_TEAM), {}, CALM),
        (
            "Stalled leads",
            "Leads with an open handoff that have an overdue promise of sales, or no event for too long.",
            now(table.STALLED_LEADS, **_BY_TEAM),
            {"stalled": "true"},
            BAD,
        ),
        (
            "Overdue",
            "Promises past their time, of both sides.",
            now(table.OPEN_CLOCKS, status=is_(Status.OVERDUE), **_BY_TEAM),
            {"status": Status.OVERDUE},
            BAD,
        ),
        (
            "At risk",
            "Promises near their time, of both sides.",
            now(table.OPEN_CLOCKS, status=is_(Status.AT_RISK), **_BY_TEAM),
            {"status": Status.AT_RISK},
            WARN,
        ),
    )
    for title, description, expr, query, color in figures:
        yield stat(
            title=title,
            description=description,
            queries=[Query(expr, title, "instant")],
            unit="short",
            steps=(Step(None, CALM),) if color == CALM else (Step(None, GOOD), Step(1, color)),
            width=6,
            height=4,
            links=[board.leads("These leads", **query)],
        )


def _kept(charter: Charter, side: Side) -> Iterator[Panel]:
    clocks = clocks_of(charter, side)
    for clock in clocks:
        yield gauge(
            title=f"{side.capitalize()}: {clock.name}",
            description=f"{sentence(clock)} {objective_words(clock)} Of what fell due this month and quarter, the "
            "share that was kept, corrections included. All teams and priorities.",
            queries=[
                Query(now(table.ATTAINMENT_RATIO, table.ATTAINMENT_RATIO.labels, **_own(clock)), "{{per}}", "instant")
            ],
            unit="percentunit",
            steps=objective_steps(clock),
            least=0,
            most=1,
            decimals=1,
            width=12 if len(clocks) == 1 else 6,
            height=6,
        )
    judged = [clock for clock in clocks if clock.objective is not None]
    if judged:
        yield lines(
            title=f"{side.capitalize()}: above or below the objective, this month",
            description="The share kept this month less the objective: above 0 the promise is kept as agreed.",
            queries=[
                Query(f"{now(table.ATTAINMENT_RATIO, per=is_('month'), **_own(clock))} - {_share(clock)}", clock.name)
                for clock in judged
            ],
            unit="percentunit",
            steps=(Step(None, BAD), Step(0, GOOD)),
            marked=True,
        )


def _own(clock: Clock) -> dict[str, str]:
    return {"clock": is_(clock.name), "promised_by": is_(clock.promised_by)}


def _share(clock: Clock) -> str:
    return f"{float(clock.objective or 0):.15g}"


def _open(charter: Charter, side: Side, board: Board) -> Iterator[Panel]:
    own = {"promised_by": is_(side), **_BY_TEAM}
    yield lines(
        title=f"{side.capitalize()}: open promises by status",
        description="What is being timed, by how it stands.",
        queries=[Query(now(table.OPEN_CLOCKS, ["status"], **own), "{{status}}")],
        unit="short",
        decimals=0,
        least=0,
        stacked=True,
        colors=STATUS_COLORS,
    )
    pressing = (Status.OVERDUE, Status.AT_RISK)
    counted = now(table.OPEN_CLOCKS, ["clock", "status"], status=one_of(pressing), **own)
    yield bars(
        title=f"{side.capitalize()}: overdue and at risk, by promise",
        description="What needs someone now. A click on a bar leads to its leads.",
        queries=[Query(worst_first(counted), "{{clock}} · {{status}}", "instant")],
        unit="short",
        colors={
            f"{clock.name} · {status}": STATUS_COLORS[status]
            for clock in clocks_of(charter, side)
            for status in pressing
        },
        series_links=[board.leads_of_series("These leads", "clock", "status")],
        height=6,
    )


def _funnel() -> Panel:
    told = (
        ("handed off", "lead.handed_off"),
        ("accepted", "lead.accepted"),
        ("qualified", "lead.qualified"),
        ("deal opened", "deal.opened"),
    )
    queries = [
        Query(or_zero(gained(table.EVENTS_TOTAL, RANGE, type=is_(kind), outcome=is_("used"))), name, "instant")
        for name, kind in told
    ]
    won = gained(table.HANDOFF_OUTCOMES_TOTAL, RANGE, outcome=is_("won"))
    return bars(
        title="From handoff to customer",
        description="What CRMs told in the time shown: events of each kind, and handoffs that closed as won. All teams "
        "and sources. An event that only repeats what is known counts too.",
        queries=[*queries, Query(won, "won", "instant")],
        unit="short",
        decimals=0,
    )


def _stalled(board: Board) -> Panel:
    counted = now(table.STALLED_LEADS, table.STALLED_LEADS.labels, **_BY_TEAM)
    return bars(
        title="Stalled leads by team and priority",
        description="Leads with an open handoff that have an overdue promise of sales, or no event for too long. A "
        "click on a bar leads to them.",
        queries=[Query(worst_first(counted), "{{team}} · {{priority}}", "instant")],
        unit="short",
        steps=(Step(None, GOOD), Step(1, BAD)),
        links=[board.leads("All stalled leads", stalled="true")],
        series_links=[board.leads_of_series("These leads", "team", "priority", stalled="true")],
    )


def _reasons() -> Panel:
    rejected = gained(table.FEEDBACK_TOTAL, RANGE, ["reason", "source"], kind=is_("rejected"), **_BY_SOURCE)
    return matrix(
        row="reason",
        column="source",
        title="Why leads were rejected, by source",
        description="In the time shown, by the charter's reasons (down) and where the leads came from (across).",
        queries=[Query(rejected, kind="table")],
        unit="short",
        decimals=0,
    )


def _feedback() -> Panel:
    return bars(
        title="Feedback",
        description="Sales says good or poor, or rejects; marketing agrees or disputes; a dispute is settled.",
        queries=[Query(gained(table.FEEDBACK_TOTAL, RANGE, ["kind"], **_BY_SOURCE), "{{kind}}", "instant")],
        unit="short",
        decimals=0,
        colors=_FEEDBACK_COLORS,
    )

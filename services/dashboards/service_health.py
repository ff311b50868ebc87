"""*Service health*: whether Baton does its work. (What the teams promised each other is on the other dashboards.)"""

from collections.abc import Iterator

from services import metric_table as table
from services.dashboards.dashboard import Dashboard, Section
from services.dashboards.golden_signals import http, judging
from services.dashboards.kinds import bars, lines, stat
from services.dashboards.links import Board
from services.dashboards.panels import BAD, GOOD, WARN, Panel, Query, Step
from services.dashboards.promql import (
    RATE,
    WINDOW,
    each,
    gained,
    growing,
    is_,
    is_not,
    now,
    quantile,
)
from services.dashboards.repair_health import repairs
from services.dashboards.running_health import apart, processes
from services.dashboards.telling_health import telling

_HOUR = 3600
_NONE_IS_GOOD = (Step(None, GOOD), Step(1, BAD))
_BY_CRM = ("crm",)


def service_health(board: Board) -> Dashboard:
    """The dashboard for whoever runs Baton."""
    return Dashboard(
        uid="baton-service-health",
        title="Baton: service health",
        description="Whether Baton takes in, judges and tells all that it should.",
        since="now-6h",
        window="1h",
        sections=(
            Section("Now", [list(_now(board))]),
            Section("The way in", [list(_way_in())]),
            Section("What could not be used, or is not yet", [list(_waiting())]),
            Section("Telling people", [list(telling())]),
            Section("How requests are answered", [list(http())]),
            Section("How batches are judged and kept", [list(judging())]),
            Section("Services that run apart", [list(apart())]),
            Section("CRMs' APIs and webhooks that end", [list(repairs())]),
            Section("Processes", [list(processes())]),
        ),
    )


def _now(board: Board) -> Iterator[Panel]:
    yield stat(
        shows="name",
        title="Charter in force",
        description="The version by which promises are judged now.",
        queries=[Query(now(table.CHARTER_INFO, ["version"]), "{{version}}", "instant")],
        unit="short",
        width=6,
        height=4,
        links=[board.front()],
        may_be_empty="Empty until the first charter takes effect.",
    )
    figures = (
        (
            "Charter refused",
            "1 while the charter's file has mistakes, so that the version before it stays in force.",
            each(table.CHARTER_REFUSED, take="max"),
        ),
        (
            "Records to judge",
            "Records in the event log that are not yet judged, of all partitions.",
            each(table.LOG_LAG_RECORDS),
        ),
        ("Alerts to deliver", "Alerts that wait to be delivered.", now(table.ALERTS_UNSETTLED)),
    )
    for title, description, expr in figures:
        yield stat(
            title=title,
            description=description,
            queries=[Query(expr, title, "instant")],
            unit="short",
            steps=(Step(None, GOOD), Step(1, BAD if title == "Charter refused" else WARN)),
            width=6,
            height=4,
        )


def _way_in() -> Iterator[Panel]:
    yield lines(
        title="Webhook requests by CRM and answer",
        description="202 is taken; 401 has a wrong signature or secret; 503 is asked to come again.",
        queries=[Query(growing(table.REQUESTS_TOTAL, "rate", RATE, ["crm", "status"]), "{{crm}} · {{status}}")],
        unit="reqps",
        least=0,
        may_be_empty="Empty until a webhook arrives.",
    )
    yield lines(
        title="Events by CRM and what became of them",
        description="Used, known already (duplicate), or without a meaning by the mapping (ignored), in the time "
        "before each instant that is chosen above.",
        queries=[
            Query(
                gained(table.EVENTS_TOTAL, WINDOW, ["crm", "outcome"], outcome=is_not("ignored")),
                "{{crm}} · {{outcome}}",
            ),
            # Gateways count what they do not hand on, each its own.
            Query(
                growing(table.EVENTS_TOTAL, "increase", WINDOW, ["crm", "outcome"], outcome=is_("ignored")),
                "{{crm}} · {{outcome}}",
            ),
        ],
        unit="short",
        least=0,
        may_be_empty="Each is missing until the first event of its kind.",
    )
    yield lines(
        title="Events by type",
        description="Events that were used, in the time before each instant that is chosen above.",
        queries=[Query(gained(table.EVENTS_TOTAL, WINDOW, ["type"], outcome=is_("used")), "{{type}}")],
        unit="short",
        least=0,
        stacked=True,
    )
    yield bars(
        title="Silence of CRMs",
        description="How long ago the last event of each CRM came in. Orange after 44 hours, red after 92: a working "
        "day and a half, with a weekend between. A CRM of which nothing ever came is left out.",
        queries=[Query(f"time() - ({now(table.CRM_LAST_EVENT, _BY_CRM)} > 0)", "{{crm}}", "instant")],
        unit="s",
        steps=(Step(None, GOOD), Step(44 * _HOUR, WARN), Step(92 * _HOUR, BAD)),
    )
    yield lines(
        title="Delay of events",
        description="From the time that the CRM gives an event to its use: half and 99 % within, over the time that is "
        "chosen above.",
        queries=[
            Query(quantile(share, table.EVENT_DELAY_SECONDS, WINDOW, _BY_CRM), f"{{{{crm}}}} · {name}")
            for share, name in ((0.5, "half"), (0.99, "99 %"))
        ],
        unit="s",
        least=0,
    )
    yield lines(
        title="Clocks of CRMs that are ahead of ours",
        description="By how much, for 99 % of the events that came before the time that they give.",
        queries=[Query(quantile(0.99, table.EVENT_AHEAD_SECONDS, WINDOW, _BY_CRM), "{{crm}}")],
        unit="s",
        least=0,
        may_be_empty="Empty while no event came early.",
    )


def _waiting() -> Iterator[Panel]:
    yield lines(
        title="Dead letters by reason",
        description="Events that could not be used, in the time before each instant that is chosen above. `baton "
        "dead-letters list` shows them.",
        queries=[Query(gained(table.DEAD_LETTERS_TOTAL, WINDOW, ["reason"]), "{{reason}}")],
        unit="short",
        least=0,
        steps=_NONE_IS_GOOD,
        drawn="bars",
    )
    yield lines(
        title="Records to judge, by partition",
        description="Records in the event log that are not yet judged. One that stands above 0 waits for something: "
        "the tracker's log says for what.",
        queries=[
            Query(each(table.LOG_LAG_RECORDS, ["topic", "partition"], take="max"), "{{topic}} · {{partition}}"),
        ],
        unit="short",
        least=0,
    )

"""Of *Service health*, how the services themselves do: latency, traffic, errors and saturation of HTTP, tracker and
database.
"""

from collections.abc import Iterator

from services import metric_table as table
from services.dashboards.kinds import lines
from services.dashboards.panels import BAD, GOOD, Panel, Query, Step
from services.dashboards.promql import RATE, each, growing, is_, is_not, observed, quantile_of_processes


def http() -> Iterator[Panel]:
    """Requests to all services."""
    yield lines(
        title="Requests by service and answer",
        description="By the class of the status. 4xx is the sender's to mend, 5xx is ours.",
        queries=[Query(observed(table.HTTP_SECONDS, "rate", RATE, ["job", "status"]), "{{job}} · {{status}}")],
        unit="reqps",
        least=0,
    )
    failed = observed(table.HTTP_SECONDS, "rate", RATE, ["job"], status=is_("5xx"))
    yield lines(
        title="Share of requests that fail",
        description="Answered with 5xx: Baton, its log or its database could not.",
        queries=[Query(f"{failed} / {observed(table.HTTP_SECONDS, 'rate', RATE, ['job'])}", "{{job}}")],
        unit="percentunit",
        least=0,
        most=1,
        steps=(Step(None, GOOD), Step(0.05, BAD)),
        marked=True,
    )
    yield lines(
        title="Time to answer, by route",
        description="99 % of the answers begin within. HubSpot waits 5 seconds for one, Odoo one second.",
        queries=[Query(quantile_of_processes(0.99, table.HTTP_SECONDS, RATE, ["route"]), "{{route}}")],
        unit="s",
        least=0,
    )
    yield lines(
        title="Requests in flight",
        description="Being answered at the moment of each reading, live streams of the board among them.",
        queries=[Query(each(table.HTTP_IN_FLIGHT, ["instance"]), "{{instance}}")],
        unit="short",
        least=0,
    )


def judging() -> Iterator[Panel]:
    """The tracker's batches, and the database below everything."""
    yield lines(
        title="Time of a batch",
        description="To load, judge and commit records, or leads whose time has come: half and 99 % within.",
        queries=[
            Query(quantile_of_processes(share, table.BATCH_SECONDS, RATE, ["batch"]), f"{{{{batch}}}} · {name}")
            for share, name in ((0.5, "half"), (0.99, "99 %"))
        ],
        unit="s",
        least=0,
    )
    yield lines(
        title="Judged",
        description="Records of each topic in a second, and leads that were judged anew from all their events.",
        queries=[
            Query(growing(table.RECORDS_JUDGED_TOTAL, "rate", RATE, ["topic"]), "{{topic}}"),
            Query(growing(table.REFOLDS_TOTAL, "rate", RATE), "leads judged anew"),
        ],
        unit="cps",
        least=0,
    )
    yield lines(
        title="Time of a transaction",
        description="99 % of the reads and writes in the database are done within, the wait for a connection included.",
        queries=[
            Query(
                quantile_of_processes(0.99, table.DATABASE_SECONDS, RATE, ["job", "access"], outcome=is_("done")),
                "{{job}} · {{access}}",
            )
        ],
        unit="s",
        least=0,
    )
    yield lines(
        title="Transactions that were not done",
        description="Away: the database could not be had. A conflict is done anew: another worker was quicker.",
        queries=[
            Query(
                observed(table.DATABASE_SECONDS, "rate", RATE, ["job", "outcome"], outcome=is_not("done")),
                "{{job}} · {{outcome}}",
            )
        ],
        unit="cps",
        least=0,
    )
    yield lines(
        title="Connections to the database",
        description="In use, as a share of those that a process may have: at 1 the next one waits.",
        queries=[
            Query(each(table.DATABASE_POOL, ["instance", "access"], take="max"), "{{instance}} · {{access}}"),
        ],
        unit="percentunit",
        least=0,
        most=1,
    )

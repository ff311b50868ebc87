"""Of *Service health*, what concerns the telling: alerts that wait, webhooks out, and Alertmanager."""

from collections.abc import Iterator

from services import metric_table as table
from services.dashboards.kinds import lines, stat
from services.dashboards.panels import BAD, CALM, GOOD, Panel, Query, Step
from services.dashboards.promql import WINDOW, each, gained, now

_NO_WEBHOOKS = "Empty where no webhooks out are set up."


def telling() -> Iterator[Panel]:
    """The panels."""
    yield lines(
        title="Alerts that wait",
        description="The notifier's log says which address does not take them.",
        queries=[Query(now(table.ALERTS_UNSETTLED), "alerts")],
        unit="short",
        least=0,
    )
    yield stat(
        title="Alertmanagers that take what is posted",
        description="1 or 0 for each, by what was posted last: once a minute at least. Of several one is enough.",
        queries=[Query(each(table.ALERTMANAGER_UP, ["alertmanager"], take="max"), "{{alertmanager}}", "instant")],
        unit="short",
        steps=(Step(None, BAD), Step(1, GOOD)),
        may_be_empty="Empty where no Alertmanager is set up.",
    )
    yield lines(
        title="Webhooks out that wait",
        description="What each receiver has yet to get. It is tried over more than a day.",
        queries=[Query(each(table.WEBHOOKS_OUT_WAITING, ["receiver"], take="max"), "{{receiver}}")],
        unit="short",
        least=0,
        may_be_empty=_NO_WEBHOOKS,
    )
    yield lines(
        title="Webhooks out by what became of them",
        description="Sent, over before their turn (moot), given up after the last try, or not wanted by the receiver "
        "(disabled), in the time before each instant that is chosen above.",
        queries=[Query(gained(table.WEBHOOKS_OUT_TOTAL, WINDOW, ["outcome"]), "{{outcome}}")],
        unit="short",
        least=0,
        colors={"sent": GOOD, "moot": CALM, "given_up": BAD, "disabled": BAD},
        may_be_empty=_NO_WEBHOOKS,
    )

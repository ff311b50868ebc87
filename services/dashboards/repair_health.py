"""Of *Service health*, what concerns the CRMs' APIs, and webhooks that end unless they are renewed."""

from collections.abc import Iterator

from services import metric_table as table
from services.dashboards.kinds import bars, lines
from services.dashboards.panels import BAD, GOOD, WARN, Panel, Query, Step
from services.dashboards.promql import WINDOW, each, growing, now

_HOUR, _DAY = 3600, 86_400
_NO_API = "Empty where no CRM's API is set up."
_BY_CRM = ("crm",)


def repairs() -> Iterator[Panel]:
    """The panels."""
    yield lines(
        title="What APIs told",
        description="Events that webhooks had left out or lost (new), those known already, and records that could not "
        "be used (bad), in the time before each instant that is chosen above.",
        queries=[
            Query(growing(table.API_EVENTS_TOTAL, "increase", WINDOW, ["crm", "outcome"]), "{{crm}} · {{outcome}}")
        ],
        unit="short",
        least=0,
        may_be_empty=_NO_API,
    )
    yield lines(
        title="Failures of APIs",
        description="Answers that could not be had or kept: away (the API, the log or the store), refused (credentials "
        "or a right), wrong (the API and Baton do not understand each other). The gateway's log names the setting.",
        queries=[
            Query(growing(table.API_FAILURES_TOTAL, "increase", WINDOW, ["crm", "failure"]), "{{crm}} · {{failure}}")
        ],
        unit="short",
        least=0,
        drawn="bars",
        may_be_empty="Empty until an API fails for the first time.",
    )
    yield lines(
        title="Objects to ask APIs for",
        description="What webhooks left out and is still to be fetched.",
        queries=[Query(each(table.API_WAITING, _BY_CRM), "{{crm}}")],
        unit="short",
        least=0,
        may_be_empty=_NO_API,
    )
    yield bars(
        title="Since APIs were read for what was lost",
        description="They are read every BATON_RECONCILE_HOURS (1).",
        queries=[Query(f"time() - ({each(table.RECONCILED, _BY_CRM, take='max')} > 0)", "{{crm}}", "instant")],
        unit="s",
        steps=(Step(None, GOOD), Step(2 * _HOUR, WARN), Step(4 * _HOUR, BAD)),
        may_be_empty=_NO_API,
    )
    yield bars(
        title="Webhooks end in",
        description="How long a CRM still sends webhooks unless that is renewed or one arrives; 0: it sends none.",
        queries=[Query(f"clamp_min({now(table.SUBSCRIPTION_EXPIRY, _BY_CRM)} - time(), 0)", "{{crm}}", "instant")],
        unit="s",
        steps=(Step(None, BAD), Step(_HOUR, WARN), Step(2 * _DAY, GOOD)),
        may_be_empty="Empty where no CRM's webhooks end.",
    )

"""Alerts that belong to no one clock: leads that stand still, and rules that are older than the charter in force."""

from services import metric_table as table
from services.domain.charter import Charter, Side
from services.rules.model import Alert, Group, quoted

STALLED = "BatonLeadsStalled"
OUTDATED = "BatonRulesOutdated"

STALLED_SHARE = "0.2"
"""One of five open leads. The charter has no number for it; that is so many that no team would call it usual."""
FEWEST_STALLED = 5
"""Below this many each has its own line on the board, and a share says little."""


def leads(charter: Charter) -> Group:
    """The rules on all leads of a charter, and on the charter itself."""
    rules = [_outdated(charter.version)]
    if charter.stalled_after is not None or any(each.promised_by is Side.SALES for each in charter.clocks.values()):
        rules.append(_stalled())
    return Group("baton-leads", rules, "On all leads, and on these rules themselves.")


def _outdated(version: str) -> Alert:
    return Alert(
        OUTDATED,
        f"max by (version) ({table.CHARTER_INFO.name}{{version!={quoted(version)}}}) == 1",
        "warning",
        "Charter {{ $labels.version }} is in force, but the rules are of another.",
        "Write them anew with `baton rules` and have Prometheus read them.",
        hold="1h",
        comment="A new charter is in force: objectives and clocks may be others than these rules have.",
    )


def _stalled() -> Alert:
    stalled = f"sum by (team) (max by (team, priority) ({table.STALLED_LEADS.name}))"
    opened = f"sum by (team) (max by (team, priority) ({table.OPEN_HANDOFFS.name}))"
    return Alert(
        STALLED,
        f"{stalled}\n/ ({opened} > 0) > {STALLED_SHARE}\nand {stalled} >= {FEWEST_STALLED}",
        "warning",
        "{{ $value | humanizePercentage }} of the open leads of team {{ $labels.team }} stand still.",
        "The board lists them. Each has an overdue promise of sales, or nothing has happened to it for too long.",
        hold="1h",
        comment=f"More than a fifth, and at least {FEWEST_STALLED}: of fewer the board tells one by one.",
    )

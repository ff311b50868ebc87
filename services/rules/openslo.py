"""The clocks of a charter as documents of OpenSLO v1, for tools that read those.

OpenSLO cannot say working hours or targets; both are in the verdicts that the counters count.
"""

import re
from typing import Any

from services.domain.charter import Charter, Clock
from services.domain.clocks import Kind
from services.rules.burn import PERIOD
from services.rules.counts import transitions
from services.rules.model import number, percent
from services.rules.yaml_out import dump, text

VERSION = "openslo/v1"
SERVICE = "baton"
_LONGEST_NAME = 63
"""What every reader of OpenSLO takes: a label of RFC 1123."""
_LONGEST_DESCRIPTION = 1050
"""The most that OpenSLO allows."""


def openslo_documents(charter: Charter) -> str:
    """A service, and for each clock an SLO; an SLI alone where the clock has no objective."""
    service = _document(
        "Service",
        SERVICE,
        "Baton",
        {"description": text(f"The passing of leads from marketing to sales, by charter {charter.version}.")},
    )
    names = _names(list(charter.clocks))
    documents = [service, *(_of_clock(clock, names[name]) for name, clock in charter.clocks.items())]
    return dump(documents)


def _document(kind: str, name: str, shown: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": VERSION, "kind": kind, "metadata": {"name": name, "displayName": text(shown)}, "spec": spec}


def _of_clock(clock: Clock, name: str) -> dict[str, Any]:
    indicator = _document("SLI", name, clock.name, {"ratioMetric": _ratio(clock)})
    described = {"description": text(clock.says[:_LONGEST_DESCRIPTION])} if clock.says else {}
    if clock.objective is None:
        indicator["spec"] = {**described, **indicator["spec"]}
        return indicator
    return _document(
        "SLO",
        name,
        clock.name,
        {
            **described,
            "service": SERVICE,
            "indicator": {"metadata": indicator["metadata"], "spec": indicator["spec"]},
            "timeWindow": [{"duration": PERIOD, "isRolling": True}],
            "budgetingMethod": "Occurrences",
            "objectives": [
                {"displayName": f"{percent(clock.objective)} kept", "target": float(number(clock.objective))},
            ],
        },
    )


def _ratio(clock: Clock) -> dict[str, Any]:
    """Kept promises of those that were kept or came to be overdue: counters, which never go down."""
    labels = {"clock": clock.name, "promised_by": str(clock.promised_by)}
    kept, late = transitions(Kind.MET, **labels), transitions(Kind.OVERDUE, **labels)
    return {"counter": True, "good": _source(kept), "total": _source(f"{kept} + {late}")}


def _source(query: str) -> dict[str, Any]:
    return {"metricSource": {"type": "Prometheus", "spec": {"query": text(query)}}}


def _names(clocks: list[str]) -> dict[str, str]:
    """A name for each clock in the letters that OpenSLO allows, each another."""
    names: dict[str, str] = {}
    for clock in clocks:
        plain = re.sub(r"[^a-z0-9]+", "-", clock.lower()).strip("-")[:_LONGEST_NAME].strip("-") or "clock"
        name, count = plain, 1
        while name in names.values():
            count += 1
            ending = f"-{count}"
            name = plain[: _LONGEST_NAME - len(ending)].strip("-") + ending
        names[clock] = name
    return names

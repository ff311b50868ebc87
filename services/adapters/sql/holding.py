"""Whether a lead lies still by the very silence that was told, in SQL."""

from typing import Any

from sqlalchemy import ColumnElement, String, cast, exists, literal

from services.adapters.sql import tables
from services.domain.clocks import Kind
from services.domain.silences import HANDOFF

_LEAD = tables.leads.c
_STALL = (  # the id under which the present silence of a lead is told when it comes to a stall
    _LEAD.key
    + literal(f"/{HANDOFF}/")
    + cast(_LEAD.handoff, String)
    + literal(f"/{Kind.STALLED}/")
    + cast(_LEAD.last_event_at, String)
)


def lies_still(lead: ColumnElement[Any], transition: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the transition of that lead is a stall, its handoff is open, and no event has come since it began."""
    return exists().where(_LEAD.key == lead, transition == _STALL)

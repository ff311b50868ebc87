"""When a handed-off lead counts as stalled, and the silences in a handoff that came to a stall."""

from services.domain.charter import Charters, Side
from services.domain.clocks import Passage
from services.domain.fold import Lead
from services.domain.handoffs import Handoff
from services.domain.instants import Instant
from services.domain.silences import stall_of


def stalls_at(lead: Lead, charters: Charters) -> Instant | None:
    """The first instant at which the lead is stalled unless an event comes before it; None where it never is.

    Stalled is a lead with an open handoff that has an overdue clock promised by sales, or that has seen no
    event for `stalled_after` of counted time (by the charter in force at the last event). An erased lead has
    nobody left to call.
    """
    if lead.handoff is None or lead.last is None or lead.erased_at is not None:
        return None
    instants = [
        instance.due_at + 1
        for instance in lead.open.values()
        if instance.clock.promised_by is Side.SALES and instance.due_at is not None
    ]
    charter = charters.in_force(lead.last.time)
    if charter is not None and charter.stalled_after is not None:
        after = charter.stalled_after
        instants.append(after.calendar.add(lead.last.time, after.time))
    return min(instants, default=None)


def lies_still(lead: Lead, charters: Charters) -> Passage | None:
    """The stall that the present silence comes to unless an event comes before; None where it never does."""
    if lead.handoff is None or lead.last is None or lead.erased_at is not None:
        return None
    return stall_of(lead.last.time, lead.open.values(), charters)


def stalls_of(lead: Lead, handoff: Handoff, charters: Charters, as_of: Instant) -> list[Passage]:
    """Every stall that the handoff has gone through by `as_of`, in the order of their instants."""
    present = lies_still(lead, charters) if handoff is lead.handoff else None
    return [*handoff.stalls, *([present] if present is not None and present.at <= as_of else [])]

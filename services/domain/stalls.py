"""When a handed-off lead counts as stalled."""

from services.domain.charter import Charters, Side
from services.domain.fold import Lead
from services.domain.instants import Instant


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

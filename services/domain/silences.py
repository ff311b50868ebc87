"""A silence: the time since a lead's last event, and the stall that it comes to when it lasts for `stalled_after`.

A stall is told of the open handoff, under its name and number where a clock's would stand.
"""

from collections.abc import Iterable

from services.domain.charter import Charters, Side
from services.domain.clocks import Instance, Kind, Passage
from services.domain.instants import Instant

HANDOFF = "handoff"
"""Stands for the clock in what is told of a handoff; no clock may be called so."""


def stall_of(
    since: Instant, instances: Iterable[Instance], charters: Charters, until: Instant | None = None
) -> Passage | None:
    """The stall of a lead whose last event was at `since`, unless another comes by then; None where it never stalls.

    Its level is `since`: so another event begins another stall, and charter and arrival change no name. `instances`
    are the lead's open ones: where one of sales is overdue before, that has told already that nothing happens.
    With `until` a stall that cannot have come before it may be left out.
    """
    charter = charters.in_force(since)
    after = charter.stalled_after if charter is not None else None
    if after is None or (until is not None and until - since <= after.time):
        return None
    at = after.calendar.add(since, after.time)
    if any(each.due_at is not None and each.due_at < at for each in instances if each.clock.promised_by is Side.SALES):
        return None
    return Passage(Kind.STALLED, since, at)

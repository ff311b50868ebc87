"""Which leads need someone now: stalled ones and pressing clocks in one list, the worst first."""

from dataclasses import dataclass, replace

from services.board.countdowns import Countdown, of_judgement
from services.board.judgements import of_row
from services.domain.charter import Charters, Side
from services.domain.clocks import Status
from services.domain.instants import Instant
from services.storage import ClockRow, LeadRow
from services.views import LiveViews, status_at

ATTENTION_SHOWN = 25
"""So many rows are still read by people; the lists behind the figures have all of them."""
_PRESSING = frozenset({Status.OVERDUE, Status.AT_RISK})


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that needs someone now: a pressing clock, or (without a clock) a lead that lies still."""

    lead: str
    clock: str | None
    number: int | None
    promised_by: str
    status: Status | None
    is_stalled: bool
    since: Instant
    """When it is due, or since when the lead lies still."""
    countdown: Countdown | None
    team: str | None
    owner: str | None
    account: str | None
    priority: str | None


def attention(views: LiveViews, charters: Charters, now: Instant, limit: int) -> list[Attention]:
    """Stalled leads and pressing clocks, those first that have waited longest past their time."""
    rows: dict[tuple[str, str | None, int | None], Attention] = {}
    for view in views.stalled(now, limit):
        pressing = [clock for clock in view.clocks if status_at(clock, now) in _PRESSING]
        for found in [_of_clock(clock, charters, now) for clock in pressing] or [_of_still(view.row)]:
            rows[found.lead, found.clock, found.number] = replace(found, is_stalled=True)
    for clock in views.pressing(now, limit):
        rows.setdefault((clock.lead, clock.clock, clock.number), _of_clock(clock, charters, now))
    worst = sorted(rows.values(), key=lambda row: (row.since, row.lead, row.clock or ""))[:limit]
    leads = views.rows({row.lead for row in worst})
    return [_with_lead(row, leads.get(row.lead)) for row in worst]


def _of_still(lead: LeadRow) -> Attention:
    return Attention(
        lead=lead.key,
        clock=None,
        number=None,
        promised_by=Side.SALES.value,
        status=None,
        is_stalled=True,
        since=lead.stalls_at if lead.stalls_at is not None else lead.last_event_at,
        countdown=None,
        team=None,
        owner=None,
        account=None,
        priority=None,
    )


def _of_clock(clock: ClockRow, charters: Charters, now: Instant) -> Attention:
    return Attention(
        lead=clock.lead,
        clock=clock.clock,
        number=clock.number,
        promised_by=clock.promised_by,
        status=status_at(clock, now),
        is_stalled=False,
        since=clock.due_at if clock.due_at is not None else clock.started_at,
        countdown=of_judgement(of_row(clock, charters, now), charters, now),
        team=None,
        owner=None,
        account=None,
        priority=None,
    )


def _with_lead(row: Attention, lead: LeadRow | None) -> Attention:
    """With whose lead it is."""
    if lead is None:
        return row
    return replace(row, team=lead.team, owner=lead.owner, account=lead.account, priority=lead.priority)

"""What the front page says: how both sides keep their promises, and which leads need someone now.

The two sides are gathered and shown alike, in the order of the charter; nothing here ranks people.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.board.judgements import OPEN
from services.board.times import zone_of
from services.domain.charter import Charter, Charters, Clock, Side
from services.domain.clocks import Status
from services.domain.instants import Instant
from services.domain.periods import Period, month_of, quarter_of
from services.storage import ClockRow
from services.views import LeadQuery, LeadView, OpenClocks, Verdicts, Views, status_at

ATTENTION_SHOWN = 25
"""So many rows are still read by people; the lists behind the figures have all of them."""
PromiseKey = tuple[str, Side]
"""The clock's name and who owes it: a later charter may give a clock to the other side."""
_PRESSING = frozenset({Status.OVERDUE, Status.AT_RISK})


@dataclass(frozen=True, slots=True)
class Kept:
    """How many instances that fell due in a period were met, missed, or are overdue still."""

    met: int = 0
    missed: int = 0
    overdue: int = 0

    @property
    def due(self) -> int:
        """All of them."""
        return self.met + self.missed + self.overdue

    @property
    def attainment(self) -> float | None:
        """met / (met + missed + overdue); None where there are none."""
        return self.met / self.due if self.due else None

    def __add__(self, other: "Kept") -> "Kept":
        return Kept(self.met + other.met, self.missed + other.missed, self.overdue + other.overdue)


@dataclass(frozen=True, slots=True)
class Promise:
    """One clock: what it says, how it was kept, and its open instances."""

    name: str
    promised_by: Side
    says: str
    objective: float | None
    is_retired: bool
    """The charter in force has no such clock; an earlier one had."""
    month: Kept
    quarter: Kept
    open: Mapping[Status, int]


@dataclass(frozen=True, slots=True)
class SideView:
    """What one side has promised."""

    side: Side
    promises: Sequence[Promise]
    month: Kept
    quarter: Kept
    open: Mapping[Status, int]


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
    team: str | None
    owner: str | None
    account: str | None
    priority: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The front page at `now`."""

    version: int
    now: Instant
    charter: Charter
    is_in_force: bool
    coming: Charter | None
    """The version that takes effect next."""
    month: Period
    quarter: Period
    sides: Sequence[SideView]
    open_handoffs: int
    stalled: int
    open: Mapping[Status, int]
    attention: Sequence[Attention]
    is_empty: bool
    """No lead has arrived yet."""


def charter_at(charters: Charters, now: Instant) -> tuple[Charter, bool]:
    """The charter in force, or before there is one the first; and whether it is in force."""
    charter = charters.in_force(now)
    return (charter, True) if charter is not None else (charters.versions[0], False)


def overview(views: Views, charters: Charters, now: Instant) -> Overview:
    """Gather the front page."""
    # Read first: what is read after it is at least as new, so a page never claims to be newer than it is.
    version = views.version()
    charter, is_in_force = charter_at(charters, now)
    zone = zone_of(charter)
    month, quarter = month_of(now, zone), quarter_of(now, zone)
    counted = views.open_clocks(now)
    promises = _promises(
        charters,
        charter,
        _kept(views.verdicts(month.since, month.until, now)),
        _kept(views.verdicts(quarter.since, quarter.until, now)),
        _open(counted),
    )
    handoffs = views.open_handoffs(now)
    return Overview(
        version=version,
        now=now,
        charter=charter,
        is_in_force=is_in_force,
        coming=next((each for each in charters.versions if each is not charter and each.effective_from > now), None),
        month=month,
        quarter=quarter,
        sides=[_side(side, promises) for side in (Side.MARKETING, Side.SALES)],
        open_handoffs=sum(each.open for each in handoffs),
        stalled=sum(each.stalled for each in handoffs),
        open={status: sum(each.count for each in counted if each.status is status) for status in OPEN},
        attention=attention(views, now, ATTENTION_SHOWN),
        is_empty=not views.leads(LeadQuery(limit=1), now),
    )


def attention(views: Views, now: Instant, limit: int) -> list[Attention]:
    """Stalled leads and pressing clocks, those first that have waited longest past their time."""
    rows: dict[tuple[str, str | None, int | None], Attention] = {}
    for view in views.stalled(now, limit):
        for row in _of_stalled(view, now):
            rows[row.lead, row.clock, row.number] = row
    for clock in views.pressing(now, limit):
        rows.setdefault((clock.lead, clock.clock, clock.number), _of_clock(clock, now))
    worst = sorted(rows.values(), key=lambda row: (row.since, row.lead, row.clock or ""))[:limit]
    return [_with_lead(views, row) for row in worst]


def _of_stalled(view: LeadView, now: Instant) -> Iterable[Attention]:
    lead = view.row
    pressing = [clock for clock in view.clocks if status_at(clock, now) in _PRESSING]
    for clock in pressing:
        yield replace(
            _of_clock(clock, now),
            is_stalled=True,
            team=lead.team,
            owner=lead.owner,
            account=lead.account,
            priority=lead.priority,
        )
    if not pressing:
        yield Attention(
            lead=lead.key,
            clock=None,
            number=None,
            promised_by=Side.SALES.value,
            status=None,
            is_stalled=True,
            since=lead.stalls_at if lead.stalls_at is not None else lead.last_event_at,
            team=lead.team,
            owner=lead.owner,
            account=lead.account,
            priority=lead.priority,
        )


def _of_clock(clock: ClockRow, now: Instant) -> Attention:
    return Attention(
        lead=clock.lead,
        clock=clock.clock,
        number=clock.number,
        promised_by=clock.promised_by,
        status=status_at(clock, now),
        is_stalled=False,
        since=clock.due_at if clock.due_at is not None else clock.started_at,
        team=None,
        owner=None,
        account=None,
        priority=None,
    )


def _with_lead(views: Views, row: Attention) -> Attention:
    """With whose lead it is: the rows of clocks do not have that, and only those shown are looked up."""
    if row.is_stalled:
        return row
    file = views.lead(row.lead)
    if file is None:
        return row
    lead = file.row
    return replace(row, team=lead.team, owner=lead.owner, account=lead.account, priority=lead.priority)


def _kept(verdicts: Iterable[Verdicts]) -> dict[PromiseKey, Kept]:
    return {(each.clock, Side(each.promised_by)): Kept(each.met, each.missed, each.overdue) for each in verdicts}


def _open(counted: Iterable[OpenClocks]) -> dict[PromiseKey, Counter[Status]]:
    by_promise: dict[PromiseKey, Counter[Status]] = {}
    for each in counted:
        by_promise.setdefault((each.clock, Side(each.promised_by)), Counter())[each.status] += each.count
    return by_promise


def _promises(
    charters: Charters,
    charter: Charter,
    month: Mapping[PromiseKey, Kept],
    quarter: Mapping[PromiseKey, Kept],
    open_instances: Mapping[PromiseKey, Counter[Status]],
) -> list[Promise]:
    """The clocks of the charter, then those of earlier ones that still have something to show."""
    current = [(clock.name, clock.promised_by) for clock in charter.clocks.values()]
    retired = sorted((month.keys() | quarter.keys() | open_instances.keys()) - set(current))
    promises = []
    for key in (*current, *retired):
        name, side = key
        clock = charter.clocks.get(name) or _earlier(charters, name)
        counts = open_instances.get(key, Counter())
        promises.append(
            Promise(
                name=name,
                promised_by=side,
                says=clock.says if clock else "",
                objective=float(clock.objective) if clock and clock.objective is not None else None,
                is_retired=key in retired,
                month=month.get(key, Kept()),
                quarter=quarter.get(key, Kept()),
                open={status: counts[status] for status in OPEN},
            )
        )
    return promises


def _earlier(charters: Charters, name: str) -> Clock | None:
    return next((each.clocks[name] for each in reversed(charters.versions) if name in each.clocks), None)


def _side(side: Side, promises: Iterable[Promise]) -> SideView:
    own = [promise for promise in promises if promise.promised_by is side]
    return SideView(
        side=side,
        promises=own,
        month=sum((promise.month for promise in own), Kept()),
        quarter=sum((promise.quarter for promise in own), Kept()),
        open={status: sum(promise.open[status] for promise in own) for status in OPEN},
    )

"""What the front page says: how both sides keep their promises, and which leads need someone now.

The two sides are gathered and shown alike, in the order of the charter; nothing here ranks people.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.board.attention import ATTENTION_SHOWN, Attention, attention
from services.board.budget import Budget, budget_of
from services.board.judgements import OPEN
from services.board.times import zone_of
from services.domain.charter import Charter, Charters, Clock, Side
from services.domain.clocks import Status
from services.domain.instants import Instant
from services.domain.periods import Period, month_of, quarter_of, weeks_until
from services.views import EVERYTHING, Funnel, LeadQuery, LiveViews, OpenClocks, Scope

WEEKS_SHOWN = 8
"""Long enough to see where a promise is going, short enough to be about these people's work."""
PromiseKey = tuple[str, Side]
"""The clock's name and who owes it: a later charter may give a clock to the other side."""


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
    budget: Budget | None
    """Of the quarter."""
    weeks: Sequence[Kept]
    """Of the last weeks, the present one last."""


@dataclass(frozen=True, slots=True)
class SideView:
    """What one side has promised."""

    side: Side
    promises: Sequence[Promise]
    month: Kept
    quarter: Kept
    open: Mapping[Status, int]


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
    weeks: Sequence[Instant]
    """When each of the last weeks began."""
    sides: Sequence[SideView]
    funnel: Funnel
    """Of the quarter."""
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


def overview(views: LiveViews, charters: Charters, now: Instant, scope: Scope = EVERYTHING) -> Overview:
    """Gather the front page, of the leads and clocks in the scope."""
    # Read first: what is read after it is at least as new, so a page never claims to be newer than it is.
    version = views.version()
    charter, is_in_force = charter_at(charters, now)
    zone = zone_of(charter)
    month, quarter = month_of(now, zone), quarter_of(now, zone)
    weeks = weeks_until(now, zone, WEEKS_SHOWN)
    seen = views.within(scope)
    kept = _KeptThen(seen, (month.since, month.until, quarter.since, quarter.until, *weeks), now)
    counted = seen.open_clocks(now)
    promises = _Promises(
        charters=charters,
        charter=charter,
        clock=scope.clock,
        month=kept.between(month.since, month.until),
        quarter=kept.between(quarter.since, quarter.until),
        weeks=[kept.between(since, until) for since, until in pairwise(weeks)],
        open=_open(counted),
    ).all()
    handoffs = seen.open_handoffs(now)
    return Overview(
        version=version,
        now=now,
        charter=charter,
        is_in_force=is_in_force,
        coming=next((each for each in charters.versions if each is not charter and each.effective_from > now), None),
        month=month,
        quarter=quarter,
        weeks=weeks[:-1],
        sides=[_side(side, promises) for side in (Side.MARKETING, Side.SALES)],
        funnel=seen.funnel(quarter.since, quarter.until),
        open_handoffs=sum(each.open for each in handoffs),
        stalled=sum(each.stalled for each in handoffs),
        open={status: sum(each.count for each in counted if each.status is status) for status in OPEN},
        attention=attention(seen, charters, now, ATTENTION_SHOWN),
        is_empty=not views.leads(LeadQuery(limit=1), now),
    )


class _KeptThen:
    """How promises were kept in periods that overlap: read once, by the stretches between all their bounds."""

    def __init__(self, views: LiveViews, bounds: Collection[Instant], now: Instant) -> None:
        self._bounds = sorted(set(bounds))
        self._stretches = views.verdicts_between(self._bounds, now)

    def between(self, since: Instant, until: Instant) -> dict[PromiseKey, Kept]:
        """By promise, from one of the bounds to another."""
        kept: dict[PromiseKey, Kept] = {}
        for begin, verdicts in zip(self._bounds, self._stretches, strict=False):
            if since <= begin < until:
                for each in verdicts:
                    key = (each.clock, Side(each.promised_by))
                    kept[key] = kept.get(key, Kept()) + Kept(each.met, each.missed, each.overdue)
        return kept


def _open(counted: Iterable[OpenClocks]) -> dict[PromiseKey, Counter[Status]]:
    by_promise: dict[PromiseKey, Counter[Status]] = {}
    for each in counted:
        by_promise.setdefault((each.clock, Side(each.promised_by)), Counter())[each.status] += each.count
    return by_promise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Promises:
    """The promises of a page, from what was counted of them."""

    charters: Charters
    charter: Charter
    clock: str | None
    """The only clock to show."""
    month: Mapping[PromiseKey, Kept]
    quarter: Mapping[PromiseKey, Kept]
    weeks: Sequence[Mapping[PromiseKey, Kept]]
    open: Mapping[PromiseKey, Counter[Status]]

    def all(self) -> list[Promise]:
        """The clocks of the charter, then those of earlier ones that still have something to show."""
        current = [(clock.name, clock.promised_by) for clock in self.charter.clocks.values()]
        retired = sorted((self.month.keys() | self.quarter.keys() | self.open.keys()) - set(current))
        return [
            self._promise(key, is_retired=key in retired)
            for key in (*current, *retired)
            if self.clock in (None, key[0])
        ]

    def _promise(self, key: PromiseKey, *, is_retired: bool) -> Promise:
        name, side = key
        clock = self.charter.clocks.get(name) or _earlier(self.charters, name)
        counts = self.open.get(key, Counter())
        quarter = self.quarter.get(key, Kept())
        objective = clock.objective if clock is not None else None
        return Promise(
            name=name,
            promised_by=side,
            says=clock.says if clock else "",
            objective=float(objective) if objective is not None else None,
            is_retired=is_retired,
            month=self.month.get(key, Kept()),
            quarter=quarter,
            open={status: counts[status] for status in OPEN},
            budget=budget_of(objective, quarter.due, quarter.missed + quarter.overdue),
            weeks=[week.get(key, Kept()) for week in self.weeks],
        )


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

"""What the live page reads, on every database: the same as counted row by row."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.adapters.sql.database import Database
from services.adapters.sql.live_views import SqlLiveViews
from services.storage import ClockRow, HandoffRow, LeadRow
from services.views import Funnel, Scope, is_stalled
from tests.contracts.rows import handoff
from tests.contracts.test_views import INSTANTS, KEYS, MAYBE, NAMES, clocks, fill, leads, on_every_database

SCOPES = st.builds(Scope, team=NAMES, priority=NAMES, source=NAMES, account=NAMES) | st.builds(
    Scope, team=NAMES, clock=st.sampled_from(["accept", "answer"])
)
OUTCOMES = ["deal.won", "deal.lost", "lead.rejected", "lead.recycled", "lead.withdrawn", "lead.merged"]


@st.composite
def handoff_rows(draw: st.DrawFn) -> HandoffRow:
    """A handoff, open or closed, that came this far or that."""
    outcome = draw(st.none() | st.sampled_from(OUTCOMES))
    return handoff(
        draw(KEYS),
        draw(st.integers(1, 2)),
        opened_at=draw(INSTANTS),
        closed_at=12 if outcome else None,
        outcome=outcome,
        accepted_at=draw(MAYBE),
        touched_at=draw(MAYBE),
        qualified_at=draw(MAYBE),
        opportunity_at=draw(MAYBE),
    )


HANDOFFS = st.lists(handoff_rows(), max_size=8, unique_by=lambda row: (row.lead, row.number))


def live(database: Database, **rows: object) -> SqlLiveViews:
    """The live views of a database that has these rows and no others."""
    fill(database, **rows)
    return SqlLiveViews(database)


def is_within(row: LeadRow, scope: Scope) -> bool:
    """Whether a lead is of the scope, whatever its clocks."""
    return all(getattr(scope, name) in (None, getattr(row, name)) for name in ("team", "priority", "source", "account"))


def keys_within(rows: list[LeadRow], scope: Scope) -> set[str]:
    """The leads of the scope, whatever their clocks."""
    return {row.key for row in rows if is_within(row, scope)}


@on_every_database
@given(leads(), HANDOFFS, SCOPES, INSTANTS, INSTANTS)
def test_funnel(
    database: Database, rows: list[LeadRow], handoffs: list[HandoffRow], scope: Scope, since: int, until: int
) -> None:
    """The handoffs opened in the period, by how far they came and how they closed."""
    views = live(database, leads=rows, handoffs=handoffs)
    whole = scope.team is scope.priority is scope.source is scope.account is None
    within = keys_within(rows, scope)
    opened = [each for each in handoffs if since <= each.opened_at < until and (whole or each.lead in within)]
    ended = Counter(each.outcome for each in opened)
    assert views.within(scope).funnel(since, until) == Funnel(
        opened=len(opened),
        accepted=sum(each.accepted_at is not None for each in opened),
        touched=sum(each.touched_at is not None for each in opened),
        qualified=sum(each.qualified_at is not None for each in opened),
        opportunities=sum(each.opportunity_at is not None for each in opened),
        won=ended["deal.won"],
        lost=ended["deal.lost"],
        rejected=ended["lead.rejected"],
        recycled=ended["lead.recycled"],
        withdrawn=ended["lead.withdrawn"] + ended["lead.merged"],
    )


@on_every_database
@given(clocks(), st.lists(INSTANTS, min_size=2, max_size=5, unique=True).map(sorted), INSTANTS)
def test_verdicts_between(database: Database, instances: list[ClockRow], bounds: list[int], now: int) -> None:
    """In one reading the same as stretch by stretch."""
    views = live(database, clocks=instances)
    each = [views.verdicts(since, until, now) for since, until in pairwise(bounds)]
    assert views.verdicts_between(bounds, now) == each


@on_every_database
@given(leads(), clocks(), SCOPES, INSTANTS)
def test_within(database: Database, rows: list[LeadRow], instances: list[ClockRow], scope: Scope, now: int) -> None:
    """Of a scope, the views are those of a database that has its leads and clocks alone."""
    within = keys_within(rows, scope)
    kept = [
        each
        for each in instances
        if scope.clock in (None, each.clock) and (each.lead in within or scope == Scope(clock=scope.clock))
    ]
    with_clock = {each.lead for each in kept if each.status is None}
    of_scope = [row for row in rows if row.key in within and (scope.clock is None or row.key in with_clock)]
    views = live(database, leads=rows, clocks=instances).within(scope)
    asked = (
        views.pressing(now, 20),
        views.open_clocks(now),
        views.verdicts(0, 13, now),
        views.verdicts_between([0, 5, 13], now),
        views.open_handoffs(now),
    )
    stalled = {view.row.key for view in views.stalled(now, 20)}
    alone = live(database, leads=of_scope, clocks=kept)
    assert asked == (
        alone.pressing(now, 20),
        alone.open_clocks(now),
        alone.verdicts(0, 13, now),
        alone.verdicts_between([0, 5, 13], now),
        alone.open_handoffs(now),
    )
    assert stalled == {row.key for row in of_scope if is_stalled(row, now)}


@on_every_database
@given(leads(), st.lists(KEYS))
def test_rows(database: Database, rows: list[LeadRow], keys: list[str]) -> None:
    """Those that are known of the keys asked for."""
    found = live(database, leads=rows).rows(keys)
    assert found == {row.key: row for row in rows if row.key in keys}

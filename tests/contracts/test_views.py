"""The contract of `services.views.Views`: what SQL says is what `status_at` and `is_stalled` say of the same rows."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from services.adapters.sql.database import Database
from services.adapters.sql.store import SqlStore
from services.adapters.sql.tables import METADATA
from services.adapters.sql.views import SqlViews
from services.domain.clocks import Status
from services.domain.events import Event, EventType
from services.storage import ClockRow, EventRow, LeadRow, Store
from services.views import ClockQuery, LeadQuery, LeadView, OpenClocks, OpenHandoffs, Verdicts, Views, status_at
from services.views import is_stalled as stalled_by_row
from tests.contracts.rows import (
    changes,
    clock,
    commit,
    dead_letter,
    deal,
    ended,
    event,
    handoff,
    lead,
    opened,
    transition,
)

INSTANTS = st.integers(0, 12)
MAYBE = st.none() | INSTANTS
KEYS = st.sampled_from(["a", "B", "b", "é", "😀", "a:1"])
LABELS = st.sampled_from(["hot", "other"])
NAMES = st.sampled_from(["x", "y"]) | st.none()
on_every_database = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def lead_rows(draw: st.DrawFn) -> LeadRow:
    """A lead that is handed off or not, and stalls at some time or never."""
    handed_off = draw(st.booleans())
    return lead(
        draw(KEYS),
        handoff=1 if handed_off else None,
        stalls_at=draw(MAYBE) if handed_off else None,
        owner=draw(NAMES),
        team=draw(NAMES),
        priority=draw(NAMES),
        source=draw(NAMES),
        account=draw(NAMES),
        team_label=draw(LABELS),
        priority_label=draw(LABELS),
    )


@st.composite
def clock_rows(draw: st.DrawFn) -> ClockRow:
    """An instance, open or ended, with instants in any order."""
    final = draw(st.none() | st.sampled_from(["met", "missed", "cancelled"]))
    name = draw(st.sampled_from(["accept", "answer"]))
    return clock(
        draw(KEYS),
        name,
        draw(st.integers(1, 3)),
        promised_by="sales" if name == "accept" else "marketing",
        team_label=draw(LABELS),
        priority_label=draw(LABELS),
        due_at=draw(MAYBE),
        at_risk_at=draw(MAYBE),
        paused=draw(st.booleans()),
        status=final,
        ended_at=5 if final else None,
    )


def leads() -> st.SearchStrategy[list[LeadRow]]:
    """Leads with keys of their own."""
    return st.lists(lead_rows(), max_size=6, unique_by=lambda row: row.key)


def clocks() -> st.SearchStrategy[list[ClockRow]]:
    """Instances with keys of their own, of leads that are there or not."""
    return st.lists(clock_rows(), max_size=14, unique_by=by_key)


def by_key(row: ClockRow) -> tuple[str, str, int]:
    """The key of an instance, in the order of lists."""
    return row.lead, row.clock, row.number


def fill(database: Database, **rows: Any) -> Views:
    """The views of a database that has these rows and no others."""
    with database.writing() as connection:
        for table in METADATA.tables.values():
            if table.name != "meta":
                connection.execute(delete(table))
    commit(opened(database), changes(**rows))
    return SqlViews(database)


def pages(page: Callable[[Any], list[Any]], key: Callable[[Any], Any]) -> list[Any]:
    """Everything, page by page."""
    found: list[Any] = []
    while part := page(key(found[-1]) if found else None):
        found += part
    return found


@on_every_database
@given(leads(), clocks(), INSTANTS)
def test_leads_by_status(database: Database, rows: list[LeadRow], instances: list[ClockRow], now: int) -> None:
    """A filter by clock and status finds the leads with such an instance at that very instant."""
    views = fill(database, leads=rows, clocks=instances)
    for name in ("accept", None):
        for status in (*Status, None):
            having = {
                each.lead for each in instances if name in (None, each.clock) and status in (None, status_at(each, now))
            }
            wanted = [row for row in in_order(rows) if (name is status is None) or row.key in having]
            assert [view.row for view in views.leads(LeadQuery(clock=name, status=status), now)] == wanted


@on_every_database
@given(leads(), INSTANTS)
def test_leads_by_stall_and_handoff(database: Database, rows: list[LeadRow], now: int) -> None:
    """Filters by stalled and by handed off, and both, and their opposites."""
    views = fill(database, leads=rows)
    for stalled in (True, False, None):
        for handed_off in (True, False, None):
            wanted = [
                row
                for row in in_order(rows)
                if stalled in (None, stalled_by_row(row, now)) and handed_off in (None, row.handoff is not None)
            ]
            query = LeadQuery(stalled=stalled, handed_off=handed_off)
            assert [view.row for view in views.leads(query, now)] == wanted


@on_every_database
@given(leads(), st.sampled_from(["owner", "team", "priority", "source", "account"]))
def test_leads_by_attribute(database: Database, rows: list[LeadRow], attribute: str) -> None:
    """A filter by an attribute finds the leads of which exactly this is known."""
    views = fill(database, leads=rows)
    wanted = [row for row in in_order(rows) if getattr(row, attribute) == "x"]
    query = LeadQuery(**{attribute: "x"})  # type: ignore[arg-type]  # one of several of the same type
    assert [view.row for view in views.leads(query, 0)] == wanted


@on_every_database
@given(leads(), clocks(), st.integers(1, 4))
def test_pages_of_leads(database: Database, rows: list[LeadRow], instances: list[ClockRow], limit: int) -> None:
    """Page by page every lead comes once, by key, with its open clocks."""
    views = fill(database, leads=rows, clocks=instances)
    found = pages(
        lambda after: list(views.leads(LeadQuery(after=after, limit=limit), 0)), key=lambda view: view.row.key
    )
    assert found == [view_of(row, instances) for row in in_order(rows)]


@on_every_database
@given(leads(), clocks(), INSTANTS, st.integers(1, 8))
def test_stalled(database: Database, rows: list[LeadRow], instances: list[ClockRow], now: int, limit: int) -> None:
    """The longest stalled come first, and nobody who is not stalled yet."""
    views = fill(database, leads=rows, clocks=instances)
    stalled = sorted((row for row in rows if stalled_by_row(row, now)), key=lambda row: (row.stalls_at, row.key))
    assert views.stalled(now, limit) == [view_of(row, instances) for row in stalled[:limit]]


@on_every_database
@given(clocks(), INSTANTS, st.none() | st.just("accept"), st.none() | LABELS)
def test_clocks(database: Database, instances: list[ClockRow], now: int, name: str | None, team: str | None) -> None:
    """A list of instances by name, team and status, in the order of their keys."""
    views = fill(database, clocks=instances)
    for status in (*Status, None):
        wanted = [
            row
            for row in sorted(instances, key=by_key)
            if name in (None, row.clock) and team in (None, row.team_label) and status in (None, status_at(row, now))
        ]
        assert views.clocks(ClockQuery(clock=name, team_label=team, status=status), now) == wanted


@on_every_database
@given(clocks(), st.integers(1, 4))
def test_pages_of_clocks(database: Database, instances: list[ClockRow], limit: int) -> None:
    """Page by page every instance comes once."""
    views = fill(database, clocks=instances)
    found = pages(lambda after: list(views.clocks(ClockQuery(after=after, limit=limit), 0)), key=by_key)
    assert found == sorted(instances, key=by_key)


@on_every_database
@given(clocks(), INSTANTS, st.integers(1, 14))
def test_pressing(database: Database, instances: list[ClockRow], now: int, limit: int) -> None:
    """What is overdue or at risk, the earliest due first; what has no due_at comes last."""
    views = fill(database, clocks=instances)
    pressing = [row for row in instances if status_at(row, now) in (Status.OVERDUE, Status.AT_RISK)]
    pressing.sort(key=lambda row: (row.due_at is None, row.due_at or 0, by_key(row)))
    assert views.pressing(now, limit) == pressing[:limit]


@on_every_database
@given(clocks(), INSTANTS)
def test_open_clocks(database: Database, instances: list[ClockRow], now: int) -> None:
    """Open instances are counted by labels and by their status at that instant."""
    views = fill(database, clocks=instances)
    counted = Counter(
        (row.clock, row.promised_by, row.team_label, row.priority_label, status_at(row, now))
        for row in instances
        if row.status is None
    )
    assert set(views.open_clocks(now)) == {OpenClocks(*labels, count) for labels, count in counted.items()}


@on_every_database
@given(clocks(), INSTANTS, INSTANTS, INSTANTS)
def test_verdicts(database: Database, instances: list[ClockRow], since: int, until: int, now: int) -> None:
    """Verdicts are counted by clock where due_at lies in the period, its start included and its end not."""
    views = fill(database, clocks=instances)
    counted = Counter(
        (row.clock, row.promised_by, status_at(row, now))
        for row in instances
        if row.due_at is not None and since <= row.due_at < until
    )
    wanted = {
        Verdicts(name, side, *(counted[name, side, each] for each in (Status.MET, Status.MISSED, Status.OVERDUE)))
        for name, side, status in counted
        if status in (Status.MET, Status.MISSED, Status.OVERDUE)
    }
    assert set(views.verdicts(since, until, now)) == wanted


@on_every_database
@given(leads(), INSTANTS)
def test_open_handoffs(database: Database, rows: list[LeadRow], now: int) -> None:
    """Leads with an open handoff, and how many of these are stalled, are counted by labels."""
    views = fill(database, leads=rows)
    opened = Counter((row.team_label, row.priority_label) for row in rows if row.handoff is not None)
    stalled = Counter((row.team_label, row.priority_label) for row in rows if stalled_by_row(row, now))
    wanted = {OpenHandoffs(*labels, count, stalled[labels]) for labels, count in opened.items()}
    assert set(views.open_handoffs(now)) == wanted


def test_lead(store: Store, views: Views) -> None:
    """The file of a lead has all of it, its deals' own events among the events, and nothing of others."""
    named = Event(7, EventType.DEAL_OPENED, "crm", "3", "a", {"deal": "d:1"})
    own = [event("2", "a", 5), EventRow(named, "hubspot", 8), event("1", "a", 5)]
    of_deals = [event("4", "", 6, deal="d:1"), event("5", "", 6, deal="d:2")]
    commit(
        store,
        changes(
            events=[*own, *of_deals, event("6", "b")],
            leads=[lead("a"), lead("b")],
            handoffs=[handoff("a", 2), handoff("a", 1), handoff("b")],
            clocks=[clock("a", number=2, started_at=8), ended("a"), clock("b")],
            transitions=[transition("a"), transition("b"), transition("a", "at_risk", at=3)],
            deals=[deal("d:1", "a", named), deal("d:2", "b", named)],
        ),
    )
    file = views.lead("a")
    assert file is not None
    assert file.row == lead("a")
    assert [each.id for each in file.events] == ["1", "2", "4", "3"]
    assert len(file.received) == 4
    assert file.received["crm", "3"] == 8
    assert [each.number for each in file.handoffs] == [1, 2]
    assert list(file.clocks) == [ended("a"), clock("a", number=2, started_at=8)]
    assert [each.name for each in file.transitions] == ["at_risk", "overdue"]


def test_an_event_known_with_and_without_its_lead(store: Store, views: Views) -> None:
    """An event that came without its lead, and again with it, is listed once."""
    with_lead = Event(7, EventType.DEAL_OPENED, "crm", "3", "a", {"deal": "d"})
    rows = [EventRow(with_lead._replace(lead=""), "hubspot", 8), EventRow(with_lead, "hubspot", 8)]
    commit(store, changes(events=rows, leads=[lead("a")], deals=[deal("d", "a", with_lead)]))
    file = views.lead("a")
    assert file is not None
    assert [each.id for each in file.events] == ["3"]


def test_unknown_lead(views: Views) -> None:
    """A lead that nobody has heard of is None."""
    assert views.lead("nobody") is None


def test_version_grows(store: SqlStore, views: Views) -> None:
    """Whatever can be seen on a page makes the version grow."""
    seen = [views.version()]
    steps: list[Callable[[], None]] = [
        lambda: commit(store, changes(0, 1)),
        lambda: commit(store, changes(1, 1, leads=[lead()])),
        lambda: store.put_in_force([("1", "text")], 1, generation=0),
        lambda: store.replayed("1", 1),
    ]
    for change in steps:
        change()
        seen.append(views.version())
    assert seen == sorted(set(seen))


def test_version_stays(store: SqlStore, views: Views) -> None:
    """Where nothing was changed the version is the same."""
    store.put_in_force([("1", "text")], 1, generation=0)
    seen = views.version()
    store.put_in_force([("1", "text")], 2, generation=1)
    assert views.version() == seen


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_pages_of_dead_letters(store: Store, views: Views, limit: int) -> None:
    """Page by page every dead letter comes once, byte for byte."""
    letters = [dead_letter(str(number), body=bytes([number])) for number in range(5)]
    commit(store, changes(dead_letters=letters[::-1]))
    found = pages(lambda after: list(views.dead_letters(after, limit)), key=lambda letter: letter.id)
    assert found == letters


def in_order(rows: Iterable[LeadRow]) -> list[LeadRow]:
    """By key, as Python compares them."""
    return sorted(rows, key=lambda row: row.key)


def view_of(row: LeadRow, instances: Iterable[ClockRow]) -> LeadView:
    """A lead with its open clocks."""
    of_lead = [each for each in instances if each.lead == row.key and each.status is None]
    return LeadView(row, sorted(of_lead, key=by_key))

"""What the pages of accounts read, on every database."""

from collections import Counter

from hypothesis import given

from services.adapters.sql.account_views import SqlAccountViews
from services.adapters.sql.database import Database
from services.storage import LeadRow, Store
from services.views import AccountSummary, is_stalled
from tests.contracts.rows import changes, commit, deal, event, lead, transition
from tests.contracts.test_views import INSTANTS, fill, leads, on_every_database, pages


@on_every_database
@given(leads(), INSTANTS)
def test_accounts(database: Database, rows: list[LeadRow], now: int) -> None:
    """The leads of each account are counted, page by page by name; leads without one are of none."""
    fill(database, leads=rows)
    views = SqlAccountViews(database)
    found = pages(lambda after: list(views.accounts(after, 1, now)), key=lambda each: each.name)
    counted = Counter(row.account for row in rows if row.account is not None)
    assert found == [
        AccountSummary(
            name,
            counted[name],
            sum(row.handoff is not None for row in rows if row.account == name),
            sum(is_stalled(row, now) for row in rows if row.account == name),
        )
        for name in sorted(counted)
    ]


def test_histories(store: Store, database: Database) -> None:
    """The events of each lead with those of its deals, in the canonical order, and nothing of others."""
    own = [event("2", "a", 5), event("1", "a", 5), event("3", "b", 4)]
    of_deals = [event("4", "", 6, deal="d:1"), event("5", "", 6, deal="d:2")]
    commit(
        store,
        changes(
            events=[*own, *of_deals, event("6", "c")],
            leads=[lead("a"), lead("b"), lead("c")],
            deals=[deal("d:1", "a", of_deals[0].event), deal("d:2", "c", of_deals[1].event)],
        ),
    )
    found = SqlAccountViews(database).histories(["a", "b", "nobody"])
    assert {key: [each.id for each in events] for key, events in found.items()} == {
        "a": ["1", "2", "4"],
        "b": ["3"],
        "nobody": [],
    }


def test_alarms(store: Store, database: Database) -> None:
    """What people are alerted of, the last told first; starts and ends are no alarm."""
    told = [
        transition("a", "at_risk", told_at=5),
        transition("a", "overdue", told_at=7),
        transition("a", "started", told_at=8),
        transition("b", "escalated/2", told_at=6),
        transition("b", "stalled/3", clock="handoff", told_at=4),
        transition("c", "overdue", told_at=9),
    ]
    commit(store, changes(leads=[lead("a"), lead("b"), lead("c")], transitions=told))
    views = SqlAccountViews(database)
    assert [each.name for each in views.alarms(["a", "b"], 10)] == ["overdue", "escalated/2", "at_risk", "stalled/3"]
    assert [each.name for each in views.alarms(["a", "b"], 1)] == ["overdue"]
    assert views.alarms([], 10) == []

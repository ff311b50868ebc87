"""What every store of facts must do: count exactly what was committed, and list what a number is made of."""

import sqlite3
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from services.adapters.sql.database import Database
from services.adapters.sql.facts import SqlFacts
from services.adapters.sql.store import SqlStore
from services.domain.events import Event, EventType
from services.domain.facts import MICROS, Fact, FactKind
from services.domain.instants import DAY
from services.domain.occurrences import MOST_AMOUNT
from services.errors import Conflict, PositionLost
from services.storage import EventRow
from services.views import CeremonyHeld, FactQuery, FactView, FactViews, Tally
from tests.contracts.rows import PARTITIONS, changes, commit, fact, facts_of, lead, opened

ONE, TWO = "a:lead:1", "a:lead:2"
WON, DEAL = FactKind.WON, FactKind.DEAL_WON
EVERYTHING = {
    "at": 3 * DAY + 5,
    "day": 3,
    "source": "webinar",
    "meets": frozenset({'is "a b"', "known"}),
    "attributes": {"account": "Zażółć \n'\"", "region": "x"},
    "amount": 7 * MICROS + 1,
    "currency": "PLN",
}


@pytest.fixture
def views(database: Database) -> FactViews:
    """What reads the same database."""
    return SqlFacts(database)


def put(store: SqlStore, *facts: Fact, key: str = ONE, removed: Sequence[Fact] = (), partition: int = 0) -> None:
    """Commit a batch of one partition that adds facts and takes others away."""
    at = store.position("baton.events", partition)
    made = changes(at, leads=[lead(key)], **facts_of(*facts, key=key, removed=removed))
    made.partition = partition
    commit(store, made)


def tally(count: int = 1, amount: int = 0, **fields: Any) -> Tally:
    """A tally of what the facts here mostly are."""
    given = {"kind": WON, "filter": "", "source": "other", "currency": "", "day": 0, **fields}
    return Tally(**given, count=count, amount=amount)


def test_nothing_is_counted_at_first(store: SqlStore, views: FactViews) -> None:
    """A fresh store has neither tallies nor facts nor ceremonies."""
    assert views.tallies(-1, 9) == []
    assert views.facts(FactQuery(WON, 0, 9)) == []
    assert views.ceremonies(0, DAY) == []
    assert store.facts([ONE]) == {}


def test_a_fact_comes_back_as_it_was_written(store: SqlStore, views: FactViews) -> None:
    """To whom it belongs too; a lead without facts is not among those that have some."""
    written = fact(DEAL, "hubspot:deal:1", **EVERYTHING)
    put(store, written)
    assert store.facts([ONE, TWO]) == {ONE: [written]}
    ((found),) = views.facts(FactQuery(DEAL, 3, 4))
    assert (found.lead, found.fact) == (ONE, written)


def test_days_are_counted_by_all_that_a_measure_asks(store: SqlStore, views: FactViews) -> None:
    """By kind, filter, source, currency and day, those of no filter too; the last day is not among those asked for."""
    put(store, fact(), fact(number="2", day=1, source="webinar", meets=frozenset({"a", "b"})))
    put(store, fact(), fact(DEAL, "d", amount=5, currency="PLN"), fact(DEAL, "e", amount=6, currency="EUR"), key=TWO)
    first = [
        tally(1, 6, kind=DEAL, currency="EUR"),
        tally(1, 5, kind=DEAL, currency="PLN"),
        tally(2),
    ]
    second = [tally(day=1, source="webinar", filter=name) for name in ("", "a", "b")]
    assert views.tallies(0, 1) == first
    assert views.tallies(0, 2) == [*first, *second]
    assert views.tallies(1, 2) == second
    assert views.tallies(2, 9) == []


def test_what_takes_the_place_of_a_fact_is_counted_instead(store: SqlStore, views: FactViews) -> None:
    """And what is taken away is counted no more, though another partition does it."""
    before = fact(DEAL, "d", amount=1_500_000, currency="PLN", day=1)
    after = fact(DEAL, "d", amount=250_000, currency="PLN", day=2)
    put(store, before)
    put(store, after, removed=[before], partition=1)
    assert store.facts([ONE]) == {ONE: [after]}
    assert views.tallies(0, 9) == [tally(1, 250_000, kind=DEAL, currency="PLN", day=2)]
    put(store, removed=[after], partition=2)
    assert store.facts([ONE]) == {}
    assert views.tallies(0, 9) == []


def test_amounts_stay_exact_however_great(store: SqlStore, views: FactViews) -> None:
    """Their sum goes past 64 bits of millionths."""
    greatest = MOST_AMOUNT * MICROS
    put(store, *(fact(DEAL, str(number), amount=greatest - number, currency="VND") for number in range(50)))
    put(store, removed=[fact(DEAL, "1", amount=greatest - 1, currency="VND")], partition=1)
    assert views.tallies(0, 1) == [tally(49, 49 * greatest - sum(range(50)) + 1, kind=DEAL, currency="VND")]


def test_a_refused_batch_counts_nothing(store: SqlStore, views: FactViews) -> None:
    """Where the position is another one, or a lead was changed by another worker, or something cannot be written."""
    put(store, fact())
    refused = changes(0, leads=[lead()], **facts_of(fact(number="2")))
    with pytest.raises(PositionLost):
        commit(store, refused)
    refused.position, refused.next_position, refused.leads = 1, 2, [lead()]
    with pytest.raises(Conflict):
        store.commit(refused)
    refused.facts.append((ONE, fact(number="3", currency=None)))
    with pytest.raises(Exception, match=r"NOT NULL|violates not-null"):
        commit(store, refused)
    assert views.tallies(0, 9) == [tally()]
    assert store.facts([ONE]) == {ONE: [fact()]}


def test_partitions_count_at_the_same_time(database: Database, views: FactViews) -> None:
    """All add to the same tallies in rows of their own; nothing is lost."""
    opened(database)
    rounds = 10
    barrier = threading.Barrier(PARTITIONS)

    def work(partition: int) -> None:
        worker = SqlStore(database)
        barrier.wait()
        for number in range(rounds):
            put(worker, fact(number=str(number)), key=f"a:lead:{partition}", partition=partition)

    threads = [threading.Thread(target=work, args=(partition,)) for partition in range(PARTITIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert views.tallies(0, 1) == [tally(PARTITIONS * rounds)]


def test_facts_are_listed_page_by_page(store: SqlStore, views: FactViews) -> None:
    """By instant, then lead and number, those of the days asked for alone; a page goes on behind the last one."""
    for key in (TWO, ONE):
        put(store, *(fact(number=str(number), at=number // 2, day=0) for number in range(1, 6)), key=key)
        put(store, fact(number="9", at=DAY, day=1), fact(FactKind.LOST, "1"), key=key)
    whole = views.facts(FactQuery(WON, 0, 1))
    assert [(each.fact.at, each.lead, each.fact.number) for each in whole] == [
        (at, key, number)
        for at, numbers in ((0, "1"), (1, "23"), (2, "45"))
        for key in (ONE, TWO)
        for number in numbers
    ]
    found: list[FactView] = []
    after = None
    while page := views.facts(FactQuery(WON, 0, 1, after=after, limit=3)):
        found += page
        after = (page[-1].fact.at, page[-1].lead, page[-1].fact.number)
    assert found == whole


def test_facts_are_listed_by_filter_and_source(store: SqlStore, views: FactViews) -> None:
    """A filter by its whole name, in the letters that it has."""
    names = ['size is "s"', 'size is "S"', "size", 'size is "s" and x', "%", "_"]
    put(store, *(fact(number=str(number), meets=frozenset({name, "other"})) for number, name in enumerate(names)))
    put(store, fact(number="w", source="webinar"))
    for number, name in enumerate(names):
        assert [each.fact.number for each in views.facts(FactQuery(WON, 0, 1, filter=name))] == [str(number)]
    assert len(views.facts(FactQuery(WON, 0, 1, filter="other"))) == len(names)
    assert [each.fact.number for each in views.facts(FactQuery(WON, 0, 1, source="webinar"))] == ["w"]
    assert views.facts(FactQuery(WON, 0, 1, source="webinar", filter="other")) == []


@pytest.mark.parametrize("hours", [-14, -12, 0, 10, 14])
def test_a_day_may_begin_before_or_after_that_of_utc(store: SqlStore, views: FactViews, hours: int) -> None:
    """Facts lie on days of the charter's zone, whatever instants these are."""
    begins = 10 * DAY + hours * (DAY // 24)
    put(store, *(fact(number=str(shift), at=begins + shift, day=10) for shift in (0, DAY - 1)))
    assert len(views.facts(FactQuery(WON, 10, 11))) == 2
    assert views.facts(FactQuery(WON, 9, 10)) == views.facts(FactQuery(WON, 11, 12)) == []


def ceremony(key: str, time: int, name: str = "review", **data: object) -> EventRow:
    """A ceremony that was held."""
    said = {"ceremony": name, "attendees": {"marketing": 3, "sales": 4}, **data}
    return EventRow(Event(time, EventType.CEREMONY_HELD, "crm", key, f"ceremony:{name}", said), "hubspot", time)


def test_ceremonies_are_listed_by_their_time(store: SqlStore, views: FactViews) -> None:
    """Those of the period, whatever they are called; what leads did is none."""
    named = EventRow(Event(5, EventType.LEAD_TOUCHED, "crm", "1", "ceremonial", {}), "hubspot", 5)
    rows = [ceremony("1", 7), ceremony("2", 5, "a/b:c", notes="Żółć"), ceremony("3", 4), ceremony("4", 9), named]
    commit(store, changes(events=rows))
    assert views.ceremonies(5, 9) == [
        CeremonyHeld("a/b:c", 5, 3, 4, "Żółć"),
        CeremonyHeld("review", 7, 3, 4, None),
    ]
    assert len(views.ceremonies(0, DAY)) == 4


def test_the_sums_of_sqlite_fit(tmp_path: Any) -> None:
    """It adds up 64 bits and no more, which is why amounts are kept in two parts."""
    connection = sqlite3.connect(tmp_path / "x.db")
    with pytest.raises(sqlite3.OperationalError, match="overflow"):
        connection.execute("SELECT sum(v) FROM (SELECT 9223372036854775807 AS v UNION ALL SELECT 1)").fetchone()
    connection.close()

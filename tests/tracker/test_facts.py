"""Facts and tallies from batch to batch: what comes later adds to what was counted, moves it, or takes it away."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.adapters.sql.facts import SqlFacts
from services.domain.facts import MICROS, FactKind
from services.domain.fold import fold_together
from services.storage import deal_stream, lead_stream
from tests.tracker.counted import COUNTING_CHARTER, EVER, facts_hold, tallies_hold
from tests.tracker.support import Bench, charters_of, event

ONE, TWO = "crm:lead:1", "crm:lead:2"
K = FactKind
CALL: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A tracker; in the end its facts are those of judging everything at once, and its tallies those of the facts."""
    bench = Bench(charters_of(COUNTING_CHARTER))
    yield bench
    deals = bench.store.deals_of([ONE, TWO])
    histories = {
        key: [
            each
            for stream in (lead_stream(key), *map(deal_stream, deals[key]))
            for each in bench.store.events([stream])[stream]
        ]
        for key in (ONE, TWO)
    }
    facts_hold(bench.database, fold_together(histories, bench.charters), bench.charters)
    tallies_hold(bench.database, [ONE, TWO])
    bench.database.close()


def counted(bench: Bench, name: str = "") -> dict[str, int]:
    """How many facts there are of each kind that meet a filter, by the tallies."""
    sums: dict[str, int] = {}
    for tally in SqlFacts(bench.database).tallies(*EVER):
        if tally.filter == name:
            sums[str(tally.kind)] = sums.get(str(tally.kind), 0) + tally.count
    return sums


def amounts(bench: Bench, kind: FactKind = K.DEAL_WON) -> dict[str, float]:
    """What was won, by currency."""
    tallies = SqlFacts(bench.database).tallies(*EVER)
    return {each.currency: each.amount / MICROS for each in tallies if each.kind == kind and not each.filter}


def test_each_step_is_counted_once_however_many_batches_it_takes(bench: Bench) -> None:
    """The open handoff comes back from the store with what was counted of it."""
    steps = [
        event("lead.handed_off", "09:00"),
        event("lead.touched", "09:10", **CALL),
        event("lead.accepted", "09:20"),
        event("lead.touched", "09:30", **CALL),
        event("deal.opened", "09:40", deal="d", amount=5),
        event("feedback.given", "09:50", verdict="good"),
        event("deal.won", "10:00", deal="d", currency="PLN"),
    ]
    for each in [*steps, *steps]:
        bench.feed([each], "10:00")
    once = ["accepted", "closed", "deal_won", "handed_off", "judged", "opportunity", "reached", "touched", "won"]
    assert counted(bench) == {**dict.fromkeys(once, 1), "conversation": 2}
    assert amounts(bench) == {"PLN": 5}


def test_an_amount_that_is_told_after_the_win_corrects_it(bench: Bench) -> None:
    """In another batch, in order; and again, until nothing new is said."""
    bench.feed([event("deal.won", "09:00", deal="d", new_customer=True)], "09:00")
    assert amounts(bench) == {"": 0}
    bench.feed([event("deal.moved", "09:01", deal="d", stage="won", amount=100.5)], "09:01")
    bench.feed([event("deal.won", "09:02", deal="d", currency="PLN", amount=99)], "09:02")
    assert amounts(bench) == amounts(bench, K.NEW_CUSTOMER_WON) == {"PLN": 99}
    assert counted(bench, "new_customer is true") == {"deal_won": 1, "new_customer_won": 1}
    bench.feed([event("deal.won", "09:03", deal="d", new_customer=False)], "09:03")
    assert amounts(bench, K.NEW_CUSTOMER_WON) == {}


def test_a_late_event_moves_what_was_counted(bench: Bench) -> None:
    """A rejection that came before the win closed the handoff: the win is of none, and its deal is won all the same."""
    bench.feed([event("lead.handed_off", "09:00", attributes={"priority": "hot"})], "12:00")
    bench.feed([event("deal.won", "11:00", deal="d", amount=7)], "12:00")
    assert counted(bench, 'priority is "hot"') == {"handed_off": 1, "closed": 1, "won": 1, "deal_won": 1}
    bench.feed([event("lead.rejected", "10:00", reason="wrong_fit")], "12:00")
    assert counted(bench) == {"handed_off": 1, "closed": 1, "rejected": 1, "judged": 1, "deal_won": 1}


def test_an_erasure_takes_the_names_and_leaves_the_figures(bench: Bench) -> None:
    """In the order of events too; what comes after it names nobody either."""
    bench.feed([event("lead.handed_off", "09:00", attributes={"account": "ACME", "segment": "retail"})], "09:00")
    before = counted(bench)
    bench.feed([event("lead.erased", "10:00")], "10:00")
    assert counted(bench) == before
    bench.feed([event("lead.touched", "11:00", **CALL)], "11:00")
    shown = [fact.attributes for fact in bench.store.facts([ONE])[ONE]]
    assert shown == [{"segment": "retail"}] * 4


def test_a_deal_takes_its_facts_to_its_lead(bench: Bench) -> None:
    """An earlier event names another lead: of the one that had it, and was known by it alone, nothing is left."""
    bench.feed([event("deal.won", "09:00", ONE, deal="d", amount=3)], "09:00")
    bench.feed([event("deal.opened", "08:00", TWO, deal="d")], "09:00")
    assert [fact.key for fact in bench.store.facts([ONE, TWO])[TWO]] == [(K.DEAL_WON, "d")]
    assert bench.store.facts([ONE]) == {}
    assert counted(bench) == {"deal_won": 1}


def test_a_dispute_is_settled_in_a_later_batch_by_the_survivor(bench: Bench) -> None:
    """It is kept with the state of the lead, and goes along with the merge."""
    bench.feed([event("feedback.answered", "09:00", answer="disputed")], "09:00")
    bench.feed([event("feedback.answered", "09:10", answer="disputed")], "09:10")
    bench.feed([event("lead.merged", "10:00", into=TWO)], "10:00")
    bench.feed([event("feedback.settled", "10:30", outcome="upheld")], "10:30")
    assert counted(bench) == {"disputed": 2}
    bench.feed([event("feedback.settled", "11:00", TWO, outcome="upheld")], "11:00")
    assert counted(bench) == {"disputed": 2, "resolved": 2, "settled": 2}


def test_the_deal_of_a_lead_that_was_merged_is_won_once(bench: Bench) -> None:
    """On the survivor, whichever batch tells what it is worth."""
    bench.feed([event("lead.handed_off", "09:00"), event("deal.opened", "09:10", deal="d", amount=5)], "09:10")
    bench.feed([event("lead.merged", "10:00", into=TWO)], "10:00")
    for when, amount in (("11:00", 6), ("12:00", 7)):
        bench.feed([event("deal.won", when, "", deal="d", amount=amount)], when)
    assert amounts(bench) == {"": 7}
    assert [fact.at for fact in bench.store.facts([TWO])[TWO] if fact.kind == K.DEAL_WON] == [
        event("deal.won", "11:00").time
    ]

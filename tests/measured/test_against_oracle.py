"""The tallies that the tracker keeps are what a second program counts straight from the events, late ones included."""

import csv
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.adapters.sql.facts import SqlFacts
from services.charters.files import read_charter
from services.domain.charter import Charters
from services.domain.events import IS_DEAL, Event, EventType
from services.domain.facts import FactKind, filter_name
from services.domain.instants import DAY, SECOND, Instant, parse_instant
from services.replay.csv_map import read_map
from services.replay.history import read_history
from services.views import Tally
from tests.databases import empty
from tests.measured import oracle
from tests.measured.oracle import Counts, Rules
from tests.shared_data import DEEP, SHARED, needs_shared
from tests.tracker.counted import COUNTING_CHARTER, EVER
from tests.tracker.support import Bench, charters_of, shuffled_with_duplicates

CHARTERS = charters_of(COUNTING_CHARTER.replace("timezone: UTC", "timezone: Europe/Warsaw"))
RULES = Rules(ZoneInfo("Europe/Warsaw"), frozenset({"webinar"}), ("source", "account"), "hot")
START = parse_instant("2026-02-27T12:00:00Z")
END = START + 250 * DAY
LEADS = [f"crm:lead:{number}" for number in range(4)]
TYPES = [kind for kind in EventType if kind not in (EventType.LEAD_MERGED, EventType.CEREMONY_HELD)]
COMMON = [EventType.LEAD_HANDED_OFF] * 6 + [EventType.LEAD_TOUCHED, EventType.FEEDBACK_ANSWERED] * 2

MEASURES = {
    FactKind.HANDED_OFF: "handoffs",
    FactKind.ACCEPTED: "accepted",
    FactKind.REJECTED: "rejected",
    FactKind.TOUCHED: "touched",
    FactKind.REACHED: "contacted",
    FactKind.QUALIFIED: "qualified",
    FactKind.OPPORTUNITY: "opportunities",
    FactKind.WON: "won",
    FactKind.LOST: "lost",
    FactKind.RECYCLED: "recycled",
    FactKind.CLOSED: "closed",
    FactKind.JUDGED: "with feedback",
    FactKind.CONVERSATION: "conversations",
    FactKind.DEAL_WON: "won_amount",
    FactKind.NEW_CUSTOMER_WON: "new won_amount",
    FactKind.DISPUTED: "disputed",
    FactKind.SETTLED: "settled",
    FactKind.RESOLVED: "resolved",
    FactKind.AGREED: "agreed",
}


def some_history(random: Random) -> list[Event]:
    """Events of a few leads and deals over three quarters, many at the same instants and about midnight."""
    midnight = parse_instant("2026-03-31T22:00:00Z")
    instants = [START + random.randrange(250 * 24) * 3600 * SECOND for _ in range(random.choice((3, 10, 40)))]
    instants += [midnight + shift for shift in (-1, 0, -SECOND, 3600 * SECOND)]
    events = []
    for number in range(random.randint(1, 60)):
        kind = random.choice(TYPES + COMMON)
        lead = "" if IS_DEAL[kind] and random.random() < 0.5 else random.choice(LEADS)
        events.append(Event(random.choice(instants), kind, "/crm", str(number), lead, some_data(random, kind)))
    return events


def some_data(random: Random, kind: EventType) -> dict[str, Any]:
    """What an event of the type says; what may be left out sometimes is."""
    if IS_DEAL[kind]:
        worth = {
            "amount": random.choice((0, 5, 1000, 99.99, 0.1, 1e-6, 12_345_678.901)),
            "currency": random.choice(("PLN", "EUR")),
            "new_customer": random.random() < 0.5,
        }
        told = {name: value for name, value in worth.items() if random.random() < 0.5}
        return {"deal": random.choice(("d1", "d2", "d3", "d4", "d5")), "stage": "offer", **told}
    names = {"source": ("webinar", "fair", None), "account": ("ACME", None), "priority": ("hot", "cold")}
    said = {
        "attributes": {name: random.choice(values) for name, values in names.items() if random.random() < 0.6},
        "reason": random.choice(("wrong_fit", "no_budget")),
        "kind": random.choice(("call", "email", "meeting", "visit", "message")),
        "direction": random.choice(("outbound", "inbound")),
        "connected": random.random() < 0.7,
        "verdict": random.choice(("good", "poor")),
        "answer": random.choice(("agreed", "disputed", "disputed")),
        "outcome": "upheld",
        "owner": "ann",
    }
    return {name: said[name] for name in _SAYS.get(kind, ())}


_SAYS = {
    EventType.LEAD_CAPTURED: ("attributes",),
    EventType.LEAD_UPDATED: ("attributes",),
    EventType.LEAD_HANDED_OFF: ("attributes",),
    EventType.LEAD_ASSIGNED: ("owner",),
    EventType.LEAD_PAUSED: ("reason",),
    EventType.LEAD_TOUCHED: ("kind", "direction", "connected"),
    EventType.FEEDBACK_GIVEN: ("verdict",),
    EventType.LEAD_REJECTED: ("reason",),
    EventType.FEEDBACK_ANSWERED: ("answer",),
    EventType.FEEDBACK_SETTLED: ("outcome",),
}


def tallied(tallies: Sequence[Tally], charters: Charters) -> Counts:
    """The tallies in the words of the oracle."""
    counts = Counts()
    filters = {filter_name(goal.where): goal.name for goal in charters.latest.goals}
    filters |= {filter_name(each.where): name for name, each in charters.latest.commitments.items()}
    for tally in tallies:
        day = date(1970, 1, 1) + timedelta(tally.day)
        about = filters.get(tally.filter, "") if tally.filter else ""
        measure = {
            ("", tally.kind): MEASURES[tally.kind],
            ("complete", FactKind.HANDED_OFF): "complete",
            ("hot", FactKind.HANDED_OFF): "hot handoffs",
            ("new", FactKind.DEAL_WON): "new won_amount by filter",
        }.get((about, tally.kind))
        if measure is None:
            continue
        if tally.kind in (FactKind.DEAL_WON, FactKind.NEW_CUSTOMER_WON):
            counts.amounts[measure, tally.currency, day] += tally.amount
            counts.numbers[measure, "", day] += tally.count
        else:
            counts.numbers[measure, tally.source, day] += tally.count
    return counts


def expected(events: Sequence[Event], rules: Rules) -> Counts:
    """What the oracle counts, but for what no fact is of; what new customers bring is told in two ways."""
    counts = oracle.count(events, rules)
    counts.numbers = Counter({key: count for key, count in counts.numbers.items() if key[0] != "withdrawn"})
    for each in (counts.numbers, counts.amounts):
        each.update({(f"{key[0]} by filter", *key[1:]): each[key] for key in list(each) if key[0] == "new won_amount"})
    return counts


def same(bench: Bench, events: Sequence[Event], rules: Rules) -> None:
    """Fail unless the tallies are what the oracle counts."""
    got, wanted = tallied(SqlFacts(bench.database).tallies(*EVER), bench.charters), expected(events, rules)
    assert got.numbers == wanted.numbers
    assert +got.amounts == +wanted.amounts


def track(random: Random, events: Sequence[Event], url: str) -> None:
    """Feed a tracker in any order, in batches, with restarts; it must have counted rightly after any of them."""
    bench = Bench(CHARTERS, url)
    waiting = shuffled_with_duplicates(events, random, 0.1)
    if random.random() < 0.5:
        waiting = sorted(events)
    fed: list[Event] = []
    while waiting:
        size = random.randint(1, 12)
        bench.feed(waiting[:size], END)
        fed += waiting[:size]
        del waiting[:size]
        if random.random() < 0.2:
            bench.restart()
        if random.random() < 0.2 or not waiting:
            same(bench, fed, RULES)
    bench.database.close()


@settings(max_examples=1_000 if DEEP else 150, deadline=None, derandomize=not DEEP)
@given(st.randoms(use_true_random=False))
def test_random_histories(random: Random) -> None:
    """Every measure, on every day, by source and currency."""
    track(random, some_history(random), "sqlite://")


@pytest.mark.parametrize("seed", range(10))
def test_random_histories_on_postgres(postgres_tables: str, seed: int) -> None:
    """Some on PostgreSQL, whose sums are of other types."""
    empty(postgres_tables)
    random = Random(seed)
    track(random, some_history(random), postgres_tables)


@needs_shared
def test_the_funnel_of_olist() -> None:
    """Eight thousand leads and what they brought in, the latest first."""
    here, data = Path(__file__).parents[1] / "replay", SHARED / "data" / "olist"
    files = [data / "olist_marketing_qualified_leads_dataset.csv", data / "olist_closed_deals_dataset.csv"]
    history = read_history(
        files, csv_map=read_map(here / "olist-map.yaml"), until=None, report=lambda bad: pytest.fail(str(bad))
    )
    with files[1].open(encoding="utf-8", newline="") as file:
        revenue = {f"won-{row['mql_id']}": float(row["declared_monthly_revenue"]) for row in csv.DictReader(file)}
    events = [
        event._replace(data={**event.data, "amount": revenue[event.id], "currency": "BRL"})
        if event.type == EventType.DEAL_WON
        else event
        for mine in history.leads.values()
        for event in mine
    ]
    events.sort(reverse=True)
    bench = Bench(Charters([read_charter(here / "olist-charter.yaml").charter]))
    now: Instant = max(event.time for event in events)
    for first in range(0, len(events), 1000):
        bench.feed(events[first : first + 1000], now)
    same(bench, events, Rules(ZoneInfo("America/Sao_Paulo"), frozenset()))
    assert sum(tally.count for tally in SqlFacts(bench.database).tallies(*EVER) if tally.kind == FactKind.WON) == 841
    bench.database.close()

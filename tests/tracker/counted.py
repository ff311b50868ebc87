"""What the tests of facts and tallies share: a charter with goals, and what must hold of the two whatever has come."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from services.adapters.sql.database import Database
from services.adapters.sql.facts import SqlFacts
from services.adapters.sql.store import SqlStore
from services.domain.charter import Charters
from services.domain.counting import facts_of
from services.domain.facts import Fact, FactKey
from services.domain.fold import Lead
from services.views import Tally
from tests.tracker.support import CHARTER

EVER = (-100_000, 100_000)
"""Days."""

COUNTING_CHARTER = f"""{CHARTER}
commitments:
  complete: {{promised_by: marketing, measure: completeness, per: month, at_least: 95%, fields: [source, account]}}
goals:
  - {{name: new, measure: won_amount, where: {{new_customer: true}}, currency: PLN, per: quarter, target: 1000}}
  - {{name: hot, measure: handoffs, where: {{priority: hot}}, per: month, target: 10}}
"""
"""The tracker's, with three filters."""


def by_key(facts: Iterable[Fact]) -> dict[FactKey, Fact]:
    """Facts of a lead by what tells them apart; fails where two share it."""
    listed = list(facts)
    found = {fact.key: fact for fact in listed}
    assert len(found) == len(listed)
    return found


def facts_hold(database: Database, leads: Mapping[str, Lead], charters: Charters) -> None:
    """Fail unless the stored facts are those of the leads, which were folded from all events."""
    stored = SqlStore(database).facts(leads)
    for key, lead in leads.items():
        assert by_key(stored.get(key, ())) == by_key(facts_of(lead, charters)), key


def tallies_hold(database: Database, leads: Iterable[str]) -> None:
    """Fail unless the tallies are those of the stored facts of all leads there are."""
    stored = SqlStore(database).facts(list(leads))
    assert list(SqlFacts(database).tallies(*EVER)) == counted(fact for facts in stored.values() for fact in facts)


def counted(facts: Iterable[Fact]) -> list[Tally]:
    """The tallies of facts, as they are listed."""
    sums: dict[tuple[str, str, str, str, int], list[int]] = defaultdict(lambda: [0, 0])
    kinds = {}
    for fact in facts:
        kinds[str(fact.kind)] = fact.kind
        for name in ("", *fact.meets):
            tally = sums[str(fact.kind), name, fact.source, fact.currency, fact.day]
            tally[0] += 1
            tally[1] += fact.amount
    return [
        Tally(kinds[kind], name, source, currency, day, *sums[kind, name, source, currency, day])
        for kind, name, source, currency, day in sorted(sums)
    ]

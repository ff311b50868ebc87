"""How the facts that a batch makes, changes or takes away move the tallies, so that these stay exact."""

from collections.abc import Iterable, Iterator

from services.domain.facts import Fact
from services.storage import Changes, TallyKey


def add(lead: str, facts: Iterable[Fact], changes: Changes) -> None:
    """Facts that were not there before."""
    for fact in facts:
        changes.facts.append((lead, fact))
        _move(changes, fact, 1)


def replace(lead: str, facts: Iterable[Fact], stored: Iterable[Fact], changes: Changes) -> None:
    """All facts of a lead that was judged anew, each key once, in the place of those that are stored."""
    before = {fact.key: fact for fact in stored}
    for fact in facts:
        was = before.pop(fact.key, None)
        if was != fact:
            if was is not None:
                _move(changes, was, -1)
            add(lead, (fact,), changes)
    for fact in before.values():
        changes.facts_removed.append((lead, *fact.key))
        _move(changes, fact, -1)


def _move(changes: Changes, fact: Fact, by: int) -> None:
    for key in _tallies_of(fact):
        count, amount = changes.tallies.get(key, (0, 0))
        changes.tallies[key] = (count + by, amount + by * fact.amount)


def _tallies_of(fact: Fact) -> Iterator[TallyKey]:
    """One of all facts of its kind, and one for each filter that it meets."""
    for name in ("", *fact.meets):
        yield TallyKey(fact.day, fact.kind, name, fact.source, fact.currency)

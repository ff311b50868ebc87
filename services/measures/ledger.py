"""Counted facts by day, added up over days: exact, in whole numbers."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from services.domain.facts import FactKind
from services.domain.periods import Period
from services.views import Tally


class Days(NamedTuple):
    """Whole days `[first, end)`, counted since 1970-01-01."""

    first: int
    end: int

    @classmethod
    def of(cls, period: Period, end: int) -> "Days":
        """Those of a period that lie before the day `end`."""
        return cls(period.first, min(period.end, end))


class Ledger:
    """Tallies, by what they count."""

    def __init__(self, tallies: Iterable[Tally]) -> None:
        self._tallies: defaultdict[tuple[FactKind, str], list[Tally]] = defaultdict(list)
        first: int | None = None
        for tally in tallies:
            self._tallies[tally.kind, tally.filter].append(tally)
            first = tally.day if first is None else min(first, tally.day)
        self.first = first
        """The first day on which anything is counted; None where nothing is."""

    def count(
        self, kind: FactKind, days: Days, filter_: str = "", source: str | None = None, currency: str | None = None
    ) -> int:
        """How many facts of a kind lie on these days; of won deals in one currency, or in all."""
        return sum(
            tally.count
            for tally in self._on(kind, days, filter_)
            if source in (None, tally.source) and currency in (None, tally.currency)
        )

    def amount(self, kind: FactKind, days: Days, currency: str, filter_: str = "", source: str | None = None) -> int:
        """The sum of amounts in one currency, in millionths of it."""
        return sum(
            tally.amount
            for tally in self._on(kind, days, filter_)
            if tally.currency == currency and source in (None, tally.source)
        )

    def currencies(self, days: Days) -> list[str]:
        """Those in which deals were won, in the order of the alphabet."""
        return sorted({tally.currency for tally in self._on(FactKind.DEAL_WON, days, "") if tally.currency})

    def _on(self, kind: FactKind, days: Days, filter_: str) -> Iterator[Tally]:
        return (tally for tally in self._tallies.get((kind, filter_), ()) if days.first <= tally.day < days.end)

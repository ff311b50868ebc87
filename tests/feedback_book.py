"""Feedback in memory: what `SqlFeedback` has to say of the same facts."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.domain.facts import Fact, FactKind
from services.storage import ClockRow
from services.views import FactView, Place, VerdictCount, VerdictDay, VerdictQuery

LeadFact = tuple[str, Fact]
MOST = 1_000
"""More than any test has."""


@dataclass(slots=True)
class FactBook:
    """Implements `services.views.FeedbackViews`."""

    facts: Callable[[], Iterable[LeadFact]]
    """Those of all leads, each with its lead."""
    clocks: Callable[[], Iterable[ClockRow]]
    """Those of all leads."""
    merged: Mapping[str, str] = field(default_factory=dict)
    """Leads that were merged, each with the one into which."""

    def verdicts(self, query: VerdictQuery) -> Sequence[VerdictCount]:
        """Counted by what is known of them."""
        counts = Counter(
            (
                fact.kind,
                fact.source,
                fact.attributes.get("campaign"),
                fact.attributes.get("segment"),
                fact.attributes.get("reason"),
            )
            for _, fact in self._of(query, FactKind.ACCEPTED, FactKind.REJECTED)
        )
        return [VerdictCount(*labels, count) for labels, count in counts.items()]

    def verdict_days(self, query: VerdictQuery) -> Sequence[VerdictDay]:
        """Counted by day and source."""
        found = [fact for _, fact in self._of(query, FactKind.ACCEPTED, FactKind.REJECTED)]
        counts = Counter((fact.day, fact.source, fact.kind) for fact in found)
        return [
            VerdictDay(day, source, counts[day, source, FactKind.ACCEPTED], counts[day, source, FactKind.REJECTED])
            for day, source in sorted({(fact.day, fact.source) for fact in found})
        ]

    def rejections(
        self, query: VerdictQuery, reason: str | None, after: Place | None, limit: int
    ) -> Sequence[FactView]:
        """Those that were rejected, in their order."""
        found = self._of(query, FactKind.REJECTED)
        return _listed((each for each in found if reason in (None, each[1].attributes.get("reason"))), after, limit)

    def open_disputes(self, after: Place | None, limit: int) -> Sequence[FactView]:
        """Those that nobody has settled."""
        every = list(self.facts())
        resolved = {(lead, fact.number) for lead, fact in every if fact.kind is FactKind.RESOLVED}
        carried = {number for _, number in resolved}
        found = (
            (lead, fact)
            for lead, fact in every
            if fact.kind is FactKind.DISPUTED
            and (lead, fact.number) not in resolved
            and f"{lead}/{fact.number}" not in carried
        )
        return _listed(found, after, limit)

    def has_carried_dispute(self, lead: str) -> bool:
        """Whether one is open of a lead that was merged into this one."""
        gone, last = {lead}, 0
        while len(gone) > last:
            last = len(gone)
            gone |= {each for each, into in self.merged.items() if into in gone}
        return any(each.lead in gone - {lead} for each in self.open_disputes(None, MOST))

    def agreements(self, query: VerdictQuery, after: Place | None, limit: int) -> Sequence[FactView]:
        """Answers that agreed, in their order."""
        return _listed(self._of(query, FactKind.AGREED), after, limit)

    def open_clocks(self, leads: Collection[str]) -> Sequence[ClockRow]:
        """The open instances of these leads."""
        rows = (row for row in self.clocks() if row.lead in leads and row.status is None)
        return sorted(rows, key=lambda row: (row.lead, row.clock, row.number))

    def _of(self, query: VerdictQuery, *kinds: FactKind) -> Iterator[LeadFact]:
        asked = {"campaign": query.campaign, "segment": query.segment, "team": query.team}
        for lead, fact in self.facts():
            if (
                fact.kind in kinds
                and query.since <= fact.day < query.until
                and query.source in (None, fact.source)
                and all(value in (None, fact.attributes.get(name)) for name, value in asked.items())
            ):
                yield lead, fact


def _listed(found: Iterable[LeadFact], after: Place | None, limit: int) -> Sequence[FactView]:
    views = sorted(
        (FactView(lead, fact) for lead, fact in found), key=lambda each: (each.fact.at, each.lead, each.fact.number)
    )
    return [each for each in views if after is None or (each.fact.at, each.lead, each.fact.number) > after][:limit]

"""What is read of the store for measures: tallies of days, verdicts, ceremonies; and which periods are asked for."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from services.domain.charter import Charter, Charters, Goal, Per
from services.domain.facts import FactKind
from services.domain.instants import Instant
from services.domain.periods import Period, before, day_of, period_of, within
from services.measures.ceremonies import Due, ceremonies, since_when
from services.measures.collaboration import Index, Moved, index, moved
from services.measures.forecast import LOOKBACK_DAYS
from services.measures.ledger import Days, Ledger
from services.measures.reader import Reader
from services.measures.standing import CommitmentStanding, GoalStanding, Standing
from services.views import FactQuery, FactView, FactViews, Tally, Verdicts

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Moment:
    """When measures are read: `at`, and where `is_past` without what happened later on that day."""

    at: Instant
    is_past: bool = False

    def within(self, period: Period | None) -> "Moment":
        """The moment, or the end of a period that is over by then."""
        return self if period is None or self.at < period.until else Moment(period.until)

    def end(self, charter: Charter) -> int:
        """The day after the last one whose facts count."""
        return day_of(self.at - (0 if self.is_past else 1), charter.zone) + 1


@dataclass(frozen=True, slots=True)
class Collaboration:
    """The collaboration index of a period, and what moved it since the one before."""

    index: Index
    last: Index
    moved: Sequence[Moved]


@dataclass(frozen=True, slots=True)
class Figures:
    """What scrapes ask: every goal and commitment in its present period, and the index of the quarter."""

    goals: Sequence[tuple[Goal, Standing]]
    commitments: Sequence[CommitmentStanding]
    index: Index


class VerdictViews(Protocol):
    """The one of `services.views.Views` that measures are made of beside facts."""

    def verdicts(self, since: Instant, until: Instant, now: Instant) -> Sequence[Verdicts]:
        """The instances whose due_at lies in `[since, until)`, counted by clock."""


class Book:
    """Reads measures of one database. Every method raises Unavailable; call them in a thread."""

    def __init__(self, *, views: VerdictViews, facts: FactViews) -> None:
        self._views = views
        self._facts = facts

    def goals(self, charters: Charters, moment: Moment, period: Period | None = None) -> list[GoalStanding]:
        """The goals, each in its own period at that moment; or in all its periods that end in `period`."""
        charter, moment = charter_of(charters, moment, period), moment.within(period)
        asked = [(goal, own) for goal in charter.goals for own in _periods(goal.per, charter, moment, period)]
        reader = self._reader(charter, moment, [own for _, own in asked], with_past=True)
        return [reader.goal(goal, own) for goal, own in asked]

    def commitments(self, charters: Charters, moment: Moment, period: Period | None = None) -> list[CommitmentStanding]:
        """The commitments, each in its own period at that moment; or in all its periods that end in `period`."""
        charter, moment = charter_of(charters, moment, period), moment.within(period)
        asked = [
            (commitment, own)
            for commitment in charter.commitments.values()
            for own in _periods(commitment.per, charter, moment, period)
        ]
        reader = self._reader(charter, moment, [own for _, own in asked])
        return [reader.commitment(commitment, own) for commitment, own in asked]

    def collaboration(self, charters: Charters, moment: Moment, period: Period | None = None) -> Collaboration:
        """The index of a period, of the present quarter where none is asked for."""
        period = period or period_of(Per.QUARTER, moment.at, charter_of(charters, moment).zone)
        last = before(period, charter_of(charters, moment, period).zone)
        now, then = self._index(charters, moment, period), self._index(charters, moment, last)
        return Collaboration(now, then, moved(then, now))

    def ceremonies(self, charters: Charters, moment: Moment, period: Period | None = None) -> list[Due]:
        """The ceremonies that end in a period (the present quarter where none is asked for), and those that run now."""
        period = period or period_of(Per.QUARTER, moment.at, charter_of(charters, moment).zone)
        held = self._facts.ceremonies(since_when(period, charters), min(moment.at + 1, period.until))
        return ceremonies(charters, period, moment.at, held)

    def figures(self, charters: Charters, at: Instant) -> Figures:
        """Every goal and commitment in its present period, without forecasts and gaps, and the index of the quarter."""
        moment = Moment(at)
        charter = charter_of(charters, moment)
        goals = [(goal, period_of(goal.per, at, charter.zone)) for goal in charter.goals]
        promised = [(each, period_of(each.per, at, charter.zone)) for each in charter.commitments.values()]
        reader = self._reader(charter, moment, [period for _, period in (*goals, *promised)])
        return Figures(
            [(goal, reader.goal_alone(goal, period)) for goal, period in goals],
            [reader.commitment(commitment, period) for commitment, period in promised],
            self._index(charters, moment, period_of(Per.QUARTER, at, charter.zone)),
        )

    def facts(self, query: FactQuery) -> Sequence[FactView]:
        """The facts behind a number."""
        return self._facts.facts(query)

    def _index(self, charters: Charters, moment: Moment, period: Period) -> Index:
        charter, moment = charter_of(charters, moment, period), moment.within(period)
        days = Days.of(period, moment.end(charter))
        ledger = self._ledger(moment, days, charter)
        due = self.ceremonies(charters, moment, period)
        return index(charter, period, ledger, days, self._verdicts(period, moment.at), due)

    def _reader(
        self, charter: Charter, moment: Moment, periods: Sequence[Period], *, with_past: bool = False
    ) -> Reader:
        end = moment.end(charter)
        firsts = [period.first for period in periods]
        if with_past:
            firsts += [before(period, charter.zone).first for period in periods]
            firsts.append(end - 1 - LOOKBACK_DAYS)
        ledger = self._ledger(moment, Days(min(firsts, default=end), end), charter)
        return Reader(charter, ledger, moment.at, end, self._verdicts)

    def _verdicts(self, period: Period, at: Instant) -> Sequence[Verdicts]:
        return self._views.verdicts(period.since, period.until, at)

    def _ledger(self, moment: Moment, days: Days, charter: Charter) -> Ledger:
        today = day_of(moment.at, charter.zone)
        if not moment.is_past or today >= days.end:
            return Ledger(self._facts.tallies(days.first, days.end))
        whole = self._facts.tallies(days.first, today)
        return Ledger([*whole, *tallied(each for each in self._on(today) if each.fact.at <= moment.at)])

    def _on(self, day: int) -> Iterator[FactView]:
        for kind in FactKind:
            query = FactQuery(kind=kind, since=day, until=day + 1, limit=_PAGE)
            while True:
                page = self._facts.facts(query)
                yield from page
                if len(page) < _PAGE:
                    break
                last = page[-1]
                query = replace(query, after=(last.fact.at, last.lead, last.fact.number))


def tallied(facts: Iterable[FactView]) -> list[Tally]:
    """Facts, counted as the store counts them."""
    counts: Counter[tuple[FactKind, str, str, str, int]] = Counter()
    amounts: Counter[tuple[FactKind, str, str, str, int]] = Counter()
    for view in facts:
        fact = view.fact
        for name in ("", *fact.meets):
            key = (fact.kind, name, fact.source, fact.currency, fact.day)
            counts[key] += 1
            amounts[key] += fact.amount
    return [Tally(*key, count, amounts[key]) for key, count in counts.items()]


def charter_of(charters: Charters, moment: Moment, period: Period | None = None) -> Charter:
    """The charter whose goals and commitments are asked for: in force at that moment, or when the period ended."""
    return charters.labelling(moment.at if period is None else min(moment.at, period.until - 1))


def _periods(per: Per, charter: Charter, moment: Moment, period: Period | None) -> list[Period]:
    """The period at a moment; or those that have begun and end in the asked one, or run at that moment of it.

    A longer one than asked for is told as it was then, or when the asked one ended.
    """
    if period is None:
        return [period_of(per, moment.at, charter.zone)]
    begun = [own for own in within(per, period.first, period.end, charter.zone) if own.since < moment.at]
    is_longer = list(Per).index(per) > list(Per).index(period.per)
    return [own for own in begun if is_longer or own.until <= period.until or moment.at < period.until]

"""Reads how goals and commitments of one charter stand at one instant, from a ledger of facts."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from schemas.charter import SHARES
from services.domain.calendar import Calendar
from services.domain.charter import Charter, Commitment, Goal, Side
from services.domain.facts import MICROS, FactKind
from services.domain.instants import Instant
from services.domain.periods import Period, before
from services.measures.contributions import parse
from services.measures.figures import FORECAST_COUNTS, Asked, asks_deals, figure, of_commitment, of_goal
from services.measures.forecast import Forecast, PastDays, TooEarly, forecast_amount, forecast_count, past_days
from services.measures.gap import Gap, split
from services.measures.ledger import Days, Ledger
from services.measures.pace import Course, course
from services.measures.plans import Plan, filter_for, plan, stages_of, totals
from services.measures.standing import CommitmentStanding, ContributionStanding, GoalStanding, Standing
from services.views import Verdicts

VerdictsOf = Callable[[Period, Instant], Iterable[Verdicts]]
"""Those whose due_at lies in a period, as they are at an instant of it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads figures; `ledger` has the facts of the periods asked for, up to `at`, and of a quarter before them."""

    charter: Charter
    ledger: Ledger
    at: Instant
    end: int
    """The day after the last one whose facts count."""
    verdicts: VerdictsOf

    @property
    def calendar(self) -> Calendar:
        """The charter's first calendar, by which periods begin and time passes."""
        return next(iter(self.charter.calendars.values()))

    def commitment(self, commitment: Commitment, period: Period) -> CommitmentStanding:
        """How a commitment stands in a period."""
        way = course(self.calendar, period, self._at(period), commitment.at_least)
        return CommitmentStanding(
            commitment, self._standing(of_commitment(commitment), commitment.at_least, period, way)
        )

    def goal_alone(self, goal: Goal, period: Period) -> Standing:
        """How a goal stands in a period, without why."""
        return self._standing(of_goal(goal), goal.target, period, self._course(goal, period))

    def goal(self, goal: Goal, period: Period) -> GoalStanding:
        """How a goal stands in a period, who gives what to it, where it will end, and what it lacks."""
        way = self._course(goal, period)
        standing = self._standing(of_goal(goal), goal.target, period, way)
        gap, planned = self._gap(goal, standing, way)
        given = list(self._contributions(goal, period, way))
        return GoalStanding(goal, standing, given, self._forecast(standing), gap, planned)

    def _at(self, period: Period) -> Instant:
        return min(self.at, period.until)

    def _days(self, period: Period) -> Days:
        return Days.of(period, self.end)

    def _course(self, goal: Goal, period: Period) -> Course:
        return course(self.calendar, period, self._at(period), goal.target, goal.targets)

    def _standing(self, asked: Asked, target: Fraction, period: Period, way: Course) -> Standing:
        at, days = self._at(period), self._days(period)
        found = figure(asked, self.ledger, days, lambda: self.verdicts(period, at))
        is_share = asked.measure in SHARES
        return Standing(
            asked=asked,
            period=period,
            at=at,
            days=days,
            target=target,
            figure=found,
            passed=way.passed,
            expected=target if is_share else way.expected(target),
            pace=_over(found.value, target) if is_share else way.pace(found.value, target),
        )

    def _contributions(self, goal: Goal, period: Period, way: Course) -> Iterator[ContributionStanding]:
        """Those of the two sides first, marketing's before sales', so that both stand in their places."""
        sides = [side for side in Side if side in goal.contributes]
        for side in (*sides, *(each for each in goal.contributes if each not in sides)):
            words = goal.contributes[side]
            given = parse(side, words)
            standing = None
            if given is not None:
                name = filter_for(goal, given.measure)
                asked = Asked(given.measure, name, of_deals=bool(name) and asks_deals(goal.where))
                standing = self._standing(asked, Fraction(given.target), period, way)
            yield ContributionStanding(str(side), given, words, standing)

    def _forecast(self, standing: Standing) -> Forecast | TooEarly | None:
        asked, reached = standing.asked, standing.figure
        if standing.is_over or reached.value is None:
            return None
        past = past_days(self.calendar, self.ledger.first, standing.at, standing.period.until)
        if asked.measure in FORECAST_COUNTS:
            return forecast_count(int(reached.top), past, lambda days: int(figure(asked, self.ledger, days).top))
        return self._amount_forecast(standing, past) if asked.measure == "won_amount" else None

    def _amount_forecast(self, standing: Standing, past: PastDays) -> Forecast | TooEarly:
        currency, name = standing.figure.currency, standing.asked.filter

        def amount(days: Days) -> Fraction:
            return Fraction(self.ledger.amount(FactKind.DEAL_WON, days, currency, name), MICROS)

        deals = sum(self.ledger.count(FactKind.DEAL_WON, days, name, currency=currency) for days in past.days)
        return forecast_amount(standing.figure.top, past, amount, deals)

    def _gap(self, goal: Goal, standing: Standing, way: Course) -> tuple[Gap | None, Plan | None]:
        if not stages_of(goal) or standing.figure.value is None or not way.due:
            return None, None
        currency = standing.figure.currency
        last = Days(before(standing.period, self.calendar.zone).first, standing.period.first)
        planned = plan(goal, self.charter, totals(goal, self.ledger, last, currency))
        by_now = {stage: amount * way.due for stage, amount in planned.totals.items()}
        return split(by_now, totals(goal, self.ledger, standing.days, currency)), planned


def _over(value: Fraction | None, target: Fraction) -> Fraction | None:
    return None if value is None else value / target

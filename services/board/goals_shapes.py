"""From measures to the shapes of the API; the one mapper between the two."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Literal, cast
from urllib.parse import urlencode

from schemas import api_goals as api
from services.board.goal_words import PARTS
from services.board.shapes import SideName, lead_path
from services.domain.facts import MICROS, FactKind
from services.domain.instants import format_exact
from services.domain.periods import Period, day_at
from services.measures.book import Collaboration, Moment
from services.measures.ceremonies import Due
from services.measures.collaboration import Element, IndexPart, Moved
from services.measures.figures import Counted
from services.measures.forecast import Forecast, TooEarly
from services.measures.gap import Gap
from services.measures.ledger import Days
from services.measures.plans import Plan
from services.measures.standing import CommitmentStanding, ContributionStanding, GoalStanding, Standing
from services.views import CeremonyHeld, FactView

OF_PARTS: dict[Element, tuple[FactKind, FactKind]] = {
    Element.GIVEN: (FactKind.JUDGED, FactKind.CLOSED),
    Element.SETTLED: (FactKind.SETTLED, FactKind.DISPUTED),
}
"""The facts that parts of the index are made of."""


def number(value: Fraction) -> api.Number:
    """Whole numbers as they are, others as the nearest floating point number."""
    return value.numerator if value.denominator == 1 else float(value)


def facts_query(counted: Counted, days: Days, moment: Moment) -> str:
    """The parameters of a list of facts, for the API as for the page."""
    asked: dict[str, str] = {
        "kind": counted.kind,
        "since": day_at(days.first).isoformat(),
        "until": day_at(max(days.end, days.first + 1)).isoformat(),
    }
    narrowed = {"filter": counted.filter, "source": counted.source, "currency": counted.currency}
    asked |= {name: value for name, value in narrowed.items() if value}
    if moment.is_past:
        asked["as_of"] = format_exact(moment.at)
    return urlencode(asked)


def goal(standing: GoalStanding, moment: Moment) -> api.GoalItem:
    """A goal."""
    return api.GoalItem(
        name=standing.goal.name,
        says=standing.goal.says,
        parent=standing.goal.parent,
        figure=_figure(standing.standing, moment),
        contributes=[_contribution(each, moment) for each in standing.contributions],
        forecast=_forecast(standing.forecast),
        gap=_gap(standing.gap, standing.plan),
    )


def commitment(standing: CommitmentStanding, moment: Moment) -> api.CommitmentItem:
    """A commitment."""
    return api.CommitmentItem(
        name=standing.commitment.name,
        promised_by=_side(standing.commitment.promised_by),
        figure=_figure(standing.standing, moment),
    )


def collaboration(found: Collaboration, days: Days, moment: Moment) -> api.CollaborationDocument:
    """The index; `days` are those that its facts are of."""
    return api.CollaborationDocument(
        as_of=format_exact(moment.at),
        period=period_item(found.index.period),
        index=_or_null(found.index.value),
        parts=[_part(part, days, moment) for part in found.index.parts],
        last_period=period_item(found.last.period),
        last_index=_or_null(found.last.value),
        moved=[_moved(each) for each in found.moved],
        says=says(found),
    )


def says(found: Collaboration) -> str:
    """What moved the index since the period before, in a sentence."""
    now, then, last = found.index.value, found.last.value, found.last.period.name
    if now is None:
        return f"Nothing is known yet of how both teams work together in {found.index.period.name}."
    if then is None:
        return f"{_points(now)} of 100; of {last} nothing is known to compare it with."
    if not found.moved:
        return f"{_points(now)} of 100, as in {last}."
    change = now - then
    way = "up" if change > 0 else "down" if change < 0 else "as much"
    told = ", ".join(f"{PARTS[each.element]} {_signed(each.points)}" for each in found.moved)
    by = f"{way} {_points(abs(change))} from {_points(then)}" if change else f"{way} as"
    return f"{_points(now)} of 100, {by} in {last}: {told}."


def ceremony(due: Due) -> api.CeremonyItem:
    """A ceremony in one of its periods."""
    return api.CeremonyItem(
        ceremony=due.ceremony,
        period=period_item(due.period),
        due=due.counts,
        over=due.is_over,
        held=[_held(each) for each in due.held],
    )


def fact(view: FactView) -> api.FactItem:
    """Something that happened."""
    made = view.fact
    return api.FactItem(
        lead=view.lead,
        href=f"/api/v1/leads/{lead_path(view.lead)}",
        kind=made.kind,
        number=made.number,
        at=format_exact(made.at),
        source=made.source,
        attributes=dict(made.attributes),
        amount=number(Fraction(made.amount, MICROS)) if made.currency or made.amount else None,
        currency=made.currency or None,
    )


def period_item(period: Period) -> api.PeriodItem:
    """A period."""
    return api.PeriodItem(
        name=period.name,
        key=period.key,
        per=period.per.value,
        since=format_exact(period.since),
        until=format_exact(period.until),
    )


def _figure(standing: Standing, moment: Moment) -> api.FigureItem:
    figure, asked = standing.figure, standing.asked
    return api.FigureItem(
        measure=asked.measure,
        clock=asked.clock,
        where=asked.filter or None,
        currency=figure.currency or asked.currency,
        currencies=list(figure.mixed),
        period=period_item(standing.period),
        as_of=format_exact(standing.at),
        target=number(standing.target),
        value=_or_null(figure.value),
        top=number(figure.top),
        bottom=_or_null(figure.bottom),
        progress=_or_null(standing.progress),
        time_passed=_or_null(standing.passed),
        expected=_or_null(standing.expected),
        pace=_or_null(standing.pace),
        word=standing.word.value if standing.word is not None else None,
        made_of=_made_of(figure.made_of, standing.days, moment),
    )


def _made_of(counted: Iterable[Counted], days: Days, moment: Moment) -> list[api.MadeOf]:
    return [
        api.MadeOf(
            kind=each.kind,
            filter=each.filter or None,
            count=each.number,
            href=f"/api/v1/facts?{facts_query(each, days, moment)}",
        )
        for each in counted
    ]


def _contribution(given: ContributionStanding, moment: Moment) -> api.ContributionItem:
    figure = _figure(given.standing, moment) if given.standing is not None else None
    return api.ContributionItem(side=given.side, words=given.words, figure=figure)


def _forecast(found: Forecast | TooEarly | None) -> api.ForecastItem | None:
    match found:
        case Forecast():
            low, middle, high = (number(each) for each in (found.low, found.middle, found.high))
            return api.ForecastItem(low=low, middle=middle, high=high, missing_days=0, missing_deals=0)
        case TooEarly():
            return api.ForecastItem(
                low=None, middle=None, high=None, missing_days=found.days, missing_deals=found.deals
            )
        case None:
            return None


def _gap(gap: Gap | None, plan: Plan | None) -> api.GapItem | None:
    if gap is None or plan is None:
        return None
    parts = [
        api.GapPartItem(
            stage=part.stage.value,
            of=part.since.value if part.since is not None else None,
            planned=number(part.planned),
            planned_by=cast("Literal['target', 'contributes', 'commitment', 'last_period']", plan.says[part.stage]),
            actual=_or_null(part.actual),
            amount=number(part.amount),
        )
        for part in gap.parts
    ]
    return api.GapItem(total=number(gap.total), parts=parts)


def _part(part: IndexPart, days: Days, moment: Moment) -> api.IndexPartItem:
    kinds = OF_PARTS.get(part.element)
    counted = [] if kinds is None else [Counted(kinds[0], "", part.top), Counted(kinds[1], "", part.bottom)]
    return api.IndexPartItem(
        part=part.element.value,
        share=_or_null(part.share),
        top=part.top,
        bottom=part.bottom,
        side=_side(part.side) if part.side is not None else None,
        made_of=_made_of(counted, days, moment),
    )


def _moved(moved: Moved) -> api.MovedItem:
    return api.MovedItem(
        part=moved.element.value,
        points=number(moved.points),
        before=_or_null(moved.before),
        after=_or_null(moved.after),
    )


def _held(held: CeremonyHeld) -> api.HeldItem:
    return api.HeldItem(at=format_exact(held.at), marketing=held.marketing, sales=held.sales, notes=held.notes)


def _or_null(value: Fraction | None) -> api.Number | None:
    return None if value is None else number(value)


def _points(value: Fraction) -> str:
    return f"{float(value):.1f}".removesuffix(".0")


def _signed(points: Fraction) -> str:
    return f"{'+' if points > 0 else '-'}{_points(abs(points))}"


def _side(name: str) -> SideName:
    return "marketing" if name == "marketing" else "sales"

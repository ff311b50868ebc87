"""What pages and API share of feedback: figures of a period, open disputes, promised actions, rejections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.feedback_figures import ActionsQuery, DisputesQuery, FeedbackQuery, RejectionsQuery
from services.board import cursors
from services.board.desk import UNPROCESSABLE, Desk
from services.board.feedback_figures import WINDOW, Breakdowns, Compared, Rate, breakdowns, compared, over
from services.board.judgements import Judgement, of_row
from services.board.overview import charter_at
from services.board.times import Times
from services.domain.charter import Charters, Per, Reason
from services.domain.events import EventType
from services.domain.instants import Instant
from services.domain.periods import Period, before, day_at, day_of, parse_period, period_with, quarter_of
from services.errors import Refused
from services.views import FactView, FeedbackViews, VerdictQuery

MONTHS = 12
"""Of the trend."""
MOST_COUNTED = 200
"""Open disputes that are counted: where there are more, the number says little."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the trend."""

    period: Period
    rate: Rate


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened in a period."""

    period: Period
    breakdowns: Breakdowns
    trend: Sequence[Month]
    open_disputes: int
    """At most `MOST_COUNTED`."""
    meanings: Mapping[str, Reason]
    """The reasons of the charter in force, and those of earlier ones."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute that nobody has settled."""

    seen: FactView
    quarter: Period
    """In which it began."""
    clock: Judgement | None
    """The open clock that its settlement stops, the first to be due."""


@dataclass(frozen=True, slots=True)
class Action:
    """An answer by which marketing agreed, and what came of it."""

    seen: FactView
    compared: Compared


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackDesk:
    """Answers what is asked of feedback. Every method raises Unavailable; call them in a thread."""

    desk: Desk
    views: FeedbackViews

    def period(self, asked: FeedbackQuery, times: Times) -> Period:
        """The period that is asked for. Raises Refused."""
        if asked.period is None:
            return quarter_of(times.now, times.zone)
        try:
            return parse_period(asked.period, times.zone)
        except ValueError as error:
            raise Refused(UNPROCESSABLE, f"period: {error}") from None

    def figures(self, asked: FeedbackQuery, times: Times) -> Figures:
        """The figures of a period. Raises Refused."""
        period = self.period(asked, times)
        months = _months_until(period, times)
        days = self.views.verdict_days(_verdicts(asked, months[0].first, months[-1].end))
        return Figures(
            period=period,
            breakdowns=breakdowns(self.views.verdicts(_verdicts(asked, period.first, period.end))),
            trend=[Month(month, over(days, month.first, month.end)) for month in months],
            open_disputes=len(self.views.open_disputes(None, MOST_COUNTED)),
            meanings=meanings(self.desk.charters(), times.now),
        )

    def rejections(self, asked: RejectionsQuery, times: Times) -> tuple[Sequence[FactView], str | None]:
        """A page of rejections, and the cursor of the next one. Raises Refused."""
        period = self.period(asked, times)
        query = _verdicts(asked, period.first, period.end)
        found = self.views.rejections(query, asked.reason, cursors.fact(asked.cursor), asked.limit + 1)
        return _page(found, asked.limit)

    def disputes(self, asked: DisputesQuery, times: Times) -> tuple[Sequence[Dispute], str | None]:
        """A page of open disputes, and the cursor of the next one. Raises Refused."""
        found, following = _page(self.views.open_disputes(cursors.fact(asked.cursor), asked.limit + 1), asked.limit)
        charters = self.desk.charters()
        clocks: dict[str, list[Judgement]] = {}
        for row in self.views.open_clocks({each.lead for each in found}):
            charter = charters.by_version.get(row.charter)
            clock = charter.clocks.get(row.clock) if charter is not None else None
            if clock is not None and any(trigger.type == EventType.FEEDBACK_SETTLED for trigger in clock.stops_on):
                clocks.setdefault(row.lead, []).append(of_row(row, charters, times.now))
        return [
            Dispute(each, quarter_of(each.fact.at, times.zone), min(clocks.get(each.lead, ()), key=_due, default=None))
            for each in found
        ], following

    def actions(self, asked: ActionsQuery, times: Times) -> tuple[Sequence[Action], str | None]:
        """A page of answers that agreed, and the cursor of the next one. Raises Refused."""
        period = self.period(asked, times)
        query = _verdicts(asked, period.first, period.end)
        found, following = _page(self.views.agreements(query, cursors.fact(asked.cursor), asked.limit + 1), asked.limit)
        if not found:
            return [], following
        promised = [each.fact.day for each in found]
        days = self.views.verdict_days(VerdictQuery(min(promised) - WINDOW, max(promised) + WINDOW + 1))
        today = day_of(times.now, times.zone)
        return [Action(each, compared(days, each.fact.source, each.fact.day, today)) for each in found], following


def meanings(charters: Charters, now: Instant) -> Mapping[str, Reason]:
    """The reasons of all charters by name; the one in force comes first, and says what they mean."""
    in_force, _ = charter_at(charters, now)
    found = dict(in_force.reasons)
    for charter in reversed(charters.versions):
        for name, reason in charter.reasons.items():
            found.setdefault(name, reason)
    return found


def _verdicts(asked: FeedbackQuery, since: int, until: int) -> VerdictQuery:
    return VerdictQuery(since, until, asked.source, asked.campaign, asked.segment, asked.team)


def _months_until(period: Period, times: Times) -> Sequence[Period]:
    """The months of the trend, up to the end of the period or today."""
    last = min(period.end - 1, max(day_of(times.now, times.zone), period.first))
    months = [period_with(Per.MONTH, day_at(last), times.zone)]
    while len(months) < MONTHS and months[0].first > 0:
        months.insert(0, before(months[0], times.zone))
    return months


def _page(found: Sequence[FactView], limit: int) -> tuple[Sequence[FactView], str | None]:
    shown = found[:limit]
    if len(found) == len(shown):
        return shown, None
    last = shown[-1]
    return shown, cursors.encode((last.fact.at, last.lead, last.fact.number))


def _due(clock: Judgement) -> tuple[bool, Instant]:
    return clock.due_at is None, clock.due_at or 0

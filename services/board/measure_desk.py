"""What the pages and the API of goals share: measures at a moment, of a period, and the facts behind them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from schemas.api_goals import FactsQuery, MeasuresQuery
from services.board import cursors
from services.board.desk import UNPROCESSABLE, Desk
from services.domain.charter import Charter, Per
from services.domain.instants import EPOCH, Instant
from services.domain.periods import Period, parse_period, period_of
from services.errors import Refused
from services.measures.book import Book, Collaboration, Moment, charter_of
from services.measures.ceremonies import Due
from services.measures.standing import CommitmentStanding, GoalStanding
from services.views import FactQuery, FactView

_EPOCH_ORDINAL = EPOCH.toordinal()


@dataclass(frozen=True, slots=True)
class Sheet:
    """When and of what is asked."""

    moment: Moment
    period: Period | None
    charter: Charter
    """Whose goals and commitments they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureDesk:
    """Answers what is asked of measures. Every method raises Refused and Unavailable; call them in a thread."""

    desk: Desk
    book: Book

    def sheet(self, query: MeasuresQuery) -> Sheet:
        """What a query asks for."""
        charters, now = self.desk.charters(), self.desk.clock.now()
        moment = Moment(now) if query.as_of is None else Moment(query.as_of, is_past=True)
        zone = charter_of(charters, moment).zone
        try:
            period = None if query.period is None else parse_period(query.period, zone)
        except ValueError as error:
            raise Refused(UNPROCESSABLE, f"period: {error}") from None
        if period is not None and period.since >= moment.at:
            raise Refused(UNPROCESSABLE, f"period: {period.key} has not begun yet")
        return Sheet(moment, period, charter_of(charters, moment, period))

    def goals(self, sheet: Sheet) -> list[GoalStanding]:
        """The goals."""
        return self.book.goals(self.desk.charters(), sheet.moment, sheet.period)

    def commitments(self, sheet: Sheet) -> list[CommitmentStanding]:
        """The commitments of both sides."""
        return self.book.commitments(self.desk.charters(), sheet.moment, sheet.period)

    def collaboration(self, sheet: Sheet) -> Collaboration:
        """The index, of the present quarter unless a period is asked for."""
        return self.book.collaboration(self.desk.charters(), sheet.moment, sheet.period)

    def ceremonies(self, sheet: Sheet) -> list[Due]:
        """The ceremonies of the same period."""
        return self.book.ceremonies(self.desk.charters(), sheet.moment, sheet.period)

    def period(self, sheet: Sheet) -> Period:
        """The period of the index and the ceremonies."""
        return sheet.period or period_of(Per.QUARTER, sheet.moment.at, sheet.charter.zone)

    def facts(self, asked: FactsQuery) -> tuple[Sequence[FactView], str | None]:
        """A page of facts, and the cursor of the next one."""
        if asked.filter is not None and asked.filter not in self.desk.charters().filters:
            raise Refused(UNPROCESSABLE, f"filter: no charter has a goal or commitment with {asked.filter!r:.200}")
        if asked.until <= asked.since:
            raise Refused(UNPROCESSABLE, "until: the day after the last; write a later one than `since`")
        query = FactQuery(
            kind=asked.kind,
            since=asked.since.toordinal() - _EPOCH_ORDINAL,
            until=asked.until.toordinal() - _EPOCH_ORDINAL,
            filter=asked.filter or "",
            source=asked.source,
            after=cursors.fact(asked.cursor),
            limit=asked.limit + 1,
        )
        found: list[FactView] = []
        while len(found) <= asked.limit:
            page = self.book.facts(query)
            found += [view for view in page if _is_asked(view, asked)]
            if len(page) < query.limit:
                break
            query = replace(query, after=_place(page[-1]))
        shown = found[: asked.limit]
        return shown, cursors.encode(_place(shown[-1])) if len(found) > len(shown) else None


def _is_asked(view: FactView, asked: FactsQuery) -> bool:
    """What the views do not look at."""
    return asked.currency in (None, view.fact.currency) and (asked.as_of is None or view.fact.at <= asked.as_of)


def _place(view: FactView) -> tuple[Instant, str, str]:
    return view.fact.at, view.lead, view.fact.number

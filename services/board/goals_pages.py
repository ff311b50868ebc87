"""The pages of goals: what both sides promised and reached, and the leads behind each number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from schemas.api_goals import FactsQuery, MeasuresQuery
from services.board import goal_words as words
from services.board.goals_shapes import OF_PARTS, facts_query
from services.board.guard import guarded
from services.board.measure_desk import MeasureDesk, Sheet
from services.board.pages import Pages
from services.board.readers import Reading, multilingual
from services.board.rendering import Rendering
from services.board.times import Times
from services.domain.charter import Side
from services.domain.instants import format_exact
from services.domain.periods import Period, before, period_of
from services.measures.collaboration import IndexPart
from services.measures.figures import Counted
from services.measures.ledger import Days
from services.measures.standing import CommitmentStanding, Standing


@dataclass(frozen=True, slots=True)
class Link:
    """A number of facts, and where they are listed."""

    counted: Counted
    address: str


@dataclass(frozen=True, slots=True)
class SideLine:
    """What one side promised over periods."""

    side: Side
    commitments: Sequence[CommitmentStanding]


class GoalsPages:
    """The handlers; they are run in threads, as the book waits for the database."""

    def __init__(self, *, desk: MeasureDesk, rendering: Rendering) -> None:
        self._desk = desk
        self._rendering = rendering

    def goals(self, query: Annotated[MeasuresQuery, Query()], reader: Reading) -> Response:
        """Goals, commitments of both sides, and how both work together."""
        is_now = query.as_of is None and query.period is None
        version = self._desk.desk.views.version() if is_now else None
        sheet = self._desk.sheet(query)
        commitments, collaboration = self._desk.commitments(sheet), self._desk.collaboration(sheet)
        days = Days.of(collaboration.index.period, sheet.moment.end(sheet.charter))

        def facts(standing: Standing) -> list[Link]:
            return [_link(counted, standing.days, sheet) for counted in standing.figure.made_of if counted.number]

        def part_facts(part: IndexPart) -> list[Link]:
            kinds = OF_PARTS.get(part.element, ())
            counted = zip(kinds, (part.top, part.bottom), strict=False)
            return [_link(Counted(kind, "", number), days, sheet) for kind, number in counted if number]

        return self._rendering.page(
            "goals.html",
            reader=reader,
            times=Times(sheet.charter.zone, sheet.moment.at, reader.language),
            here="/goals",
            version=version,
            speed=self._desk.desk.clock.speed,
            words=words,
            language=reader.language,
            sheet=sheet,
            goals=self._desk.goals(sheet),
            sides=[
                SideLine(side, [each for each in commitments if each.commitment.promised_by is side]) for side in Side
            ],
            collaboration=collaboration,
            ceremonies=self._desk.ceremonies(sheet),
            period=self._desk.period(sheet),
            earlier=_address(before(self._desk.period(sheet), sheet.charter.zone)),
            later=self._later(sheet),
            facts=facts,
            part_facts=part_facts,
        )

    def facts(self, query: Annotated[FactsQuery, Query()], reader: Reading) -> Response:
        """The leads behind a number."""
        found, following = self._desk.facts(query)
        times = self._desk.desk.times(query.as_of, language=reader.language)
        return self._rendering.page(
            "facts.html",
            reader=reader,
            times=times,
            here="/goals",
            version=None,
            speed=self._desk.desk.clock.speed,
            words=words,
            language=reader.language,
            query=query,
            views=found,
            following=_page(query, following) if following is not None else None,
            beginning=_page(query, None) if query.cursor is not None else None,
        )

    def _later(self, sheet: Sheet) -> str | None:
        """The period after the one that is shown, where it has begun; the present one is the page without any."""
        if sheet.period is None or sheet.period.until >= sheet.moment.at:
            return None if sheet.period is None else "/goals"
        following = period_of(sheet.period.per, sheet.period.until, sheet.charter.zone)
        return "/goals" if following.until > sheet.moment.at else _address(following)


def goals_pages_router(desk: MeasureDesk) -> APIRouter:
    """The routes."""
    rendering = Rendering()
    handlers = GoalsPages(desk=desk, rendering=rendering)
    trouble = Pages(desk=desk.desk, rendering=rendering).trouble
    router = APIRouter(
        route_class=multilingual(guarded(trouble)), default_response_class=HTMLResponse, include_in_schema=False
    )
    router.add_api_route("/goals", handlers.goals)
    router.add_api_route("/facts", handlers.facts)
    return router


def _link(counted: Counted, days: Days, sheet: Sheet) -> Link:
    return Link(counted, f"/facts?{facts_query(counted, days, sheet.moment)}")


def _address(period: Period) -> str:
    return f"/goals?{urlencode({'period': period.key})}"


def _page(query: FactsQuery, cursor: str | None) -> str:
    asked = query.model_dump(mode="json", exclude={"cursor", "as_of"}, exclude_none=True, exclude_unset=True)
    if query.as_of is not None:
        asked["as_of"] = format_exact(query.as_of)
    if cursor is not None:
        asked["cursor"] = cursor
    return f"/facts?{urlencode(asked)}"

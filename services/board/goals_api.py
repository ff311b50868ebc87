"""The JSON API of goals, commitments, collaboration, ceremonies and facts; and the routes of their pages."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from schemas import api_goals as api
from services.board import goals_shapes as shapes
from services.board.api import REFUSED
from services.board.goals_pages import goals_pages_router
from services.board.measure_desk import MeasureDesk
from services.domain.instants import format_exact
from services.measures.ledger import Days

Asked = Annotated[api.MeasuresQuery, Query()]


class GoalsApi:
    """The handlers; they are run in threads, as the book waits for the database."""

    def __init__(self, desk: MeasureDesk) -> None:
        self._desk = desk

    def goals(self, query: Asked) -> api.GoalList:
        """The goals of the charter: what is reached and was to be by now, the forecast, and why there is a gap."""
        sheet = self._desk.sheet(query)
        return api.GoalList(
            as_of=format_exact(sheet.moment.at),
            charter=sheet.charter.version,
            items=[shapes.goal(each, sheet.moment) for each in self._desk.goals(sheet)],
        )

    def commitments(self, query: Asked) -> api.CommitmentList:
        """What both sides promised over periods, and what is reached of it."""
        sheet = self._desk.sheet(query)
        return api.CommitmentList(
            as_of=format_exact(sheet.moment.at),
            charter=sheet.charter.version,
            items=[shapes.commitment(each, sheet.moment) for each in self._desk.commitments(sheet)],
        )

    def collaboration(self, query: Asked) -> api.CollaborationDocument:
        """The collaboration index with its parts, and what moved it since the period before."""
        sheet = self._desk.sheet(query)
        found = self._desk.collaboration(sheet)
        days = Days.of(found.index.period, sheet.moment.end(sheet.charter))
        return shapes.collaboration(found, days, sheet.moment)

    def ceremonies(self, query: Asked) -> api.CeremonyList:
        """The ceremonies that end in the period, and those that run now: due, held."""
        sheet = self._desk.sheet(query)
        return api.CeremonyList(
            as_of=format_exact(sheet.moment.at),
            period=shapes.period_item(self._desk.period(sheet)),
            items=[shapes.ceremony(each) for each in self._desk.ceremonies(sheet)],
        )

    def facts(self, query: Annotated[api.FactsQuery, Query()]) -> api.FactPage:
        """What a number is made of: each fact once, with its lead, in the order in which they happened."""
        found, following = self._desk.facts(query)
        return api.FactPage(items=[shapes.fact(view) for view in found], next=following)


def goals_routers(desk: MeasureDesk, router: APIRouter) -> APIRouter:
    """The routes of API and pages; `router` is one of the API's."""
    handlers = GoalsApi(desk)
    handled: dict[str, Any] = {
        "/goals": handlers.goals,
        "/commitments": handlers.commitments,
        "/collaboration": handlers.collaboration,
        "/ceremonies": handlers.ceremonies,
        "/facts": handlers.facts,
    }
    for path, handler in handled.items():
        router.add_api_route(path, handler, methods=["GET"], responses=REFUSED)
    both = APIRouter()
    both.include_router(router)
    both.include_router(goals_pages_router(desk))
    return both

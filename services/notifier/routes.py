"""Which alerts go to whom, in which language, and from when on: the routes of a settings file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.routes import Language, Route
from services.domain.calendar import Calendar
from services.domain.instants import DAY, Instant
from services.storage import AlertRow

_LOOKED_AHEAD = (7 * DAY, 60 * DAY)
"""How far the next opening of a calendar is looked for: most open within the week."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a sink is told of an alert."""

    language: Language = "en"
    not_before: Instant = 0
    together: Literal["alert", "lead", "all"] = "alert"
    """Of what is due at the same time: a message for each alert, for each lead, or one for all."""


EVERYTHING = Plan()


class Routing:
    """Decides for the sinks that routes are about. All others are told everything at once."""

    def __init__(
        self, routes: Sequence[Route], *, sinks: Sequence[str], calendar_of: Callable[[str], Calendar | None]
    ) -> None:
        """`sinks` are the names of those that routes are about. `calendar_of` may raise Unavailable.

        A calendar that the charter in force no longer has holds nothing back.
        """
        self._routes = routes
        self._sinks = frozenset(sinks)
        self._calendar_of = calendar_of

    def plan(
        self, sink: str, row: AlertRow, client_team: str | None, now: Instant, *, is_warned: bool = False
    ) -> Plan | None:
        """How the sink is told: by the first route that names it and matches; None where it is not.

        A correction goes by a route that names that level, and where there is none, by the first that matches else,
        to a sink that `is_warned` of what is corrected.
        """
        is_correction = row.kind == "corrected"
        if sink not in self._sinks:
            return EVERYTHING if is_warned or not is_correction else None
        routes = [route for route in self._routes if sink in route.send_to and _matches(route, row, client_team)]
        if is_correction:
            asked_for = [route for route in routes if "corrected" in (route.when.level or ())]
            routes = asked_for or (routes if is_warned else [])
        return self._by(routes[0], row, now) if routes else None

    def _by(self, route: Route, row: AlertRow, now: Instant) -> Plan | None:
        calendar = self._calendar_of(route.hours) if route.hours is not None else None
        if not route.digest:
            return Plan(route.language, now if calendar is None else opens_at(calendar, now), route.per)
        not_before = now if calendar is None else max(begins_after(calendar, row.not_before), opens_at(calendar, now))
        due_at = row.details.get("due_at")
        if row.kind == "at_risk" and isinstance(due_at, int) and due_at < not_before:
            return None  # by then it is overdue, which is told as such
        return Plan(route.language, not_before, "all")


def opens_at(calendar: Calendar, now: Instant) -> Instant:
    """The first instant from `now` on at which the calendar counts; `now` where it has no hours within two months."""
    for ahead in _LOOKED_AHEAD:
        first = next(iter(calendar.windows(now, now + ahead)), None)
        if first is not None:
            return first[0]
    return now


def begins_after(calendar: Calendar, instant: Instant) -> Instant:
    """When the first hours of the calendar begin after the instant; the instant where there are none in two months."""
    for ahead in _LOOKED_AHEAD:
        # Hours that the instant lies in are cut to begin at it.
        starts = (start for start, _ in calendar.windows(instant, instant + ahead) if start > instant)
        first = next(starts, None)
        if first is not None:
            return first
    return instant


def _matches(route: Route, row: AlertRow, client_team: str | None) -> bool:
    when, details = route.when, row.details
    asked: list[tuple[Sequence[str] | None, object]] = [
        (when.clock, row.clock),
        (when.team, details.get("team")),
        (when.client_team, client_team),
    ]
    if row.kind != "corrected":  # it goes to those who were warned, at whichever level that was
        asked += [(when.level, row.kind), (when.to, details.get("to"))]
    return all(wanted is None or value in wanted for wanted, value in asked)

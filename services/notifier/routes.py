"""Which alerts go to whom, in which language, and from when on: the routes of a settings file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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

    def plan(self, sink: str, row: AlertRow, client_team: str | None, now: Instant) -> Plan | None:
        """How the sink is told: by the first route that names it and matches; None where there is none."""
        if sink not in self._sinks:
            return EVERYTHING
        for route in self._routes:
            if sink in route.send_to and _matches(route, row, client_team):
                return Plan(route.language, self._opens_at(route.hours, now))
        return None

    def _opens_at(self, name: str | None, now: Instant) -> Instant:
        calendar = self._calendar_of(name) if name is not None else None
        return now if calendar is None else opens_at(calendar, now)


def opens_at(calendar: Calendar, now: Instant) -> Instant:
    """The first instant from `now` on at which the calendar counts; `now` where it has no hours within two months."""
    for ahead in _LOOKED_AHEAD:
        first = next(iter(calendar.windows(now, now + ahead)), None)
        if first is not None:
            return first[0]
    return now


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

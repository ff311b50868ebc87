"""Reads the file of routes, and makes what it names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from schemas.routes import Route, RoutesFile
from services.adapters.alert_sinks import AppriseSink
from services.domain.calendar import Calendar
from services.domain.charter import Charter
from services.errors import UsageError
from services.gateway.mapping import read_checked
from services.notifier.routes import Routing
from services.ports import AlertSink

log = structlog.get_logger()

PREFIX = "route:"
"""Before the names of sinks of the file, under which deliveries are noted: the URL of one can change."""


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes of a file, and the sinks that it names."""

    routes: tuple[Route, ...] = ()
    sinks: tuple[AlertSink, ...] = ()
    calendars: Mapping[str, str] = field(default_factory=dict)
    """Where the first route stands that asks for a calendar, by the calendar's name."""

    def check(self, charter: Charter) -> None:
        """Raises UsageError for each calendar that the charter does not have."""
        problems = [
            f"{where}: the charter {charter.version} has no calendar {name!r}; it has {', '.join(charter.calendars)}"
            for name, where in self.calendars.items()
            if name not in charter.calendars
        ]
        if problems:
            raise UsageError("\n".join(problems))

    def routing(self, charter: Callable[[], Charter | None]) -> Routing:
        """What decides by them, with the calendars of the charter in force, which may be another one by then."""
        missed: set[tuple[str, str]] = set()

        def calendar_of(name: str) -> Calendar | None:
            in_force = charter()
            if in_force is None or name in in_force.calendars:
                return in_force.calendars[name] if in_force is not None else None
            if (name, in_force.version) not in missed:
                missed.add((name, in_force.version))
                log.warning(
                    "route holds nothing back", calendar=name, charter=in_force.version, why="it has no such calendar"
                )
            return None

        return Routing(self.routes, sinks=[sink.name for sink in self.sinks], calendar_of=calendar_of)


def read_routes(path: Path | None) -> Routes:
    """The routes of the file, none without one. Raises UsageError for every mistake, each with its line."""
    if path is None:
        return Routes()
    file, where = read_checked(RoutesFile, path)
    problems = []
    for number, route in enumerate(file.routes):
        problems += [
            f"{where(['routes', number, 'send_to'])}: there is no {each!r} in `sinks`"
            for each in route.send_to
            if each not in file.sinks
        ]
        if route.name in {other.name for other in file.routes[:number]}:
            problems.append(f"{where(['routes', number, 'name'])}: two routes have this name")
    if problems:
        raise UsageError("\n".join(problems))
    sinks = [
        AppriseSink(
            _url_in(path.parent / sink.url_file, where(["sinks", name])),
            name=f"{PREFIX}{name}",
            setting=where(["sinks", name]),
        )
        for name, sink in file.sinks.items()
    ]
    prefixed = [
        route.model_copy(update={"send_to": [f"{PREFIX}{name}" for name in route.send_to]}) for route in file.routes
    ]
    asked = {
        route.hours: where(["routes", number, "hours"])
        for number, route in reversed([*enumerate(file.routes)])
        if route.hours is not None
    }
    return Routes(tuple(prefixed), tuple(sinks), asked)


def _url_in(path: Path, place: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageError(f"{place}: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{place}: {path}: it is no text") from None

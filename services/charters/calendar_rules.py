"""What must hold within a calendar: no weekday twice, no hours that overlap, a country that is known.

Like all rules these read nodes and pass over what has no shape, which `shape` reports: one mistake hides no other.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas import charter_times as times
from schemas import charter_values as values
from services.charters import country
from services.charters.nodes import Finding, Node
from services.domain.calendar import MINUTES_A_DAY

_WEEK = 7 * MINUTES_A_DAY


class _Stretch(NamedTuple):
    """Hours in minutes since Monday's midnight (or an opened date's), as written, with their line."""

    start: int
    end: int
    line: int
    text: str


def check_calendars(root: Node) -> Iterator[Finding]:
    """Everything that does not fit together in the calendars."""
    for name, entry in root.block("calendars"):
        place = f"calendars.{name}"
        hours = entry.node.get("hours")
        if hours is not None:
            yield from _week(f"{place}.hours", hours)
        holidays = entry.node.get("holidays")
        if holidays is not None:
            yield from _country(f"{place}.holidays", holidays)
            for day, opened in holidays.block("open"):
                yield from _overlaps(f"{place}.holidays.open.{day}", _stretches(opened.node, 0, day))


def minutes_a_week(calendar: Node) -> int:
    """How much a calendar counts in a week without holidays; 0 where its hours have no shape."""
    return sum(
        len(set(values.or_none(times.weekdays, text) or ())) * (each.end - each.start)
        for text, entry in calendar.block("hours")
        for each in _stretches(entry.node, 0, text)
    )


def _week(place: str, hours: Node) -> Iterator[Finding]:
    lines: dict[int, int] = {}
    stretches: list[_Stretch] = []
    for text, entry in hours.entries():
        for weekday in dict.fromkeys(values.or_none(times.weekdays, text) or ()):
            name = times.WEEKDAYS[weekday]
            if weekday in lines:
                yield Finding(
                    entry.line,
                    f'{place}: "{text}" names {name}, which has hours in line {lines[weekday]} already; '
                    "name each weekday once, with a list where it has several hours",
                )
                continue
            lines[weekday] = entry.line
            stretches += _stretches(entry.node, weekday * MINUTES_A_DAY, name)
    if all(entry.node.value == [] for _, entry in hours.entries()) and isinstance(hours.value, dict):
        yield Finding(hours.line, f'{place}: no time is counted; give hours such as {{mon-fri: "09:00-17:00"}}')
    yield from _overlaps(place, stretches, around=_WEEK)


def _stretches(node: Node, offset: int, day: str) -> list[_Stretch]:
    found = []
    for each in node.items if isinstance(node.value, list) else (node,):
        hours = values.or_none(times.window, each.value)
        if hours is not None:
            found.append(_Stretch(offset + hours.start, offset + hours.end, each.line, f"{day} {each.value}"))
    return found


def _overlaps(place: str, stretches: Sequence[_Stretch], around: int | None = None) -> Iterator[Finding]:
    """Each stretch that begins before an earlier one ends; `around`: after the last the first comes again."""
    ordered = sorted(stretches)
    again = [each._replace(start=each.start + around, end=each.end + around) for each in ordered] if around else []
    told = set()
    for earlier, later in zip(ordered, [*ordered, *again][1:], strict=False):
        line = max(earlier.line, later.line)
        if later.start < earlier.end and (earlier.text, line) not in told:
            told.add((earlier.text, line))
            yield Finding(line, f'{place}: "{later.text}" begins before "{earlier.text}" ends; let hours not overlap')


def _country(place: str, holidays: Node) -> Iterator[Finding]:
    land, region = holidays.text("country"), holidays.text("subdivision")
    if land is None:
        node = holidays.get("subdivision")
        if node is not None and holidays.get("country") is None:
            yield Finding(node.line, f"{place}: `subdivision` is a region of a country; add `country`")
        return
    fault = country.find_fault(land, region)
    if fault is not None:
        _, line = holidays.find([fault[0]])
        yield Finding(line, f"{place}.{fault[0]}: {fault[1]}")

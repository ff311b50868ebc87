"""What must hold between clocks, calendars and reasons: all that is named is defined, the last target has no `when`."""

from collections.abc import Iterator
from decimal import Decimal
from typing import get_args

from schemas import charter_shares as shares
from schemas import charter_times as times
from schemas import charter_values as values
from schemas import events
from services.charters.calendar_rules import minutes_a_week
from services.charters.nodes import Finding, Node
from services.domain.durations import parse_duration

_WHOLE = Decimal(1)
_NO_DAY = 0
_MOST_WEEKS = 520
"""Ten years: no promise lasts that long, and the judge computes ends up to the year 2400 only."""
_ROLES = ("starts_on", "stops_on", "restarts_on", "cancelled_by")
# The events whose reason is one of the charter's; a deal is lost, or a lead paused, for reasons of its own.
_WITH_REASONS = ("lead.rejected", "feedback.given")
# What these keys of an event's data can be; an event with anything else is refused, so no test for it ever holds.
_FIXED_VALUES = {
    ("lead.touched", "kind"): get_args(events.Touched.model_fields["kind"].annotation),
    ("lead.touched", "direction"): get_args(events.Touched.model_fields["direction"].annotation),
    ("feedback.given", "verdict"): get_args(events.FeedbackGiven.model_fields["verdict"].annotation),
    ("feedback.answered", "answer"): get_args(events.FeedbackAnswered.model_fields["answer"].annotation),
    ("feedback.settled", "outcome"): get_args(events.FeedbackSettled.model_fields["outcome"].annotation),
}


def check_clocks(root: Node) -> Iterator[Finding]:
    """Everything that does not fit together in `stalled_after` and the clocks."""
    stalled = root.get("stalled_after")
    if stalled is not None:
        yield from _calendar(root, "stalled_after", stalled)
        yield from _time(root, "stalled_after", stalled.get("time"), stalled.text("calendar"))
    for name, entry in root.block("clocks"):
        place, clock = f"clocks.{name}", entry.node
        yield from _calendar(root, place, clock)
        yield from _targets(root, place, clock)
        yield from _settle(root, place, clock)
        yield from _escalation(place, clock)
        for role in _ROLES:
            for trigger in clock.list(role):
                yield from _trigger(root, f"{place}.{role}", trigger)


def _calendar(root: Node, place: str, node: Node) -> Iterator[Finding]:
    name = node.text("calendar")
    if name is None or root.defines("calendars", name):
        return
    _, line = node.find(["calendar"])
    hint = values.did_you_mean(name, _names(root, "calendars")) or "; define it under `calendars`"
    yield Finding(line, f'{place}: the calendar "{name:.60}" is not defined{hint}')


def _targets(root: Node, place: str, clock: Node) -> Iterator[Finding]:
    targets = clock.list("targets")
    for number, target in enumerate(targets, 1):
        here = f"{place}.targets.{number}"
        yield from _calendar(root, here, target)
        calendar = target.text("calendar") or clock.text("calendar")
        if calendar is None and target.get("calendar") is None and clock.get("calendar") is None:
            yield Finding(target.line, f"{here}: no calendar counts this time; add `calendar` here or to the clock")
        yield from _time(root, here, target.get("within"), calendar, _highest(clock))
        is_last = number == len(targets)
        if not is_last and isinstance(target.value, dict) and not _has_when(target):
            yield Finding(
                target.line,
                f"{here}: has no `when`, so the targets after it are never reached; give it a `when`, or put it last",
            )
        if is_last and _has_when(target):
            yield Finding(
                target.line,
                f"{here}: the last target has a `when`, so other leads have no target; "
                "add one without `when` after it, such as {within: 4h}",
            )


def _has_when(target: Node) -> bool:
    when = target.get("when")
    return when is not None and when.value != {}


def _settle(root: Node, place: str, clock: Node) -> Iterator[Finding]:
    """A wait in days is measured by the clock's calendar, or the last target's where the clock has none."""
    targets = clock.list("targets")
    calendar = clock.text("calendar") or (targets[-1].text("calendar") if targets else None)
    yield from _time(root, place, clock.get("settle"), calendar)


def _time(root: Node, place: str, node: Node | None, name: str | None, share: Decimal = _WHOLE) -> Iterator[Finding]:
    """A duration in days needs a calendar that says how long a day is; and no duration, nor `share` of it, may
    last so long that its end cannot be computed.
    """
    calendar = root.find(["calendars", name])[0] if name in _names(root, "calendars") else None
    duration = values.or_none(parse_duration, node.value) if node is not None and isinstance(node.value, str) else None
    if node is None or duration is None or calendar is None or not isinstance(calendar.value, dict):
        return
    if duration.days and calendar.get("day") is None:
        yield Finding(
            node.line,
            f'{place}: "{node.value}" counts days, and the calendar "{name}" does not say how long one is; '
            "add `day: 8h` to it, or write the time in hours",
        )
        return
    day = values.or_none(times.read_day, calendar.text("day"))
    seconds = duration.total(parse_duration(day).seconds if day else _NO_DAY)
    a_week = 60 * minutes_a_week(calendar)
    if a_week and seconds * share > a_week * _MOST_WEEKS:
        yield Finding(node.line, f'{place}: "{node.value}" of {name} time lasts more than ten years; write less')


def _escalation(place: str, clock: Node) -> Iterator[Finding]:
    highest = _WHOLE * 0
    for number, node, share in _shares(clock):
        if share < highest:
            yield Finding(
                node.line,
                f"{place}.escalate.{number}: {values.said(node.plain())} comes before the one above it; "
                "put them in ascending order",
            )
        highest = max(highest, share)


def _highest(clock: Node) -> Decimal:
    """The share of the target at which the last thing happens to a clock."""
    return max([_WHOLE, *(share for _, _, share in _shares(clock))])


def _shares(clock: Node) -> Iterator[tuple[int, Node, Decimal]]:
    for number, step in enumerate(clock.list("escalate"), 1):
        node = step.get("at")
        share = values.or_none(shares.read_escalation, node.value) if node is not None else None
        if node is not None and share is not None:
            yield number, node, share


def _trigger(root: Node, place: str, trigger: Node) -> Iterator[Finding]:
    kind = trigger.text("type")
    for key, entry in trigger.block("when"):
        if kind in _WITH_REASONS and key == "reason":
            known, missing = _names(root, "reasons"), "; define it under `reasons`"
            words = 'the reason "{}" is not defined'
        elif (kind, key) in _FIXED_VALUES:
            known, missing = list(_FIXED_VALUES[kind or "", key]), ""
            words = f'"{{}}" is no {key} of {kind}'
        else:
            continue
        for value in _asked_for(entry.node):
            if value.value is not None and value.value not in known:
                text = str(value.plain())
                hint = values.did_you_mean(text, known) or missing
                yield Finding(value.line, f"{place}: {words.format(text[:60])}{hint}")


def _asked_for(test: Node) -> list[Node]:
    """The values that a test names: one, a list, or those after `not`."""
    excluded = test.get("not")
    node = excluded if excluded is not None else test
    found = node.items if isinstance(node.value, list) else (node,)
    return [each for each in found if not isinstance(each.value, list | dict)]


def _names(root: Node, section: str) -> list[str]:
    return [name for name, _ in root.block(section)]

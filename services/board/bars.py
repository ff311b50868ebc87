"""What is drawn on time axes: one bar for an instance of a clock, and one for where a lead's time went."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.board.axis import Axis, Span, Tick
from services.board.judgements import Judgement
from services.board.times import Times
from services.board.waits import Stretch, Wait
from services.domain.calendar import Calendar
from services.domain.instants import Instant


@dataclass(frozen=True, slots=True)
class ClockBar:
    """An instance on an axis of its own. Places are in hundredths of the axis."""

    ticks: Sequence[Tick]
    shaded: Sequence[Span]
    """The working hours of its calendar."""
    in_time: Span
    """From its start to its end or to now, at most until it was due."""
    late: Span | None
    """What of it came after it was due."""
    pauses: Sequence[Span]
    due: float | None
    ended: float | None
    now: float | None
    """Of an open one."""


@dataclass(frozen=True, slots=True)
class WaitBar:
    """Where the time went, on one axis."""

    ticks: Sequence[Tick]
    shaded: Sequence[Span]
    stretches: Sequence[tuple[Wait, Span]]


def clock_bar(judgement: Judgement, calendar: Calendar | None, times: Times) -> ClockBar:
    """The bar of an instance; without working hours where its calendar is no longer known."""
    end = judgement.ended_at if judgement.ended_at is not None else times.now
    due = judgement.due_at
    axis = Axis.around(judgement.started_at, max(end, due if due is not None else end))
    in_time = end if due is None else min(end, due)
    return ClockBar(
        ticks=axis.ticks(times),
        shaded=axis.counted(calendar) if calendar is not None else (),
        in_time=axis.span(judgement.started_at, in_time),
        late=axis.span(due, end) if due is not None and due < end else None,
        pauses=[axis.span(since, _end_of_pause(until, end)) for since, until in judgement.pauses],
        due=axis.at(due) if due is not None else None,
        ended=axis.at(end) if judgement.ended_at is not None else None,
        now=axis.at(times.now) if judgement.ended_at is None else None,
    )


def wait_bar(stretches: Sequence[Stretch], calendar: Calendar, times: Times) -> WaitBar | None:
    """The bar of a lead's stretches; None where there are none."""
    if not stretches:
        return None
    axis = Axis.around(stretches[0].since, stretches[-1].until)
    return WaitBar(
        ticks=axis.ticks(times),
        shaded=axis.counted(calendar),
        stretches=[(each.wait, axis.span(each.since, each.until)) for each in stretches],
    )


def _end_of_pause(until: Instant | None, end: Instant) -> Instant:
    return end if until is None else min(until, end)

"""The time that a promise has left, in time that its calendar counts, and how it goes on from now."""

from dataclasses import dataclass

from services.board.judgements import Judgement
from services.domain.calendar import Calendar
from services.domain.charter import Charters
from services.domain.clocks import Status
from services.domain.instants import DAY, Instant

_HORIZON = 30 * DAY
"""Pages look again long before; a calendar without counted time in a month is not asked further."""


@dataclass(frozen=True, slots=True)
class Countdown:
    """Counted time until it is due, or since it was. Durations are microseconds."""

    length: int
    is_over: bool
    is_counting: bool
    """Whether time counts now; else it stands still until `changes_at`."""
    changes_at: Instant
    """When it begins or stops to count, or is due."""


def countdown(due_at: Instant, calendar: Calendar, now: Instant) -> Countdown:
    """How it stands at `now`."""
    is_over = now > due_at
    length = calendar.counted(due_at, now) if is_over else calendar.counted(now, due_at)
    since, until = next(calendar.windows(now, now + _HORIZON), (now + _HORIZON, now + _HORIZON))
    is_counting = since <= now
    changes_at = until if is_counting else since
    return Countdown(length, is_over, is_counting, changes_at if is_over else min(changes_at, due_at))


def of_judgement(judgement: Judgement, charters: Charters, now: Instant) -> Countdown | None:
    """The countdown of an open instance; None where nothing counts down: it has ended, is paused, or was dropped."""
    charter = charters.by_version.get(judgement.charter)
    calendar = charter.calendars.get(judgement.target.calendar) if charter is not None else None
    if judgement.due_at is None or calendar is None or not judgement.is_open or judgement.status is Status.PAUSED:
        return None
    return countdown(judgement.due_at, calendar, now)

"""What a lead's own page shows, gathered from its file."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.board.bars import ClockBar, WaitBar, clock_bar, wait_bar
from services.board.countdowns import Countdown, of_judgement
from services.board.dealings import Dealing, Rejection, back_with_who_rejected, dealings
from services.board.desk import LeadCase
from services.board.judgements import OPEN, Judgement
from services.board.overview import charter_at
from services.board.timeline import Entry, days_newest_first, entries, facts
from services.board.waits import Part, parts, stretches
from services.domain.calendar import Calendar
from services.domain.charter import Charters
from services.domain.clocks import Kind
from services.storage import TransitionRow


@dataclass(frozen=True, slots=True)
class ClockLine:
    """An instance of a clock, drawn, with how its verdict was corrected."""

    judgement: Judgement
    countdown: Countdown | None
    bar: ClockBar
    corrections: Sequence[TransitionRow]


@dataclass(frozen=True, slots=True)
class LeadPage:
    """The page."""

    clocks: Sequence[ClockLine]
    waits: WaitBar | None
    parts: Sequence[Part]
    whole: int
    """The length of all parts together."""
    calendar: str
    """By whose hours the parts are counted too; empty where the charter has no calendar."""
    deals: Sequence[Dealing]
    rejection: Rejection | None
    account: str | None
    client_team: str | None
    attributes: Sequence[tuple[str, str]]
    days: Sequence[tuple[str, Sequence[Entry]]]


def gather(case: LeadCase, charters: Charters) -> LeadPage:
    """The page of a case at `case.times.now`."""
    file, times = case.file, case.times
    charter, _ = charter_at(charters, times.now)
    calendar = next(iter(charter.calendars.values()))
    events = [event for event in file.events if event.time <= times.now]
    found = stretches(events, file.received, times.now)
    account = case.lead.attributes.get("account")
    return LeadPage(
        clocks=[_line(each, case, charters) for each in sorted(case.judgements, key=_newest_worst_first)],
        waits=wait_bar(found, calendar, times),
        parts=parts(found, calendar),
        whole=sum(each.length for each in found),
        calendar=calendar.name,
        deals=dealings(events),
        rejection=back_with_who_rejected(events),
        account=str(account) if account is not None else None,
        client_team=charter.client_team_of(str(account)) if account is not None else None,
        attributes=list(facts(case.lead.attributes, times.language)),
        days=days_newest_first(entries(file, times), times),
    )


def _line(judgement: Judgement, case: LeadCase, charters: Charters) -> ClockLine:
    charter = charters.by_version.get(judgement.charter)
    calendar: Calendar | None = charter.calendars.get(judgement.target.calendar) if charter is not None else None
    return ClockLine(
        judgement,
        of_judgement(judgement, charters, case.times.now),
        clock_bar(judgement, calendar, case.times),
        [
            row
            for row in case.file.transitions
            if (row.clock, row.number) == (judgement.clock, judgement.number)
            and row.name.partition("/")[0] == Kind.CORRECTED
            and row.at <= case.times.now
        ],
    )


def _newest_worst_first(judgement: Judgement) -> tuple[bool, int, int]:
    """Open ones first, the worst of them on top; then those that ended, the last one on top."""
    if judgement.is_open:
        return False, OPEN.index(judgement.status), judgement.due_at or judgement.started_at
    return True, 0, -(judgement.ended_at or judgement.started_at)

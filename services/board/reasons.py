"""The sentence that gives the reason for a verdict, and the one that says why its target was chosen."""

from collections.abc import Callable, Mapping

from services.board.judgements import Chosen, Judgement, happened
from services.board.times import Times, duration, percent
from services.domain.clocks import Role, Status
from services.domain.events import EventType

STATUS_WORDS: Mapping[Status, str] = {
    Status.RUNNING: "Running",
    Status.AT_RISK: "At risk",
    Status.OVERDUE: "Overdue",
    Status.PAUSED: "Paused",
    Status.MET: "Met",
    Status.MISSED: "Missed",
    Status.CANCELLED: "Cancelled",
}


def reason(judgement: Judgement, times: Times) -> str:
    """Why the verdict is what it is: what happened when, and how much of which time had been counted."""
    said = _SENTENCES[judgement.status](judgement, times)
    return f"{STATUS_WORDS[judgement.status]}{said} ({_target(judgement.target)})"


def choice(target: Chosen) -> str:
    """Why this target: the condition that held at the start, or that none before it did."""
    if not target.of:
        return "The charter that chose this target is no longer among the charters"
    if target.of == 1:
        return "The clock’s only target"
    place = f"Target {target.number} of {target.of}"
    return f"{place}, because {target.when}" if target.when else f"{place}: no condition before it held"


def _target(target: Chosen) -> str:
    if not target.of:
        return f"target: {duration(target.within)}"
    if target.of == 1:
        return f"target: {target.text}"
    return f"target: {target.when or 'everything else'} → {target.text}"


def _spent(judgement: Judgement) -> str:
    """`1 h 12 min of the 4 h that calendar office allows`."""
    target = judgement.target
    allowed = f"the {duration(target.within)} that calendar {target.calendar} allows"
    if judgement.counted is None:
        return f"an unknown part of {allowed}"
    counted = duration(judgement.counted)
    if judgement.counted > target.within and counted == duration(target.within):
        counted = f"just over {counted}"
    return f"{counted} of {allowed}"


def _waits(judgement: Judgement) -> str:
    return " or ".join(judgement.waits_for) or "ended"


def _due(judgement: Judgement, times: Times) -> str:
    return times.moment(judgement.due_at) if judgement.due_at is not None else "once resumed"


def _ended(judgement: Judgement, times: Times) -> str:
    if judgement.ended_by is None or judgement.ended_at is None:
        return "ended"
    return f"{happened(judgement.ended_by)} {times.moment(judgement.ended_at)}"


def _met(judgement: Judgement, times: Times) -> str:
    return f": {_ended(judgement, times)}, after {_spent(judgement)}"


def _missed(judgement: Judgement, times: Times) -> str:
    ended, due = _ended(judgement, times), _due(judgement, times)
    if judgement.role is Role.STOP:
        return f": {ended}, after {_spent(judgement)}; it was due {due}"
    return f": {ended}, when it was overdue already: due {due}, with {_spent(judgement)} gone by"


def _cancelled(judgement: Judgement, times: Times) -> str:
    ended = _ended(judgement, times)
    if judgement.ended_by == EventType.LEAD_ERASED.wire:
        return f": {ended}, as the person asked to be forgotten; {_spent(judgement)} had gone by"
    if judgement.role is Role.RESTART:
        return f": {ended}, which starts the clock anew; {_spent(judgement)} had gone by"
    return f": {ended}, before it was due; {_spent(judgement)} had gone by"


def _overdue(judgement: Judgement, times: Times) -> str:
    return f": due {_due(judgement, times)} and not yet {_waits(judgement)}; {_spent(judgement)} have gone by"


def _at_risk(judgement: Judgement, times: Times) -> str:
    share = f", {percent(judgement.at_risk_share)} of it or more" if judgement.at_risk_share is not None else ""
    return f": {_spent(judgement)} have gone by{share}; due {_due(judgement, times)}, not yet {_waits(judgement)}"


def _running(judgement: Judgement, times: Times) -> str:
    return f": {_spent(judgement)} have gone by; due {_due(judgement, times)}, not yet {_waits(judgement)}"


def _paused(judgement: Judgement, times: Times) -> str:
    since = f" since {times.moment(judgement.paused_since)}" if judgement.paused_since is not None else ""
    return f"{since}: nothing counts until the lead is resumed; {_spent(judgement)} have gone by"


_SENTENCES: Mapping[Status, Callable[[Judgement, Times], str]] = {
    Status.RUNNING: _running,
    Status.AT_RISK: _at_risk,
    Status.OVERDUE: _overdue,
    Status.PAUSED: _paused,
    Status.MET: _met,
    Status.MISSED: _missed,
    Status.CANCELLED: _cancelled,
}

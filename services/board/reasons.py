"""The sentence that gives the reason for a verdict, and the one that says why its target was chosen."""

from collections.abc import Callable, Mapping

from services.board.judgements import Chosen, Judgement
from services.board.languages import ENGLISH, Language, marked
from services.board.said import awaited, happened, when_words
from services.board.times import Times, duration, percent
from services.domain.clocks import Role, Status
from services.domain.events import EventType

_STATUS_WORDS: Mapping[Status, str] = {
    Status.RUNNING: marked("Running"),
    Status.AT_RISK: marked("At risk"),
    Status.OVERDUE: marked("Overdue"),
    Status.PAUSED: marked("Paused"),
    Status.MET: marked("Met"),
    Status.MISSED: marked("Missed"),
    Status.CANCELLED: marked("Cancelled"),
}


def status_words(language: Language = ENGLISH) -> dict[Status, str]:
    """What each status is called."""
    return {status: language.gettext(words) for status, words in _STATUS_WORDS.items()}


def reason(judgement: Judgement, times: Times) -> str:
    """Why the verdict is what it is: what happened when, and how much of which time had been counted."""
    return f"{_SENTENCES[judgement.status](judgement, times)} ({_target(judgement.target, times.language)})"


def choice(target: Chosen, language: Language = ENGLISH) -> str:
    """Why this target: the condition that held at the start, or that none before it did."""
    say = language.gettext
    if not target.of:
        return say("The charter that chose this target is no longer among the charters")
    if target.of == 1:
        return say("The clock’s only target")
    if target.when.tests:
        when = when_words(target.when, language)
        return say("Target %(number)s of %(of)s, because %(when)s", number=target.number, of=target.of, when=when)
    return say("Target %(number)s of %(of)s: no condition before it held", number=target.number, of=target.of)


def _target(target: Chosen, language: Language) -> str:
    if not target.of:
        return language.gettext("target: %(within)s", within=duration(target.within, language))
    if target.of == 1:
        return language.gettext("target: %(within)s", within=target.text)
    when = when_words(target.when, language) or language.gettext("everything else")
    return language.gettext("target: %(when)s → %(within)s", when=when, within=target.text)


def _spent(judgement: Judgement, times: Times) -> str:
    """`1 h 12 min of the 4 h that calendar office allows`."""
    target, language = judgement.target, times.language
    within = duration(target.within, language)
    if judgement.counted is None:
        return language.gettext(
            "an unknown part of the %(within)s that calendar %(calendar)s allows",
            within=within,
            calendar=target.calendar,
        )
    counted = duration(judgement.counted, language)
    if judgement.counted > target.within and counted == within:
        counted = language.gettext("just over %(counted)s", counted=counted)
    return language.gettext(
        "%(counted)s of the %(within)s that calendar %(calendar)s allows",
        counted=counted,
        within=within,
        calendar=target.calendar,
    )


def _waits(judgement: Judgement, times: Times) -> str:
    return awaited(judgement.waits_for, times.language) or times.language.pgettext("awaited", "ended")


def _due(judgement: Judgement, times: Times) -> str:
    return times.moment(judgement.due_at) if judgement.due_at is not None else times.language.gettext("once resumed")


def _ended(judgement: Judgement, times: Times) -> str:
    if judgement.ended_by is None or judgement.ended_at is None:
        return times.language.gettext("ended")
    return f"{happened(judgement.ended_by, times.language)} {times.moment(judgement.ended_at)}"


def _met(judgement: Judgement, times: Times) -> str:
    return times.language.gettext(
        "Met: %(ended)s, after %(spent)s", ended=_ended(judgement, times), spent=_spent(judgement, times)
    )


def _missed(judgement: Judgement, times: Times) -> str:
    values = {
        "ended": _ended(judgement, times),
        "due": _due(judgement, times),
        "spent": _spent(judgement, times),
    }
    if judgement.role is Role.STOP:
        return times.language.gettext("Missed: %(ended)s, after %(spent)s; it was due %(due)s", **values)
    return times.language.gettext(
        "Missed: %(ended)s, when it was overdue already: due %(due)s, with %(spent)s gone by", **values
    )


def _cancelled(judgement: Judgement, times: Times) -> str:
    values = {"ended": _ended(judgement, times), "spent": _spent(judgement, times)}
    say = times.language.gettext
    if judgement.ended_by == EventType.LEAD_ERASED.wire:
        return say(
            "Cancelled: %(ended)s, as the person asked to be forgotten; %(spent)s had gone by",
            **values,
        )
    if judgement.role is Role.RESTART:
        return say("Cancelled: %(ended)s, which starts the clock anew; %(spent)s had gone by", **values)
    return say("Cancelled: %(ended)s, before it was due; %(spent)s had gone by", **values)


def _open(judgement: Judgement, times: Times) -> dict[str, str]:
    return {
        "due": _due(judgement, times),
        "waits": _waits(judgement, times),
        "spent": _spent(judgement, times),
    }


def _overdue(judgement: Judgement, times: Times) -> str:
    return times.language.gettext(
        "Overdue: due %(due)s and not yet %(waits)s; %(spent)s have gone by", **_open(judgement, times)
    )


def _at_risk(judgement: Judgement, times: Times) -> str:
    values = _open(judgement, times)
    if judgement.at_risk_share is None:
        return times.language.gettext(
            "At risk: %(spent)s have gone by; due %(due)s, not yet %(waits)s",
            **values,
        )
    return times.language.gettext(
        "At risk: %(spent)s have gone by, %(share)s of it or more; due %(due)s, not yet %(waits)s",
        share=percent(judgement.at_risk_share, times.language),
        **values,
    )


def _running(judgement: Judgement, times: Times) -> str:
    return times.language.gettext(
        "Running: %(spent)s have gone by; due %(due)s, not yet %(waits)s", **_open(judgement, times)
    )


def _paused(judgement: Judgement, times: Times) -> str:
    spent = _spent(judgement, times)
    if judgement.paused_since is None:
        return times.language.gettext(
            "Paused: nothing counts until the lead is resumed; %(spent)s have gone by", spent=spent
        )
    return times.language.gettext(
        "Paused since %(since)s: nothing counts until the lead is resumed; %(spent)s have gone by",
        since=times.moment(judgement.paused_since),
        spent=spent,
    )


_SENTENCES: Mapping[Status, Callable[[Judgement, Times], str]] = {
    Status.RUNNING: _running,
    Status.AT_RISK: _at_risk,
    Status.OVERDUE: _overdue,
    Status.PAUSED: _paused,
    Status.MET: _met,
    Status.MISSED: _missed,
    Status.CANCELLED: _cancelled,
}

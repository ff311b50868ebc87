"""The words of an alert."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote
from zoneinfo import ZoneInfo

from schemas.routes import Language
from services.domain.clocks import Kind
from services.domain.instants import to_datetime
from services.domain.silences import HANDOFF
from services.notifier.texts import TEXTS, Texts
from services.ports import Message
from services.storage import AlertRow

_GRAVITY = ("corrected", "at_risk", "stalled", "overdue", "escalated")
_FACTS = ("promised_by", "owner", "team", "account", "source", "to", "before", "after")


def message(row: AlertRow, board_url: str, client_team: str | None = None, language: Language = "en") -> Message:
    """The message of an alert, with a link to the lead's page; `client_team` looks after the lead's account."""
    details, texts = row.details, TEXTS[language]
    title = _title(row, texts).format(
        clock=row.clock, lead=row.lead, to=details.get("to"), after=_verdict(details.get("after"), texts)
    )
    lines = [_sentence(row, texts)]
    if details.get("says"):
        side = str(details["promised_by"])
        lines.append(texts.promise.format(side=texts.sides.get(side, side), says=str(details["says"]).rstrip(".")))
    known = [f"{word} {details[name]}" for name, word in texts.facts.items() if details.get(name)]
    if known:
        lines.append(texts.lead.format(facts=", ".join(known)))
    url = f"{board_url}/leads/{quote(row.lead, safe='')}"
    lines.append(url)
    facts = {name: str(details[name]) for name in _FACTS if details.get(name)}
    if client_team is not None:
        facts["client_team"] = client_team
    at = details.get("at")
    return Message(
        id=row.transition,
        kind=row.kind,
        title=_line(title),
        body="\n".join(_line(line) for line in lines),
        lead=row.lead,
        clock=row.clock,
        number=row.number,
        at=at if isinstance(at, int) else row.not_before,
        url=url,
        facts={name: _line(text) for name, text in facts.items()},
    )


def bundle(messages: Sequence[Message], language: Language) -> Message:
    """One message for several, as grave as the gravest: what each says, lead by lead, and a link for each lead.

    It has the id of the first. One message is itself.
    """
    first, *others = messages
    if not others:
        return first
    texts = TEXTS[language]
    leads = dict.fromkeys(each.lead for each in messages)
    title = (texts.several if len(leads) == 1 else texts.digest).format(
        count=len(messages), lead=first.lead, leads=len(leads)
    )
    lines = []
    for lead in leads:
        mine = [each for each in messages if each.lead == lead]
        lines += [f"{each.title}. {each.body.partition(chr(10))[0]}" for each in mine]
        lines.append(mine[0].url)
    gravest = max(messages, key=lambda each: _GRAVITY.index(each.kind))
    return replace(first, kind=gravest.kind, title=_line(title), body="\n".join(lines))


def _title(row: AlertRow, texts: Texts) -> str:
    if row.kind != "corrected" or row.clock != HANDOFF:
        return texts.titles[row.kind]
    return texts.moved_title if row.details.get("before") == Kind.STALLED else texts.still_again_title


def _sentence(row: AlertRow, texts: Texts) -> str:
    details = row.details
    if row.clock == HANDOFF:
        return _of_handoff(row, texts)
    if row.kind == "corrected":
        ended = _when(row, "ended_at", texts)
        return texts.corrected.format(
            before=_verdict(details.get("before"), texts),
            after=_verdict(details.get("after"), texts),
            at=texts.corrected_at.format(moment=ended) if ended else "",
        )
    allowed = _allowed(row, texts)
    due = _when(row, "due_at", texts)
    if not due:
        return texts.paused.format(allowed=allowed)
    return (texts.past_due if _is_past_due(row) else texts.due).format(due=due, allowed=allowed)


def _of_handoff(row: AlertRow, texts: Texts) -> str:
    if row.kind == "corrected":
        now = str(row.details.get("after"))
        said = texts.moved if row.details.get("before") == Kind.STALLED else texts.still_again
        return said.format(now=texts.states.get(now, now))
    return texts.still.format(since=_when(row, "since", texts), allowed=_allowed(row, texts))


def _allowed(row: AlertRow, texts: Texts) -> str:
    return texts.allowed.format(within=row.details.get("within"), calendar=row.details.get("calendar"))


def _is_past_due(row: AlertRow) -> bool:
    # A charter may escalate before the time is over.
    at, due_at = row.details.get("at"), row.details.get("due_at")
    return isinstance(at, int) and isinstance(due_at, int) and at > due_at


def _verdict(verdict: object, texts: Texts) -> str:
    return texts.verdicts.get(str(verdict), str(verdict))


def _when(row: AlertRow, name: str, texts: Texts) -> str:
    """The instant of that name in the zone of the clock's calendar; empty where there is none."""
    instant = row.details.get(name)
    if not isinstance(instant, int):
        return ""
    return to_datetime(instant).astimezone(ZoneInfo(str(row.details["timezone"]))).strftime(texts.moment)


def _line(text: str) -> str:
    """The text on one line: what a CRM calls a lead or its owner cannot add lines, nor order a terminal about."""
    return "".join(each if each.isprintable() else " " for each in text)

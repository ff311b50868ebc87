"""The words of an alert."""

from collections.abc import Mapping
from urllib.parse import quote
from zoneinfo import ZoneInfo

from services.domain.instants import to_datetime
from services.ports import Message
from services.storage import AlertRow

_TITLES: Mapping[str, str] = {
    "at_risk": "At risk: {clock} on {lead}",
    "overdue": "Overdue: {clock} on {lead}",
    "escalated": "Escalated to {to}: {clock} on {lead}",
    "corrected": "Corrected: {clock} on {lead} is {after}",
}


_FACTS = ("promised_by", "owner", "team", "account", "source", "to", "before", "after")


def message(row: AlertRow, board_url: str, client_team: str | None = None) -> Message:
    """The message of an alert, with a link to the lead's page; `client_team` looks after the lead's account."""
    details = row.details
    title = _TITLES[row.kind].format(
        clock=row.clock, lead=row.lead, to=details.get("to"), after=_words(details.get("after"))
    )
    lines = [_sentence(row)]
    if details.get("says"):
        lines.append(f"The promise of {details['promised_by']}: {str(details['says']).rstrip('.')}.")
    known = [f"{name} {details[name]}" for name in ("owner", "team", "account", "source") if details.get(name)]
    if known:
        lines.append("Lead: " + ", ".join(known) + ".")
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


def _sentence(row: AlertRow) -> str:
    details = row.details
    if row.kind == "corrected":
        ended = _when(details, "ended_at")
        at = f" at {ended}" if ended else ""
        return (
            f"It was told as {_words(details.get('before'))}; an event that reached us late shows that it is "
            f"{_words(details.get('after'))}{at}. What was told before is taken back."
        )
    allowed = f"{details.get('within')} of calendar {details.get('calendar')}"
    due = _when(details, "due_at")
    if not due:
        return f"It is paused; some of the {allowed} is left."
    if _is_past_due(details):
        return f"Was due {due}: the {allowed} has passed."
    return f"Due {due}: some of the {allowed} is left."


def _is_past_due(details: Mapping[str, object]) -> bool:
    # A charter may escalate before the time is over.
    at, due_at = details.get("at"), details.get("due_at")
    return isinstance(at, int) and isinstance(due_at, int) and at > due_at


def _words(verdict: object) -> str:
    return "not owed at all" if verdict == "none" else str(verdict).replace("_", " ")


def _when(details: Mapping[str, object], name: str) -> str:
    """The instant of that name in the zone of the clock's calendar; empty where there is none."""
    instant = details.get(name)
    if not isinstance(instant, int):
        return ""
    return to_datetime(instant).astimezone(ZoneInfo(str(details["timezone"]))).strftime("%a %d %b %Y %H:%M %Z")


def _line(text: str) -> str:
    """The text on one line: what a CRM calls a lead or its owner cannot add lines, nor order a terminal about."""
    return "".join(each if each.isprintable() else " " for each in text)

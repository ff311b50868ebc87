"""The words of an alert."""

from collections.abc import Mapping
from urllib.parse import quote
from zoneinfo import ZoneInfo

from services.domain.instants import Instant, to_datetime
from services.ports import Message
from services.storage import AlertRow

_TITLES: Mapping[str, str] = {
    "at_risk": "At risk: {clock} on {lead}",
    "overdue": "Overdue: {clock} on {lead}",
    "escalated": "Escalated to {to}: {clock} on {lead}",
    "corrected": "Corrected: {clock} on {lead} is {after}",
}


def message(row: AlertRow, board_url: str) -> Message:
    """The message of an alert, with a link to the lead's page."""
    details = row.details
    title = _TITLES[row.kind].format(
        clock=row.clock, lead=row.lead, to=details.get("to"), after=_words(details.get("after"))
    )
    lines = [_sentence(row)]
    if details.get("says"):
        lines.append(f"The promise of {details['promised_by']}: {details['says']}.")
    known = [f"{name} {details[name]}" for name in ("owner", "team", "account", "source") if details.get(name)]
    if known:
        lines.append("Lead: " + ", ".join(known) + ".")
    lines.append(f"{board_url}/leads/{quote(row.lead, safe='')}")
    return Message(row.transition, row.kind, title, "\n".join(lines), row.lead)


def _sentence(row: AlertRow) -> str:
    details = row.details
    due = _when(details.get("due_at"), details.get("timezone"))
    if row.kind == "corrected":
        ended = _when(details.get("ended_at"), details.get("timezone"))
        at = f" at {ended}" if ended else ""
        return (
            f"It was told as {_words(details.get('before'))}; an event that reached us late shows that it is "
            f"{_words(details.get('after'))}{at}. What was told before is taken back."
        )
    allowed = f"{details.get('within')} of calendar {details.get('calendar')}"
    if row.kind == "at_risk":
        return f"Due {due}: most of the {allowed} has passed."
    return f"Was due {due}: the {allowed} has passed."


def _words(verdict: object) -> str:
    return "not owed at all" if verdict == "none" else str(verdict).replace("_", " ")


def _when(instant: object, timezone: object) -> str:
    if not isinstance(instant, int):
        return ""
    return _local(instant, ZoneInfo(str(timezone)))


def _local(instant: Instant, zone: ZoneInfo) -> str:
    return to_datetime(instant).astimezone(zone).strftime("%a %d %b %Y %H:%M %Z")

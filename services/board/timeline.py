"""One timeline of a lead: what marketing, sales, the customer and the system did, before and after each handoff."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from itertools import groupby

from services.board.languages import Language, marked
from services.board.reasons import status_words
from services.board.said import capital, happened
from services.board.times import MINUTE, Times
from services.domain.clocks import Kind, Status
from services.domain.events import Event, EventType
from services.domain.instants import Instant
from services.domain.silences import HANDOFF
from services.storage import HandoffRow, TransitionRow
from services.views import LeadFile


class Sort(IntEnum):
    """What an entry is; at one instant an event comes first, then what follows from it."""

    EVENT = 1
    HANDOFF = 2
    TRANSITION = 3


class Party(StrEnum):
    """Who did it."""

    MARKETING = "marketing"
    SALES = "sales"
    CUSTOMER = "customer"
    SYSTEM = "system"


_PARTIES: Mapping[Party, str] = {
    Party.MARKETING: marked("Marketing"),
    Party.SALES: marked("Sales"),
    Party.CUSTOMER: marked("Customer"),
    Party.SYSTEM: marked("Baton"),
}
_OF_ONE_PARTY: Mapping[EventType, Party] = {
    EventType.LEAD_CAPTURED: Party.MARKETING,
    EventType.LEAD_HANDED_OFF: Party.MARKETING,
    EventType.FEEDBACK_ANSWERED: Party.MARKETING,
    EventType.LEAD_ASSIGNED: Party.SALES,
    EventType.LEAD_ACCEPTED: Party.SALES,
    EventType.LEAD_TOUCHED: Party.SALES,
    EventType.LEAD_QUALIFIED: Party.SALES,
    EventType.DEAL_OPENED: Party.SALES,
    EventType.DEAL_MOVED: Party.SALES,
    EventType.DEAL_WON: Party.SALES,
    EventType.DEAL_LOST: Party.SALES,
    EventType.FEEDBACK_GIVEN: Party.SALES,
    EventType.LEAD_REJECTED: Party.SALES,
    EventType.LEAD_RECYCLED: Party.SALES,
    EventType.LEAD_MERGED: Party.SYSTEM,
    EventType.LEAD_ERASED: Party.CUSTOMER,
}
"""Those that are not here (updates, pauses) are by whoever has the lead then."""
_TOLD: Mapping[str, str] = {
    "started": marked("Clock %(clock)s %(number)s: started"),
    "at_risk": marked("Clock %(clock)s %(number)s: at risk"),
    "overdue": marked("Clock %(clock)s %(number)s: overdue"),
    "escalated": marked("Clock %(clock)s %(number)s: escalated, level %(level)s"),
    "met": marked("Clock %(clock)s %(number)s: met"),
    "missed": marked("Clock %(clock)s %(number)s: missed"),
    "cancelled": marked("Clock %(clock)s %(number)s: cancelled"),
    "paused": marked("Clock %(clock)s %(number)s: paused"),
    "resumed": marked("Clock %(clock)s %(number)s: resumed"),
    "corrected": marked("Clock %(clock)s %(number)s: corrected from %(before)s to %(after)s"),
}
_STALL_VERDICTS: Mapping[str | None, str] = {"stalled": marked("stalled"), "open": marked("open")}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `facts` are names and values as they came, to be escaped by whoever shows them."""

    at: Instant
    sort: Sort
    kind: str
    """The event's or transition's type, or `opened` and `closed`."""
    title: str
    party: Party = Party.SYSTEM
    facts: Sequence[tuple[str, str]] = ()
    note: str = ""
    is_taken_back: bool = False


def party_words(language: Language) -> dict[Party, str]:
    """What each party is called."""
    return {party: language.gettext(words) for party, words in _PARTIES.items()}


def entries(file: LeadFile, times: Times) -> list[Entry]:
    """All that has happened by `times.now`, in order."""
    every = [
        *(_event(event, _party(event, file.handoffs), times.language) for event in file.events),
        *(_foreign(event, owner, times.language) for event, owner in file.foreign_deals),
        *(entry for handoff in file.handoffs for entry in _handoff(handoff, times.language)),
        *(_transition(transition, times) for transition in file.transitions),
    ]
    return sorted((entry for entry in every if entry.at <= times.now), key=lambda entry: (entry.at, entry.sort))


def days_newest_first(ordered: Iterable[Entry], times: Times) -> list[tuple[str, list[Entry]]]:
    """The entries by day of the zone, the newest first."""
    newest_first = reversed(list(ordered))
    return [(day, list(entries)) for day, entries in groupby(newest_first, key=lambda entry: times.day(entry.at))]


def facts(data: Mapping[str, object], language: Language) -> Iterator[tuple[str, str]]:
    """Names and values as text; nested ones by a dotted name, unknown ones left out."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            prefix = "" if name == "attributes" else f"{name}."
            yield from ((f"{prefix}{inner}", text) for inner, text in facts(value, language))
        elif value is not None:
            yield name, text_of(value, language)


def text_of(value: object, language: Language) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return language.gettext("yes") if value else language.gettext("no")
    if isinstance(value, list):
        return ", ".join(text_of(each, language) for each in value)
    return str(value)


def _party(event: Event, handoffs: Sequence[HandoffRow]) -> Party:
    if event.type is EventType.LEAD_TOUCHED and event.data.get("direction") == "inbound":
        return Party.CUSTOMER
    if event.type in _OF_ONE_PARTY:
        return _OF_ONE_PARTY[event.type]
    is_handed_off = any(
        each.opened_at <= event.time and (each.closed_at is None or event.time <= each.closed_at) for each in handoffs
    )
    return Party.SALES if is_handed_off else Party.MARKETING


def _event(event: Event, party: Party, language: Language) -> Entry:
    return Entry(
        at=event.time,
        sort=Sort.EVENT,
        kind=event.type.wire,
        title=capital(happened(event.type.wire, language)),
        party=party,
        facts=tuple(facts(event.data, language)),
        note=language.gettext("from %(source)s", source=event.source),
    )


def _foreign(event: Event, owner: str, language: Language) -> Entry:
    """A deal's event that names this lead; it counts for the lead that the deal belongs to."""
    entry = _event(event, Party.SALES, language)
    note = language.gettext(
        "%(note)s; the deal belongs to %(owner)s, which was named first", note=entry.note, owner=owner
    )
    return replace(entry, note=note)


def _handoff(row: HandoffRow, language: Language) -> Iterator[Entry]:
    title = language.gettext("Handoff %(number)s opened", number=row.number)
    yield Entry(row.opened_at, Sort.HANDOFF, "opened", title)
    if row.closed_at is not None:
        outcome = happened(row.outcome, language) if row.outcome is not None else language.gettext("ended")
        title = language.gettext("Handoff %(number)s closed: %(outcome)s", number=row.number, outcome=outcome)
        because = ((language.gettext("reason"), row.reason),) if row.reason else ()
        yield Entry(row.closed_at, Sort.HANDOFF, "closed", title, facts=because)


def told(row: TransitionRow, times: Times) -> str:
    """What was told of a clock or of a handoff: `Clock accept 1: overdue`."""
    language = times.language
    kind, _, level = row.name.partition("/")
    values = {
        "clock": row.clock,
        "number": row.number,
        "level": level,
        "before": verdict(row.before, language),
        "after": verdict(row.after, language),
    }
    if kind == Kind.STALLED:
        since = times.moment(int(level or 0))
        return language.gettext("Handoff %(number)s: stalled, no event since %(since)s", since=since, **values)
    if row.clock == HANDOFF:
        return language.gettext("Handoff %(number)s: corrected from %(before)s to %(after)s", **values)
    return language.gettext(_TOLD[Kind(kind).value], **values)


def _transition(row: TransitionRow, times: Times) -> Entry:
    language = times.language
    kind = row.name.partition("/")[0]
    # Told later than it happened: a late event, or a service that was away. People should see which they knew when.
    later = language.gettext("told %(moment)s", moment=times.moment(row.told_at))
    return Entry(
        row.at,
        Sort.TRANSITION,
        kind,
        told(row, times),
        facts=((language.gettext("shown by"), row.because),) if row.because else (),
        note=later if row.told_at - row.at >= MINUTE else "",
        is_taken_back=not row.standing,
    )


def verdict(name: str | None, language: Language) -> str:
    """A verdict within a sentence: `at risk`."""
    if name in _STALL_VERDICTS:
        return language.gettext(_STALL_VERDICTS[name])
    if name is None or name not in set(Status):
        return name.replace("_", " ") if name else language.gettext("unknown")
    return status_words(language)[Status(name)].lower()

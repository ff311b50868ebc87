"""The charter as people read it: what each side promises, when time counts, what words mean, and how it came to be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date, get_day_names

from schemas import charter_times
from schemas.charter import CalendarPart, CharterDocument
from services.board.charter_changes import Change, changes
from services.board.languages import Language, marked
from services.domain.charter import Charter, Charters, Clock, Side
from services.domain.instants import Instant

_MEASURES: Mapping[str, str] = {
    "handoffs": marked("leads handed over"),
    "accepted": marked("leads accepted"),
    "rejected": marked("leads rejected"),
    "touched": marked("handed-over leads contacted"),
    "untouched": marked("handed-over leads without a contact"),
    "qualified": marked("leads qualified"),
    "opportunities": marked("leads with a deal opened"),
    "won": marked("leads won"),
    "lost": marked("leads lost"),
    "recycled": marked("leads back with marketing"),
    "conversations": marked("conversations with leads"),
    "won_amount": marked("amount won"),
    "accept_rate": marked("share of decided leads that are accepted"),
    "contact_rate": marked("share of handed-over leads that are contacted"),
    "win_rate": marked("share of ended deals that are won"),
    "close_rate": marked("share of conversations that lead to a win"),
    "new_customer_share": marked("share of the won amount from new customers"),
    "completeness": marked("share of leads that are handed over complete"),
    "feedback_rate": marked("share of closed handoffs with a verdict or a reason"),
    "attainment": marked("share of promises kept in time"),
}
_PERIODS: Mapping[str, str] = {
    "week": marked("every week"),
    "month": marked("every month"),
    "quarter": marked("every quarter"),
    "year": marked("every year"),
}


@dataclass(frozen=True, slots=True)
class Version:
    """One version in the history."""

    name: str
    effective_from: Instant
    agreed: Sequence[tuple[str, str, date]]
    """Side, who agreed for it, and when."""
    is_in_force: bool
    is_shown: bool
    changes: Sequence[Change]
    """From the version before."""
    is_first: bool


@dataclass(frozen=True, slots=True)
class CharterPage:
    """The page of one version."""

    document: CharterDocument
    charter: Charter
    promises: Sequence[tuple[Side, Sequence[Clock]]]
    calendars: Mapping[str, Sequence[tuple[str, str]]]
    """By the calendar's name: days of the week and their hours."""
    versions: Sequence[Version]
    """The newest first."""


def gather(
    documents: Sequence[CharterDocument], charters: Charters, shown: str, now: Instant, language: Language
) -> CharterPage | None:
    """The page of the version `shown`; None where there is no such version. `documents` are in order of their dates."""
    document = next((each for each in documents if each.version == shown), None)
    charter = charters.by_version.get(shown)
    if document is None or charter is None:
        return None
    return CharterPage(
        document=document,
        charter=charter,
        promises=[
            (side, [clock for clock in charter.clocks.values() if clock.promised_by is side])
            for side in (Side.MARKETING, Side.SALES)
        ],
        calendars={name: list(_hours(part, language)) for name, part in document.calendars.items()},
        versions=list(_versions(documents, charters, shown, now))[::-1],
    )


def measure_words(measure: str, language: Language) -> str:
    """What is counted."""
    return language.gettext(_MEASURES[measure])


def per_words(period: str, language: Language) -> str:
    """How often: `every quarter`."""
    return language.gettext(_PERIODS[period])


def day_words(day: date, language: Language) -> str:
    """A date of the charter: `21 Sep 2026`."""
    return format_date(day, "d MMM y", locale=language.locale)


def _versions(documents: Sequence[CharterDocument], charters: Charters, shown: str, now: Instant) -> Iterator[Version]:
    in_force = charters.in_force(now)
    before: CharterDocument | None = None
    for document in documents:
        charter = charters.by_version.get(document.version)
        if charter is None:
            continue
        yield Version(
            name=document.version,
            effective_from=charter.effective_from,
            agreed=[(each.side, each.by, each.on) for each in document.agreed],
            is_in_force=charter is in_force,
            is_shown=document.version == shown,
            changes=changes(before, document) if before is not None else (),
            is_first=before is None,
        )
        before = document


def _hours(calendar: CalendarPart, language: Language) -> Iterator[tuple[str, str]]:
    names = get_day_names("abbreviated", locale=language.locale)
    for text, windows in calendar.hours.items():
        days = [
            "–".join(str(names[day]) for day in dict.fromkeys((each[0], each[-1])))
            for part in text.split(",")
            if (each := list(charter_times.weekdays(part)))
        ]
        yield ", ".join(days), ", ".join(windows) or language.gettext("closed")

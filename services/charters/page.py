"""A charter as a page that a head of sales can read and sign: sections of sentences, before any markup."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from schemas.charter import CalendarPart, CharterDocument, ClockPart, Commitment, Goal, Holidays, TargetPart
from services.charters import words
from services.charters.build import build_when
from services.charters.country import country_name, public_holidays
from services.domain.charter import Side
from services.domain.durations import Duration, parse_duration

NO_TIME = Duration(days=0, seconds=0)
COMING = timedelta(days=365)
"""How far ahead closed and opened dates are listed."""


@dataclass(frozen=True, slots=True)
class Item:
    """One point: what it is called, what it says, and details."""

    name: str
    text: str
    details: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it."""

    title: str
    paragraphs: Sequence[str] = ()
    items: Sequence[Item] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """A side, and who signed for it and when, as far as it did."""

    side: str
    by: str = ""
    on: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """The whole charter in words."""

    title: str
    summary: str
    sections: Sequence[Section] = field(default_factory=tuple)
    signatures: Sequence[Signature] = field(default_factory=tuple)


def make_page(document: CharterDocument, today: date) -> Page:
    """The page; `today` is where the coming dates begin."""
    sections = (section for section in _sections(document, today) if section.paragraphs or section.items)
    return Page(
        title=f"Charter {document.version} between marketing and sales",
        summary=_summary(document),
        sections=tuple(sections),
        signatures=tuple(_signatures(document)),
    )


def _summary(document: CharterDocument) -> str:
    missing = [side for side in Side if side not in {agreement.side for agreement in document.agreed}]
    start = f"It is in force from {words.moment_in_words(document.effective_from)}"
    if not missing:
        return f"{start}."
    verb = "have" if len(missing) > 1 else "has"
    return f"This is a draft: {words.listed(missing)} {verb} not agreed yet. {start}, once both sides have."


def _sections(document: CharterDocument, today: date) -> Iterator[Section]:
    yield Section("Strategy", [words.tidy(document.strategy)] if document.strategy else [])
    for side in (Side.MARKETING, Side.SALES):
        yield Section(f"What {side} promises", items=tuple(_promises(document, side)))
    yield Section("Goals of both", items=[Item(goal.name, _goal(goal), _goal_details(goal)) for goal in document.goals])
    yield Section(
        "When time counts",
        ["Promises are timed on these calendars; time outside their hours is not counted."],
        [Item(name, _calendar(part), _coming_dates(part, today)) for name, part in document.calendars.items()],
    )
    yield Section("When a lead is stalled", _stalled(document))
    yield Section(
        "Reasons to reject a lead",
        items=[
            Item(name, words.tidy(reason.means), [f"Then: {words.tidy(reason.action)}"] if reason.action else [])
            for name, reason in document.reasons.items()
        ],
    )
    yield Section(
        "When both teams meet",
        items=[Item(name, f"every {ceremony.every}") for name, ceremony in document.ceremonies.items()],
    )
    yield Section("Client teams", items=tuple(_client_teams(document)))
    yield Section(
        "How we work together",
        items=[Item(name, f"shown by {words.tidy(each.evidence)}") for name, each in document.principles.items()],
    )
    yield Section("Words", items=[Item(name, words.tidy(text)) for name, text in document.glossary.items()])


def _promises(document: CharterDocument, side: Side) -> Iterator[Item]:
    for name, clock in document.clocks.items():
        if clock.promised_by is side:
            yield Item(name, _clock(clock, document), tuple(_clock_details(clock)))
    for name, commitment in document.commitments.items():
        if commitment.promised_by is side:
            yield Item(name, _commitment(commitment))


def _clock(clock: ClockPart, document: CharterDocument) -> str:
    says = words.tidy(clock.says or "").rstrip(".") or _unsaid(clock)
    last = len(clock.targets) - 1
    targets = [
        ("otherwise " if number == last and last else "") + _target(target, clock, document)
        for number, target in enumerate(clock.targets)
    ]
    objective = f"; {words.percent(clock.objective)} of the time" if clock.objective is not None else ""
    return f"{says}: {', '.join(targets)}{objective}."


def _unsaid(clock: ClockPart) -> str:
    return f"From when {words.events_in_words(clock.starts_on)} to when {words.events_in_words(clock.stops_on)}"


def _target(target: TargetPart, clock: ClockPart, document: CharterDocument) -> str:
    name = target.calendar or clock.calendar or ""
    round_the_clock = words.is_round_the_clock(document.calendars[name])
    time = "round the clock" if round_the_clock else f"of {name} time"
    condition = f" when {words.tidy(str(build_when(target.when)))}" if target.when else ""
    return f"within {words.duration_in_words(target.within)} {time}{condition}"


def _clock_details(clock: ClockPart) -> Iterator[str]:
    yield f"Time starts when {words.events_in_words(clock.starts_on)}."
    yield f"The promise is kept when {words.events_in_words(clock.stops_on)}."
    if clock.restarts_on:
        yield f"Time starts anew when {words.events_in_words(clock.restarts_on)}."
    if clock.cancelled_by:
        yield f"Nothing is owed any more when {words.events_in_words(clock.cancelled_by)}."
    if clock.pausable:
        yield "While the lead is paused, no time is counted."
    told = [f"{words.tidy(step.to)} is told at {words.percent(step.at)}" for step in clock.escalate]
    yield "; ".join([f"It is at risk from {words.percent(clock.at_risk)} of the time", *told]) + "."
    if parse_duration(clock.settle) != NO_TIME:
        yield f"Nobody is alerted until it is {words.duration_in_words(clock.settle)} late."


def _commitment(commitment: Commitment) -> str:
    measure = words.measure_in_words(commitment.measure, commitment.at_least, clock=commitment.attainment)
    known = f" (with {words.tidy(words.listed(commitment.fields))} known)" if commitment.fields else ""
    return f"Every {commitment.per} at least {measure}{known}."


def _goal(goal: Goal) -> str:
    says = f"{words.tidy(goal.says).rstrip('.')}: " if goal.says else ""
    measure = words.measure_in_words(goal.measure, goal.target, currency=goal.currency, clock=goal.attainment)
    where = f", where {words.tidy(str(build_when(goal.where)))}" if goal.where else ""
    return f"{says}{measure} every {goal.per}{where}."


def _goal_details(goal: Goal) -> list[str]:
    details = [f"{side.capitalize()} gives {words.tidy(text)}." for side, text in goal.contributes.items()]
    if goal.targets:
        months = [f"{words.number_in_words(target)} in {month}" for month, target in sorted(goal.targets.items())]
        details.insert(0, f"Of it {words.listed(months)}.")
    return [*details, f"It serves the goal {words.tidy(goal.parent)}."] if goal.parent else details


def _calendar(calendar: CalendarPart) -> str:
    hours = "round the clock" if words.is_round_the_clock(calendar) else words.week_in_words(calendar)
    holidays = calendar.holidays or Holidays()
    region = f" ({holidays.subdivision})" if holidays.subdivision else ""
    closed = f" Closed on the public holidays of {country_name(holidays.country)}{region}." if holidays.country else ""
    day = f' "1 day" means {words.duration_in_words(calendar.day)} of it.' if calendar.day else ""
    return f"{hours}, by the clocks of {calendar.timezone}.{closed}{day}"


def _coming_dates(calendar: CalendarPart, today: date) -> list[str]:
    holidays = calendar.holidays or Holidays()
    said: dict[date, str] = {}
    if holidays.country is not None:
        names = public_holidays(holidays.country, holidays.subdivision)
        said.update({day: f"closed ({name})" for day, name in names.items()})
    said.update({day: "closed" for day in holidays.closed if day not in said})
    said.update({day: f"open {words.hours_in_words(hours)}" for day, hours in holidays.open.items()})
    coming = sorted(day for day in said if today <= day < today + COMING)
    return [f"{words.day_in_words(day)}: {said[day]}" for day in coming]


def _stalled(document: CharterDocument) -> list[str]:
    overdue = "A handed-over lead is stalled as soon as a promise of sales on it is overdue"
    stalled = document.stalled_after
    if stalled is None:
        return [f"{overdue}."]
    time = f"{words.duration_in_words(stalled.time)} of {stalled.calendar} time"
    return [f"{overdue}, or when nothing has happened to it for {time}."]


def _client_teams(document: CharterDocument) -> Iterator[Item]:
    for name, team in document.client_teams.items():
        details = [
            f"{side.capitalize()}: {words.tidy(words.listed(people))}."
            for side, people in team.members.items()
            if people
        ]
        if team.alerts:
            details.append(f"Alerts go to {words.tidy(team.alerts)}.")
        yield Item(name, f"looks after {words.tidy(words.listed(team.accounts))}.", details)


def _signatures(document: CharterDocument) -> Iterator[Signature]:
    for side in (Side.MARKETING, Side.SALES):
        signed = [each for each in document.agreed if each.side is side]
        for each in signed:
            yield Signature(f"For {side}", words.tidy(each.by), words.date_in_words(each.on))
        if not signed:
            yield Signature(f"For {side}")

"""How the parts of a charter are said in plain English: durations, shares, hours, events, measures, dates."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from schemas import charter_times as times
from schemas.charter import AMOUNTS, CalendarPart, Holidays, TriggerPart
from services.charters.build import build_when
from services.domain.calendar import MINUTES_A_DAY

_UNITS = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second"}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_EVENTS = {
    "lead.captured": "a lead comes in",
    "lead.updated": "something about the lead changes",
    "lead.handed_off": "marketing hands the lead over",
    "lead.assigned": "the lead gets an owner",
    "lead.paused": "the lead is paused",
    "lead.resumed": "the lead is resumed",
    "lead.accepted": "sales accepts the lead",
    "lead.touched": "sales and the lead are in touch",
    "lead.qualified": "sales qualifies the lead",
    "deal.opened": "a deal is opened",
    "deal.moved": "a deal moves to another stage",
    "feedback.given": "sales gives feedback",
    "lead.rejected": "sales rejects the lead",
    "feedback.answered": "marketing answers a rejection",
    "feedback.settled": "a dispute is settled",
    "deal.won": "a deal is won",
    "deal.lost": "a deal is lost",
    "lead.recycled": "the lead goes back to marketing",
    "lead.withdrawn": "the lead is withdrawn",
    "lead.merged": "the lead turns out to be another one",
    "lead.erased": "the person asks to be forgotten",
    "ceremony.held": "the teams meet",
}

# After a number ("400 leads handed over") or a share ("70 % of the leads ... are accepted").
_MEASURES = {
    "handoffs": "leads handed over",
    "accepted": "leads accepted",
    "rejected": "leads rejected",
    "touched": "handed-over leads contacted",
    "untouched": "handed-over leads without a contact",
    "qualified": "leads qualified",
    "opportunities": "leads with a deal opened",
    "won": "leads won",
    "lost": "leads lost",
    "recycled": "leads back with marketing",
    "conversations": "conversations with leads",
    "won_amount": "won",
    "accept_rate": "of the leads that sales decides on are accepted",
    "contact_rate": "of the leads handed over are contacted",
    "win_rate": "of the leads won or lost are won",
    "close_rate": "of the conversations lead to a win",
    "new_customer_share": "of the won amount comes from new customers",
    "completeness": "of the leads are handed over complete",
    "feedback_rate": "of the closed handoffs have a verdict or a reason",
    "attainment": "of the promises are kept in time",
}


def tidy(text: str) -> str:
    """The text on one line, without characters that a terminal might obey."""
    return "".join(each for each in " ".join(text.split()) if each.isprintable())


def listed(words: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    several = list(words)
    return f" {last} ".join(filter(None, (", ".join(several[:-1]), *several[-1:])))


def duration_in_words(text: str) -> str:
    """`1d4h` as `1 day 4 hours`."""
    parts = re.findall(r"(\d+)([wdhms])", text)
    return " ".join(f"{int(amount)} {_UNITS[unit]}{'' if int(amount) == 1 else 's'}" for amount, unit in parts)


def percent(share: Decimal) -> str:
    """A share as `95 %`."""
    return f"{number_in_words(share * 100)} %"


def events_in_words(triggers: Sequence[TriggerPart]) -> str:
    """The events of a list, any of which will do."""
    said = []
    for trigger in triggers:
        condition = f" (where {build_when(trigger.when)})" if trigger.when else ""
        said.append(_EVENTS[trigger.type] + condition)
    return tidy(listed(said, "or"))


def measure_in_words(measure: str, amount: Decimal, *, currency: str | None = None, clock: str | None = None) -> str:
    """How much of a measure, as `400 leads handed over` or `70 % of the leads that sales decides on are accepted`."""
    words = _MEASURES[measure]
    if measure == "attainment":
        words = f'of the promises "{clock}" are kept in time'
    if measure in AMOUNTS:
        return f"{number_in_words(amount)} {currency} {words}" if currency else f"{number_in_words(amount)} {words}"
    return f"{percent(amount) if words.startswith('of ') else number_in_words(amount)} {words}"


def is_round_the_clock(calendar: CalendarPart) -> bool:
    """Whether the calendar counts all time."""
    days = {day for text, hours in calendar.hours.items() if hours == ["00:00-24:00"] for day in times.weekdays(text)}
    return len(days) == len(_DAYS) and calendar.holidays in (None, Holidays())


def week_in_words(calendar: CalendarPart) -> str:
    """The hours of a week."""
    return ", ".join(f"{_weekdays(text)} {hours_in_words(hours)}" for text, hours in calendar.hours.items())


def hours_in_words(windows: Sequence[str]) -> str:
    """The hours of a day."""
    said = []
    for text in windows:
        start, _, end = text.partition("-")
        overnight = times.window(text).end > MINUTES_A_DAY
        said.append(f"{start} to {end}{' of the next day' if overnight else ''}")
    return listed(said) or "closed"


def day_in_words(day: date) -> str:
    """`Thursday, 24 December 2026`."""
    return f"{_DAYS[day.weekday()]}, {date_in_words(day)}"


def date_in_words(day: date) -> str:
    """`24 December 2026`."""
    return f"{day.day} {day.strftime('%B')} {day.year}"


def moment_in_words(moment: datetime) -> str:
    """`1 October 2026, 00:00 (UTC+02:00)`."""
    return f"{date_in_words(moment)}, {moment.strftime('%H:%M')} ({moment.tzinfo})"


def _weekdays(text: str) -> str:
    said = []
    for part in text.split(","):
        days = [_DAYS[day] for day in times.weekdays(part)]
        said.append(f"{days[0]} to {days[-1]}" if len(days) > 1 else days[0])
    return listed(said)


def number_in_words(amount: Decimal) -> str:
    """`1 200 000`, `0.5`."""
    text = f"{amount:,f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace(",", " ")

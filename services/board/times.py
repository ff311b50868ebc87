"""How instants, durations, numbers and shares are written for a reader: in one zone and language, at one instant."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import floor

from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal

from services.board.languages import ENGLISH, Language
from services.domain.charter import Charter
from services.domain.instants import DAY, SECOND, Instant, to_datetime

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def zone_of(charter: Charter) -> tzinfo:
    """The zone of the charter's first calendar, in which pages show times and periods begin."""
    return next((calendar.zone for calendar in charter.calendars.values()), UTC)


def duration(length: int, language: Language = ENGLISH) -> str:
    """A stretch of counted time: `1 h 12 min`, `15 min 3 s`. Never in days: how long one is, the calendar says."""
    hours, rest = divmod(length, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds = rest // SECOND
    parts = [(hours, _hours), (minutes, _minutes), (0 if hours else seconds, _seconds)]
    return " ".join(unit(str(amount), language) for amount, unit in parts if amount) or _seconds("0", language)


def gap(length: int, language: Language = ENGLISH) -> str:
    """A stretch of time on the wall, by its two largest units; the page's script counts in the same words."""
    length = abs(length)
    if length >= DAY:
        return f"{_days(str(length // DAY), language)} {_hours(str(length % DAY // HOUR), language)}"
    if length >= HOUR:
        return f"{_hours(str(length // HOUR), language)} {_minutes(f'{length % HOUR // MINUTE:02}', language)}"
    if length >= MINUTE:
        return f"{_minutes(str(length // MINUTE), language)} {_seconds(f'{length % MINUTE // SECOND:02}', language)}"
    return _seconds(str(length // SECOND), language)


def units(language: Language) -> str:
    """The units of `gap` for the page's script: days, hours, minutes and seconds, with a bar between them."""
    return "|".join(unit("{}", language) for unit in (_days, _hours, _minutes, _seconds))


def _days(amount: str, language: Language) -> str:
    return language.gettext("%(amount)s d", amount=amount)


def _hours(amount: str, language: Language) -> str:
    return language.gettext("%(amount)s h", amount=amount)


def _minutes(amount: str, language: Language) -> str:
    return language.gettext("%(amount)s min", amount=amount)


def _seconds(amount: str, language: Language) -> str:
    return language.gettext("%(amount)s s", amount=amount)


def percent(share: float | Fraction | Decimal | None, language: Language = ENGLISH) -> str:
    """`94.9 %`, rounded down: a promise that is not quite kept is not shown as kept. `-` where there is none."""
    if share is None:
        return "-"
    # 0.29 is a little less than 29 % in binary; it must not be shown as 28.9 %.
    tenths = floor(float(share) * 1000 + 1e-9)
    return f"{number(Decimal(tenths) / 10, language)} %"


def number(value: Decimal | float, language: Language = ENGLISH) -> str:
    """A number with the language's separators."""
    return format_decimal(value, locale=language.locale)


def money(amount: object, currency: str | None, language: Language = ENGLISH) -> str:
    """An amount of a currency, by its code; the amount as it came where it is no number."""
    try:
        value = Decimal(str(amount))
        if not value.is_finite():
            return str(amount)
    except InvalidOperation:
        return str(amount)
    if currency is None:
        return number(value, language)
    return format_currency(value, currency, "#,##0.##\u00a0¤¤", locale=language.locale, currency_digits=False)


@dataclass(frozen=True, slots=True)
class Times:
    """Writes instants in `zone` and `language`, with the year where it is not that of `now`."""

    zone: tzinfo
    now: Instant
    language: Language = ENGLISH

    def local(self, instant: Instant) -> datetime:
        """The instant as a datetime of the zone."""
        return to_datetime(instant).astimezone(self.zone)

    def moment(self, instant: Instant) -> str:
        """`Mon 12 Oct 10:42`."""
        is_this_year = self.local(instant).year == self.local(self.now).year
        return self._written(instant, "EEE d MMM HH:mm" if is_this_year else "EEE d MMM y HH:mm")

    def date(self, instant: Instant) -> str:
        """`12 Oct 2026`."""
        return self._written(instant, "d MMM y")

    def day(self, instant: Instant) -> str:
        """`Monday 12 October 2026`, the heading of a day."""
        return self._written(instant, "EEEE d MMMM y")

    def short_day(self, instant: Instant) -> str:
        """`Mon 12`, below an axis."""
        return self._written(instant, "EEE d")

    def short_date(self, instant: Instant) -> str:
        """`12 Oct`, below an axis."""
        return self._written(instant, "d MMM")

    def hour(self, instant: Instant) -> str:
        """`10:42`, below an axis."""
        return self._written(instant, "HH:mm")

    def month(self, instant: Instant) -> str:
        """`October 2026`."""
        return self._written(instant, "LLLL y")

    def of_day(self, instant: Instant) -> str:
        """`10:42:07`."""
        return self._written(instant, "HH:mm:ss")

    @property
    def zone_name(self) -> str:
        """`Europe/Warsaw`."""
        return str(self.zone)

    def _written(self, instant: Instant, pattern: str) -> str:
        return format_datetime(self.local(instant), pattern, locale=self.language.locale)

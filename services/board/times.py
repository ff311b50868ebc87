"""How instants, durations and shares are written for people: in one zone, as seen at one instant."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from math import floor

from services.domain.charter import Charter
from services.domain.instants import DAY, SECOND, Instant, to_datetime

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def zone_of(charter: Charter) -> tzinfo:
    """The zone of the charter's first calendar, in which pages show times and periods begin."""
    return next((calendar.zone for calendar in charter.calendars.values()), UTC)


def duration(length: int) -> str:
    """A stretch of counted time: `1 h 12 min`, `15 min 3 s`. Never in days: how long one is, the calendar says."""
    hours, rest = divmod(length, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds = rest // SECOND
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    parts.append(f"{seconds} s" if seconds and not hours else "")
    return " ".join(part for part in parts if part) or "0 s"


def gap(length: int) -> str:
    """A stretch of time on the wall, by its two largest units; the page's script counts in the same words."""
    length = abs(length)
    if length >= DAY:
        return f"{length // DAY} d {length % DAY // HOUR} h"
    if length >= HOUR:
        return f"{length // HOUR} h {length % HOUR // MINUTE:02} min"
    if length >= MINUTE:
        return f"{length // MINUTE} min {length % MINUTE // SECOND:02} s"
    return f"{length // SECOND} s"


def percent(share: float | None) -> str:
    """`94.9 %`, rounded down: a promise that is not quite kept is not shown as kept. `-` where there is none."""
    if share is None:
        return "-"
    # 0.29 is a little less than 29 % in binary; it must not be shown as 28.9 %.
    tenths = floor(share * 1000 + 1e-9)
    return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths / 10:.1f} %"


@dataclass(frozen=True, slots=True)
class Times:
    """Writes instants in `zone`, with the year where it is not that of `now`."""

    zone: tzinfo
    now: Instant

    def local(self, instant: Instant) -> datetime:
        """The instant as a datetime of the zone."""
        return to_datetime(instant).astimezone(self.zone)

    def moment(self, instant: Instant) -> str:
        """`Mon 12 Oct 10:42`."""
        local = self.local(instant)
        year = "" if local.year == self.local(self.now).year else f" {local.year}"
        return f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M}"

    def date(self, instant: Instant) -> str:
        """`12 Oct 2026`."""
        local = self.local(instant)
        return f"{local.day} {local:%b %Y}"

    def day(self, instant: Instant) -> str:
        """`Monday 12 October 2026`, the heading of a day."""
        local = self.local(instant)
        return f"{local:%A} {local.day} {local:%B %Y}"

    def of_day(self, instant: Instant) -> str:
        """`10:42:07`."""
        return f"{self.local(instant):%H:%M:%S}"

    @property
    def zone_name(self) -> str:
        """`Europe/Warsaw`."""
        return str(self.zone)

"""Instants: whole microseconds since 1970-01-01T00:00:00Z, as plain integers (exact, quick to compare)."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

Instant = int
"""Microseconds since the epoch, UTC."""

SECOND = 1_000_000
DAY = 86_400 * SECOND

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
_MICROSECOND = timedelta(microseconds=1)

EARLIEST: Instant = 0
LATEST: Instant = 7_258_118_400 * SECOND
"""2200-01-01: no CRM record is older than 1970 or newer than this; what says so is a mistake of its sender."""

# RFC 3339, section 5.6; its note allows a space or a lower-case t and z.
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def from_datetime(moment: datetime) -> Instant:
    """The instant of an aware datetime."""
    return (moment - EPOCH) // _MICROSECOND


def to_datetime(instant: Instant) -> datetime:
    """The instant as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=instant)


def parse_instant(text: str) -> Instant:
    """Read an RFC 3339 time with its offset; digits past microseconds are cut.

    Raises ValueError with a text for the sender when it is no such time or lies outside 1970 to 2200.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{text!r:.60} is not an RFC 3339 time with an offset, such as 2026-11-23T09:00:00Z")
    try:
        instant = from_datetime(datetime.fromisoformat(text.upper()))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r:.60} is not a time of the calendar: {error}") from None
    return check_range(instant, text)


def check_range(instant: Instant, text: str) -> Instant:
    """Return `instant`, or raise ValueError when it lies outside `EARLIEST` to `LATEST`."""
    if not EARLIEST <= instant < LATEST:
        raise ValueError(f"{text!r:.60} lies outside the years 1970 to 2199")
    return instant


def format_instant(instant: Instant) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ`, fractions of a second cut."""
    return _format_second(instant // SECOND)


@lru_cache(maxsize=65_536)  # histories are full of the same minutes, and this is most of the cost of a report
def _format_second(second: int) -> str:
    return (_NAIVE_EPOCH + timedelta(seconds=second)).isoformat() + "Z"


def format_exact(instant: Instant) -> str:
    """RFC 3339 in UTC that `parse_instant` reads back to the same instant."""
    return (_NAIVE_EPOCH + timedelta(microseconds=instant)).isoformat() + "Z"

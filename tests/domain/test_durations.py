"""Durations as the charter writes them."""

import pytest

from services.domain.durations import Duration, parse_duration


@pytest.mark.parametrize(
    ("text", "days", "seconds"),
    [
        ("90s", 0, 90),
        ("15m", 0, 900),
        ("4h", 0, 14_400),
        ("2d", 2, 0),
        ("1w", 5, 0),
        ("1d4h", 1, 14_400),
        ("1w1d1h1m1s", 6, 3_661),
        ("4h1d", 1, 14_400),
        ("1h1h", 0, 7_200),
        ("0m", 0, 0),
    ],
)
def test_a_duration_is_days_and_seconds(text: str, days: int, seconds: int) -> None:
    """Seconds, minutes, hours, days and weeks of five days, alone or as a sum."""
    assert parse_duration(text) == Duration(days, seconds)


@pytest.mark.parametrize(
    "text", ["", "4", "h", "4 h", "4H", "-4h", "1.5h", "4h ", " 4h", "4hx", "x4h", "4h-1m", "1234567s", "٤h"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Anything else is an error that shows how to write it."""
    with pytest.raises(ValueError, match="is not a duration; write it like 90s"):
        parse_duration(text)


def test_a_day_is_as_long_as_the_calendar_says() -> None:
    """`1d4h` of a calendar with `day: 8h` is twelve hours."""
    assert parse_duration("1d4h").total(8 * 3600) == 12 * 3600


def test_a_day_without_a_length_is_an_error() -> None:
    """A calendar that does not say what a day is can be used only without days."""
    with pytest.raises(ValueError, match="does not say how long a day is"):
        parse_duration("1d").total(None)
    assert parse_duration("4h").total(None) == 14_400

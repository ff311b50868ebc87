"""Instants: whole microseconds since 1970, read from and written as RFC 3339."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.domain.instants import (
    EARLIEST,
    LATEST,
    check_range,
    format_exact,
    format_instant,
    from_datetime,
    parse_instant,
    to_datetime,
)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01z", 1_000_000),
        ("1970-01-01t00:00:01Z", 1_000_000),
        ("1970-01-01 00:00:01Z", 1_000_000),
        ("1970-01-01T01:00:01+01:00", 1_000_000),
        ("1969-12-31T23:00:01-01:00", 1_000_000),
        ("1970-01-01T00:00:00.5Z", 500_000),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1970-01-01T00:00:00.0000019Z", 1),
        ("2026-03-29T02:30:00+05:45", 1_774_730_700_000_000),
    ],
)
def test_a_time_with_an_offset_is_read(text: str, instant: int) -> None:
    """RFC 3339 with any offset; digits past microseconds are cut."""
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-06-15",
        "2026-06-15T09:00:00",  # no offset
        "2026-06-15T09:00Z",
        "20260615T090000Z",
        "2026-06-15T09:00:00+0200",
        "2026-06-15T09:00:00,5Z",
        "2026-W25-1T09:00:00Z",
        "2026-06-15T09:00:00Z\n",
        "٢026-06-15T09:00:00Z",
    ],
)
def test_another_way_to_write_a_time_is_refused(text: str) -> None:
    """What is not RFC 3339 with an offset is an error with an example."""
    with pytest.raises(ValueError, match="is not an RFC 3339 time with an offset"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text", ["2026-02-30T09:00:00Z", "2026-06-15T25:00:00Z", "2026-06-15T09:00:60Z", "0001-01-01T00:00:00+01:00"]
)
def test_a_time_that_does_not_exist_is_refused(text: str) -> None:
    """A day, hour or second that no calendar has is an error."""
    with pytest.raises(ValueError, match=r"is not a time of the calendar|lies outside"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["1969-12-31T23:59:59.999999Z", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_before_1970_or_after_2199_is_refused(text: str) -> None:
    """No record of a CRM is that old or that new: its sender is mistaken."""
    with pytest.raises(ValueError, match="lies outside the years 1970 to 2199"):
        parse_instant(text)


def test_the_first_and_the_last_instant_are_taken() -> None:
    """The range holds its first microsecond and all before its end."""
    assert check_range(EARLIEST, "first") == EARLIEST
    assert check_range(LATEST - 1, "last") == LATEST - 1


def test_fractions_of_a_second_are_cut_in_reports() -> None:
    """Reports show whole seconds, never rounded up."""
    assert format_instant(parse_instant("2026-06-15T09:00:59.999999Z")) == "2026-06-15T09:00:59Z"


@settings(derandomize=True)
@given(st.integers(EARLIEST, LATEST - 1))
def test_an_instant_written_exactly_is_read_back(instant: int) -> None:
    """`format_exact` loses nothing, and a datetime neither."""
    assert parse_instant(format_exact(instant)) == instant
    assert from_datetime(to_datetime(instant)) == instant


def test_a_datetime_of_any_zone_is_the_instant_it_means() -> None:
    """The offset is taken into account."""
    noon = datetime(2026, 6, 15, 12, tzinfo=UTC)
    assert from_datetime(noon) == from_datetime(noon.astimezone(timezone(timedelta(hours=5, minutes=45))))

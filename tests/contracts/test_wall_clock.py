"""The contract of `services.ports.WallClock`."""

import time

import pytest

from services.adapters.wall_clock import LapsedClock, SystemClock
from services.domain.instants import SECOND
from services.ports import WallClock


@pytest.mark.parametrize("clock", [SystemClock(), LapsedClock(5, 1.0), LapsedClock(5, 600.0)])
def test_runs_forward(clock: WallClock) -> None:
    """A clock never goes back, and runs at its speed."""
    before, began = clock.now(), time.monotonic()
    time.sleep(0.02)
    after, ended = clock.now(), time.monotonic()
    assert after - before >= 0.02 * clock.speed * SECOND * 0.99
    assert after - before <= (ended - began) * clock.speed * SECOND * 1.5
    assert clock.real_seconds(int(clock.speed * SECOND)) == pytest.approx(1.0)


def test_system_clock() -> None:
    """It shows the time of day."""
    assert abs(SystemClock().now() - time.time() * SECOND) < SECOND


def test_lapsed_clock_starts() -> None:
    """A time-lapse starts where it is told to."""
    assert 1_000 * SECOND <= LapsedClock(1_000 * SECOND, 10.0).now() < 1_010 * SECOND


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_no_clock_stands(speed: float) -> None:
    """A clock that would stand or run back is refused."""
    with pytest.raises(ValueError, match="above 0"):
        LapsedClock(0, speed)

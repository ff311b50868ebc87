"""When the store has what the log had, by offsets and by what trackers note."""

from services.domain.instants import SECOND, Instant
from services.gateway.applied import AppliedByOffset, AppliedByTime
from services.ports import DEAD_LETTERS, DEALS, EVENTS
from tests.gateway.conftest import NOW, FakeClock


def test_by_offsets() -> None:
    """What is appended after the mark is not waited for; both topics are."""
    ends, positions = {EVENTS: 5, DEALS: 2}, {EVENTS: 4, DEALS: 2}
    is_applied = AppliedByOffset(end=ends.__getitem__, position=positions.__getitem__).mark()
    assert not is_applied()
    ends[EVENTS], positions[EVENTS] = 9, 5
    assert is_applied()
    positions[DEALS] = 1
    assert not is_applied()


def test_by_time() -> None:
    """Every partition of events and deals must be read beyond the mark, by as much as clocks may differ."""
    read: dict[tuple[str, int], Instant] = {}
    clock = FakeClock()
    is_applied = AppliedByTime(read_until=lambda: read, clock=clock).mark()
    assert not is_applied(), "no tracker has opened the partitions yet"
    read.update({(EVENTS, 0): NOW + 9 * SECOND, (EVENTS, 1): NOW, (DEALS, 0): NOW + 9 * SECOND})
    clock.at += 60 * SECOND
    assert not is_applied()
    read[EVENTS, 1] = NOW + 2 * SECOND
    read[DEAD_LETTERS, 0] = 0
    assert is_applied()


def test_by_time_of_what_still_waits_here() -> None:
    """What this process could not bring to the log yet is waited for, and for the trackers after that."""
    waiting = 1
    read = {(EVENTS, 0): NOW + 9 * SECOND, (DEALS, 0): NOW + 9 * SECOND}
    clock = FakeClock()
    is_applied = AppliedByTime(read_until=lambda: read, clock=clock, waiting=lambda: waiting).mark()
    assert not is_applied()
    waiting, clock.at = 0, NOW + 20 * SECOND
    assert not is_applied()
    read = dict.fromkeys(read, NOW + 22 * SECOND)
    assert is_applied()

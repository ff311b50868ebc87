"""Who waits for work is woken when there is some, and not all the time."""

import asyncio
import time

from services.notifier.bell import Bell

LONG = 60.0
"""Seconds: a test that waited for them would not end in time."""


async def test_it_wakes_who_waits() -> None:
    """Long before the time is over."""
    bell, stop = Bell(rest=0.0), asyncio.Event()
    waiting = asyncio.create_task(bell.wait(stop, LONG))
    await asyncio.sleep(0)
    assert not waiting.done()
    bell.ring()
    await asyncio.wait_for(waiting, LONG / 2)


async def test_a_ring_while_nobody_waits_is_not_lost() -> None:
    """The next wait is over at once; the one after that is not."""
    bell, stop = Bell(rest=0.0), asyncio.Event()
    bell.ring()
    bell.ring()
    await asyncio.wait_for(bell.wait(stop, LONG), LONG / 2)
    waiting = asyncio.create_task(bell.wait(stop, LONG))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    stop.set()
    await waiting


async def test_a_stop_ends_the_wait() -> None:
    """Of the bell, and of the rest."""
    bell, stop = Bell(rest=LONG), asyncio.Event()
    bell.ring()
    await asyncio.wait_for(bell.wait(stop, LONG), LONG / 2)  # there was none to rest from
    bell.ring()
    resting = asyncio.create_task(bell.wait(stop, LONG))
    await asyncio.sleep(0.05)
    assert not resting.done()
    stop.set()
    await asyncio.wait_for(resting, LONG / 2)


async def test_without_a_ring_the_time_ends_it() -> None:
    """Somebody else may have brought work without ringing, such as another process."""
    await asyncio.wait_for(Bell().wait(asyncio.Event(), 0.01), LONG / 2)


async def test_whoever_rings_all_the_time_wakes_it_seldom() -> None:
    """Between two looks lies a rest, so that under load each look has something to do."""
    bell, stop = Bell(rest=0.05), asyncio.Event()
    began, looks = time.monotonic(), 0
    while looks < 4:
        bell.ring()
        await bell.wait(stop, LONG)
        looks += 1
    assert time.monotonic() - began >= 3 * 0.05

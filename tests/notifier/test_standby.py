"""One process of several works at a time, and another goes on when it ends."""

import asyncio

import pytest

from services.errors import Unavailable
from services.notifier.standby import Standby


class Rights:
    """Whose turn it is, for the processes of a test."""

    def __init__(self) -> None:
        self.holder: object = None
        self.is_away = False


class OneTurn:
    """One process's view of it."""

    def __init__(self, rights: Rights) -> None:
        self._rights = rights

    def holds(self) -> bool:
        """Take it where nobody has it."""
        if self._rights.is_away:
            raise Unavailable("no database")
        if self._rights.holder is None:
            self._rights.holder = self
        return self._rights.holder is self

    def give_up(self) -> None:
        """Let others have it."""
        if self._rights.holder is self:
            self._rights.holder = None


class Worker:
    """A part, and whether it works now."""

    def __init__(self) -> None:
        self.began, self.ended = asyncio.Event(), asyncio.Event()
        self.times = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until it is stopped."""
        self.times += 1
        self.ended.clear()
        self.began.set()
        await stop.wait()
        self.began.clear()
        self.ended.set()


def standby(rights: Rights, *workers: Worker) -> Standby:
    """A process that looks often."""
    return Standby(turn=OneTurn(rights), parts=[worker.run for worker in workers], look_every=0.01)


async def test_one_works_and_the_next_goes_on() -> None:
    """The second begins when the first has stopped, and not before."""
    rights, stops = Rights(), [asyncio.Event(), asyncio.Event()]
    workers = [Worker(), Worker()]
    async with asyncio.timeout(20):
        first = standby(rights, workers[0])
        running = [asyncio.create_task(first.run(stops[0]))]
        await workers[0].began.wait()
        second = standby(rights, workers[1])
        running.append(asyncio.create_task(second.run(stops[1])))
        await asyncio.sleep(0.1)
        assert (first.is_active, second.is_active, workers[1].times) == (True, False, 0)
        stops[0].set()
        await running[0]
        await workers[1].began.wait()
        assert (first.is_active, second.is_active) == (False, True)
        stops[1].set()
        await running[1]
    assert workers[1].ended.is_set()
    assert rights.holder is None


async def test_who_loses_the_turn_stops_all_parts_and_may_get_it_back() -> None:
    """The database does not answer: it may be somebody else's turn by now, so nothing goes on."""
    rights, stop = Rights(), asyncio.Event()
    workers = [Worker(), Worker()]
    async with asyncio.timeout(20):
        running = asyncio.create_task(standby(rights, *workers).run(stop))
        await workers[0].began.wait()
        await workers[1].began.wait()
        rights.is_away = True
        await workers[0].ended.wait()
        await workers[1].ended.wait()
        rights.is_away = False
        await workers[0].began.wait()
        stop.set()
        await running
    assert [worker.times for worker in workers] == [2, 2]


async def test_a_part_that_fails_ends_it() -> None:
    """The error is raised, the other parts end, and the turn is free for others."""
    rights, other = Rights(), Worker()

    async def broken(_stop: asyncio.Event) -> None:
        await other.began.wait()
        raise ZeroDivisionError

    failing = Standby(turn=OneTurn(rights), parts=[broken, other.run], look_every=0.01)
    with pytest.raises(ExceptionGroup) as raised:
        await asyncio.wait_for(failing.run(asyncio.Event()), 20)
    assert raised.group_contains(ZeroDivisionError)
    assert rights.holder is None
    assert not failing.is_active

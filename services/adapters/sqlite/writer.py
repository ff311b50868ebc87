"""One thread that writes to a SQLite file for all who wait.

What is handed in while it is busy is written together in its next transaction, so that it shares one sync of the disk.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from services.errors import Unavailable

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Put(Generic[Item]):
    """An item that somebody waits for."""

    item: Item
    weight: int
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class GroupWriter(Generic[Item]):
    """Takes items from any event loop and has them written in groups, in the order in which they come."""

    def __init__(
        self,
        *,
        name: str,
        write: Callable[[Sequence[Item]], None],
        together: int,
        written: Callable[[], None] = lambda: None,
    ) -> None:
        """`write` commits a group whole or raises, in the thread; a group weighs about `together` at most.

        `written` is called after each item that was, in the loop of who put it, whether or not he still waits.
        """
        self._name = name
        self._write = write
        self._together = together
        self._written = written
        self._closing = threading.Lock()
        self._closed = False
        self._queue: SimpleQueue[_Put[Item] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item, weight: int) -> "asyncio.Future[None]":
        """Done once the item is durable, or has failed with what `write` raised. Raises Unavailable after `close`."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        with self._closing:
            if self._closed:
                raise Unavailable(f"{self._name}: it is closed")
            self._queue.put(_Put(item, weight, loop, done))
        return done

    def close(self) -> bool:
        """Write what was handed in, then end the thread; whether this call did it. Later items are refused."""
        with self._closing:
            if self._closed:
                return False
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        return True

    def _work(self) -> None:
        """The life of the thread."""
        going = True
        while going:
            group: list[_Put[Item]] = []
            going = self._gather(group)
            if group:
                error = self._try(group)
                for put in group:
                    # A loop that is closed has nobody waiting any more.
                    with contextlib.suppress(RuntimeError):
                        put.loop.call_soon_threadsafe(self._tell, put.done, error)

    def _gather(self, group: list[_Put[Item]]) -> bool:
        """Wait for an item and take those that stand behind it; False when there will be no more."""
        weight = 0
        try:
            put = self._queue.get()
            while put is not None:
                group.append(put)
                weight += put.weight
                if weight >= self._together:
                    return True
                put = self._queue.get_nowait()
        except Empty:
            return True
        return False

    def _try(self, group: Sequence[_Put[Item]]) -> BaseException | None:
        """Write the group; what went wrong, if anything."""
        try:
            self._write([put.item for put in group])
        except Exception as error:  # whoever waits gets it, whatever it is
            return error
        return None

    def _tell(self, done: "asyncio.Future[None]", error: BaseException | None) -> None:
        """In the loop of whoever waits."""
        if error is None:
            self._written()
        if done.done():  # given up by whoever waited
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

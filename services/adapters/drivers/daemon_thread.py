"""Blocking calls from a coroutine, each in a thread of its own that does not keep the process from ending.

The threads of an executor are waited for when the interpreter exits: a call that hangs would hang that too.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


async def call_in_thread(name: str, call: Callable[..., T], *arguments: object) -> T:
    """What the call returns or raises. A coroutine that is cancelled meanwhile leaves it to its end."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        try:
            result = call(*arguments)
        except BaseException as error:
            settle(answer.set_exception, error)
        else:
            settle(answer.set_result, result)

    def settle(put: Callable[..., None], outcome: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if answer.done() else put(outcome))

    Thread(target=work, name=name, daemon=True).start()
    return await answer

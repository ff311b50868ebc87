"""The live stream: one poller asks for the views' version, and every listener is told when it has changed.

Nothing is queued for a listener: it is told the newest version when it can take it, so a slow one costs nothing.
The poller runs while somebody listens, and no longer.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from services.errors import Unavailable

POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
"""Proxies close connections that say nothing, many of them after 30 or 60 seconds."""
RETRY_MILLISECONDS = 2000
"""How long a browser waits before it connects again."""


class Feed:
    """The versions of the views as they change, for all listeners of one app."""

    def __init__(
        self,
        *,
        version: Callable[[], int],
        poll_seconds: float = POLL_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        """`version` is called in a thread."""
        self._version = version
        self._poll_seconds = poll_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._newest: int | None = None
        self._changed = asyncio.Event()
        self._poller: asyncio.Task[None] | None = None
        self._listeners = 0
        self._is_closed = False

    async def versions(self, seen: int | None) -> AsyncGenerator[int | None, None]:
        """The newest version whenever it is not the one last `seen`, and None as a heartbeat; ends at `close`.

        Raises whatever `version` raised, but for Unavailable: then there is nothing new until it is back.
        """
        self._listeners += 1
        try:
            while not self._is_closed:
                poller = self._running_poller()
                changed = self._changed
                if self._newest is not None and self._newest != seen:
                    seen = self._newest
                    yield seen
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), self._heartbeat_seconds)
                except TimeoutError:
                    yield None
                if poller.done() and not self._is_closed:
                    poller.result()
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._stop_poller()

    def close(self) -> None:
        """End every listener; call it in the event loop when the server is told to stop, before it waits for them."""
        self._is_closed = True
        self._stop_poller()
        self._tell()

    def _running_poller(self) -> asyncio.Task[None]:
        if self._poller is None or self._poller.done():
            self._newest = None  # what was known when the last poller stopped may be old
            self._poller = asyncio.create_task(self._poll())
            self._poller.add_done_callback(lambda _: self._tell())
        return self._poller

    def _stop_poller(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
            self._poller = None

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _poll(self) -> None:
        while True:
            with contextlib.suppress(Unavailable):
                version = await asyncio.to_thread(self._version)
                if version != self._newest:
                    self._newest = version
                    self._tell()
            await asyncio.sleep(self._poll_seconds)


async def server_sent_events(feed: Feed, seen: int | None) -> AsyncIterator[str]:
    """The feed in the format of server-sent events: `changed` with the version, and comments as heartbeats."""
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    async with contextlib.aclosing(feed.versions(seen)) as versions:
        async for version in versions:
            if version is None:
                yield ": still here\n\n"
            else:
                yield f'event: changed\nid: {version}\ndata: {{"version": {version}}}\n\n'

"""The live stream."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
import uvicorn
from fastapi import FastAPI

from services.board.app import Board
from services.board.stream import Feed, server_sent_events
from services.errors import Unavailable
from tests.board.world import FakeViews


class _Versions:
    """A version that can be set, and made to fail."""

    def __init__(self) -> None:
        self.value = 1
        self.error: Exception | None = None
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.value


@pytest.fixture
def versions() -> _Versions:
    return _Versions()


@pytest.fixture
def feed(versions: _Versions) -> Feed:
    return Feed(version=versions, poll_seconds=0.005, heartbeat_seconds=5)


async def _next(events: AsyncGenerator[int | None, None]) -> int | None:
    return await asyncio.wait_for(anext(events), 5)


async def test_a_listener_is_told_the_version_and_each_change(feed: Feed, versions: _Versions) -> None:
    """At once what it is, then whenever it has changed."""
    async with aclosing(feed.versions(None)) as events:
        assert await _next(events) == 1
        versions.value = 2
        assert await _next(events) == 2


async def test_one_that_comes_back_is_told_only_what_it_has_not_seen(feed: Feed, versions: _Versions) -> None:
    """With the id of the last event it read, nothing is told again."""
    async with aclosing(feed.versions(1)) as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        versions.value = 2
        assert await asyncio.wait_for(waiting, 5) == 2


async def test_one_that_missed_a_change_is_told_at_once(feed: Feed, versions: _Versions) -> None:
    """A change while the connection was away is not lost."""
    versions.value = 7
    async with aclosing(feed.versions(3)) as events:
        assert await _next(events) == 7


async def test_a_slow_listener_gets_the_newest_alone(feed: Feed, versions: _Versions) -> None:
    """Nothing is kept for it: however many changes it slept through, it is told one."""
    async with aclosing(feed.versions(None)) as slow, aclosing(feed.versions(None)) as quick:
        assert await _next(slow) == await _next(quick) == 1
        for value in range(2, 30):
            versions.value = value
            assert await _next(quick) == value
        assert await _next(slow) == 29


async def test_many_listeners_share_one_poller(feed: Feed, versions: _Versions) -> None:
    """The views are asked as often for a hundred pages as for one, and not at all for none."""
    listeners = [feed.versions(None) for _ in range(100)]
    assert await asyncio.gather(*(_next(each) for each in listeners)) == [1] * 100
    assert versions.calls < 100
    for each in listeners:
        await each.aclose()
    await asyncio.sleep(0.02)
    calls = versions.calls
    await asyncio.sleep(0.05)
    assert versions.calls == calls


async def test_silence_is_broken_by_heartbeats(versions: _Versions) -> None:
    """Where nothing changes a comment is sent, so that nobody in between closes the connection."""
    feed = Feed(version=versions, poll_seconds=0.005, heartbeat_seconds=0.02)
    async with aclosing(server_sent_events(feed, None)) as text:  # type: ignore[type-var]
        assert await anext(text) == "retry: 2000\n\n"
        assert await anext(text) == 'event: changed\nid: 1\ndata: {"version": 1}\n\n'
        assert await anext(text) == ": still here\n\n"


async def test_a_database_that_is_away_is_waited_for(feed: Feed, versions: _Versions) -> None:
    """Listeners stay, and are told when it is back."""
    async with aclosing(feed.versions(None)) as events:
        assert await _next(events) == 1
        versions.error, versions.value = Unavailable("away"), 2
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        versions.error = None
        assert await asyncio.wait_for(waiting, 5) == 2


async def test_a_fault_is_not_hidden(feed: Feed, versions: _Versions) -> None:
    """Anything else that goes wrong reaches the listener, and is logged by its server."""
    versions.error = ValueError("a fault")
    async with aclosing(feed.versions(None)) as events:
        with pytest.raises(ValueError, match="a fault"):
            await _next(events)


async def test_closing_ends_every_listener(feed: Feed) -> None:
    """At shutdown no stream keeps the server waiting, and later ones end at once."""
    listeners = [feed.versions(1) for _ in range(3)]
    waiting = [asyncio.ensure_future(anext(each, "end")) for each in listeners]
    await asyncio.sleep(0.02)
    feed.close()
    assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == ["end"] * 3
    assert await anext(feed.versions(None), "end") == "end"


def _read_until(connection: socket.socket, wanted: bytes) -> bytes:
    received = b""
    while wanted not in received:
        chunk = connection.recv(4096)
        assert chunk, received
        received += chunk
    return received


def test_the_stream_over_a_real_connection(app: FastAPI, board: Board, views: FakeViews) -> None:
    """A version change reaches the browser within the poll; a closed board lets the server stop at once."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        loops: list[asyncio.AbstractEventLoop] = []

        async def serve() -> None:
            loops.append(asyncio.get_running_loop())
            await server.serve(sockets=[listening])

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        try:
            with socket.create_connection(listening.getsockname(), timeout=10) as connection:
                connection.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 1\r\n\r\n")
                head = _read_until(connection, b": still here\n\n").lower()
                assert b"content-type: text/event-stream" in head
                assert b"event: changed" not in head
                views.number = 2
                _read_until(connection, b'event: changed\nid: 2\ndata: {"version": 2}\n\n')
                stopped_at = time.monotonic()
                loops[0].call_soon_threadsafe(board.close)
                server.should_exit = True
                thread.join(10)
                assert time.monotonic() - stopped_at < 5
        finally:
            server.force_exit = server.should_exit = True
            thread.join(10)
    assert not thread.is_alive()

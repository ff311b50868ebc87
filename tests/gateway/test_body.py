"""A body is read within bounds of size and time."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.types import Message

from services.errors import Refused
from services.gateway.body import read_body


class Chunks:
    """An ASGI receive that gives these chunks, then waits for ever."""

    def __init__(self, chunks: Sequence[bytes], *, whole: bool = True) -> None:
        self.messages: list[Message] = [
            {"type": "http.request", "body": chunk, "more_body": not whole or number + 1 < len(chunks)}
            for number, chunk in enumerate(chunks)
        ]

    async def __call__(self) -> Message:
        if not self.messages:
            await asyncio.Event().wait()
        return self.messages.pop(0)


async def test_chunks_make_one_body() -> None:
    """However the body is cut, it is one."""
    assert await read_body(Chunks([b"ab", b"", b"c"]), {}) == b"abc"


async def test_a_body_of_exactly_the_limit_is_read() -> None:
    """One byte more is not."""
    assert await read_body(Chunks([b"a" * 10]), {}, limit=10) == b"a" * 10
    with pytest.raises(Refused) as caught:
        await read_body(Chunks([b"a" * 6, b"a" * 5]), {}, limit=10)
    assert caught.value.status == 413


async def test_a_body_that_is_too_large_is_not_read_to_its_end() -> None:
    """Reading stops as soon as it is known, by the header or by what came."""
    chunks = Chunks([b"a" * 6] * 100)
    with pytest.raises(Refused):
        await read_body(chunks, {}, limit=10)
    assert len(chunks.messages) == 98
    for announced in ("11", "9" * 5_000):
        with pytest.raises(Refused) as caught:
            await read_body(chunks, {"content-length": announced}, limit=10)
        assert caught.value.status == 413
    assert len(chunks.messages) == 98


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip", "x"])
async def test_an_encoded_body_is_refused(encoding: str) -> None:
    """A small body could become a huge one."""
    with pytest.raises(Refused) as caught:
        await read_body(Chunks([b"a"]), {"content-encoding": encoding})
    assert caught.value.status == 415
    assert await read_body(Chunks([b"a"]), {"content-encoding": "Identity"}) == b"a"


async def test_a_trickling_body_is_given_up() -> None:
    """The time is for the whole body, not for each chunk."""
    with pytest.raises(Refused) as caught:
        await read_body(Chunks([b"a"], whole=False), {}, seconds=0.01)
    assert caught.value.status == 408


async def test_a_sender_that_goes_away_is_no_fault() -> None:
    """Nobody is left to read the answer, but nothing breaks."""
    chunks = Chunks([])
    chunks.messages = [{"type": "http.disconnect"}]
    with pytest.raises(Refused) as caught:
        await read_body(chunks, {})
    assert caught.value.status == 400

"""Files of changes, one JSON document a line, plain, gzipped, or from a pipe."""

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.adapters import line_stream
from services.adapters.line_stream import LineStream
from services.errors import UsageError
from services.ports import Pulled


async def batches(name: str | Path) -> list[Pulled]:
    """All that a stream gives."""
    stream = LineStream(str(name))
    found = []
    async for each in stream.pulled():
        await stream.keep(each)
        found.append(each)
    await stream.close()
    return found


async def lines(name: str | Path) -> list[bytes]:
    """All lines of a file."""
    return [bytes(item) for each in await batches(name) for item in each.items if isinstance(item, bytes)]


def written(path: Path, content: bytes) -> Path:
    """A file, gzipped where its name says so."""
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["changes.jsonl", "changes.jsonl.gz"])
async def test_lines_come_with_their_places(tmp_path: Path, name: str) -> None:
    """Empty ones are left out, and counted; the last needs no end."""
    path = written(tmp_path / name, b'{"a":1}\n\n  \r\n{"b":2}\r\nno JSON\n{"c":3}')
    (batch, last) = await batches(path)
    assert batch.items == [b'{"a":1}', b'{"b":2}\r', b"no JSON"]
    assert batch.places == [f"{path}:1", f"{path}:4", f"{path}:5"]
    assert (last.items, last.places) == ([b'{"c":3}'], [f"{path}:6"])


async def test_many_lines_come_in_batches(tmp_path: Path) -> None:
    """Each of a bounded number; a line may lie across what is read at a time."""
    content = b"".join(b'{"n":%d,"x":"%s"}\n' % (number, b"x" * 5_000) for number in range(1_000))
    path = written(tmp_path / "many.jsonl", content)
    found = await batches(path)
    assert [line for each in found for line in each.items] == content.splitlines()
    assert max(len(each.items) for each in found) <= line_stream.MOST_LINES
    assert found[-1].places[-1] == f"{path}:1000"


@pytest.mark.parametrize("content", [b"", b"\n\n"])
async def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    """It has nothing, and is no mistake."""
    assert await lines(written(tmp_path / "none.jsonl", content)) == []


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named before anything begins."""
    with pytest.raises(UsageError, match=r"^no such file: .*nowhere\.jsonl$"):
        LineStream(str(tmp_path / "nowhere.jsonl"))


@pytest.mark.parametrize("damage", [lambda raw: raw[:-20], lambda raw: raw[:30] + b"\xff" * 60 + raw[90:]])
async def test_a_damaged_file(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """A gzipped one that was cut, or changed: what could be read was handed on, and it says that there is more."""
    path = tmp_path / "damaged.jsonl.gz"
    path.write_bytes(damage(gzip.compress(os.urandom(100_000).hex().encode())))
    with pytest.raises(UsageError, match=r"damaged\.jsonl\.gz: cannot be read: "):
        await lines(path)


async def test_a_file_that_is_not_gzipped(tmp_path: Path) -> None:
    """Although its name says so."""
    path = tmp_path / "plain.jsonl.gz"
    path.write_bytes(b'{"a":1}\n')
    with pytest.raises(UsageError, match=r"plain\.jsonl\.gz: cannot be read: Not a gzipped file"):
        await lines(path)


async def test_a_line_without_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before it fills the memory."""
    monkeypatch.setattr(line_stream, "MOST_BYTES", 1_000_000)
    path = written(tmp_path / "long.jsonl.gz", b'{"a":1}\n' + b"x" * 3_000_000)
    with pytest.raises(UsageError, match=r"long\.jsonl\.gz:2: the line is longer than 16 MiB"):
        await lines(path)


_READER = """
import asyncio
from services.adapters.line_stream import LineStream

async def read():
    async for each in LineStream("-").pulled():
        for place, line in zip(each.places, each.items):
            print(place, line.decode(), flush=True)

asyncio.run(read())
"""


def test_a_pipe_is_read_as_it_comes() -> None:
    """A line is handed on before the next one is there; the end of the pipe is the end."""
    command = [sys.executable, "-c", _READER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for number in (1, 2):
            child.stdin.write(b'{"n":%d}\n' % number)
            child.stdin.flush()
            assert child.stdout.readline() == b'-:%d {"n":%d}\n' % (number, number)
        child.stdin.close()
        assert child.stdout.read() == b""
        assert child.wait(30) == 0


_STOPPED = """
import asyncio
from contextlib import suppress
from services.adapters.line_stream import LineStream

async def read():
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            async for each in LineStream("-").pulled():
                pass

asyncio.run(read())
print("ended", flush=True)
"""


def test_a_pipe_that_says_nothing_holds_up_no_end() -> None:
    """The process ends although nothing came."""
    command = [sys.executable, "-c", _STOPPED]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path.cwd()
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == b"ended\n"
        assert child.wait(30) == 0
        assert child.stderr.read() == b""

"""A file of a CRM's changes, one JSON document a line, as a stream of them."""

import gzip
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.adapters.drivers.daemon_thread import call_in_thread
from services.errors import UsageError
from services.ports import Pulled

STANDARD_INPUT = "-"
MOST_LINES = 200
"""That are handed on together."""
MOST_BYTES = 16 * 1024 * 1024
"""Of a line. An event of Salesforce has 1 MB at most."""
_READ_BYTES = 256 * 1024


Read = Callable[[int], bytes]
"""So many bytes at most, as soon as there are any; none at the end."""


class LineStream:
    """Implements `services.ports.ChangeStream`. A file keeps no place: read again, all of it comes again."""

    def __init__(self, name: str) -> None:
        """`name` is a path, of a gzipped file where it ends in `.gz`, or `-`. Raises UsageError where it is no file."""
        self._name = name
        if name != STANDARD_INPUT and not Path(name).is_file():
            raise UsageError(f"no such file: {name}")

    async def pulled(self) -> AsyncGenerator[Pulled, None]:
        """All lines but empty ones. Raises UsageError where the file cannot be read to its end."""
        with _opened(self._name) as read_bytes:
            rest, number = b"", 0
            while True:
                # Nothing may wait for this: a pipe that says nothing must not hold up the end of the process.
                read = await call_in_thread("reading lines", self._read, read_bytes)
                *lines, rest = (rest + read).split(b"\n")
                if not read and rest:
                    lines, rest = [rest], b""
                if len(rest) > MOST_BYTES:
                    raise UsageError(f"{self._name}:{number + len(lines) + 1}: the line is longer than 16 MiB")
                for start in range(0, len(lines), MOST_LINES):
                    yield self._batch(lines[start : start + MOST_LINES], number + start)
                number += len(lines)
                if not read:
                    return

    async def keep(self, pulled: Pulled) -> None:
        """There is nothing to keep."""

    async def close(self) -> None:
        """It is closed at its end."""

    def _read(self, read_bytes: Read) -> bytes:
        try:
            return read_bytes(_READ_BYTES)
        except (OSError, EOFError, zlib.error) as error:  # a gzipped file may be cut, or damaged
            raise UsageError(f"{self._name}: cannot be read: {error}") from None

    def _batch(self, lines: Sequence[bytes], before: int) -> Pulled:
        found = [(number, line) for number, line in enumerate(lines, before + 1) if line.strip()]
        return Pulled([line for _, line in found], places=[f"{self._name}:{number}" for number, _ in found])


@contextmanager
def _opened(name: str) -> Iterator[Read]:
    try:
        if name == STANDARD_INPUT:
            # Not sys.stdin: a thread that waits in it holds a lock that the end of the process needs.
            with open(0, "rb", buffering=0, closefd=False) as pipe:
                yield pipe.read
        elif name.endswith(".gz"):
            with gzip.open(name) as unzipped:
                yield unzipped.read1
        else:
            with Path(name).open("rb") as file:
                yield file.read1
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror or error}") from None

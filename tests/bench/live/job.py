"""What a worker process is told to do, and how it says when it has begun. Shared by all systems, on any Python."""

import json
import os
import pickle
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from services.domain.charter import Charters

PARTITIONS = 4
"""Of the topics of events and of deals."""


_BEGUN: set[str] = set()
"""Folders of the jobs that have begun in this process."""


@dataclass(frozen=True, slots=True)
class Job:
    """A run of one worker. Its files lie in `folder`, which is its own."""

    folder: str
    broker: str
    """HOST:PORT."""
    topic: str
    group: str
    records: int
    """In the topic."""
    database: str
    """postgresql://USER:PASSWORD@HOST:PORT/NAME, empty where it writes to none."""
    charter: str
    """The charter's file."""
    pickled: str
    """A file: the same as the judge has it. It goes where what reads charters is not installed."""

    def save(self) -> Path:
        """Write it where `load` reads it."""
        path = Path(self.folder) / "job.json"
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path

    def load_charters(self) -> Charters:
        """The charters that judge."""
        charters = pickle.loads(Path(self.pickled).read_bytes())  # noqa: S301 - written by the parent
        if not isinstance(charters, Charters):
            raise TypeError(f"{self.pickled} holds no charters")
        return charters

    def began(self) -> None:
        """The first record is in hand. Later calls change nothing, and cost as good as nothing."""
        if self.folder not in _BEGUN:
            _BEGUN.add(self.folder)
            self._note("began")

    def ended(self) -> None:
        """All is done; for a worker that writes to no database."""
        self._note("ended")

    def moment(self, name: str) -> tuple[float, float] | None:
        """When it `began` or `ended` (monotonic seconds of this machine), and the CPU seconds it had used by then."""
        path = Path(self.folder) / name
        if not path.exists():
            return None
        at, cpu = json.loads(path.read_text(encoding="utf-8"))
        return at, cpu

    def _note(self, name: str) -> None:
        path = Path(self.folder) / name
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps([time.monotonic(), time.process_time()]), encoding="utf-8")
        os.replace(draft, path)


def load(path: str) -> Job:
    """The job that was saved."""
    return Job(**json.loads(Path(path).read_text(encoding="utf-8")))

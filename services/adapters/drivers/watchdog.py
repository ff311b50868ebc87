"""Ends the process when it lives on but does nothing any more, which no client of Kafka can be trusted to notice.

A thread of its own, for what hangs may be the event loop. It is told with every beat what is not as it should be; a
symptom that stays the same for longer than its kind may last is a hang. A process that ends is started again by
whoever runs it, and goes on at the stored positions: ending it loses nothing.
"""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

import structlog

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h."""
_TELL_SECONDS = 2.0
"""For the last words: whoever should take them may be what hangs."""
_PAUSED = 5
"""Looks that were missed at a stretch: then the whole process stood still, and its time does not count."""

log = structlog.get_logger()


class Kind(StrEnum):
    """What can be the matter."""

    SILENT = "the event loop does not answer"
    UNREACHABLE = "no broker of Kafka can be reached"
    UNJOINED = "not a member of the consumer group"
    UNPLACED = "a partition is assigned but not read"
    STUCK = "a partition does not go on"
    STOPPING = "stopping takes too long"


@dataclass(frozen=True, slots=True)
class Symptom:
    """Something that is not as it should be; `detail` changes with whatever shows that things move."""

    kind: Kind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long each kind may last, in seconds."""

    silent: float = 10.0
    unreachable: float = 900.0
    """An outage is waited out. But a client that does not find back needs a new start, which costs nothing then."""
    unjoined: float = 60.0
    unplaced: float = 60.0
    stuck: float = 120.0
    stopping: float = 25.0
    """Beyond it, who asked us to stop would kill us all the same."""
    look: float = 0.5
    """Between two looks."""

    def of(self, kind: Kind) -> float:
        """The limit of a kind."""
        limits: Mapping[Kind, float] = {
            Kind.SILENT: self.silent,
            Kind.UNREACHABLE: self.unreachable,
            Kind.UNJOINED: self.unjoined,
            Kind.UNPLACED: self.unplaced,
            Kind.STUCK: self.stuck,
            Kind.STOPPING: self.stopping,
        }
        return limits[kind]


def end_process(why: str) -> None:
    """Log why, with what every thread was at, and end the process at once."""
    teller = threading.Thread(target=_tell, args=(why,), daemon=True)
    teller.start()
    teller.join(_TELL_SECONDS)
    os._exit(EXIT_CODE)


class Watchdog:
    """Watches from `__enter__` to `__exit__`; calls `end` once, in its own thread, with the reason."""

    def __init__(
        self,
        *,
        limits: Limits,
        end: Callable[[str], None] = end_process,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._end = end
        self._now = now
        self._beaten_at = self._looked_at = self._now()
        self._symptoms: Collection[Symptom] = ()
        self._since: dict[Symptom, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._beaten_at = self._looked_at = self._now()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def beat(self, symptoms: Collection[Symptom]) -> None:
        """Say that the loop runs, and all that is not as it should be. A spare member of the group has no symptom."""
        self._symptoms = symptoms
        self._beaten_at = self._now()

    def look(self) -> str | None:
        """What has lasted too long by now, if anything has."""
        now = self._now()
        if now - self._looked_at > _PAUSED * self._limits.look:
            self._beaten_at = now
            self._since.clear()
        self._looked_at = now
        if now - self._beaten_at > self._limits.silent:
            return f"{Kind.SILENT} for {self._limits.silent:g} s"
        self._since = {symptom: self._since.get(symptom, now) for symptom in self._symptoms}
        for symptom, since in self._since.items():
            limit = self._limits.of(symptom.kind)
            if now - since > limit:
                return f"{symptom} for {limit:g} s"
        return None

    def _watch(self) -> None:
        while not self._stop.wait(self._limits.look):
            if (why := self.look()) is not None:
                self._end(why)
                return


def _tell(why: str) -> None:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    stacks = {
        names.get(ident, str(ident)): [line.strip() for line in traceback.format_stack(frame)]
        for ident, frame in sys._current_frames().items()
    }
    log.critical("process hangs and is ended", why=why, threads=stacks)

"""The errors that Baton raises on purpose, by who must act.

    BatonError
    |-- UsageError          the user's command, file or setting is wrong: one line, exit 2
    |   `-- CharterError    a charter file has mistakes: all of them, each with its line
    |-- BadEvent            an event cannot be used: it goes to the dead letters, the rest go on
    |-- Refused             a request is refused with an HTTP status (wrong signature, too large)
    |-- Unavailable         a store or log is away for now: retry with back-off, acknowledge nothing
    |-- Conflict            another worker changed what this batch had read: nothing is written, judge it anew
    |-- PositionLost        another worker holds the partition: write nothing, stop
    `-- LogGap              records are missing from the log: stop, an operator decides

Anything else that escapes is a fault in Baton itself and ends the process.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class BatonError(Exception):
    """Root of the tree; never raised itself."""


class UsageError(BatonError):
    """The caller's command, file or setting is wrong; the text says where and what to write instead."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a file: where it is (`line` from 1), what is wrong and what to write instead."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class CharterError(UsageError):
    """A charter that cannot be used; `problems` has every mistake, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class BadEvent(BatonError):
    """An event that cannot be used. `reason` is one of `DEAD_LETTER_REASONS`; the text says which field and why."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        super().__init__(text)


class Refused(BatonError):
    """A request that is answered with `status` and a problem document; `retry_after` in seconds, where it helps."""

    def __init__(self, status: int, text: str, retry_after: int | None = None) -> None:
        self.status = status
        self.retry_after = retry_after
        super().__init__(text)


class Unavailable(BatonError):
    """A store or log that cannot be reached for now."""


class Conflict(BatonError):
    """A lead, a deal or the charters are no longer what was read of them: somebody else has written meanwhile."""


class PositionLost(BatonError):
    """The stored position is not where this worker left it: somebody else has written."""


class LogGap(BatonError):
    """The log lacks records that were never applied: it was cut, or is not the log that the database belongs to."""

"""How durations, shares and promises are written for people."""

from fractions import Fraction
from math import floor

from services.domain.clocks import Status
from services.domain.instants import format_instant
from services.whatif.compare import ClockOutcome, Verdict

NOTHING = "-"


def duration(seconds: int | None) -> str:
    """Counted time as a charter writes it: `4h`, `1h30m`, `2m5s`. Never in days: how long one is, the calendar says."""
    if seconds is None:
        return NOTHING
    minutes, rest = divmod(seconds, 60)
    parts = zip((minutes // 60, minutes % 60, rest), "hms", strict=True)
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) or "0s"


def percent(share: float | None) -> str:
    """`94.9 %`, rounded down: an objective that was not quite reached must not look as if it was."""
    if share is None:
        return NOTHING
    # 0.29 is a little less than 29 % in binary; it must not be shown as 28.9 %.
    return f"{floor(share * 1000 + 1e-9) / 10:.1f} %"


def objective(share: Fraction | None) -> str:
    """`95 %`, `99.95 %`."""
    return NOTHING if share is None else f"{float(share * 100):.10g} %"


def reached(outcome: ClockOutcome) -> str:
    """Whether the objective was reached."""
    return {True: "yes", False: "no", None: NOTHING}[outcome.is_reached]


def targets(outcome: ClockOutcome) -> list[str]:
    """The durations that the clock allows, in the charter's words; which holds when, the charter says."""
    return [target.text for target in outcome.clock.targets]


def word(status: Status | None) -> str:
    """`met`, `at risk`; `not started` where the charter starts no such instance."""
    return "not started" if status is None else str(status).replace("_", " ")


def status(verdict: Verdict | None) -> str:
    """The same of a verdict."""
    return word(None if verdict is None else verdict.status)


def due(verdict: Verdict | None) -> str:
    """When it is due, in UTC."""
    return NOTHING if verdict is None or verdict.due_at is None else format_instant(verdict.due_at)

"""The comparison as the outside sees it: the JSON document and the CSV of what comes out otherwise."""

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from services.domain.clocks import Status
from services.domain.instants import format_instant
from services.replay.history import History
from services.replay.judge import percentile
from services.replay.report import STATUSES
from services.whatif.alerts import KINDS, AlertTally, week_name
from services.whatif.compare import Change, ClockOutcome, Comparison, Outcome, Verdict

LEADS_HEADER = ("lead", "clock", "instance", "status_a", "due_at_a", "status_b", "due_at_b")
SHARES = (0.5, 0.9, 0.99)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
Turn = tuple[str, Status | None, Status | None]
"""A clock, and what its instances are under A and under B."""


@dataclass(slots=True)
class Changes:
    """What comes out otherwise: numbers of it all, and the first of it."""

    keep: int | None
    """How many to keep; None for all."""
    turns: Counter[Turn] = field(default_factory=Counter)
    kept: list[Change] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many instances there are."""
        return self.turns.total()

    def add(self, change: Change) -> None:
        """Count an instance, and keep it if there is room."""
        a, b = change.a, change.b
        self.turns[change.clock, a and a.status, b and b.status] += 1
        if self.keep is None or len(self.kept) < self.keep:
            self.kept.append(change)


def leads_writer(out: TextIO) -> Callable[[Change], None]:
    """Writes the header, and gives what writes an instance that comes out otherwise."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(LEADS_HEADER)

    def write(change: Change) -> None:
        writer.writerow((change.lead, change.clock, change.number, *_cells(change.a), *_cells(change.b)))

    return write


def alerts_by_week(comparison: Comparison) -> Sequence[tuple[str, int, int]]:
    """The weeks with an alert under either, in order, with the numbers under A and B."""
    a, b = comparison.a.alerts.weeks, comparison.b.alerts.weeks
    return [(week_name(week), a[week], b[week]) for week in sorted(a.keys() | b.keys())]


def as_json(history: History, comparison: Comparison, changes: Changes) -> dict[str, Any]:
    """The document of `baton whatif --json`."""
    a, b = comparison.a, comparison.b
    return {
        "charters": {"a": a.version, "b": b.version},
        "as_of": format_instant(comparison.as_of),
        "timezone": str(comparison.zone),
        "events": {
            "read": history.read,
            "used": comparison.used,
            "duplicate": comparison.duplicate,
            "ignored_after_until": history.ignored_after_until,
            "bad": history.bad,
        },
        "leads": comparison.leads,
        "clocks": {name: {"a": _clock(a, name), "b": _clock(b, name)} for name in comparison.clocks},
        "alerts": {
            "a": _alerts(a.alerts, a.clocks),
            "b": _alerts(b.alerts, b.clocks),
            "weeks": [{"week": week, "a": of_a, "b": of_b} for week, of_a, of_b in alerts_by_week(comparison)],
            "hours": [
                {"hour": hour, "a": of_a, "b": of_b}
                for hour, (of_a, of_b) in enumerate(zip(a.alerts.hours, b.alerts.hours, strict=True))
            ],
            "weekdays": [
                {"weekday": weekday, "a": of_a, "b": of_b}
                for weekday, of_a, of_b in zip(WEEKDAYS, a.alerts.weekdays, b.alerts.weekdays, strict=True)
            ],
        },
        "changed": {
            "total": changes.total,
            "turns": [
                {"clock": clock, "a": of_a, "b": of_b, "instances": count}
                for (clock, of_a, of_b), count in changes.turns.most_common()
            ],
            "instances": [_instance(change) for change in changes.kept],
        },
    }


def _clock(outcome: Outcome, name: str) -> dict[str, Any] | None:
    found = outcome.clocks.get(name)
    if found is None:
        return None
    seconds = sorted(found.tally.seconds)
    return {
        "promised_by": found.tally.promised_by,
        "targets": [target.text for target in found.clock.targets],
        "started": found.tally.started,
        **{str(status): found.tally.by_status[status] for status in STATUSES},
        "attainment": found.tally.attainment,
        "objective": None if found.objective is None else float(found.objective),
        "reached": found.is_reached,
        "break_even_seconds": found.break_even(),
        "seconds": {f"p{share:.0%}"[:-1]: percentile(seconds, share) for share in SHARES},
    }


def _alerts(tally: AlertTally, clocks: Mapping[str, ClockOutcome]) -> dict[str, Any]:
    return {
        "total": tally.total,
        **{str(kind): tally.kinds[kind] for kind in KINDS},
        "clocks": {name: tally.clocks[name] for name in clocks},
    }


def _instance(change: Change) -> dict[str, Any]:
    return {
        "lead": change.lead,
        "clock": change.clock,
        "instance": change.number,
        "a": _verdict(change.a),
        "b": _verdict(change.b),
    }


def _verdict(verdict: Verdict | None) -> dict[str, str | None] | None:
    if verdict is None:
        return None
    due_at = verdict.due_at
    return {"status": str(verdict.status), "due_at": None if due_at is None else format_instant(due_at)}


def _cells(verdict: Verdict | None) -> tuple[str, str]:
    said = _verdict(verdict)
    return ("", "") if said is None else (said["status"] or "", said["due_at"] or "")

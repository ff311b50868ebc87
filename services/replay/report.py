"""The results of a replay as the outside sees them: the JSON document and the CSV of clocks."""

import csv
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TextIO

from services.domain.clocks import Status
from services.domain.fold import Lead
from services.domain.instants import SECOND, Instant, format_instant
from services.replay.history import History
from services.replay.judge import ClockTally, Summary, percentile

STATUSES = (
    Status.MET,
    Status.MISSED,
    Status.OVERDUE,
    Status.AT_RISK,
    Status.RUNNING,
    Status.PAUSED,
    Status.CANCELLED,
)
"""In the order in which people read them."""
CLOCKS_HEADER = ("lead", "clock", "instance", "started_at", "due_at", "ended_at", "status", "counted_seconds")


def clocks_writer(out: TextIO, as_of: Instant) -> Callable[[Lead], None]:
    """Writes the header, and gives what writes the instances of a lead; leads must come sorted by key."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CLOCKS_HEADER)
    write = writer.writerow

    def write_lead(lead: Lead) -> None:
        for instance in sorted(lead.instances, key=lambda each: (each.clock.name, each.number)):
            due_at, ended_at = instance.due_at, instance.ended_at
            write(
                (
                    lead.key,
                    instance.clock.name,
                    instance.number,
                    format_instant(instance.started_at),
                    "" if due_at is None else format_instant(due_at),
                    "" if ended_at is None else format_instant(ended_at),
                    str(instance.status(as_of)),
                    instance.counted_at(as_of) // SECOND,
                )
            )

    return write_lead


def as_json(charter: str, history: History, summary: Summary) -> dict[str, Any]:
    """The document of `baton replay --json`. `charter` is the version that judged (or versions)."""
    return {
        "charter": charter,
        "as_of": format_instant(summary.as_of),
        "events": {
            "read": history.read,
            "used": summary.used,
            "duplicate": summary.duplicate,
            "ignored_after_until": history.ignored_after_until,
            "bad": history.bad,
        },
        "leads": summary.leads,
        "handoffs": asdict(summary.handoffs),
        "clocks": {name: _clock(tally) for name, tally in summary.clocks.items()},
    }


def _clock(tally: ClockTally) -> dict[str, Any]:
    seconds = sorted(tally.seconds)
    return {
        "promised_by": tally.promised_by,
        "started": tally.started,
        **{str(status): tally.by_status[status] for status in STATUSES},
        "attainment": tally.attainment,
        "seconds": {f"p{share:.0%}"[:-1]: percentile(seconds, share) for share in (0.5, 0.9, 0.99)},
    }
